"""The organizer router, third part: lists and their settings, entries, history, statistics."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Literal, Self

import structlog
from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, Strict, model_validator
from starlette.types import Receive, Scope, Send

from waiting_list import problems, reading, stock, verbs
from waiting_list.answers import (
    AUTHENTICATED,
    POSTED,
    WITH_BODY,
    ChangedEntry,
    ChangedSettings,
    Listing,
    declared,
)
from waiting_list.calls import (
    ONCE,
    Call,
    Cursor,
    EntriesRoute,
    Ids,
    Limit,
    PathId,
    answer,
    organizer_calls,
    page,
)
from waiting_list.exports import Export
from waiting_list.fields import Frozen, Id, Instant, Quantity, Title
from waiting_list.list_settings import ListSettings, SettingsChange
from waiting_list.models import (
    Answer,
    Change,
    Entry,
    LeftReason,
    ListKey,
    ListSummary,
    Statistics,
    Status,
)
from waiting_list.notices import Contact

log = structlog.get_logger(__name__)

router = organizer_calls(EntriesRoute)
LIST = "/waiting-lists/{offer_id}/{representation_id}"
EXPORT_SECONDS = 900.0
"""Longest export, because a reader that takes a byte now and then would keep its place for ever."""
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class JoiningFor(Contact):
    """Who joins, how many tickets they want, or would take at least; and how they are reached."""

    user_id: Id
    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None


class Purchase(Frozen):
    """How many tickets were bought; left out: all that are held."""

    quantity: Quantity | None = None


class PassPurchase(Purchase):
    """What the fan has shown, and how many tickets were bought; left out: all that are held."""

    purchase_pass: Annotated[str, Strict(), Field(min_length=1, max_length=20_000)]


class Move(Frozen):
    """Where the user goes: either `to` or `before`."""

    to: Literal["first", "last"] | None = None
    before: Id | None = Field(default=None, description="The user who will be right behind.")
    reason: Title | None = Field(default=None, description="Why; the history keeps it.")

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.to is None) == (self.before is None):
            raise ValueError("give either to or before")
        return self


async def _filter(
    user_id: Ids = None,
    event_id: Ids = None,
    offer_id: Ids = None,
    representation_id: Ids = None,
    status: Annotated[list[Status] | None, Query()] = None,
    left_reason: Annotated[list[LeftReason] | None, Query()] = None,
    joined_before: Annotated[Instant | None, Query()] = None,
    joined_after: Annotated[Instant | None, Query()] = None,
) -> reading.EntryFilter:
    return reading.EntryFilter(
        user_id, event_id, offer_id, representation_id, status, left_reason, joined_before, joined_after
    )


Filter = Annotated[reading.EntryFilter, Depends(_filter)]


@router.get(
    "/waiting-lists",
    operation_id="list_waiting_lists",
    response_model=Listing[ListSummary],
    responses=declared(AUTHENTICATED),
)
async def list_waiting_lists(call: Call, only: Filter, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """One row for each list: entries and tickets by status, held, free, the oldest wait. Entry filters
    choose which entries are counted, and leave out lists without any."""
    found = await reading.waiting_lists(call.pool, call.organization_id, only, limit=limit, cursor=cursor)
    return page(found, ListSummary)


@router.get(
    LIST,
    operation_id="get_settings",
    response_model=ListSettings,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_settings(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """The settings of a list."""
    key = ListKey(offer_id, representation_id)
    return answer(await reading.list_settings(call.pool, key, organization_id=call.organization_id))


@router.patch(
    LIST,
    operation_id="configure",
    response_model=ChangedSettings,
    responses=declared([*WITH_BODY, problems.InventoryNotFound]),
)
async def configure(call: Call, offer_id: PathId, representation_id: PathId, body: SettingsChange) -> Response:
    """Change settings of a list; what is left out stays."""
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(key, call.caller, stock.configure, settings=body)
    answered = await call.done(verb)
    assert answered.settings is not None
    return answer(ChangedSettings(**dict(answered.settings), promoted=list(answered.promoted)))


@router.get(
    "/entries",
    operation_id="list_entries",
    response_model=Listing[Entry],
    responses=declared(AUTHENTICATED),
)
async def list_entries(call: Call, only: Filter, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Entries in queue order, list by list."""
    found = await reading.entries(call.pool, call.organization_id, only, limit=limit, cursor=cursor)
    items = [await call.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), Entry)


@router.get(
    "/entries.csv",
    operation_id="export_entries",
    response_class=StreamingResponse,
    responses=CSV | declared(AUTHENTICATED),
)
async def export_entries(call: Call, only: Filter) -> Response:
    """The same entries as CSV, all of them, as they were at one instant, streamed. Without purchase passes, which
    are the users' own. An organization can read two exports at once in each process, each for a
    quarter of an hour."""
    return await entries_as_csv(call, only)


