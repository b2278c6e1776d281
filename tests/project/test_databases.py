"""A reused database contains no trace of the test before."""

import asyncio
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.support.databases import Databases, connected, on
from tests.support.lists import Lists
from waiting_list.postgres.pool import connect_pool
from waiting_list.settings import Settings

TEMPLATE = """
CREATE TABLE counted (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text);
CREATE TABLE refers (n integer REFERENCES counted);
CREATE TABLE given AS SELECT 'a rule' AS word;
CREATE SEQUENCE tickets;
CREATE INDEX words ON counted (word);
"""
TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
)
SIZE = (
    "SELECT relpages || ' ' || reltuples || ' ' || pg_relation_size(oid) FROM pg_class WHERE relname = 'counted'"
)


@pytest_asyncio.fixture(scope="module")
async def small(server: str) -> AsyncIterator[str]:
    """A small template."""
    name = f"small_{os.getpid()}"
    async with connected(server) as administrator:
        await administrator.execute(f"CREATE DATABASE {name}")
        async with connected(on(server, name)) as inside:
            await inside.execute(TEMPLATE)
        yield name
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def lender(server: str, small: str) -> AsyncIterator[Databases]:
    """Lends copies of it."""
    lender = Databases(server, small, prefix=f"{small}_copy")
    yield lender
    await lender.end()


async def use(lender: Databases, server: str, *statements: str) -> None:
    """One test, which does this."""
    async with lender.lent() as name, connected(on(server, name)) as inside:
        for statement in statements:
            await inside.execute(statement)


async def look(lender: Databases, server: str, query: str) -> object:
    """What the next test sees."""
    async with lender.lent() as name, connected(on(server, name)) as inside:
        return await inside.fetchval(query)


async def rows_in(server: str, name: str) -> dict[str, int]:
    """How many rows each table has."""
    async with connected(on(server, name)) as inside:
        tables = [row["table_name"] for row in await inside.fetch(TABLES)]
        return {table: await inside.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_rows_are_gone_and_their_numbers_begin_anew(lender: Databases, server: str) -> None:
    insert = "INSERT INTO counted (word) VALUES ('x'), ('y')"
    await use(lender, server, insert, "INSERT INTO refers VALUES (2)")
    assert await look(lender, server, "SELECT (SELECT count(*) FROM counted) + (SELECT count(*) FROM refers)") == 0
    assert await look(lender, server, "INSERT INTO counted (word) VALUES ('z') RETURNING n") == 1
    assert await look(lender, server, "SELECT word FROM given") == "a rule"
    assert lender.made == 1


async def test_the_planner_knows_nothing_of_the_rows_before(lender: Databases, server: str) -> None:
    new = await look(lender, server, SIZE)
    await use(lender, server, "INSERT INTO counted (word) SELECT 'x' FROM generate_series(1, 1000)")
    assert await look(lender, server, SIZE) == new
    assert lender.made == 1
    await use(lender, server, "INSERT INTO counted (word) VALUES ('x')", "ANALYZE counted")
    assert await look(lender, server, "SELECT count(*) FROM pg_stats WHERE tablename = 'counted'") == 0
    assert await look(lender, server, SIZE) == new


@pytest.mark.parametrize(
    ("change", "look_for", "new"),
    [
        ("SELECT nextval('tickets')", "nextval('tickets')", 1),
        ("SELECT setval('tickets', 7, false)", "nextval('tickets')", 1),
        ("UPDATE given SET word = 'another'", "max(word) FROM given", "a rule"),
        ("DELETE FROM given", "max(word) FROM given", "a rule"),
        ("INSERT INTO given VALUES ('more')", "count(*) FROM given", 1),
        ("CREATE TABLE own ()", "count(*) FROM pg_class WHERE relname = 'own'", 0),
        ("DROP TABLE refers", "count(*) FROM pg_class WHERE relname = 'refers'", 1),
        ("ALTER TABLE refers ADD own integer", "count(*) FROM pg_attribute WHERE attname = 'own'", 0),
        ("ALTER TABLE refers ALTER n SET NOT NULL", "count(*) FROM pg_constraint WHERE conname ~ 's_n_not'", 0),
        ("ALTER TABLE refers DROP CONSTRAINT refers_n_fkey", "count(*) FROM pg_constraint WHERE contype = 'f'", 1),
        ("ALTER TABLE given SET (fillfactor = 50)", "reloptions[1] FROM pg_class WHERE relname = 'given'", None),
        ("CREATE INDEX own ON counted (word)", "count(*) FROM pg_class WHERE relname = 'own'", 0),
        ("DROP INDEX words", "count(*) FROM pg_class WHERE relname = 'words'", 1),
        ("CREATE FUNCTION own() RETURNS int RETURN 1", "count(*) FROM pg_proc WHERE proname = 'own'", 0),
        ("CREATE SCHEMA own", "to_regnamespace('own')", None),
        ("COMMENT ON TABLE given IS 'x'", "obj_description('given'::regclass)", None),
        ("SELECT lo_create(0)", "count(*) FROM pg_largeobject_metadata", 0),
        ("GRANT SELECT ON given TO PUBLIC", "relacl::text FROM pg_class WHERE relname = 'given'", None),
    ],
)
async def test_whatever_else_was_changed_is_as_it_was(
    lender: Databases, server: str, change: str, look_for: str, new: object
) -> None:
    await use(lender, server, change)
    assert await look(lender, server, f"SELECT {look_for}") == new
    assert lender.made == 2


async def test_settings_of_a_database_end_with_its_test(lender: Databases, server: str) -> None:
    for change in (
        "SET work_mem = '1MB'",
        "SET search_path = nowhere",
        "CONNECTION LIMIT 3",
        "ALLOW_CONNECTIONS false",
    ):
        async with lender.lent() as name, connected(server) as administrator:
            await administrator.execute(f"ALTER DATABASE {name} {change}")
        query = (
            "SELECT current_setting('work_mem') || current_setting('search_path') || datconnlimit"
            " FROM pg_database WHERE datname = current_database()"
        )
        assert await look(lender, server, query) == '4MB"$user", public-1'


async def test_whoever_stays_connected_keeps_the_database_from_the_next(lender: Databases, server: str) -> None:
    async with lender.lent() as name:
        left = await asyncpg.connect(on(server, name))
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await left.fetch("SELECT 1")
    assert await look(lender, server, "SELECT 1") == 1
    assert lender.made == 2


async def test_two_at_once_have_one_each(lender: Databases, server: str) -> None:
    async with lender.lent() as one, lender.lent() as other:
        assert one != other
    async with lender.lent() as again:
        assert again in {one, other}
    assert lender.made == 2


async def test_a_busy_service_leaves_an_empty_database(server: str, template: str) -> None:
    databases = Databases(server, template, prefix=f"busy_{os.getpid()}")

    async def rows() -> dict[str, int]:
        async with databases.lent() as name:
            return await rows_in(server, name)

    before = await rows()
    async with databases.lent() as name:
        pool = await connect_pool(Settings(), on(server, name))
        lists = await Lists.make(pool)
        await asyncio.gather(*(lists.join(f"u{n}", 1) for n in range(20)))
        await lists.add_stock(5)
        await lists.leave("u7")
        await pool.close()
        assert (await rows_in(server, name))["entries"] == 20
    assert await rows() == before
    assert databases.made == 1
    assert before["entries"] == 0
    assert before["signing_keys"] == 4
    await databases.end()
