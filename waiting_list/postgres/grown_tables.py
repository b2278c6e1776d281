"""Have PostgreSQL look at tables that have grown.

PostgreSQL plans a statement for the data of its last look, and looks once a minute by itself. A plan for an empty
table reads a whole list where an index would find one row. So a storm in a new installation would be slow for its
first minute.
"""

from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

_SECONDS = 600.0
"""The time limit for one table, because a large one on a cold disk takes longer than other statements may."""


async def analyze_grown_tables(pool: Pool) -> list[str]:
    """Analyze the tables that have become ten times as large, and return their names. Raises Unavailable."""
    async with connection(pool) as acquired:
        names = [row["name"] for row in await acquired.fetch(sql("read_grown_tables"))]
        for name in names:
            await acquired.execute(sql("analyze_table").replace("$1", name), timeout=_SECONDS)
    return names