async def entries_as_csv(call: Call, only: reading.EntryFilter) -> Response:
    """An organization's entries as a file that a spreadsheet opens. Raises RateLimited, Unavailable."""
    return _ExportResponse(await call.service.exports.open(call.organization_id, only))


class _ExportResponse(StreamingResponse):
    """Sends an export, and closes it: after its end, when the reader goes, and when the process ends."""

    def __init__(self, export: Export) -> None:
        headers = {"Content-Disposition": 'attachment; filename="entries.csv"'}
        super().__init__(export.chunks(), media_type="text/csv; charset=utf-8", headers=headers)
        self._export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(EXPORT_SECONDS):
                await super().__call__(scope, receive, send)
        except (TimeoutError, problems.Unavailable) as error:
            # The server sees that the answer has no end, and cuts the connection: the reader sees it, too.
            log.warning("export_cut_off", error=type(error).__name__)
        finally:
            await self._export.close()


@router.post(
    LIST + "/entries",
    operation_id="join_for_user",
    openapi_extra=ONCE,
    status_code=201,
    response_model=ChangedEntry,
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
            problems.AddressTaken,
        ]
    ),
)
async def join_for_user(call: Call, offer_id: PathId, representation_id: PathId, body: JoiningFor) -> Response:
    """A user joins the list, on their behalf."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key,
        caller,
        verbs.join,
        user_id=body.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        contact=Contact.of(body, email_verified=body.email_verified),
    )
    return await _changed_entry(call, verb, status=201)


@router.get(
    LIST + "/entries/{user_id}",
    operation_id="get_entry_of_user",
    response_model=Entry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry_of_user(call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """A user's latest entry in the list."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    return answer(await call.with_pass(entry))


@router.delete(
    LIST + "/entries/{user_id}",
    operation_id="remove",
    response_model=ChangedEntry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def remove(call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """Take a user out of the list."""
    key = ListKey(offer_id, representation_id)
    return await _changed_entry(call, call.engine.run(key, call.caller, verbs.remove, user_id=user_id))


@router.post(
    LIST + "/entries/{user_id}/purchase",
    operation_id="buy",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.NotReady,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def buy(
    call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Purchase
) -> Response:
    """The ready user has bought: all that is held with `{}`, or so many. Stock and hold shrink by it; nobody else
    moves. What was held beyond it is free again, and goes to the next in line."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await _changed_entry(
        call, call.engine.run(key, caller, verbs.buy, user_id=user_id, quantity=body.quantity)
    )


@router.post(
    "/purchases",
    operation_id="buy_with_pass",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def buy_with_pass(call: Call, body: PassPurchase) -> Response:
    """The user who has shown this purchase pass has bought: as `purchase`, but only out of the hold that the pass
    was made for. A pass buys once."""
    caller = await call.caller_once()
    shown = await call.service.purchase_passes.read_pass(body.purchase_pass)
    verb = call.engine.run(
        shown.key, caller, verbs.buy, user_id=shown.user_id, quantity=body.quantity, hold=shown.hold
    )
    return await _changed_entry(call, verb)


@router.post(
    LIST + "/entries/{user_id}/move",
    operation_id="move",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(
        [*POSTED, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft, problems.NotWaiting]
    ),
)
async def move(call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Move) -> Response:
    """Move a waiting user: first, last, or right before another who waits. The history shows it."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key, caller, verbs.move, user_id=user_id, to=body.to, before=body.before, reason=body.reason
    )
    return await _changed_entry(call, verb)


@router.get(
    LIST + "/history",
    operation_id="get_history",
    response_model=Listing[Change],
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_history(
    call: Call,
    offer_id: PathId,
    representation_id: PathId,
    verb: Annotated[list[Id] | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Every change of the list, in order: who, what, when, before and after."""
    key = ListKey(offer_id, representation_id)
    found = await reading.history(
        call.pool, key, organization_id=call.organization_id, verb=verb, limit=limit, cursor=cursor
    )
    return page(found, Change)


@router.get(
    LIST + "/statistics",
    operation_id="get_statistics",
    response_model=Statistics,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound]),
)
async def get_statistics(
    call: Call,
    offer_id: PathId,
    representation_id: PathId,
    period: Annotated[Literal["hour", "day", "week"], Query()] = "day",
) -> Response:
    """Joins, promotions, purchases and expiries over time; conversion; the median wait."""
    key = ListKey(offer_id, representation_id)
    return answer(await reading.statistics(call.pool, key, organization_id=call.organization_id, period=period))


async def _changed_entry(call: Call, verb: Awaitable[Answer], *, status: int = 200) -> Response:
    answered = await call.done(verb)
    assert answered.entry is not None
    changed = ChangedEntry(**dict(answered.entry), promoted=list(answered.promoted))
    return answer(changed, status=status, replayed=answered.replayed)
