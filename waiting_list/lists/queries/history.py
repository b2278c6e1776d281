"""Queries for the history of a list, and of one entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.lists import find_list
from waiting_list.lists.queries.models import Change
from waiting_list.postgres.pagination import Page, decode, encode, page_of
from waiting_list.postgres.pool import Pool, connection, snapshot
from waiting_list.postgres.statements import sql


async def history(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    verb: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Return every change of a list, in order. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (after,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_history"), key.list_id, verb, after or 0, limit + 1, None, None)
    return page_of(records, limit, Change.from_record, "sequence")


@dataclass(frozen=True, kw_only=True)
class HistoryFilter:
    """Which changes of a list to return: those that pass every part that is given."""

    verbs: Sequence[str] | None = None
    actor: Literal["user", "service", "organizer"] | None = None
    """The fans, the service by itself, or organizers: keys and members."""
    numbers: Sequence[int] | None = None
    """The entries; an empty sequence passes no change."""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""


async def filtered_history(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    only: HistoryFilter,
    oldest_first: bool,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Return the changes of a list that pass a filter, the newest or the oldest first.

    A page may have fewer changes than the next one, and even none, because a page looks at a bounded part of the
    history where a filter has no index. Raises InventoryNotFound, InvalidRequest.
    """
    await find_list(pool, key, organization_id)
    (place,) = decode(cursor, int)
    async with snapshot(pool) as acquired:

        async def at(instant: datetime) -> int:
            return int(await acquired.fetchval(sql("read_sequence_at"), key.list_id, instant))

        # From here on, `low` is the first change to look at, and `high` the first one behind the last.
        low = await at(only.since) if only.since else 1
        high = await at(only.until or _LATEST)
        if place is not None:
            low, high = (max(low, place + 1), high) if oldest_first else (low, min(high, place))
        if only.numbers is not None:
            found = await acquired.fetch(
                sql("read_history_of_entries"), key.list_id, [*only.numbers], low, high, _MOST_OF_ENTRIES
            )
            records = [one for one in found if _passes(one["verb"], one["actor"], only)]
            return page_of(records if oldest_first else records[::-1], limit, Change.from_record, "sequence")
        first, last = low, high
        if only.actor and oldest_first:
            last = min(high, low + _LOOKED_AT)
        elif only.actor:
            first = max(low, high - _LOOKED_AT)
        verbs = [*only.verbs] if only.verbs else None
        if oldest_first:
            records = await acquired.fetch(
                sql("read_history"), key.list_id, verbs, first - 1, limit + 1, last, only.actor
            )
        else:
            records = await acquired.fetch(
                sql("read_story"), key.list_id, verbs, last, limit + 1, first, only.actor
            )
    page: Page[Change] = page_of(records, limit, Change.from_record, "sequence")
    if page.next_cursor is None and (first, last) != (low, high):
        page = page._replace(next_cursor=encode([last - 1 if oldest_first else first]))
    return page


_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_LOOKED_AT = 20_000
"""How many changes a page looks at, at most, to find those of an actor."""
_MOST_OF_ENTRIES = 5_000
"""How many changes of the chosen entries a page looks at. Few entries have more than a dozen."""


def _passes(verb: str, actor: str, only: HistoryFilter) -> bool:
    kind = actor if actor in ("user", "service") else "organizer"
    return (not only.verbs or verb in only.verbs) and only.actor in (None, kind)


class LastAudit(NamedTuple):
    """What the last audit of all lists found: when it ended, and how many lists differed from their history."""

    ended_at: datetime
    differences: int


async def last_audit(pool: Pool) -> LastAudit | None:
    """Return what the last audit of all lists found; None before the first."""
    async with connection(pool) as acquired:
        found = await acquired.fetch(sql("read_last_audit"))
    return LastAudit(**found[0]) if found else None


async def story_of_entry(
    pool: Pool, key: ListKey, *, organization_id: str, number: int, limit: int, cursor: str | None
) -> Page[Change]:
    """Return the changes of one entry of a list, the newest first. Raises InventoryNotFound."""
    await find_list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_story_of_entry"), key.list_id, number, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")
