"""Define the organizer's calls that change stock or release tickets by hand. Each may promote fans."""

from collections.abc import Awaitable

from fastapi import Response

from waiting_list import problems
from waiting_list.api.organizer.catalogue import INVENTORY
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Flag, Frozen, Quantity
from waiting_list.lists import verbs
from waiting_list.lists.models import Answer, ListKey
from waiting_list.web.entity_tags import TAGGED
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedInventory, changed_noun, stock_answer
from waiting_list.web.routes import StockRoute, organizer_router

router = organizer_router(StockRoute, "Stock")


class StockChange(Frozen):
    """The number of tickets."""

    quantity: Quantity


class StockRemoval(StockChange):
    """The number of tickets, and whether the service may revoke holds for them."""

    revoke_holds: Flag = False


class Release(Frozen):
    """The number of free tickets to release."""

    tickets: Quantity


@router.post(
    INVENTORY + "/add-stock",
    operation_id="add_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=TAGGED | declared([*POSTED, problems.InventoryNotFound, problems.ExceedsTotalStock]),
)
async def add_stock(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: StockChange) -> Response:
    """Add returned tickets to the available stock, up to the total stock. The next fans in line become ready."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await _changed_inventory(call, call.engine.run(key, caller, verbs.add_stock, quantity=body.quantity))


@router.post(
    INVENTORY + "/remove-stock",
    operation_id="remove_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=TAGGED
    | declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_stock(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: StockRemoval
) -> Response:
    """Remove tickets that were sold or withdrawn elsewhere from the available stock.

    The call removes free tickets only. With `revoke_holds`, it also revokes the fewest holds that suffice, the
    newest among those; those fans return to their places in line.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.remove_stock, quantity=body.quantity, revoke_holds=body.revoke_holds)
    return await _changed_inventory(call, verb)


@router.post(
    INVENTORY + "/add-total-stock",
    operation_id="add_total_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=TAGGED | declared([*POSTED, problems.InventoryNotFound]),
)
async def add_total_stock(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: StockChange
) -> Response:
    """Raise the total and the available stock. The next fans in line become ready."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.add_total_stock, quantity=body.quantity)
    return await _changed_inventory(call, verb)


@router.post(
    INVENTORY + "/remove-total-stock",
    operation_id="remove_total_stock",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=TAGGED
    | declared([*POSTED, problems.InventoryNotFound, problems.NotEnoughStock, problems.StockHeld]),
)
async def remove_total_stock(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: StockChange
) -> Response:
    """Lower the total and the available stock, by free tickets only."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.remove_total_stock, quantity=body.quantity)
    return await _changed_inventory(call, verb)


@router.post(
    LIST + "/promote",
    operation_id="promote",
    openapi_extra=ONCE,
    response_model=ChangedInventory,
    responses=TAGGED
    | declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.NotDrawn,
            problems.NotEnoughStock,
            problems.StockHeld,
        ]
    ),
)
async def promote(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: Release) -> Response:
    """Release free tickets to the next fans in line, on a list where `automatic` is off."""
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    return await _changed_inventory(call, call.engine.run(key, caller, verbs.promote, tickets=body.tickets))


async def _changed_inventory(call: ApiRequest, verb: Awaitable[Answer]) -> Response:
    answered = await call.done(verb)
    assert answered.inventory is not None
    changed = changed_noun(ChangedInventory, answered.inventory, answered.promoted)
    return stock_answer(changed, replayed=answered.replayed)
