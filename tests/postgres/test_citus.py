"""`waiting-list distribute`, against a stand-in for Citus that refuses what its manual says Citus refuses.

Citus itself is not available where these tests run. tests/proofs/test_sql_rules.py checks what Citus requires of
every statement.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from tests.processes.test_cli import command
from tests.support.databases import on
from tests.support.lists import Lists
from waiting_list.postgres.citus import DISTRIBUTED, REFERENCE, DistributionError, distribute
from waiting_list.postgres.pool import Pool, connection

STAND_IN = """
CREATE SCHEMA stand_in;
CREATE TABLE stand_in.pg_dist_partition (
    place serial, logicalrelid regclass PRIMARY KEY, kind text NOT NULL, colocation regclass
);

CREATE FUNCTION stand_in.checked(t regclass, new_kind text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE k record;
BEGIN
    IF EXISTS (SELECT FROM stand_in.pg_dist_partition p WHERE p.logicalrelid = t) THEN
        RAISE EXCEPTION 'table % is already distributed', t;
    END IF;
    FOR k IN SELECT c.* FROM pg_constraint c WHERE c.contype = 'f' AND t IN (c.conrelid, c.confrelid) LOOP
        IF k.confrelid = t AND new_kind = 'distributed' OR NOT EXISTS (
            SELECT FROM stand_in.pg_dist_partition p
            WHERE p.logicalrelid = CASE t WHEN k.conrelid THEN k.confrelid ELSE k.conrelid END
        ) THEN
            RAISE EXCEPTION '% is involved in foreign key %', t, k.conname;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION stand_in.create_reference_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM stand_in.checked(t, 'reference');
    INSERT INTO stand_in.pg_dist_partition (logicalrelid, kind) VALUES (t, 'reference');
END $$;

CREATE FUNCTION stand_in.create_distributed_table(
    t regclass, by_column text, shard_count int DEFAULT NULL, colocate_with text DEFAULT 'default'
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('citus.multi_shard_modify_mode', true) IS DISTINCT FROM 'sequential' THEN
        RAISE EXCEPTION 'cannot distribute in parallel beside foreign keys to reference tables';
    END IF;
    PERFORM stand_in.checked(t, 'distributed');
    IF EXISTS (
        SELECT FROM pg_index x WHERE x.indrelid = t AND x.indisunique AND NOT EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = t AND a.attname = by_column AND a.attnum = ANY (x.indkey)
        )
    ) THEN
        RAISE EXCEPTION 'a unique index of % does not contain %', t, by_column;
    END IF;
    IF (shard_count IS NULL) = (colocate_with = 'default') THEN
        RAISE EXCEPTION 'give the number of shards, or a table to be beside';
    END IF;
    INSERT INTO stand_in.pg_dist_partition (logicalrelid, kind, colocation)
    VALUES (t, 'distributed', nullif(colocate_with, 'default')::regclass);
END $$;
"""


@pytest_asyncio.fixture
async def cluster(server: str, dsn: str) -> AsyncIterator[str]:
    """The database with the stand-in, reached without a pooler, whose connections would not see it."""
    own = on(server, urlsplit(dsn).path.removeprefix("/"))
    direct = await asyncpg.connect(own)
    name = await direct.fetchval("SELECT quote_ident(current_database())")
    await direct.execute(STAND_IN + f"ALTER DATABASE {name} SET search_path = public, stand_in")
    await direct.close()
    yield own


async def kinds(pool: Pool) -> list[tuple[str, str, str | None]]:
    async with connection(pool) as acquired:
        rows = await acquired.fetch(
            "SELECT logicalrelid::text, kind, colocation::text FROM stand_in.pg_dist_partition ORDER BY place"
        )
    return [tuple(row) for row in rows]


async def foreign_keys(pool: Pool) -> list[str]:
    async with connection(pool) as acquired:
        rows = await acquired.fetch(
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS one"
            " FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
        )
    return [row["one"] for row in rows]


async def test_every_table_goes_to_its_place_once_and_keeps_its_foreign_keys(pool: Pool, cluster: str) -> None:
    before = await foreign_keys(pool)
    assert await distribute(cluster, shards=32) == [*REFERENCE, *DISTRIBUTED]
    found = await kinds(pool)
    assert found == [
        *((name, "reference", None) for name in REFERENCE),
        ("inventory", "distributed", None),
        *((name, "distributed", "inventory") for name in DISTRIBUTED[1:]),
    ]
    assert await foreign_keys(pool) == before
    assert await distribute(cluster, shards=32) == []
    assert await kinds(pool) == found


async def test_a_table_of_a_later_version_is_put_beside_the_others(pool: Pool, cluster: str) -> None:
    await distribute(cluster, shards=32)
    before = await foreign_keys(pool)
    async with connection(pool) as acquired:
        await acquired.execute(
            "DELETE FROM stand_in.pg_dist_partition WHERE logicalrelid::text IN ('contacts', 'sessions')"
        )
    assert await distribute(cluster, shards=32) == ["sessions", "contacts"]
    assert (await kinds(pool))[-2:] == [("sessions", "reference", None), ("contacts", "distributed", "inventory")]
    assert await foreign_keys(pool) == before


async def test_the_service_goes_on_and_the_audit_is_clean(pool: Pool, cluster: str) -> None:
    lists = await Lists.make(pool)
    await lists.join("ada")
    shown = command("distribute", "--shards", "16", DATABASE_URL=cluster)
    assert (shown.returncode, shown.stdout.count("\n")) == (0, 1), shown.stderr
    assert "inventory" in shown.stdout
    await lists.join("bob")
    await lists.add_stock(1)
    assert await lists.line() == ["bob"]
    await lists.audit()


async def test_without_the_extension_it_is_one_sentence(dsn: str) -> None:
    refused = command("distribute", DATABASE_URL=dsn)
    assert refused.returncode == 2
    assert refused.stderr == "This database has no Citus. Run CREATE EXTENSION citus on every node first.\n"


async def test_a_table_that_no_rule_covers_is_named_and_nothing_is_distributed(pool: Pool, cluster: str) -> None:
    async with connection(pool) as acquired:
        await acquired.execute("CREATE TABLE of_somebody_else (id int)")
    with pytest.raises(DistributionError, match="of_somebody_else"):
        await distribute(cluster, shards=32)
    assert await kinds(pool) == []


async def test_what_goes_wrong_in_the_middle_undoes_all_of_it(pool: Pool, cluster: str) -> None:
    before = await foreign_keys(pool)
    async with connection(pool) as acquired:
        await acquired.execute("CREATE UNIQUE INDEX wrong ON history (sequence, number)")
    with pytest.raises(asyncpg.RaiseError, match="does not contain list_id"):
        await distribute(cluster, shards=32)
    assert await kinds(pool) == []
    assert await foreign_keys(pool) == before
