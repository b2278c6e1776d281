"""Query for the changes of all lists of an organization, page by page, for receivers that have missed webhooks."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.feed import bring_up_to_date
from waiting_list.lists.queries.models import ListChange
from waiting_list.postgres.pagination import decode, encode
from waiting_list.postgres.pool import Pool, Record, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest

NOW = "now"
"""In place of a cursor: the end of the feed, for receivers that need no older change."""


class ChangePage(NamedTuple):
    """Some changes. `next_after` is the cursor behind them; `more` is whether there were more at that time."""

    items: list[ListChange]
    next_after: str
    more: bool


async def changes(pool: Pool, organization_id: str, *, after: str | None, limit: int) -> ChangePage:
    """Return the changes of an organization's lists behind a cursor, each list in order and without gaps.

    A reader that goes from cursor to cursor gets every change exactly once, however many transactions commit
    meanwhile. Of a list that is deleted, it gets no further change. Raises InvalidRequest for a cursor of another
    feed, and for one that a restored database no longer knows; Unavailable.
    """
    seen, sequence = (None, None) if after == NOW else decode(after, int, int, name="after")
    last = await bring_up_to_date(pool, organization_id)
    if after == NOW:
        return ChangePage([], encode([last, 2**63 - 1]), more=False)
    if seen is not None and seen > last:
        why = "is ahead of the feed, because the database was restored: read the lists, and begin with after=now"
        raise InvalidRequest.of("query.after", why)
    async with snapshot(pool) as acquired:
        parts = await acquired.fetch(sql("read_feed_parts"), organization_id, seen or 0, sequence or 0, limit + 1)
        taken = list(_first(parts, seen, sequence or 0, limit))
        records = await acquired.fetch(
            sql("read_changes"), organization_id, [one[1] for one in taken], [one[2] for one in taken]
        )
    if taken:
        seen, _, sequence = taken[-1]
    at_end = not parts or (seen, sequence) == (parts[-1]["position"], parts[-1]["until_sequence"])
    items = [ListChange.from_record(record) for record in records]
    return ChangePage(items, encode([seen or 0, sequence or 0]), more=not at_end)


def _first(parts: list[Record], seen: int | None, after: int, limit: int) -> Iterator[tuple[int, UUID, int]]:
    """Yield the position, list and sequence of the first changes of the parts; one of them may be seen in part."""
    for part in parts:
        position, list_id, first, until = part
        if position == seen:
            first = max(first, after)
        for sequence in range(first + 1, min(until, first + limit) + 1):
            yield position, list_id, sequence
            limit -= 1
        if limit == 0:
            return
