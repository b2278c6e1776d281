"""The engine: the trips of a batch to the database, the clock under the lock, and callers that are cancelled."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from itertools import count
from types import coroutine
from typing import Any

import pytest

from tests.support.lists import ORGANIZER, USER, Lists
from tests.support.until import until
from waiting_list.lists import verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import Status
from waiting_list.postgres.pool import connect_pool, connection, lock_list, transaction
from waiting_list.settings import Settings

ONE = Settings().model_copy(update={"pool_size": 1})
"""With a single connection to the database."""
USERS = [f"u{n}" for n in range(20)]
_OPEN = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    " AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def counted(lists: Lists, dsn: str) -> AsyncIterator[list[str]]:
    """Give the lists an engine with one connection; the result grows by the statement of each trip of it."""
    alone = await connect_pool(ONE, dsn)
    trips: list[str] = []
    async with connection(alone) as acquired:
        acquired.add_query_logger(lambda query: trips.append(query.query))
    try:
        lists.engine = Engine(alone, Settings())
        await lists.join("first")  # reads the secret
        trips.clear()
        yield trips
    finally:
        await alone.close()


async def together(lists: Lists, verb: Any, caller: Any = USER, **arguments: Any) -> None:
    await asyncio.gather(
        *(lists.engine.run(lists.key, caller, verb, user_id=user_id, **arguments) for user_id in USERS)
    )


async def test_a_batch_of_joins_purchases_or_leaves_takes_four_trips(lists: Lists, dsn: str) -> None:
    async with counted(lists, dsn) as trips:
        for verb, caller, arguments in (
            (verbs.join, USER, {"tickets_wanted": 1}),
            (verbs.change, USER, {"tickets_wanted": 2}),
            (verbs.leave, USER, {}),
            (verbs.join, ORGANIZER, {"tickets_wanted": 1}),
        ):
            await together(lists, verb, caller, **arguments)
            assert _verbs_of(trips) == ["BEGIN", "SELECT", "WITH", "COMMIT"], verb
            trips.clear()
        await lists.engine.run(lists.key, ORGANIZER, verbs.add_stock, quantity=1)
        trips.clear()
        await lists.engine.run(lists.key, ORGANIZER, verbs.add_stock, quantity=len(USERS))
        # Two more: the promotion reads the first in line, and writes a letter for each fan with an address.
        assert _verbs_of(trips) == ["BEGIN", "SELECT", "SELECT", "WITH", "INSERT", "COMMIT"]
        trips.clear()
        await together(lists, verbs.buy, ORGANIZER)
        assert _verbs_of(trips) == ["BEGIN", "SELECT", "WITH", "COMMIT"]
    assert await lists.status("u19") is Status.LEFT
    await lists.audit()


def _verbs_of(trips: list[str]) -> list[str]:
    """Return the first word of each trip's statement."""
    code = ("\n".join(line for line in trip.splitlines() if not line.startswith("--")) for trip in trips)
    return [text.split()[0].strip(";") for text in code]


async def test_the_clock_is_read_after_the_lock_was_granted(lists: Lists) -> None:
    async with connection(lists.pool) as watching:
        async with transaction(lists.pool, list_id=lists.key.list_id):
            join = asyncio.create_task(
                lists.engine.run(lists.key, USER, verbs.join, user_id="ada", tickets_wanted=1)
            )
            await until(lambda: _is_blocked(watching))
            released_after = await watching.fetchval("SELECT clock_timestamp()")
        joined = (await join).entry
    assert joined is not None
    assert joined.joined_at > released_after


async def test_a_batch_reads_what_was_committed_while_it_waited_for_the_lock(lists: Lists) -> None:
    async with connection(lists.pool) as watching:
        async with transaction(lists.pool) as other:
            await lock_list(other, lists.key.list_id)
            join = asyncio.create_task(
                lists.engine.run(lists.key, USER, verbs.join, user_id="ada", tickets_wanted=1)
            )
            await until(lambda: _is_blocked(watching))
            await other.execute("UPDATE inventory SET last_number = 41")
            await other.execute("UPDATE offers SET max_quantity_per_order = 1")
        joined = (await join).entry
    assert joined is not None
    assert joined.number == 42


async def _is_blocked(watching: Any) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE NOT l.granted AND a.datname = current_database())"
    )
    return bool(await watching.fetchval(query))


async def test_who_leaves_and_joins_again_in_one_transaction_is_active_once(lists: Lists) -> None:
    await lists.join("ada")
    await asyncio.gather(
        lists.engine.run(lists.key, USER, verbs.leave, user_id="ada"),
        lists.engine.run(lists.key, USER, verbs.join, user_id="ada", tickets_wanted=2),
    )
    assert [(row["number"], row["status"]) for row in await lists.rows("SELECT * FROM entries ORDER BY 1, 2")] == [
        (1, "left"),
        (2, "waiting"),
    ]
    # In one transaction: a batch that fails would run each request alone.
    assert len(await lists.rows("SELECT DISTINCT at FROM history WHERE number = 2 OR verb = 'leave'")) == 1
    await lists.audit()


async def test_promotion_passes_over_a_user_who_leaves_in_the_same_batch(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    await asyncio.gather(
        lists.engine.run(lists.key, USER, verbs.leave, user_id="ada"),
        lists.engine.run(lists.key, ORGANIZER, verbs.add_stock, quantity=1),
    )
    assert await lists.status("ada") is Status.LEFT
    assert await lists.status("bob") is Status.READY
    # In one transaction: a batch that fails would run each request alone.
    assert len(await lists.rows("SELECT DISTINCT at FROM history WHERE verb IN ('leave', 'add_stock')")) == 1
    await lists.audit()


@coroutine
def _counting(work: Coroutine[Any, Any, Any], at: int, times: int) -> Generator[Any, Any, Any]:
    """Run a coroutine, and cancel its task at its suspension number `at`, and at the next ones, `times` in all."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    sent: Any = None
    thrown: BaseException | None = None
    for step in count():
        try:
            waits_for = work.throw(thrown) if thrown else work.send(sent)
        except StopIteration as end:
            return end.value
        if at <= step < at + times:
            loop.call_soon(task.cancel)
        sent, thrown = None, None
        try:
            sent = yield waits_for
        except BaseException as error:
            thrown = error
    raise AssertionError


async def _cancelled(work: Coroutine[Any, Any, Any], at: int, times: int) -> None:
    await _counting(work, at, times)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_transaction_ends_wherever_its_caller_is_cancelled(lists: Lists, dsn: str, times: int) -> None:
    alone = await connect_pool(ONE, dsn)
    engine = Engine(alone, Settings()).at(lists.now)
    interrupted = 0
    async with connection(lists.pool) as watching:
        for at in count():
            join = engine.run(lists.key, USER, verbs.join, user_id=f"u{at}", tickets_wanted=1)
            task = asyncio.create_task(_cancelled(join, at, times))
            await asyncio.wait([task])
            await until(lambda: _is_nothing_open(watching))
            async with connection(alone) as acquired:
                assert await acquired.fetchval("SELECT 1") == 1
            if not task.cancelled():
                break
            interrupted += 1
    assert interrupted >= 6
    await alone.close()
    await lists.audit()


async def _is_nothing_open(watching: Any) -> bool:
    return not await watching.fetchval(_OPEN)
