"""Queries for the overview of an organization's events: their state, next date, and the fans in their lists."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql

EventState = Literal["archived", "draft", "cancelled", "past", "waiting", "open", "on_sale", "unfinished"]

Show = Literal["coming", "past", "archived", "all"]
"""Which events to list: archived ones are neither coming nor past."""


@dataclass(frozen=True)
class EventOverview:
    """An event with its next and last date, and the totals of its lists."""

    event_id: str
    title: str
    venue_name: str
    timezone: str
    draft: bool
    unlisted: bool
    archived: bool
    dates: int
    next_start: datetime | None
    last_start: datetime | None
    cancelled: bool
    """Whether it has dates, and all of them are cancelled."""
    lists: int
    open_lists: int
    waiting: int
    tickets_waiting: int
    held: int

    @property
    def state(self) -> EventState:
        """What an organizer must know first. `unfinished`: without dates or tickets, so that fans see no list."""
        is_past = bool(self.dates) and self.next_start is None
        states: tuple[tuple[EventState, bool], ...] = (
            ("archived", self.archived),
            ("draft", self.draft),
            ("cancelled", self.cancelled),
            ("past", is_past),
            ("unfinished", not self.lists),
            ("waiting", self.waiting > 0),
            ("open", self.open_lists > 0),
        )
        return next((name for name, is_it in states if is_it), "on_sale")


async def event_overview(
    pool: Pool,
    organization_id: str,
    *,
    text: str | None = None,
    show: Show = "all",
    event_id: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[EventOverview]:
    """Return an organization's events: what is coming, the next first, then what is past, the newest first.

    Events without dates come before all others. `text` selects the events whose title or venue contains it. The
    lists are counted for the page only, so that many events cost no more than their dates. Raises InvalidRequest
    for a wrong cursor; Unavailable.
    """
    after = decode(cursor, int, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_event_overview"), organization_id, event_id, text, show, *after, limit + 1
        )
    async with connection(pool) as acquired:
        named = [record["event_id"] for record in records[:limit]]
        counts = {
            record["event_id"]: record
            for record in await acquired.fetch(sql("count_lists_of_events"), organization_id, named)
        }
    return page_of(
        records, limit, lambda record: _overview(record, counts.get(record["event_id"])), "place", "event_id"
    )


def _overview(record: Record, counts: Record | None) -> EventOverview:
    facts: dict[str, Any] = {name: value for name, value in record.items() if name != "place"}
    for name in ("lists", "open_lists", "waiting", "tickets_waiting", "held"):
        facts[name] = counts[name] if counts else 0
    return EventOverview(**facts)
