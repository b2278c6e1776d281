"""The user router: what a fan can do. A token says who they are; what everybody may see needs none."""

from collections.abc import Awaitable
from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import model_validator

from waiting_list import problems, reading, verbs
from waiting_list.answers import AUTHENTICATED, COMMON, POSTED, WITH_BODY, Listing, declared
from waiting_list.calls import (
    ONCE,
    Call,
    Cursor,
    Ids,
    Limit,
    PathId,
    PublicRoute,
    UserRoute,
    answer,
    header,
    page,
    takes_gzip,
)
from waiting_list.challenges import Solution
from waiting_list.fields import Frozen, Quantity
from waiting_list.gate import Response as ChallengeResponse
from waiting_list.models import Answer, Entry, EventSummary, ListKey, Queue, Status, WaitingList
from waiting_list.notices import ContactFields
from waiting_list.streams import EntryStream, StreamResponse

public = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["user"])
router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["user"])
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The picture is still the one whose ETag was sent."}
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events whose `data` is an Entry.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
ENTRY = "/waiting-lists/{offer_id}/{representation_id}/entry"
_SHARED = "public, max-age=1"
"""`Cache-Control` of what is the same for everybody: a cache in front may keep it for a second."""


class Joining(ContactFields):
    """How many tickets a user wants. `tickets_minimum`, as many unless given, is how few they would take. What is
    not given of how they are reached is what their token says. `challenge` is the solution of the challenge with
    which the same call was refused, or the response of another challenge service."""

    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None
    challenge: Solution | ChallengeResponse | None = None


class Changing(Frozen):
    """What a waiting user changes; what is left out stays."""

    tickets_wanted: Quantity | None = None
    tickets_minimum: Quantity | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError("give tickets_wanted, tickets_minimum or both, as numbers")
        return self


def _shared(response: Response) -> Response:
    response.headers["Cache-Control"] = _SHARED
    return response


@public.get(
    "/events",
    operation_id="list_upcoming_events",
    response_model=Listing[EventSummary],
    responses=declared(COMMON),
)
async def list_upcoming_events(
    call: Call, organization_id: Ids = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Upcoming events, the next one first: their representations, offers, and whether each list is open."""
    found = await reading.upcoming_events(call.pool, organization_id, limit=limit, cursor=cursor)
    return _shared(page(found, EventSummary))


@public.get(
    "/waiting-lists/{offer_id}/{representation_id}",
    operation_id="get_waiting_list",
    response_model=WaitingList,
    responses=declared([*COMMON, problems.InventoryNotFound]),
)
async def get_waiting_list(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """A waiting list as anyone may see it: open or not and why, how many wait, what is free, its rules."""
    key = ListKey(offer_id, representation_id)
    return _shared(answer(await reading.waiting_list(call.pool, key)))


@public.get(
    "/waiting-lists/{offer_id}/{representation_id}/queue",
    operation_id="get_queue",
    openapi_extra=header("If-None-Match", "The `ETag` of the picture that is known."),
    response_model=Queue,
    responses=declared([*COMMON, problems.InventoryNotFound]) | NOT_MODIFIED,
)
async def get_queue(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """The picture of the whole queue, for crowds: a page works out its own place from it. Good for a second."""
    snapshot = await call.reads.queue_snapshot(ListKey(offer_id, representation_id))
    zipped = takes_gzip(call.headers.get("accept-encoding", ""))
    # Two forms of the same: the tag of the second is weak (RFC 9110, 8.8.1).
    tag = f'W/"{snapshot.tag}"' if zipped else f'"{snapshot.tag}"'
    headers = {"ETag": tag, "Cache-Control": _SHARED, "Vary": "Accept-Encoding"}
    known = call.headers.get("if-none-match", "")
    if f'"{snapshot.tag}"' in known or known.strip() == "*":
        return Response(None, 304, headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(snapshot.gzipped if zipped else snapshot.body, 200, headers, media_type="application/json")


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
        ]
    ),
)
async def join(call: Call, offer_id: PathId, representation_id: PathId, body: Joining) -> Response:
    """Join the list, as its last. Tickets that are free at once make the entry `ready` at once."""
    key = ListKey(offer_id, representation_id)
    # A challenge ends, a repeat does not: it is the same request with another solution, or none.
    caller = await call.caller_once(but="challenge")
    contact = call.user.contact.changed_by(body)
    verb = call.service.gate.join(
        key,
        caller,
        user_id=call.user.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        contact=contact,
        quiet=not await call.may_mail(contact),
        network=call.service.limits.network(call.address),
        given=body.challenge,
    )
    return await _own_entry(call, verb, status=201)


@router.get(
    ENTRY,
    operation_id="get_entry",
    response_model=Entry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """My latest entry in this list."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.poll(key, call.user.user_id, organization_id=call.organization_id)
    return answer(await call.with_pass(entry))


@router.get(
    ENTRY + "/live",
    operation_id="watch_entry",
    openapi_extra=header("Last-Event-ID", "Of the last event that was seen: it is not sent again."),
    response_class=StreamingResponse,
    responses=STREAM | declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def watch_entry(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """My latest entry in this list as server-sent events: as it is now, then within a second whenever it changes.
    A comment every 15 seconds shows that the stream is alive."""
    key = ListKey(offer_id, representation_id)
    service, user = call.service, call.user
    watcher = await call.live.watch(
        key,
        user.user_id,
        organization_id=call.organization_id,
        has_ended=partial(service.user_tokens.has_ended, user),
    )
    last_event_id = call.headers.get("last-event-id")
    with_pass = service.purchase_passes.with_pass
    return StreamResponse(EntryStream(call.live, key, watcher, last_event_id=last_event_id, with_pass=with_pass))


@router.patch(
    ENTRY,
    operation_id="change",
    response_model=Entry,
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
async def change(call: Call, offer_id: PathId, representation_id: PathId, body: Changing) -> Response:
    """Change what I want while I wait: fewer tickets keep the place, more go last."""
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(
        key,
        call.caller,
        verbs.change,
        user_id=call.user.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
    )
    return await _own_entry(call, verb)


@router.delete(
    ENTRY,
    operation_id="leave",
    response_model=Entry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def leave(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """Leave the list, or give up the hold. Whoever joins again goes last."""
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(key, call.caller, verbs.leave, user_id=call.user.user_id)
    return await _own_entry(call, verb)


@router.get(
    "/entries",
    operation_id="list_my_entries",
    response_model=Listing[Entry],
    responses=declared(AUTHENTICATED),
)
async def list_my_entries(
    call: Call, status: Annotated[list[Status] | None, Query()] = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """All my entries, the newest first."""
    found = await reading.entries_of_user(
        call.pool,
        call.user.user_id,
        organization_id=call.organization_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    items = [await call.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), Entry)


async def _own_entry(call: Call, verb: Awaitable[Answer], *, status: int = 200) -> Response:
    answered = await call.done(verb)
    assert answered.entry is not None
    return answer(answered.entry, status=status, replayed=answered.replayed)
