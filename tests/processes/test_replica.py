"""Polls from a real standby: while it keeps up, when it lags, and when it dies."""

import asyncio
import contextlib
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.conftest import _FAST
from tests.support.databases import Databases, on
from tests.support.lists import ORGANIZATION, Lists
from tests.support.relay import relayed
from tests.support.standby import Standby, standby_of
from tests.support.until import until
from waiting_list.lists.models import Status
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.live import Live
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool
from waiting_list.settings import Settings


async def looked(reads: CoalescedReads) -> Pool:
    """Where polls are read half a second later, when the standby has been looked at once more."""
    reads._replica._looked_at = time.monotonic() - 0.7
    reads._replica.pool()
    assert reads._replica._looking is not None
    await reads._replica._looking
    return reads._replica.pool()


class Pair:
    """A primary with a list, its standby, and polls that ask the standby."""

    def __init__(self, lists: Lists, standby: Pool, process: "subprocess.Popen[bytes]") -> None:
        self.lists = lists
        self.standby = standby
        self.process = process
        self.reads = CoalescedReads(lists.pool, Settings(), standby)

    async def status(self, user_id: str) -> Status:
        found = await self.reads.poll(self.lists.key, user_id, organization_id=ORGANIZATION)
        return found.status

    def asks_the_standby(self) -> bool:
        return self.reads._replica.pool() is self.standby

    async def looks(self) -> bool:
        """As half a second later, and again."""
        for _ in range(2):
            asked = await looked(self.reads) is self.standby
        return asked

    async def caught_up(self) -> None:
        """The standby has replayed all that the primary has written."""
        (written,) = await self.lists.rows("SELECT pg_current_wal_insert_lsn()::text AS at")

        async def is_there() -> bool:
            query = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
            async with self.standby.acquire() as acquired:
                return bool(await acquired.fetchval(query, written["at"]))

        await until(is_there)

    async def follows(self) -> bool:
        """The standby has the list's database, and is sent what is written."""
        try:
            async with self.standby.acquire() as acquired:
                return bool(await acquired.fetchval("SELECT EXISTS (SELECT FROM pg_stat_wal_receiver)"))
        except asyncpg.PostgresError:  # no such database yet
            return False

    async def do(self, statement: str) -> None:
        async with self.standby.acquire() as acquired:
            await acquired.fetch(statement)


@pytest_asyncio.fixture(scope="module")
async def primary() -> AsyncIterator[str]:
    """A server of these tests' own, whose database is migrated."""
    with tempfile.TemporaryDirectory(prefix="wl-test-") as name:
        Path(name).chmod(0o711)
        with embedded(Path(name), extra_settings=_FAST) as dsn:
            await migrate(dsn)
            yield dsn


@pytest.fixture(scope="module")
def lasting(primary: str) -> Iterator[Standby]:
    """Its standby, which no test ends."""
    with standby_of(primary) as standby:
        yield standby


@contextlib.asynccontextmanager
async def paired(primary: str, standby: Standby) -> AsyncIterator[Pair]:
    """Both on a database of the test's own, when the standby has it and follows."""
    template = urlsplit(primary).path[1:]
    async with Databases(on(primary, "postgres"), template, prefix="pair", reuse=False).lent() as name:
        standby_dsn, process = standby
        on_primary = await connect_pool(Settings(), on(primary, name))
        on_standby = await connect_pool(Settings(), on(standby_dsn, name))
        pair = Pair(await Lists.make(on_primary), on_standby, process)
        try:
            await until(pair.follows, seconds=20)
            await pair.caught_up()
            yield pair
            if process.poll() is None:
                await pair.do("SELECT pg_wal_replay_resume()")
        finally:
            for pool in (on_standby, on_primary):
                pool.terminate()


@pytest_asyncio.fixture
async def pair(primary: str, lasting: Standby) -> AsyncIterator[Pair]:
    async with paired(primary, lasting) as pair:
        yield pair


@pytest_asyncio.fixture
async def mortal(primary: str) -> AsyncIterator[Pair]:
    """A pair with a standby that the test may kill."""
    with standby_of(primary) as standby:
        async with paired(primary, standby) as pair:
            yield pair


async def test_a_standby_answers_while_it_keeps_up_and_never_that_a_fan_has_not_joined(pair: Pair) -> None:
    lists = pair.lists
    await lists.join("eve")
    await pair.caught_up()
    assert await pair.looks()
    await pair.do("SELECT pg_wal_replay_pause()")
    # It does not know of these; the primary is asked.
    await lists.join("ada")
    assert await pair.status("ada") is Status.WAITING
    snapshot = await pair.reads.queue_snapshot(lists.key)
    assert snapshot.body
    await pair.do("SELECT pg_wal_replay_resume()")

    await pair.caught_up()
    # What it does know, it is asked: the primary may be away.
    away = CoalescedReads(
        await connect_pool(Settings(), "postgresql://nobody@127.0.0.1:1/none"), Settings(), pair.standby
    )
    away._replica._trusted, away._replica._looked_at = True, time.monotonic() + 60
    found = await away.poll(lists.key, "ada", organization_id=ORGANIZATION)
    assert found.position == 2
    assert (await away.queue_snapshot(lists.key)).body == (await pair.reads.queue_snapshot(lists.key)).body


