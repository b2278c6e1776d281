"""Maintenance in real time: what is due happens within a second, also after failures."""

import asyncio
import itertools
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.support.lists import ORGANIZATION, Lists
from tests.support.until import until, working
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine, Verb
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.maintenance import Maintenance
from waiting_list.postgres import outage
from waiting_list.postgres.pool import Pool, clock, connect_pool, connection
from waiting_list.problems import Unavailable
from waiting_list.settings import Settings


@pytest.fixture
def now(lists: Lists) -> Lists:
    """The same lists, at the present time."""
    lists.now = datetime.now(UTC)
    return lists


async def hold_lapses(pool: Pool, *, in_seconds: float) -> None:
    async with connection(pool) as acquired:
        await acquired.execute(
            "UPDATE entries SET ready_until = $1 WHERE status = 'ready'",
            await clock(acquired) + timedelta(seconds=in_seconds),
        )


async def test_a_hold_that_lapses_passes_on_within_a_second(now: Lists) -> None:
    await now.join("ada")
    await now.join("bob")
    await now.add_stock(1)

    async def bob_is_ready() -> bool:
        return await now.status("bob") is Status.READY

    async with working(Maintenance(now.pool, now.engine)):
        await hold_lapses(now.pool, in_seconds=0.6)
        taken = await until(bob_is_ready)
    assert 0.4 < taken < 1.6
    assert (await now.entry("ada")).left_reason is LeftReason.EXPIRED


async def test_a_list_ends_when_the_show_begins(now: Lists) -> None:
    key = ListKey("off_2", "rep_2")
    soon = datetime.now(UTC) + timedelta(seconds=0.7)
    await now.add_list(key, start=soon)
    now.key = key
    await now.join("ada")
    await now.join("bob")
    await now.add_stock(1)

    async def both_are_out() -> bool:
        return [await now.status(user) for user in ("ada", "bob")] == [Status.LEFT, Status.LEFT]

    async with working(Maintenance(now.pool, now.engine)):
        await until(both_are_out)
    assert datetime.now(UTC) >= soon
    assert [(await now.entry(user)).left_reason for user in ("ada", "bob")] == [LeftReason.ENDED] * 2


async def test_a_list_of_many_ends_in_chunks_until_nobody_is_left(now: Lists, monkeypatch: Any) -> None:
    monkeypatch.setattr("waiting_list.maintenance._CHUNK", 7)
    for number in range(20):
        await now.join(f"fan{number}")
    await now.configure(closes_at=datetime.now(UTC) - timedelta(seconds=1))
    only = entry_queries.EntryFilter(left_reason=["ended"])

    async def all_are_out() -> bool:
        page = await entry_queries.entries(now.pool, ORGANIZATION, only, limit=50, cursor=None)
        return len(page.items) == 20

    async with working(Maintenance(now.pool, now.engine)):
        await until(all_are_out)
    assert [verb for verb, _ in await now.history()].count("end") == 21


async def test_several_workers_at_once_do_no_harm(now: Lists) -> None:
    keys = [ListKey("off_2", f"rep_{number}") for number in range(10, 30)]
    for key in keys:
        await now.add_list(key)
        now.key = key
        await now.join("ada", 2)
        await now.join("bob", 2)
        await now.add_stock(2)
    other = Engine(now.pool, Settings())

    async def all_have_passed_on() -> bool:
        only = entry_queries.EntryFilter(user_id=["bob"], status=["ready"])
        page = await entry_queries.entries(now.pool, ORGANIZATION, only, limit=50, cursor=None)
        return len(page.items) == len(keys)

    async with working(
        Maintenance(now.pool, now.engine), Maintenance(now.pool, other), Maintenance(now.pool, other)
    ):
        await hold_lapses(now.pool, in_seconds=0.1)
        await until(all_have_passed_on)
    for now.key in keys:
        assert [verb for verb, _ in await now.history()].count("expire") == 1


