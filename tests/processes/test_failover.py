"""A database that moves to another machine: the service replaces its connections to the old one."""

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.support.lists import LIST, USER, Lists
from tests.support.relay import relayed
from waiting_list.lists import verbs
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import Answer
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.outage import _Outage
from waiting_list.postgres.pool import Pool, connect_pool, connection, transaction
from waiting_list.problems import Unavailable
from waiting_list.settings import Settings

SETTINGS = Settings(statement_timeout_seconds=0.5)


@pytest.fixture
def dsn(dsn: str, server: str) -> str:
    """The test's database, never through a pooler: it would make connections of its own."""
    return urlunsplit(urlsplit(server)._replace(path=urlsplit(dsn).path))


async def test_a_host_that_is_silent_does_not_keep_the_others_from_being_found(dsn: str) -> None:
    async with relayed(dsn, relays=3) as (hosts, through):
        hosts[0].fall_silent()
        pool = await connect_pool(SETTINGS, through)
        async with asyncio.timeout(4), connection(pool) as acquired:
            assert await acquired.fetchval("SELECT 1") == 1
        assert await migrate(through) == []
        await pool.close()


async def test_of_several_hosts_one_connection_stays(dsn: str, pool: Pool) -> None:
    async with relayed(dsn, relays=3) as (_, through):
        several = await connect_pool(SETTINGS, through)
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        async with asyncio.timeout(5), connection(pool) as other:
            before = await other.fetchval(query)
            async with connection(several) as acquired:
                await acquired.fetchval("SELECT 1")
            while await other.fetchval(query) != before + 1:
                await asyncio.sleep(0.01)
        await several.close()


async def test_when_a_machine_is_lost_only_what_was_under_way_waits_for_it(dsn: str) -> None:
    async with relayed(dsn, relays=2) as (hosts, through):
        hosts[1].fall_silent()
        pool = await connect_pool(Settings(statement_timeout_seconds=3), through)
        async with connection(pool) as one, connection(pool) as two, connection(pool) as three:
            for acquired in (one, two, three):
                await acquired.fetchval("SELECT 1")

        async def change() -> None:
            async with transaction(pool) as acquired:
                # The other one takes over: three connections lead nowhere, and nobody says so.
                hosts[0].fall_silent()
                hosts[1].speak()
                await acquired.fetchval("SELECT 1")

        began = time.monotonic()
        with pytest.raises(Unavailable):
            await change()
        # The limit of a statement, and a second in which it is cancelled if anybody is there.
        assert time.monotonic() - began < 5
        began = time.monotonic()
        async with transaction(pool) as acquired:
            assert await acquired.fetchval("SELECT 1") == 1
        assert time.monotonic() - began < 0.5
        pool.terminate()


async def test_a_statement_that_takes_too_long_is_cancelled_on_a_server_that_is_there(
    dsn: str, pool: Pool
) -> None:
    slow = await connect_pool(SETTINGS, dsn)
    with pytest.raises(Unavailable):
        async with transaction(slow) as acquired:
            await acquired.execute("SELECT pg_sleep(60)")
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    async with connection(pool) as acquired:
        assert await acquired.fetchval(query) == 0
    await slow.close()


async def test_a_connection_to_a_standby_is_given_up_once_it_refuses_a_change(dsn: str, pool: Pool) -> None:
    async with connection(pool) as acquired:
        # As a standby does, a session that is made from now on refuses changes.
        await acquired.execute(f"ALTER DATABASE {urlsplit(dsn).path[1:]} SET default_transaction_read_only = on")
    turned = await connect_pool(SETTINGS, dsn)
    pids = set()

    async def change() -> None:
        async with transaction(turned) as acquired:
            pids.add(await acquired.fetchval("SELECT pg_backend_pid()"))
            await acquired.execute("DELETE FROM sessions")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await change()
    assert len(pids) == 2
    await turned.close()


async def test_who_began_before_the_end_of_an_outage_and_fails_after_it_begins_no_new_one() -> None:
    outage = _Outage()
    with capture_logs() as logged:
        outage.failed(ConnectionRefusedError("gone"), since=0.0, now=1.0)
        outage.failed(ConnectionRefusedError("gone"), since=1.0, now=2.0)
        outage.answered(now=2.5)
        outage.answered(now=3.5)
        outage.failed(TimeoutError(), since=1.5, now=4.0)
        assert [one["event"] for one in logged] == ["database_unreachable", "database_reachable_again"]
        outage.failed(TimeoutError(), since=3.6, now=9.0)
    assert [one["event"] for one in logged][2:] == ["database_unreachable"]


async def test_a_join_that_no_standby_has_is_not_acknowledged_however_often_it_is_repeated() -> None:
    repeated = Idempotency.of(caller="ada", key="a", request="join")
    with tempfile.TemporaryDirectory(prefix="wl-test-") as name:
        Path(name).chmod(0o711)
        with embedded(Path(name), extra_settings={"fsync": "off"}) as dsn:
            await migrate(dsn)
            pool = await connect_pool(SETTINGS, dsn)
            lists = await Lists.make(pool)

            async def join() -> Answer:
                caller = replace(USER, idempotency=repeated)
                return await lists.engine.run(LIST, caller, verbs.join, user_id="ada", tickets_wanted=1)

            await _wait_for_standbys(dsn, "a standby that is lost")
            # The first is cancelled while it waits for the standby, and so is committed on this server alone.
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await join()
                async with connection(pool) as acquired:
                    assert await acquired.fetchval("SELECT count(*) FROM entries") == 1
            await _wait_for_standbys(dsn, "")
            answer = await join()
            assert answer.entry is not None
            assert answer.entry.number == 1
            await pool.close()


async def _wait_for_standbys(dsn: str, names: str) -> None:
    administrator = await asyncpg.connect(dsn)
    await administrator.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{quoted(names)}'")
    await administrator.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(5):
        while await administrator.fetchval("SHOW synchronous_standby_names") != quoted(names):
            await asyncio.sleep(0.01)
    await administrator.close()


def quoted(names: str) -> str:
    return f'"{names}"' if names else ""
