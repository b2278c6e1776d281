"""The verbs of stock: `add_stock`, `remove_stock`, `add_total_stock`, `remove_total_stock` and `put_stock`."""

from collections.abc import Container
from typing import Any

from waiting_list.fields import INT32_MAX
from waiting_list.lists.line import inventory
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status
from waiting_list.lists.policy import holds_to_revoke
from waiting_list.lists.verbs.checks import check_free, check_quantity
from waiting_list.lists.verbs.configure import open_or_closed
from waiting_list.problems import ExceedsTotalStock, InvalidRequest, StaleVersion, StockHeld

ANY_VERSION: Container[int] = range(2**63)
"""All versions of an inventory."""


async def add_stock(locked: LockedList, *, quantity: int) -> None:
    """Add returned tickets to the available stock, never beyond the total stock.

    Raises InvalidRequest, ExceedsTotalStock.
    """
    check_quantity("quantity", quantity)
    maximum = locked.list.total_stock - locked.list.available_stock
    if quantity > maximum:
        raise ExceedsTotalStock(f"You can add at most {maximum} tickets.", maximum=maximum)
    _set_stock(locked, "add_stock", available=locked.list.available_stock + quantity)


async def remove_stock(locked: LockedList, *, quantity: int, revoke_holds: bool = False) -> None:
    """Remove free tickets that were sold or withdrawn elsewhere from the available stock.

    With `revoke_holds`, the verb first revokes the fewest holds that suffice, the newest among those. Those fans
    wait again at their old place. Raises InvalidRequest, NotEnoughStock, StockHeld.
    """
    check_quantity("quantity", quantity)
    check_free(locked, quantity, unless=revoke_holds)
    if quantity > locked.list.free:
        await _revoke(locked, quantity - locked.list.free)
    _set_stock(locked, "remove_stock", available=locked.list.available_stock - quantity)


async def add_total_stock(locked: LockedList, *, quantity: int) -> None:
    """Add capacity, to the total and to the available stock. Raises InvalidRequest."""
    check_quantity("quantity", quantity)
    total = locked.list.total_stock + quantity
    if total > INT32_MAX:
        raise InvalidRequest.of("quantity", f"the total stock would be more than {INT32_MAX}")
    available = locked.list.available_stock + quantity
    _set_stock(locked, "add_total_stock", total=total, available=available)


async def remove_total_stock(locked: LockedList, *, quantity: int) -> None:
    """Remove capacity, from the total and from the available stock. Only free tickets can go.

    Raises InvalidRequest, NotEnoughStock, StockHeld.
    """
    check_quantity("quantity", quantity)
    check_free(locked, quantity)
    total = locked.list.total_stock - quantity
    available = locked.list.available_stock - quantity
    _set_stock(locked, "remove_total_stock", total=total, available=available)


async def put_stock(
    locked: LockedList,
    *,
    total_stock: int,
    available_stock: int,
    waiting_list_open: bool | None = None,
    versions: Container[int] = ANY_VERSION,
) -> None:
    """Set the stock to the ticketing platform's numbers, if the inventory has one of these `versions`.

    Raises StaleVersion, and StockHeld, because held tickets stay available.
    """
    held, version = locked.list.held, locked.list.version
    if version not in versions:
        raise StaleVersion(
            f"The stock has changed: its version is {version}. Read it, compute your numbers again, and send them "
            "with this version.",
            inventory=await inventory(locked),
        )
    if available_stock < held:
        raise StockHeld(f"{held} tickets are held for ready users.", free=locked.list.free, held=held)
    _set_stock(locked, "put_stock", total=total_stock, available=available_stock)
    if waiting_list_open is not None:
        locked.record("configure", on_list=open_or_closed(waiting_list_open))


async def _revoke(locked: LockedList, tickets: int) -> None:
    """Revoke holds until so many more tickets are free (`holds_to_revoke`); those fans return to their place."""
    holds = await locked.read("read_newest_holds", tickets)
    for index in holds_to_revoke(tickets, [entry.tickets_held for entry in holds]):
        entry = holds[index]
        on_list = {"held": locked.list.held - entry.tickets_held}
        waits: dict[str, Any] = {
            "status": Status.WAITING,
            "tickets_held": 0,
            "ready_at": None,
            "ready_until": None,
        }
        locked.record("revoke", entry, on_list, **waits)
        locked.revoked.append(entry)


def _set_stock(locked: LockedList, verb: str, *, available: int, total: int | None = None) -> None:
    changes: dict[str, Any] = {"available_stock": available} | locked.list.opening(available)
    if total is not None:
        changes["total_stock"] = total
    locked.record(verb, on_list=changes)
