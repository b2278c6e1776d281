"""Define the problems of stock."""

from collections.abc import Mapping
from typing import Any, ClassVar

from waiting_list.problems.problem import Conflict, Problem

INVENTORY_EXAMPLE: dict[str, Any] = {
    "offer_id": "off_001",
    "representation_id": "rep_001",
    "event_id": "ev_001",
    "total_stock": 100,
    "available_stock": 2,
    "held": 2,
    "free": 0,
    "waiting_list_open": True,
    "version": 57,
    "sellable": 0,
    "list_state": "open",
    "state_reason": None,
}


class ExceedsTotalStock(Conflict):
    """The stock would exceed the total stock. The problem carries the `maximum` that can be added."""

    code, title = "exceeds_total_stock", "The stock would exceed the total stock"
    example: ClassVar[Mapping[str, Any]] = {"maximum": 3}


class NotEnoughStock(Conflict):
    """The call would remove more tickets than are available. The problem carries how many are `available`."""

    code, title = "not_enough_stock", "Not enough tickets are available"
    example: ClassVar[Mapping[str, Any]] = {"available": 3}


class StockHeld(Conflict):
    """The call would remove tickets that are held for ready users. The problem carries how many are `free`."""

    code, title = "stock_held", "The tickets are held for ready users"
    example: ClassVar[Mapping[str, Any]] = {"free": 1}


class StaleVersion(Problem):
    """`If-Match` names no current version: the inventory has changed since, or does not exist. The problem carries
    the `inventory` as it is, if it exists."""

    code, status, title = "stale_version", 412, "The stock has changed since the version in If-Match"
    example: ClassVar[Mapping[str, Any]] = {"inventory": INVENTORY_EXAMPLE}
