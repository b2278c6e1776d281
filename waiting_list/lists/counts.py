"""Count the changes of lists, so that the statistics of a list of any length are read, and not counted.

The worker adds a list's changes to its counts, some at a time. It locks the counts only, so no change of the list
waits. Readers add the changes since to what is counted (the view `uncounted_changes`), so a late worker makes
statistics slower, and never wrong. The audit compares the counts with the history.
"""

from uuid import UUID

from waiting_list.postgres.pool import Pool, connection, snapshot, transaction
from waiting_list.postgres.statements import sql

LEAST_CHANGES = 200
"""How many changes of a list may stay uncounted: readers count them at each call."""
CHANGES_AT_ONCE = 2_000
"""The most changes that one transaction counts, so that the worker soon returns to what is due."""
LISTS_AT_ONCE = 16
SWEPT_AT_ONCE = 100
"""How many lists with few uncounted changes one sweep counts."""


async def count_changes(pool: Pool, *, at_once: int = CHANGES_AT_ONCE) -> bool:
    """Count some changes of the lists with the most uncounted ones; return whether some of them have more.

    Any number of workers may count at the same time. Raises Unavailable.
    """
    async with snapshot(pool) as acquired:
        lists = await acquired.fetch(sql("read_lists_to_count"), LEAST_CHANGES, LISTS_AT_ONCE)
    more = [await count_list(pool, one["list_id"], at_once=at_once) for one in lists]
    return any(more) or len(lists) == LISTS_AT_ONCE


async def sweep_changes(pool: Pool) -> None:
    """Count all changes of the lists that have any, at most so many lists, those with the most first.

    So the statistics of an event and of an organization, which are of counted changes alone, are soon complete.
    Raises Unavailable.
    """
    async with snapshot(pool) as acquired:
        lists = await acquired.fetch(sql("read_lists_to_count"), 1, SWEPT_AT_ONCE)
    for one in lists:
        await count_list(pool, one["list_id"])


async def count_list(pool: Pool, list_id: UUID, *, at_once: int = CHANGES_AT_ONCE) -> bool:
    """Count the next changes of a list, at most so many; return whether it has more. Raises Unavailable."""
    async with connection(pool) as acquired:  # not in the transaction, because it locks the list for its length
        await acquired.execute(sql("insert_counted_list"), list_id)
    async with transaction(pool) as acquired:
        counted = await acquired.fetchrow(sql("claim_counted_list"), list_id)
        if counted is None:  # another worker counts it, or it was deleted
            return False
        last, held_until = counted["last_sequence"], counted["held_sequence"]
        until = min(last, counted["sequence"] + at_once)
        # The tickets held follow, where a version without them has counted.
        following = min(until, held_until + at_once)
        await acquired.execute(sql("add_counts"), list_id, until, held_until, following)
    return bool(following < last)
