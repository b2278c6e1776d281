"""`waiting-list distribute`, against a stand-in for Citus that refuses what its manual says Citus refuses.

Citus itself is in no package registry. tests/proofs/test_sql_rules.py checks what Citus requires of every
statement, and `make test-citus` runs the tests on a real one (docs/citus.md).
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from tests.processes.test_cli import command
from tests.support.databases import on
from tests.support.lists import Lists
from waiting_list.postgres.citus import DISTRIBUTED, LOCAL, NODE_SETTINGS, REFERENCE, DistributionError, distribute
from waiting_list.postgres.pool import Pool, connect_pool, connection, has_citus
from waiting_list.settings import Settings

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

CREATE FUNCTION stand_in.citus_add_local_table_to_metadata(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM stand_in.checked(t, 'local');
    INSERT INTO stand_in.pg_dist_partition (logicalrelid, kind) VALUES (t, 'local');
END $$;

CREATE FUNCTION stand_in.relation_is_a_known_shard(t regclass) RETURNS bool LANGUAGE sql AS $$
    SELECT t::text ~ '_102[0-9]{3}$'
$$;

CREATE TABLE stand_in.pg_dist_local_group (groupid int);
INSERT INTO stand_in.pg_dist_local_group VALUES (0);

CREATE TABLE stand_in.pg_dist_node (nodeid int PRIMARY KEY, nodename text NOT NULL, nodeport int NOT NULL);
INSERT INTO stand_in.pg_dist_node VALUES (1, 'one', 5432);

CREATE FUNCTION stand_in.run_command_on_all_nodes(command text)
RETURNS TABLE (nodeid int, success bool, result text) LANGUAGE plpgsql AS $$
BEGIN
    nodeid := 1;
    success := true;
    EXECUTE command INTO result;
    RETURN NEXT;
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
    assert await distribute(cluster, shards=32) == [*REFERENCE, *LOCAL, *DISTRIBUTED]
    found = await kinds(pool)
    assert found == [
        *((name, "reference", None) for name in REFERENCE),
        *((name, "local", None) for name in LOCAL),
        ("inventory", "distributed", None),
        *((name, "distributed", "inventory") for name in DISTRIBUTED[1:]),
    ]
    assert await foreign_keys(pool) == before
    assert await distribute(cluster, shards=32) == []
    assert await kinds(pool) == found


async def test_every_node_gets_the_settings_of_the_services_connections(pool: Pool, cluster: str) -> None:
    await distribute(cluster, shards=32)
    direct = await asyncpg.connect(cluster)
    found = {name: await direct.fetchval("SELECT current_setting($1)", name) for name in NODE_SETTINGS}
    await direct.close()
    assert found == NODE_SETTINGS


async def test_a_node_that_citus_leaves_out_is_named_with_what_to_run_there(pool: Pool, cluster: str) -> None:
    async with connection(pool) as acquired:
        await acquired.execute(
            "CREATE OR REPLACE FUNCTION stand_in.run_command_on_all_nodes(command text)"
            " RETURNS TABLE (nodeid int, success bool, result text) LANGUAGE sql AS $$ SELECT 1, true, '0' $$"
        )
    with pytest.raises(
        DistributionError, match=r"one:5432\. Run there: ALTER DATABASE \S+ SET enable_seqscan = 'off'"
    ):
        await distribute(cluster, shards=32)


async def test_plans_are_left_to_citus_and_pinned_without_it(dsn: str, cluster: str) -> None:
    for has, mode in ((True, "force_custom_plan"), (False, "force_generic_plan")):
        opened = await connect_pool(Settings(), cluster)
        async with connection(opened) as acquired:
            assert (has_citus(acquired), await acquired.fetchval("SHOW plan_cache_mode")) == (has, mode)
            await acquired.execute("ALTER TABLE IF EXISTS stand_in.pg_dist_partition RENAME TO gone")
        await opened.close()


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


async def test_a_shard_is_no_table_of_its_own(pool: Pool, cluster: str) -> None:
    async with connection(pool) as acquired:
        await acquired.execute("CREATE TABLE allowances_102017 (id int)")
    assert "allowances" in await distribute(cluster, shards=32)


async def test_a_worker_node_is_told_where_to_run_the_commands(pool: Pool, cluster: str) -> None:
    await distribute(cluster, shards=32)
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE stand_in.pg_dist_local_group SET groupid = 1")
    refused = command("distribute", DATABASE_URL=cluster)
    assert (refused.returncode, refused.stderr) == (
        2,
        "This is a worker node. Run the command on the coordinator.\n",
    )
    done = command("migrate", DATABASE_URL=cluster)
    assert (done.returncode, done.stdout) == (0, "Nothing to apply.\n"), done.stderr
    async with connection(pool) as acquired:
        await acquired.execute(
            "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)"
        )
    refused = command("migrate", DATABASE_URL=cluster)
    assert (refused.returncode, refused.stderr) == (
        2,
        "This is a worker node of a Citus cluster. Run on the coordinator: waiting-list migrate\n",
    )


async def test_what_goes_wrong_in_the_middle_undoes_all_of_it(pool: Pool, cluster: str) -> None:
    before = await foreign_keys(pool)
    async with connection(pool) as acquired:
        await acquired.execute("CREATE UNIQUE INDEX wrong ON history (sequence, number)")
    with pytest.raises(asyncpg.RaiseError, match="does not contain list_id"):
        await distribute(cluster, shards=32)
    assert await kinds(pool) == []
    assert await foreign_keys(pool) == before