async def test_who_left_and_joined_again_is_told_of_the_new_place(pair: Pair) -> None:
    lists = pair.lists
    await lists.join("ada")
    await lists.leave("ada")
    await pair.caught_up()
    assert await pair.looks()
    await pair.do("SELECT pg_wal_replay_pause()")
    await lists.join("ada")
    assert await pair.status("ada") is Status.WAITING


async def test_who_watches_is_told_at_once_however_far_behind_the_standby_is(pair: Pair) -> None:
    lists = pair.lists
    await lists.join("ada")
    await pair.caught_up()
    assert await pair.looks()
    live = Live(lists.pool, pair.reads)
    watcher = await live.watch(lists.key, "ada", organization_id=ORGANIZATION)
    await live.look()
    await pair.do("SELECT pg_wal_replay_pause()")
    await lists.add_stock(1)
    assert await pair.status("ada") is Status.WAITING  # so the standby was asked
    watcher.take()
    await live.look()
    told = watcher.take()
    assert told is not None
    assert told.status is Status.READY
    # Whoever acts on an entry, or has just changed it, sees it as it is.
    entry = await pair.reads.entry(lists.key, "ada", organization_id=ORGANIZATION)
    assert entry.status is Status.READY


async def test_a_standby_that_lags_is_left_alone_until_it_keeps_up(pair: Pair) -> None:
    with capture_logs() as logged:
        await pair.lists.join("ada")
        await pair.caught_up()
        assert await pair.looks()
        await pair.do("SELECT pg_wal_replay_pause()")
        await pair.lists.join("bob")

        async def lags() -> bool:
            return not await pair.looks()

        await until(lags, seconds=10)
        await pair.do("SELECT pg_wal_replay_resume()")
        await until(pair.looks, seconds=10)
    assert [one["event"] for one in logged] == ["replica_left_alone", "replica_keeps_up"]


async def test_a_standby_that_is_killed_is_noticed_by_nobody_who_polls(mortal: Pair) -> None:
    await mortal.lists.join("ada")
    assert await mortal.looks()
    with capture_logs() as logged:
        mortal.process.kill()
        statuses = await asyncio.gather(*(mortal.status("ada") for _ in range(50)))
        assert set(statuses) == {Status.WAITING}
        assert (await mortal.reads.queue_snapshot(mortal.lists.key)).body
        assert not await mortal.looks()
    assert [one["event"] for one in logged] == ["replica_left_alone"]


async def test_what_was_seen_long_ago_says_nothing_of_now(pair: Pair) -> None:
    assert await pair.looks()
    pair.reads._replica._looked_at = time.monotonic() - 60
    assert not pair.asks_the_standby()
    assert await pair.looks()


async def test_a_standby_that_gets_nothing_any_more_is_not_believed(pair: Pair) -> None:
    await pair.lists.join("ada")

    async def cut_off() -> bool:
        # It has replayed all that it ever got, and cannot know what it has missed.
        await pair.lists.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        return not await pair.looks()

    await until(cut_off, seconds=10)


async def test_a_standby_that_is_lost_without_a_word_holds_nobody_up(lists: Lists, dsn: str) -> None:
    await lists.join("ada")
    async with relayed(dsn, relays=1) as ([relay], relayed_dsn):
        standby = await connect_pool(Settings(), relayed_dsn)
        try:
            reads = CoalescedReads(lists.pool, Settings(), standby)

            async def place() -> int | None:
                return (await reads.poll(lists.key, "ada", organization_id=ORGANIZATION)).position

            assert await looked(reads) is await looked(reads) is standby
            assert await place() == 1
            relay.fall_silent()
            # Who is asking it at that moment waits until it is given up; nobody after them.
            async with asyncio.timeout(5):
                assert await place() == 1
            for _ in range(3):
                reads._replica._looked_at = time.monotonic() - 0.7
                async with asyncio.timeout(1):
                    assert await place() == 1
                    assert (await reads.queue_snapshot(lists.key)).body
        finally:
            relay.speak()
            standby.terminate()


async def test_a_look_that_does_not_end_is_no_reason_to_believe_the_one_before(lists: Lists, dsn: str) -> None:
    async with relayed(dsn, relays=1) as ([relay], relayed_dsn):
        standby = await connect_pool(Settings(), relayed_dsn)
        try:
            replica = CoalescedReads(lists.pool, Settings(), standby)._replica
            for _ in range(2):
                replica._looked_at = time.monotonic() - 0.7
                replica.pool()
                assert replica._looking is not None
                await replica._looking
            assert replica.pool() is standby
            relay.fall_silent()
            replica._looked_at = time.monotonic() - 0.7
            assert replica.pool() is standby
            replica._looked_at = time.monotonic() - 1.1
            assert replica.pool() is lists.pool
        finally:
            relay.speak()
            standby.terminate()
