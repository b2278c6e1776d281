"""Compute the state of a list, for every answer and page. No I/O here."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class ListStatus(StrEnum):
    """Whether fans can join a list; if not, why."""

    NOT_OPEN = "not_open"
    """Tickets are still on sale: the list opens when they are sold out."""
    OPEN = "open"
    """Fans can join."""
    FULL = "full"
    """`max_waiting` fans wait."""
    CLOSED = "closed"
    """An organizer has closed the list to new fans."""
    ENDED = "ended"
    """The show has begun, or `closes_at` has passed."""
    CANCELLED = "cancelled"
    """The representation was cancelled."""


class ListState(NamedTuple):
    """The state of a list, and its reason: a code, or for `cancelled` the organizer's words."""

    list_state: ListStatus
    state_reason: str | None


def list_state(stored: Callable[[str], Any], now: datetime) -> ListState:
    """Return the state of a list. `stored` gives a column of its row, or of its representation."""
    closes_at, most = stored("closes_at"), stored("max_waiting")
    if stored("cancelled_at") is not None:
        state = ListState(ListStatus.CANCELLED, stored("cancelled_reason"))
    elif now >= stored("start_datetime"):
        state = ListState(ListStatus.ENDED, "show_began")
    elif closes_at is not None and now >= closes_at:
        state = ListState(ListStatus.ENDED, "closes_at")
    elif stored("draft"):
        state = ListState(ListStatus.NOT_OPEN, "draft")
    elif stored("closed_by_hand"):
        state = ListState(ListStatus.CLOSED, "by_organizer")
    elif not stored("waiting_list_open"):
        state = ListState(ListStatus.NOT_OPEN, "on_sale")
    elif most is not None and stored("waiting") >= most:
        state = ListState(ListStatus.FULL, "max_waiting")
    else:
        state = ListState(ListStatus.OPEN, None)
    return state
