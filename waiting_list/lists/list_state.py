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
    states = (
        (stored("cancelled_at") is not None, ListStatus.CANCELLED, stored("cancelled_reason")),
        (now >= stored("start_datetime"), ListStatus.ENDED, "show_began"),
        (closes_at is not None and now >= closes_at, ListStatus.ENDED, "closes_at"),
        (stored("draft"), ListStatus.NOT_OPEN, "draft"),
        (stored("closed_by_hand"), ListStatus.CLOSED, "by_organizer"),
        (not stored("waiting_list_open"), ListStatus.NOT_OPEN, "on_sale"),
        (most is not None and stored("waiting") >= most, ListStatus.FULL, "max_waiting"),
        (True, ListStatus.OPEN, None),
    )
    return next(ListState(state, reason) for applies, state, reason in states if applies)