async def test_the_worker_survives_a_database_that_goes_away_and_comes_back(
    now: Lists, dsn: str, server: str
) -> None:
    await now.join("ada")
    await now.join("bob")
    await now.add_stock(1)
    async with connection(now.pool) as acquired:
        name = await acquired.fetchval("SELECT current_database()")
    own = await connect_pool(Settings(), dsn)
    outside = await asyncpg.connect(server)

    async def bob_is_ready() -> bool:
        with suppress(Unavailable):  # this connection was ended, too
            return await now.status("bob") is Status.READY
        return False

    try:
        await hold_lapses(now.pool, in_seconds=0.5)
        async with working(Maintenance(own, Engine(own, Settings()))):
            await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await until(bob_is_ready)
    finally:
        await outside.close()
        await own.close()


async def test_an_unexpected_error_does_not_stop_the_worker(now: Lists, monkeypatch: Any) -> None:
    await now.join("ada")
    await now.add_stock(1)
    await hold_lapses(now.pool, in_seconds=0)
    failed = asyncio.Event()
    run = now.engine.run

    async def fails_once(key: ListKey, caller: Caller, verb: Verb, **options: Any) -> Any:
        if verb is verbs.expire and not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        return await run(key, caller, verb, **options)

    monkeypatch.setattr(now.engine, "run", fails_once)

    async def ada_is_out() -> bool:
        return await now.status("ada") is Status.LEFT

    async with working(Maintenance(now.pool, now.engine)):
        await until(ada_is_out)
    assert failed.is_set()


async def test_idempotency_records_go_after_a_day(now: Lists) -> None:
    async with connection(now.pool) as acquired:
        await acquired.execute(
            "INSERT INTO idempotency (list_id, key_hash, request_hash, answer, created_at)"
            " SELECT gen_random_uuid(), '\\x01', '\\x02', '{}', now() - age"
            " FROM unnest($1::interval[]) AS age",
            [timedelta(hours=23), timedelta(hours=25)],
        )
        await Maintenance(now.pool, now.engine).work()
        assert await acquired.fetchval("SELECT count(*) FROM idempotency") == 1


async def test_a_list_that_stays_due_stops_neither_the_clock_nor_the_others(now: Lists) -> None:
    # A damaged counter: the list says that a fan waits, so it is due, but it has no entry to take out.
    other = ListKey("off_2", "rep_2")
    await now.add_list(other)
    await now.configure(closes_at=datetime.now(UTC) - timedelta(seconds=1))
    async with connection(now.pool) as acquired:
        await acquired.execute(
            "UPDATE inventory SET waiting = 1, tickets_waiting = 1, ended_at = statement_timestamp()"
            " WHERE list_id = $1",
            now.key.list_id,
        )
    rounds = 0
    run = now.engine.run

    async def counted(key: ListKey, caller: Caller, verb: Verb, **options: Any) -> Any:
        nonlocal rounds
        rounds += verb is verbs.end
        return await run(key, caller, verb, **options)

    now.engine.run = counted  # type: ignore[method-assign]
    now.key = other
    await now.join("ada")
    await now.join("bob")
    await now.add_stock(1)

    async def bob_is_ready() -> bool:
        return await now.status("bob") is Status.READY

    async with working(Maintenance(now.pool, now.engine)):
        await hold_lapses(now.pool, in_seconds=0.5)
        taken = await until(bob_is_ready)
    assert rounds <= 40 * taken + 5, "it asks without a pause"


async def test_the_next_round_begins_at_the_next_deadline_however_near_it_is(now: Lists) -> None:
    await now.join("ada")
    await now.add_stock(1)
    maintenance = Maintenance(now.pool, now.engine)
    await maintenance.work()  # the first round cleans, too
    await hold_lapses(now.pool, in_seconds=0.015)
    assert 0 < await maintenance.work() <= 0.015


