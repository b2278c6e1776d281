"""Keep the feed of an organization: all changes of its lists, in one order that a reader can go on with.

Changes of different lists have no common order. A feed gives them one when it is read: under its lock it reads how
far each list has come, and appends the part of the history that it lacks, at the next position. What has been
committed by then is in a part, once; what commits later is in a later one. So a position alone says what a reader
has seen of every list. A feed has at most as many parts as its histories have rows.
"""

from uuid import UUID

from waiting_list.postgres.pool import Connection, Pool, connection, transaction
from waiting_list.postgres.statements import sql

_UNKNOWN = -1
"""The number of lists of a feed that may lack changes, whatever the totals say."""


async def bring_up_to_date(pool: Pool, organization_id: str) -> int:
    """Append to a feed what has been committed and is missing, and return its last position.

    While no list has changed, it reads the totals and locks nothing. Raises Unavailable.
    """
    async with connection(pool) as acquired:
        totals = await acquired.fetchrow(sql("read_feed_totals"), organization_id)
        feed = await acquired.fetchrow(sql("read_feed"), organization_id)
    assert totals is not None
    if feed is not None and (feed["lists"], feed["changes"]) == (totals["lists"], totals["changes"]):
        return int(feed["position"])
    async with transaction(pool) as acquired:
        position: int = await acquired.fetchval(sql("lock_feed"), organization_id)
        # After the lock, so that no list is deleted between this look and the commit: `forget_list` waits.
        lists = await acquired.fetch(sql("read_last_sequences"), organization_id)
        ids, last = [one["list_id"] for one in lists], [one["last_sequence"] for one in lists]
        new = await acquired.fetch(sql("insert_feed_parts"), organization_id, position, ids, last)
        position += len(new)
        await acquired.execute(sql("update_feed"), organization_id, position, len(lists), sum(last))
    return position


async def forget_list(acquired: Connection, organization_id: str, list_id: UUID) -> None:
    """Take a list out of the feed, in the transaction that deletes it.

    A later list with the same id begins anew, and the readers get its changes from the first.
    """
    position = await acquired.fetchval(sql("lock_feed"), organization_id)
    await acquired.execute(sql("delete_feed_parts"), organization_id, list_id)
    await acquired.execute(sql("update_feed"), organization_id, position, _UNKNOWN, 0)
