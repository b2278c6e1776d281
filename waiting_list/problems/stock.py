"""Define the problems of stock."""

from collections.abc import Mapping
from typing import Any, ClassVar

from waiting_list.problems.problem import Conflict


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
