"""Define the fan's calls about entries: join, change, leave, see one or all. A token says who the fan is."""

import json
from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, Strict, model_validator

from waiting_list import problems
from waiting_list.access.join_gate import ChallengeResponse
from waiting_list.api.user.lists import LIST
from waiting_list.fields import Frozen, Quantity
from waiting_list.lists import verbs
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.models import Answer, ChangesRest, Entry, GivingBack, KeepsRest, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.why_waiting import FanEntry
from waiting_list.problems import AlreadyLeft, Forbidden
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, PREVIEW, Cursor, Limit, PathId, header, is_preview
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import EntryRoute
from waiting_list.web.server_sent_events import EntryStream, StreamHeaders, StreamResponse

router = APIRouter(prefix="/v1/user", route_class=EntryRoute, tags=["My entries"])
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events. The `data` of each event is an Entry.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
ENTRY = LIST + "/entry"
_OF_ONE_WHO_WAITS = (
    *POSTED,
    problems.InventoryNotFound,
    problems.NotInList,
    problems.AlreadyLeft,
    problems.NotWaiting,
    problems.WaitingListEnded,
)


class Joining(ContactFields):
    """How many tickets the user wants, and how to contact them.

    `tickets_minimum` is the fewest tickets that the user accepts; by default as many as wanted. With
    `keep_waiting_for_rest`, a user who is held fewer than wanted keeps the place in line for the rest. Omitted
    contact details come from the user token. `challenge` is the solution of the challenge from a refused join, or
    the response of another challenge service.
    """

    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: KeepsRest = False
    challenge: ChallengeSolution | ChallengeResponse | None = None


class Changing(Frozen):
    """The fields that a waiting user changes. Omitted fields keep their values.

    A ready user can only give up the rest: `keep_waiting_for_rest` = false.
    """

    tickets_wanted: Quantity | None = None
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: ChangesRest = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("give tickets_wanted, tickets_minimum or keep_waiting_for_rest, each with a value")
        return self


class UndoableEntry(Entry):
    """An entry after a change of the tickets wanted. `undo` takes the change back for a minute, while that is
    exact; null if it cannot be taken back."""

    undo: str | None = Field(
        description="Send it to the call `undo` within a minute; null if the change cannot be undone."
    )


class UndoingChange(Frozen):
    """The `undo` value from the answer of a change."""

    undo: Annotated[
        str, Strict(), Field(pattern=r"^[0-9]{1,18}-[0-9]{1,18}$", description="The `undo` of the change.")
    ]


@router.post(
    ENTRY,
    operation_id="join",
    openapi_extra=ONCE,
    status_code=201,
    response_model=Entry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.WaitingListNotOpen,
            problems.AlreadyInList,
            problems.TooManyTickets,
            problems.WaitingListFull,
            problems.TooManyPlaces,
            problems.ChallengeRequired,
            problems.AddressTaken,
            problems.EmailRequired,
        ]
    ),
)
async def join(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Joining) -> Response:
    """Join the list at its end. If enough tickets are free for the user, the entry becomes `ready` at once."""
    if call.user.only is not None:
        raise Forbidden("This token is for one entry alone. Join by e-mail again, or sign in.")
    key = ListKey(offer_id, representation_id)
    # Without the challenge, because a repeated request may have another solution, or none.
    caller = await call.caller_once(but="challenge")
    contact = call.user.contact.changed_by(body)
    verb = call.service.gate.join(
        key,
        caller,
        user_id=call.user.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        keep_waiting_for_rest=body.keep_waiting_for_rest,
        contact=contact,
        quiet=not await call.letter(contact).may_go(),
        network=call.service.limits.network(call.address),
        given=body.challenge,
    )
    return await _own_entry(call, verb, status=201)


