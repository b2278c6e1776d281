"""Migrations of a database that is in use: afterwards its data is right, and the audit has no finding."""

import re
from typing import Any

import pytest

from tests.support.lists import Lists
from waiting_list.lists.ranks import SEGMENT_LEVELS
from waiting_list.postgres.migrate import MigrationError, migrate, migrations
from waiting_list.postgres.multi_host import connect
from waiting_list.postgres.pool import connection

BEFORE_LEVELS = """
DROP VIEW shown_entries;
DELETE FROM segments WHERE bits <> 30;
ALTER TABLE segments DROP CONSTRAINT segments_pkey, DROP COLUMN bits,
    ADD CONSTRAINT segments_pkey PRIMARY KEY (list_id, segment);
DELETE FROM schema_migrations WHERE version = 3;
"""


def _all_migrations() -> str:
    return "\n".join(one.text for one in migrations())


async def test_segments_get_their_levels_from_the_entries_that_wait(lists: Lists, dsn: str) -> None:
    for n in range(100):
        await lists.join(f"u{n}", 1 + n % 3)
    await lists.leave("u7")
    await lists.add_stock(4)
    await lists.move("u50", to="first")
    line = await lists.line()
    async with connection(lists.pool) as acquired:
        await acquired.execute(BEFORE_LEVELS)
    await lists.pool.expire_connections()
    assert await migrate(dsn) == ["0003_levels"]
    # As the migrations after it leave it.
    views = re.findall(
        r"CREATE OR REPLACE VIEW shown_entries AS.*?;$", _all_migrations(), re.DOTALL | re.MULTILINE
    )
    async with connection(lists.pool) as acquired:
        await acquired.execute(views[-1])
    assert await lists.line() == line
    await lists.audit()
    async with connection(lists.pool) as acquired:
        counted = await acquired.fetch("SELECT bits, sum(waiting)::integer AS waiting FROM segments GROUP BY bits")
    assert {row["bits"]: row["waiting"] for row in counted} == dict.fromkeys(SEGMENT_LEVELS, len(line))
    await lists.leave("u60")
    await lists.join("late", 2)
    await lists.audit()


async def test_migrating_again_does_nothing_and_a_changed_file_is_noticed(lists: Lists, dsn: str) -> None:
    assert await migrate(dsn) == []
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 2")
    with pytest.raises(MigrationError, match="0002_queue"):
        await migrate(dsn)


async def test_a_start_on_a_migrated_database_takes_few_statements(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    async def logged(*arguments: Any, **options: Any) -> Any:
        acquired = await connect(*arguments, **options)
        acquired.add_query_logger(lambda query: sent.append(query.query))
        return acquired

    monkeypatch.setattr("waiting_list.postgres.migrate.connect", logged)
    assert await migrate(dsn) == []
    assert 0 < len(sent) < 10
