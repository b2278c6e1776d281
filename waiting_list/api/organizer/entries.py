"""Define the organizer's calls about entries: list, export, join, buy, move, remove."""

from collections.abc import Awaitable
from typing import Annotated, Literal, Self, cast

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, Strict, model_validator

from waiting_list import problems
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Frozen, Id, Locale, Quantity, Title
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.models import Answer, ChangesRest, KeepsRest, ListKey
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.why_waiting import OrganizersEntry
from waiting_list.web.csv_export import CSV, entries_as_csv
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Filter, Limit, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedEntry, Listing, answer, changed_noun, page
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Entries")

_OF_A_WAITING_ENTRY = (
    *POSTED,
    problems.InventoryNotFound,
    problems.NotInList,
    problems.AlreadyLeft,
    problems.NotWaiting,
)

Spreadsheet = Annotated[
    Locale | None,
    Query(
        description="Write the file for a spreadsheet, in this language: with a byte order mark, columns and"
        " states in words, and local times of the event."
    ),
]


Contacts = Annotated[
    bool, Query(description="Add the names and e-mail addresses of the fans. The key needs the scope `entries`.")
]


Order = Annotated[
    Literal["queue", "number"],
    Query(
        description="The order within each list: that of the queue, or that of the numbers, which never change."
    ),
]


class JoiningFor(Contact):
    """The user who joins, the tickets that they want or accept at least, and their contact details."""

    user_id: Id
    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: KeepsRest = False


