"""The verbs of organizers on the stock and the settings of one list.

Like every verb, each checks everything before its first change.
"""

from typing import Any

from waiting_list.fields import INT32_MAX
from waiting_list.ledger import Ledger
from waiting_list.list_settings import SettingsChange
from waiting_list.models import Status
from waiting_list.problems import (
    ExceedsTotalStock,
    InvalidRequest,
    NotEnoughStock,
    StockHeld,
)


async def add_stock(ledger: Ledger, *, quantity: int) -> None:
    """Add returned tickets to the available stock, never beyond the total stock.

    Raises InvalidRequest, ExceedsTotalStock.
    """
    check_quantity("quantity", quantity)
    maximum = ledger.list.total_stock - ledger.list.available_stock
    if quantity > maximum:
        raise ExceedsTotalStock(f"You can add at most {maximum} tickets.", maximum=maximum)
    _set_stock(ledger, "add_stock", available=ledger.list.available_stock + quantity)


async def remove_stock(ledger: Ledger, *, quantity: int, revoke_holds: bool = False) -> None:
    """Remove free tickets that were sold or withdrawn elsewhere from the available stock.

    With `revoke_holds`, the verb first revokes the newest holds, as many as needed; those fans wait again at their
    old place. Raises InvalidRequest, NotEnoughStock, StockHeld.
    """
    check_quantity("quantity", quantity)
    check_free(ledger, quantity, unless=revoke_holds)
    if quantity > ledger.list.free:
        await _revoke(ledger, quantity - ledger.list.free)
    _set_stock(ledger, "remove_stock", available=ledger.list.available_stock - quantity)


async def add_total_stock(ledger: Ledger, *, quantity: int) -> None:
    """Add capacity, to the total and to the available stock. Raises InvalidRequest."""
    check_quantity("quantity", quantity)
    total = ledger.list.total_stock + quantity
    if total > INT32_MAX:
        raise InvalidRequest.of("quantity", f"the total stock would be more than {INT32_MAX}")
    available = ledger.list.available_stock + quantity
    _set_stock(ledger, "add_total_stock", total=total, available=available)


async def remove_total_stock(ledger: Ledger, *, quantity: int) -> None:
    """Remove capacity, from the total and from the available stock. Only free tickets can go.

    Raises InvalidRequest, NotEnoughStock, StockHeld.
    """
    check_quantity("quantity", quantity)
    check_free(ledger, quantity)
    total = ledger.list.total_stock - quantity
    available = ledger.list.available_stock - quantity
    _set_stock(ledger, "remove_total_stock", total=total, available=available)


async def put_stock(
    ledger: Ledger,
    *,
    total_stock: int,
    available_stock: int,
    waiting_list_open: bool | None = None,
) -> None:
    """Set the stock to the ticketing platform's numbers. Raises StockHeld, because held tickets stay available."""
    if available_stock < ledger.list.held:
        raise StockHeld(
            f"{ledger.list.held} tickets are held for ready users.",
            free=ledger.list.free,
            held=ledger.list.held,
        )
    _set_stock(ledger, "put_stock", total=total_stock, available=available_stock)
    if waiting_list_open is not None:
        ledger.apply("configure", on_list=_open_or_closed(waiting_list_open))


async def configure(ledger: Ledger, *, settings: SettingsChange) -> None:
    """Change the given settings. Present holds keep their deadline, cut at the list's new end.

    Raises InvalidRequest if no setting is given, if `closes_at` is after the representation's start, or if the
    quiet hours have only one end or no length.
    """
    changes: dict[str, Any] = settings.given
    if not changes:
        raise InvalidRequest.of("body", "give at least one setting")
    closes_at = changes.get("closes_at")
    if closes_at is not None and closes_at > ledger.starts_at:
        begins = ledger.starts_at.isoformat()
        raise InvalidRequest.of("closes_at", f"must not be after the representation begins ({begins})")
    quiet = {name: changes.get(name, getattr(ledger.list, name)) for name in ("quiet_from", "quiet_until")}
    if (quiet["quiet_from"] is None) != (quiet["quiet_until"] is None):
        raise InvalidRequest.of("quiet_from", "quiet hours need both quiet_from and quiet_until, or neither")
    if quiet["quiet_from"] is not None and quiet["quiet_from"] == quiet["quiet_until"]:
        raise InvalidRequest.of("quiet_until", "must not be the same as quiet_from")
    if "open" in changes:
        changes |= _open_or_closed(changes.pop("open"))
    ledger.apply("configure", on_list=changes)
    ledger.unsettled |= settings.moves_queue


def check_free(ledger: Ledger, quantity: int, *, unless: bool = False) -> None:
    """Raise NotEnoughStock if fewer tickets are available, and StockHeld if fewer are free.

    With `unless`, held tickets count as well, because the caller can revoke their holds.
    """
    available, free = ledger.list.available_stock, ledger.list.free
    if quantity > available:
        raise NotEnoughStock(f"Only {available} tickets are available.", available=available)
    if quantity > free and not unless:
        raise StockHeld(f"Only {free} tickets are free. The others are held for ready users.", free=free)


async def _revoke(ledger: Ledger, tickets: int) -> None:
    """Revoke the newest holds until so many more tickets are free; those fans return to their place."""
    for entry in await ledger.read("read_newest_holds", tickets):
        if tickets <= 0:
            break
        tickets -= entry.tickets_held
        ledger.apply(
            "revoke",
            entry,
            on_list={"held": ledger.list.held - entry.tickets_held},
            status=Status.WAITING,
            tickets_held=0,
            ready_at=None,
            ready_until=None,
        )
        ledger.revoked.append(entry)


def _set_stock(ledger: Ledger, verb: str, *, available: int, total: int | None = None) -> None:
    changes: dict[str, Any] = {"available_stock": available} | ledger.list.opening(available)
    if total is not None:
        changes["total_stock"] = total
    ledger.apply(verb, on_list=changes)


def _open_or_closed(is_open: bool) -> dict[str, bool]:
    return {"waiting_list_open": is_open, "closed_by_hand": not is_open}


def check_quantity(field: str, quantity: int) -> None:
    """Raise InvalidRequest for a number of tickets below 1."""
    if quantity < 1:
        raise InvalidRequest.of(field, "must be at least 1")