@router.get(
    ENTRY,
    operation_id="get_entry",
    response_model=FanEntry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the user's latest entry in this list; while it waits, also why, and an estimate of how long."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.own_entry(key, call.user.user_id, organization_id=call.organization_id)
    if call.user.only is not None:
        _check_number(call, json.loads(entry)["number"] if isinstance(entry, bytes) else entry.number)
    # A fan who waits has no pass.
    return answer(entry if isinstance(entry, bytes) else await call.with_pass(entry))


@router.get(
    ENTRY + "/live",
    operation_id="watch_entry",
    openapi_extra=header(
        "Last-Event-ID",
        "The id of the last event that the client received. The stream does not send that event again.",
    ),
    response_class=StreamingResponse,
    responses=STREAM | declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def watch_entry(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Stream the user's latest entry in this list as server-sent events.

    The first event is the entry as it is now. Each change follows within a second. The service sends a comment
    every 15 seconds to keep the stream open.
    """
    key = ListKey(offer_id, representation_id)
    service, user = call.service, call.user
    if call.method == "HEAD" or user.only is not None:
        entry = await call.reads.entry(key, user.user_id, organization_id=call.organization_id)
        _check_number(call, entry.number)
    if call.method == "HEAD":
        return StreamHeaders()
    watcher = await call.live.watch(
        key,
        user.user_id,
        organization_id=call.organization_id,
        has_ended=partial(service.user_tokens.has_ended, user),
    )
    last_event_id = call.headers.get("last-event-id")
    return StreamResponse(EntryStream(service.streams, watcher, last_event_id=last_event_id, number=user.number))


@router.patch(
    ENTRY,
    operation_id="change",
    openapi_extra=PREVIEW,
    response_model=UndoableEntry,
    responses=declared(
        [
            *WITH_BODY,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.NotWaiting,
            problems.TooManyTickets,
            problems.WaitingListEnded,
        ]
    ),
)
async def change(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Changing) -> Response:
    """Change the wanted tickets of a waiting user. With fewer tickets the user keeps the place; with more, the
    user goes last. A preview shows the place first."""
    key, preview = ListKey(offer_id, representation_id), is_preview(call)
    engine = call.engine.preview if preview else call.engine
    verb = engine.run(
        key,
        call.caller,
        verbs.change,
        user_id=call.user.user_id,
        number=call.user.number,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        keep_waiting_for_rest=body.keep_waiting_for_rest,
    )
    answered = await _own_answer(call, verb)
    assert answered.entry is not None
    return answer(UndoableEntry(**dict(answered.entry), undo=None if preview else answered.undo))


@router.post(
    ENTRY + "/undo",
    operation_id="undo",
    openapi_extra=ONCE,
    response_model=Entry,
    responses=declared(_OF_ONE_WHO_WAITS),
)
async def undo(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: UndoingChange) -> Response:
    """Undo the user's newest change of the tickets wanted, within a minute: they and the place are as before.

    Refused with `invalid_request` once that would not be exact: tickets have gone to any fan since, or the
    organizer has moved one.
    """
    key, user, caller = ListKey(offer_id, representation_id), call.user, await call.caller_once()
    verb = call.engine.run(key, caller, verbs.undo, user_id=user.user_id, number=user.number, undo=body.undo)
    return await _own_entry(call, verb)


@router.delete(
    ENTRY,
    operation_id="leave",
    response_model=Entry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def leave(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Leave the list, or give up the hold. A user who joins again goes last."""
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(key, call.caller, verbs.leave, user_id=call.user.user_id, number=call.user.number)
    return await _own_entry(call, verb)


@router.post(
    ENTRY + "/pause",
    operation_id="pause",
    openapi_extra=ONCE,
    response_model=Entry,
    responses=declared(_OF_ONE_WHO_WAITS),
)
async def pause(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Pause the place of a waiting user. It stays, and tickets go to the fans behind until the user resumes.

    Safe to repeat.
    """
    key, user, caller = ListKey(offer_id, representation_id), call.user, await call.caller_once()
    verb = call.engine.run(key, caller, verbs.pause, user_id=user.user_id, number=user.number)
    return await _own_entry(call, verb)


@router.post(
    ENTRY + "/resume",
    operation_id="unpause",
    openapi_extra=ONCE,
    response_model=Entry,
    responses=declared(_OF_ONE_WHO_WAITS),
)
async def unpause(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """End the pause of a waiting user's place. If enough tickets are free, the entry becomes `ready` at once.

    Safe to repeat.
    """
    key, user, caller = ListKey(offer_id, representation_id), call.user, await call.caller_once()
    verb = call.engine.run(key, caller, verbs.unpause, user_id=user.user_id, number=user.number)
    return await _own_entry(call, verb)


@router.post(
    ENTRY + "/give-back",
    operation_id="give_back",
    openapi_extra=ONCE,
    response_model=Entry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.NotReady,
            problems.WaitingListEnded,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def give_back(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: GivingBack) -> Response:
    """Give back some of the held tickets without buying. They go to the next in line.

    The user then wants only the tickets that stay held. To give back all of them is to leave.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key,
        caller,
        verbs.give_back,
        user_id=call.user.user_id,
        number=call.user.number,
        quantity=body.quantity,
    )
    return await _own_entry(call, verb)


@router.get(
    "/entries",
    operation_id="list_my_entries",
    response_model=Listing[Entry],
    responses=declared(AUTHENTICATED),
)
async def list_my_entries(
    call: ApiRequest,
    status: Annotated[list[Status] | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List all entries of the user, the newest first."""
    found = await entry_queries.entries_of_user(
        call.pool,
        call.user.user_id,
        organization_id=call.organization_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    items = [await call.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), Entry)


def _check_number(call: ApiRequest, number: int) -> None:
    """Raise Forbidden if the user's token is good for one entry alone, and that is not the latest."""
    if call.user.number not in (None, number):
        raise Forbidden("This token is for an earlier entry of the user.")


async def _own_entry(call: ApiRequest, verb: Awaitable[Answer], *, status: int = 200) -> Response:
    answered = await _own_answer(call, verb)
    assert answered.entry is not None
    return answer(answered.entry, status=status, replayed=answered.replayed)


async def _own_answer(call: ApiRequest, verb: Awaitable[Answer]) -> Answer:
    try:
        return await call.done(verb)
    except AlreadyLeft as problem:
        _check_number(call, problem.extra["entry"].number)
        raise