class ChangingFor(Frozen):
    """The tickets wanted of a waiting user, which the organizer changes. Omitted fields keep their values.

    Of a ready user, only the rest can be given up: `keep_waiting_for_rest` = false.
    """

    tickets_wanted: Quantity | None = None
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: ChangesRest = None
    reason: Title | None = Field(default=None, description="The reason for the change. The history keeps it.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        given = self.model_fields_set - {"reason"}
        if not given or None in (getattr(self, name) for name in given):
            raise ValueError("give tickets_wanted, tickets_minimum or keep_waiting_for_rest, each with a value")
        return self


class Purchase(Frozen):
    """How many tickets the user bought. By default all held tickets."""

    quantity: Quantity | None = None


class PassPurchase(Purchase):
    """The purchase pass of the fan, and how many tickets the fan bought. By default all held tickets."""

    purchase_pass: Annotated[str, Strict(), Field(min_length=1, max_length=20_000)]


class Move(Frozen):
    """The new place of the user: one of `to`, `before` and `after`."""

    to: Literal["first", "last"] | None = None
    before: Id | None = Field(
        default=None, description="The id of the waiting user who will be next behind the moved user."
    )
    after: Id | None = Field(
        default=None, description="The id of the waiting user who will be right ahead of the moved user."
    )
    reason: Title | None = Field(default=None, description="The reason for the move. The history keeps it.")

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if sum(one is not None for one in (self.to, self.before, self.after)) != 1:
            raise ValueError("give one of to, before and after")
        return self


@router.get(
    "/entries",
    operation_id="list_entries",
    response_model=Listing[OrganizersEntry],
    responses=declared(AUTHENTICATED),
)
async def list_entries(
    call: ApiRequest, only: Filter, order: Order = "queue", limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List entries, list by list, in queue order or by number.

    By number, each entry that matches throughout is on exactly one page, even if fans move between two pages. The
    CSV export is one snapshot, and so needs no such order.
    """
    found = await entry_queries.entries(
        call.pool, call.organization_id, only, limit=limit, cursor=cursor, by_number=order == "number"
    )
    items = [await call.with_pass(entry) for entry in found.items]
    return page(found._replace(items=items), OrganizersEntry)


@router.get(
    "/entries.csv",
    operation_id="export_entries",
    response_class=StreamingResponse,
    responses=CSV | declared(AUTHENTICATED),
)
async def export_entries(
    call: ApiRequest, only: Filter, spreadsheet: Spreadsheet = None, contacts: Contacts = False
) -> Response:
    """Stream all matching entries as CSV, in a consistent snapshot.

    The file has no purchase passes, because these belong to the users. In each process, an organization can run
    two exports at the same time, each for at most 15 minutes.
    """
    if contacts:
        cast(Organizer, call.who).demand(Scope.ENTRIES)
    return await entries_as_csv(call, only, spreadsheet=spreadsheet, contacts=contacts)


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
            problems.EmailRequired,
        ]
    ),
)
async def join_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: JoiningFor
) -> Response:
    """Join the list on behalf of a user."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key,
        caller,
        verbs.join,
        user_id=body.user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        keep_waiting_for_rest=body.keep_waiting_for_rest,
        contact=Contact.of(body, email_verified=body.email_verified),
    )
    return await changed_entry(call, verb, status=201)


@router.get(
    LIST + "/entries/{user_id}",
    operation_id="get_entry_of_user",
    response_model=OrganizersEntry,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_entry_of_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId
) -> Response:
    """Show a user's latest entry in the list."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.explained_entry(key, user_id, organization_id=call.organization_id)
    return answer(await call.with_pass(entry))


@router.patch(
    LIST + "/entries/{user_id}",
    operation_id="change_for_user",
    response_model=ChangedEntry,
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
async def change_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: ChangingFor
) -> Response:
    """Change the wanted tickets of a waiting user, as the user could. With fewer tickets the user keeps the place;
    with more, the user goes last."""
    key = ListKey(offer_id, representation_id)
    verb = call.engine.run(
        key,
        call.caller,
        verbs.change,
        user_id=user_id,
        tickets_wanted=body.tickets_wanted,
        tickets_minimum=body.tickets_minimum,
        keep_waiting_for_rest=body.keep_waiting_for_rest,
        reason=body.reason,
    )
    return await changed_entry(call, verb)


@router.delete(
    LIST + "/entries/{user_id}",
    operation_id="remove",
    response_model=ChangedEntry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def remove(call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """Remove a user from the list."""
    key = ListKey(offer_id, representation_id)
    return await changed_entry(call, call.engine.run(key, call.caller, verbs.remove, user_id=user_id))


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
            problems.WaitingListEnded,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def buy(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Purchase
) -> Response:
    """Record the purchase of a ready user: all held tickets with `{}`, or a `quantity` of them.

    The stock and the hold shrink by the purchase, and other fans keep their places. Held tickets that the user did
    not buy become free, and go to the next in line.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await changed_entry(
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
            problems.WaitingListEnded,
            problems.HoldExpired,
            problems.WrongQuantity,
        ]
    ),
)
async def buy_with_pass(call: ApiRequest, body: PassPurchase) -> Response:
    """Record the purchase of the user with this purchase pass.

    The call is like `buy`, but works only for the hold of the pass. A pass can buy once.
    """
    caller = await call.caller_once()
    shown = await call.service.purchase_passes.read_pass(body.purchase_pass)
    verb = call.engine.run(
        shown.key, caller, verbs.buy, user_id=shown.user_id, quantity=body.quantity, hold=shown.hold
    )
    return await changed_entry(call, verb)


@router.post(
    LIST + "/entries/{user_id}/move",
    operation_id="move",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared([*_OF_A_WAITING_ENTRY, problems.NotDrawn]),
)
async def move(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Move
) -> Response:
    """Move a waiting user to the first or last place, or right ahead of or behind another waiting user.

    The history shows the move.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key,
        caller,
        verbs.move,
        user_id=user_id,
        to=body.to,
        before=body.before,
        after=body.after,
        reason=body.reason,
    )
    return await changed_entry(call, verb)


async def changed_entry(call: ApiRequest, verb: Awaitable[Answer], *, status: int = 200) -> Response:
    """Answer with the entry that the verb has changed, and the entries that became ready."""
    answered = await call.done(verb)
    assert answered.entry is not None
    changed = changed_noun(ChangedEntry, answered.entry, answered.promoted)
    return answer(changed, status=status, replayed=answered.replayed)
