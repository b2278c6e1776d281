"""The organizer router, second part: stock that changes, and tickets released by hand. All of it may promote."""

from collections.abc import Awaitable

from fastapi import Response

from waiting_list import problems, promotion, stock
from waiting_list.answers import (
    POSTED,
    ChangedInventory,
    declared,
)
from waiting_list.calls import (
    ONCE,
    Call,
    PathId,
    StockRoute,
    answer,
    organizer_calls,
)
from waiting_list.fields import Flag, Frozen, Quantity
from waiting_list.models import Answer, ListKey

router = organizer_calls(StockRoute)
INVENTORY = "/inventory/{offer_id}/{representation_id}"
LIST = "/waiting-lists/{offer_id}/{representation_id}"


class StockChange(Frozen):
    """How many tickets."""

    quantity: Quantity


class StockRemoval(StockChange):
    """How many tickets, and whether the newest holds are revoked for them."""

    revoke_holds: Flag = False


class Release(Frozen):
    """How many free tickets are released."""

    tickets: Quantity


@router.post(
    INVENTORY + "/add-stock",
    operation_id="add_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.ExceedsTotalStock]),
)
async def add_stock(call: Call, offer_id: PathId, representation_id: PathId, body: StockChange) -> Response:
    """Tickets come back: available grows, never beyond total, and the next in line become ready."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await _changed_inventory(call, call.engine.run(key, caller, stock.add_stock, quantity=body.quantity))


@router.post(
    INVENTORY + "/remove-stock",
    operation_id="remove_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_stock(call: Call, offer_id: PathId, representation_id: PathId, body: StockRemoval) -> Response:
    """Tickets were sold or withdrawn elsewhere: available shrinks, by free tickets only, unless
    `revoke_holds` sends the newest holds back to their place."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, stock.remove_stock, quantity=body.quantity, revoke_holds=body.revoke_holds)
    return await _changed_inventory(call, verb)


@router.post(
    INVENTORY + "/add-total-stock",
    operation_id="add_total_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound]),
)
async def add_total_stock(call: Call, offer_id: PathId, representation_id: PathId, body: StockChange) -> Response:
    """Capacity grows: total and available both, and the next in line become ready."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, stock.add_total_stock, quantity=body.quantity)
    return await _changed_inventory(call, verb)


@router.post(
    INVENTORY + "/remove-total-stock",
    operation_id="remove_total_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_total_stock(
    call: Call, offer_id: PathId, representation_id: PathId, body: StockChange
) -> Response:
    """Capacity shrinks: total and available both, by free tickets only."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, stock.remove_total_stock, quantity=body.quantity)
    return await _changed_inventory(call, verb)


@router.post(
    LIST + "/promote",
    operation_id="promote",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.NotEnoughStock,
            problems.StockHeld,
        ]
    ),
)
async def promote(call: Call, offer_id: PathId, representation_id: PathId, body: Release) -> Response:
    """Release free tickets by hand, where `automatic` is off, to whoever is next."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await _changed_inventory(call, call.engine.run(key, caller, promotion.promote, tickets=body.tickets))


async def _changed_inventory(call: Call, verb: Awaitable[Answer]) -> Response:
    answered = await call.done(verb)
    assert answered.inventory is not None
    changed = ChangedInventory(**dict(answered.inventory), promoted=list(answered.promoted))
    return answer(changed, replayed=answered.replayed)
