"""The query for look-alikes: groups of entries of one list that look like one person."""

from datetime import timedelta

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.models import Lookalikes, Signal
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, Record, snapshot
from waiting_list.postgres.statements import sql

AT_LEAST = 3
"""The fewest entries that make a group; the same number within `BURST` makes a burst."""
BURST = timedelta(minutes=1)
"""The length of a burst."""


async def read_lookalikes(pool: Pool, key: ListKey, *, limit: int, cursor: str | None) -> Page[Lookalikes]:
    """Return groups of active entries that look like one person, the largest first.

    The call reads all traces of the list. Raises InvalidRequest, Unavailable.
    """
    (after,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_lookalikes"), key.list_id, AT_LEAST, BURST, after, limit + 1)
    return page_of(records, limit, _group, "place")


def _group(record: Record) -> Lookalikes:
    found = {Signal(record["kind"])}
    if record["is_both"]:
        found |= {Signal.NETWORK, Signal.ADDRESS_FAMILY}
    if record["is_burst"]:
        found.add(Signal.BURST)
    return Lookalikes.from_record(record, signals=tuple(one for one in Signal if one in found))
