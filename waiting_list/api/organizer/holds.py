"""Define the organizer's calls that steer holds: give back a part, extend, check out, grant."""

from typing import Annotated, Self, cast

from fastapi import Response
from pydantic import Field, Strict, model_validator

from waiting_list import problems
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.api.organizer.entries import changed_entry
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Flag, Frozen, Instant, Quantity, Title
from waiting_list.lists import verbs
from waiting_list.lists.models import Entry, GivingBack, ListKey
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedEntry, answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Entries")
_HOLD = LIST + "/entries/{user_id}"
_OF_A_HOLD = (
    problems.InventoryNotFound,
    problems.NotInList,
    problems.AlreadyLeft,
    problems.NotReady,
    problems.WaitingListEnded,
    problems.HoldExpired,
)


class Extension(Frozen):
    """The later deadline: either `until` or `minutes`. A deadline after the end of the list is cut there."""

    until: Instant | None = Field(default=None, description="The new deadline.")
    minutes: Annotated[Quantity, Field(le=525_600)] | None = Field(
        default=None, description="How many minutes the hold lasts longer than now."
    )
    reason: Title | None = Field(default=None, description="The reason. The history keeps it.")

    @model_validator(mode="after")
    def _names_one_deadline(self) -> Self:
        if (self.until is None) == (self.minutes is None):
            raise ValueError("give either until or minutes")
        return self


class Checkout(Frozen):
    """The purchase pass of the fan who pays."""

    purchase_pass: Annotated[str, Strict(), Field(min_length=1, max_length=20_000)]


class Grant(Frozen):
    """The tickets for one user, and whether the capacity may grow for them."""

    tickets: Quantity
    add_stock: Flag = Field(
        default=False,
        description="Whether total and available stock grow by the tickets that are not free. It needs the scope"
        " `stock` as well.",
    )
    reason: Title | None = Field(default=None, description="The reason. The history keeps it.")


class ExtendedHolds(Frozen):
    """The numbers of the entries whose holds last longer now, and of those whose holds the call skipped."""

    extended: list[int]
    skipped: list[int]
    promoted: list[Entry]


@router.post(
    _HOLD + "/extend",
    operation_id="extend",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared([*POSTED, *_OF_A_HOLD]),
)
async def extend(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Extension
) -> Response:
    """Give a ready user more time to buy: a later deadline, at most the end of the list. The user is notified."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key, caller, verbs.extend, user_id=user_id, until=body.until, minutes=body.minutes, reason=body.reason
    )
    return await changed_entry(call, verb)


@router.post(
    _HOLD + "/grant",
    operation_id="grant",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.HoldExpired,
            problems.TooManyTickets,
            problems.NotEnoughStock,
            problems.StockHeld,
        ]
    ),
)
async def grant(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: Grant
) -> Response:
    """Hold tickets for this user now, past the line. The history and the public list count it.

    A user who is not in the list joins first, also if the list is closed. A hold that the user has grows.
    """
    if body.add_stock:
        cast(Organizer, call.who).demand(Scope.STOCK)
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key,
        caller,
        verbs.grant,
        user_id=user_id,
        tickets=body.tickets,
        add_stock=body.add_stock,
        reason=body.reason,
    )
    return await changed_entry(call, verb)


@router.post(
    LIST + "/extend",
    operation_id="extend_all",
    openapi_extra=ONCE,
    response_model=ExtendedHolds,
    responses=declared([*POSTED, problems.InventoryNotFound]),
)
async def extend_all(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Extension) -> Response:
    """Give all ready users of the list more time to buy, and notify them.

    The call skips holds that have expired, and holds that last as long already.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(
        key, caller, verbs.extend_all, until=body.until, minutes=body.minutes, reason=body.reason
    )
    answered = await call.done(verb)
    done = answered.several
    assert done is not None
    extended = ExtendedHolds(
        extended=list(done.numbers), skipped=list(done.skipped), promoted=list(answered.promoted)
    )
    return answer(extended, replayed=answered.replayed)


@router.post(
    _HOLD + "/checkout",
    operation_id="checkout",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared([*POSTED, *_OF_A_HOLD, problems.CheckoutUsed]),
)
async def checkout(call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """Tell that a ready user is paying: the hold lives on for `hold_grace_seconds` beyond its deadline.

    It works once for each hold, and never beyond the end of the list.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await changed_entry(call, call.engine.run(key, caller, verbs.checkout, user_id=user_id))


@router.post(
    "/checkouts",
    operation_id="checkout_with_pass",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.HoldExpired,
            problems.CheckoutUsed,
        ]
    ),
)
async def checkout_with_pass(call: ApiRequest, body: Checkout) -> Response:
    """Tell that the user with this purchase pass is paying.

    The call is like `checkout`, but works only for the hold of the pass.
    """
    caller = await call.caller_once()
    shown = await call.service.purchase_passes.read_pass(body.purchase_pass)
    verb = call.engine.run(shown.key, caller, verbs.checkout, user_id=shown.user_id, hold=shown.hold)
    return await changed_entry(call, verb)


@router.post(
    _HOLD + "/give-back",
    operation_id="give_back_for_user",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared([*POSTED, *_OF_A_HOLD, problems.WrongQuantity]),
)
async def give_back_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: GivingBack
) -> Response:
    """Give back held tickets of a ready user. They go to the next in line.

    The user then wants only the tickets that stay held. To give back all of them is to leave.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.give_back, user_id=user_id, quantity=body.quantity)
    return await changed_entry(call, verb)