async def test_rounds_wait_longer_while_a_list_stays_due(now: Lists, monkeypatch: Any) -> None:
    await now.join("ada")
    await now.add_stock(1)
    await hold_lapses(now.pool, in_seconds=-1)
    maintenance = Maintenance(now.pool, now.engine)
    with monkeypatch.context() as idle:

        async def does_nothing(_: Maintenance) -> None:
            pass

        idle.setattr(Maintenance, "_do_due", does_nothing)
        pauses = [await maintenance.work() for _ in range(7)]
    assert pauses == [0.001, 0.002, 0.004, 0.008, 0.016, 0.02, 0.02]
    assert await maintenance.work() > 0.02


async def test_stopping_does_not_wait_until_everything_that_is_due_is_done(now: Lists, monkeypatch: Any) -> None:
    monkeypatch.setattr("waiting_list.maintenance._CHUNK", 1)
    for number in range(100):
        await now.join(f"fan{number}")
    await now.configure(closes_at=datetime.now(UTC) - timedelta(seconds=1))
    stop = asyncio.Event()
    run = now.engine.run

    async def ends_and_stops(key: ListKey, caller: Caller, verb: Verb, **options: Any) -> Any:
        assert verb is verbs.end
        stop.set()
        return await run(key, caller, verb, **options)

    now.engine.run = ends_and_stops  # type: ignore[method-assign]
    await asyncio.wait_for(Maintenance(now.pool, now.engine).run(stop), timeout=5)
    assert [verb for verb, _ in await now.history()].count("end") == 2, "of the list, and of one entry"


async def test_a_jump_of_the_workers_own_clock_changes_nothing(now: Lists, monkeypatch: Any) -> None:
    await now.join("ada")
    await now.join("bob")
    await now.add_stock(1)
    await hold_lapses(now.pool, in_seconds=0.6)
    shifts = itertools.cycle((-86_400.0, 86_400.0, 0.0))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(shifts))

    async def bob_is_ready() -> bool:
        return await now.status("bob") is Status.READY

    async with working(Maintenance(now.pool, now.engine)):
        taken = await until(bob_is_ready)
    assert 0.2 < taken < 1.6


async def test_a_database_clock_that_is_set_back_keeps_the_order(lists: Lists) -> None:
    for user in ("ada", "bob", "cleo"):
        await lists.join(user)
        lists.later(hours=-6)
    assert await lists.line() == ["ada", "bob", "cleo"]
    await lists.add_stock(1)
    lists.later(hours=-1)
    assert [entry.user_id for entry in (await lists.buy("ada")).promoted] == []
    await lists.expire()
    await lists.add_stock(1)
    assert await lists.line() == ["cleo"]
    await lists.audit()


async def test_an_outage_is_logged_once_and_so_is_its_end(pool: Pool, monkeypatch: Any) -> None:
    monkeypatch.setattr(outage, "_outage", outage._Outage())
    away = await connect_pool(Settings(), "postgresql://nobody@127.0.0.1:1/nowhere")
    with capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(Unavailable):
                async with connection(away):
                    pass
        monkeypatch.setattr(outage, "_OVER_SECONDS", -1.0)  # as when a second has passed
        for _ in range(2):
            async with connection(pool):
                pass
    assert [one["event"] for one in logged] == ["database_unreachable", "database_reachable_again"]
    await away.close()


async def test_a_worker_counts_as_working_only_for_a_while_after_a_good_round(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a health check of the `worker` command asks."""
    maintenance = Maintenance(pool, Engine(pool, Settings()))

    async def works() -> bool:
        return maintenance.is_working()

    async def fails() -> bool:
        return not maintenance.is_working()

    async def broken_round() -> float:
        raise Unavailable("The database does not answer.")

    assert await fails()
    async with working(maintenance):
        await until(works)
        monkeypatch.setattr("waiting_list.maintenance._WORKS_WITHIN_SECONDS", 0.3)
        monkeypatch.setattr(maintenance, "work", broken_round)
        await until(fails)
