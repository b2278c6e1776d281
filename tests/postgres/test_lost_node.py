"""A node of a Citus cluster is lost: the session says so and lives on, and the lists of other nodes are served.

Here a table raises what Citus 14.0 raises, so that it is known without one. docs/citus.md has the rest.
"""

import asyncio

import pytest

from tests.support.databases import connected
from tests.support.lists import Lists
from tests.support.shop import Shop, problem
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import Unavailable

LOST = {
    "08006": "connection to the remote node service@10.0.0.7:5432 failed with the following error: refused",
    "57P01": "terminating connection due to administrator command",
    "XX000": "failure on connection marked as essential: 10.0.0.7:5432",
}
_RAISE = "DO $$ BEGIN RAISE EXCEPTION '{}' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize("code", LOST)
async def test_a_session_that_reports_a_lost_node_is_used_again(pool: Pool, code: str) -> None:
    async with connection(pool) as acquired:
        before = await acquired.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(Unavailable):
        async with connection(pool) as acquired:
            await acquired.execute(_RAISE.format(LOST[code], code))
    async with connection(pool) as acquired:
        assert await acquired.fetchval("SELECT pg_backend_pid()") == before


async def test_a_commit_that_no_node_takes_is_an_outage(pool: Pool) -> None:
    with pytest.raises(Unavailable):
        async with connection(pool) as acquired:
            await acquired.execute(_RAISE.format("could not commit transaction on any active node", "XX000"))


async def test_another_internal_error_is_a_defect(pool: Pool) -> None:
    with pytest.raises(Exception, match="cache lookup failed"):
        async with connection(pool) as acquired:
            await acquired.execute(_RAISE.format("cache lookup failed", "XX000"))


async def test_the_lists_of_other_nodes_are_served(shop: Shop, pool: Pool, dsn: str) -> None:
    await Lists.make(pool)
    events = "/v1/user/events"
    assert (await shop.http.get(events)).json()["items"][0]["waiting_lists"]
    async with connected(dsn) as inside:
        await inside.execute("ALTER TABLE inventory RENAME TO other_nodes")
        await inside.execute(
            "CREATE FUNCTION lost() RETURNS SETOF other_nodes LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{LOST['08006']}' USING ERRCODE = '08006'; END $$"
        )
        await inside.execute("CREATE VIEW inventory AS SELECT lost.* FROM lost()")
    found = await shop.http.get(events)
    assert (found.status_code, found.json()["items"][0]["waiting_lists"]) == (200, [])
    assert (await shop.http.get("/")).status_code == 200
    assert (await shop.http.get("/health/ready")).status_code == 200
    problem(await shop.http.get("/health/ready?late_seconds=60"), 503, "unavailable")


async def test_a_worker_node_is_ready_without_the_coordinator(shop: Shop, dsn: str) -> None:
    assert (await shop.http.get("/health/ready")).status_code == 200
    async with connected(dsn) as inside:
        await inside.execute("ALTER TABLE schema_migrations RENAME TO coordinators")
        await inside.execute(
            "CREATE FUNCTION lost() RETURNS SETOF coordinators LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{LOST['08006']}' USING ERRCODE = '08006'; END $$"
        )
        await inside.execute("CREATE VIEW schema_migrations AS SELECT lost.* FROM lost()")
    await asyncio.sleep(1.1)  # the process asks the database once a second
    assert (await shop.http.get("/health/ready")).status_code == 200


async def test_an_organizer_calls_though_no_use_of_the_key_can_be_noted(shop: Shop, dsn: str) -> None:
    async with connected(dsn) as inside:
        await inside.execute(
            "CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{LOST['08006']}' USING ERRCODE = '08006'; END $$"
        )
        await inside.execute("CREATE TRIGGER lost BEFORE UPDATE ON api_keys EXECUTE FUNCTION lost()")
    assert (await shop.organizer("GET", "/events")).status_code == 200
