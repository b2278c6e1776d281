"""Tables that have grown: PostgreSQL looks at them soon, so that no plan for an empty table lives long."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from bench.fill import fill
from tests.support.lists import Lists
from tests.support.until import until, working
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.grown_tables import analyze_grown_tables
from waiting_list.postgres.pool import connection

_UNCOUNTED = """
SELECT count(*) FROM history h JOIN entries e ON e.list_id = h.list_id AND e.number = h.number
WHERE h.list_id = $1 AND h.sequence > $2
"""
_HISTORY = """
INSERT INTO history (list_id, at, sequence, actor, verb, number, after)
SELECT $1, now(), n, 'user', 'join', n, '{}' FROM generate_series(2, $2::bigint) n
"""


async def grow(lists: Lists, waiting: int) -> None:
    async with connection(lists.pool) as acquired:
        await acquired.execute("VACUUM ANALYZE entries, segments, inventory")
        day = lists.now + timedelta(days=1)
        await fill(acquired, lists.key.list_id, ready=0, waiting=waiting, joined_at=lists.now, ready_until=day)


async def looked_at(lists: Lists) -> int:
    (row,) = await lists.rows("SELECT reltuples::integer AS rows FROM pg_class WHERE relname = 'entries'")
    return int(row["rows"])


async def test_postgres_looks_at_a_table_that_has_grown_and_at_no_other(lists: Lists) -> None:
    assert await analyze_grown_tables(lists.pool) == []
    await grow(lists, 20_000)
    assert await looked_at(lists) == 0
    assert "entries" in await analyze_grown_tables(lists.pool)
    assert await looked_at(lists) == 20_000
    assert await analyze_grown_tables(lists.pool) == []


async def test_the_worker_has_postgres_look(lists: Lists) -> None:
    await grow(lists, 20_000)

    async def has_looked() -> bool:
        return await looked_at(lists) == 20_000

    async with working(Maintenance(lists.pool, lists.engine)):
        await until(has_looked)


async def test_a_plan_that_was_made_for_an_empty_table_is_made_anew(lists: Lists) -> None:
    asked = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE uncounted('{lists.key.list_id}', 19900)"
    async with lists.pool.acquire() as acquired:

        async def rows_read() -> int:
            plan = json.loads(await acquired.fetchval(asked))[0]["Plan"]
            return sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes(plan))

        await acquired.execute("VACUUM ANALYZE entries, history, inventory")
        await acquired.execute(f"PREPARE uncounted (uuid, bigint) AS {_UNCOUNTED}")
        await rows_read()
        await acquired.execute(_HISTORY, lists.key.list_id, 20_000)
        assert await rows_read() > 10_000
        await analyze_grown_tables(lists.pool)
        assert await rows_read() < 1_000
        await acquired.execute("DEALLOCATE uncounted")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for node in plan.get("Plans", ()):
        yield from nodes(node)
