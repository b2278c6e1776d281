"""Clear the salts that processes of an older version leave when they erase reasons, as during an upgrade."""

from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

_LISTS_AT_ONCE = 500


async def forget_salts(pool: Pool) -> None:
    """Clear the salts of all erased reasons. It reads an index that is empty otherwise. Raises Unavailable."""
    while True:
        async with connection(pool) as acquired:
            lists = await acquired.fetch(sql("read_lists_with_salts"), _LISTS_AT_ONCE)
            for one in lists:
                await acquired.execute(sql("forget_salts"), one["list_id"])
        if len(lists) < _LISTS_AT_ONCE:
            return
