"""Batching: requests that wait for the lock share a batch, and none is lost if one fails."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.support.lists import USER, Lists
from waiting_list.batching import Batcher
from waiting_list.lists import verbs
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import NotInList, Problem

Take = Callable[[], Sequence[int]]


def batcher(run: Callable[[str, Take], object], **limits: int) -> Batcher[str, int, int]:
    settings = {"queue_limit": 1000, "batch_limit": 100} | limits
    return Batcher(run, **settings)  # type: ignore[arg-type]


async def test_who_comes_while_another_process_has_the_list_is_in_the_same_transaction(lists: Lists) -> None:
    async def join(n: int) -> None:
        await lists.engine.run(lists.key, USER, verbs.join, user_id=f"u{n}", tickets_wanted=1)

    async with connection(lists.pool) as other, connection(lists.pool) as watching:
        held = other.transaction()
        await held.start()
        await other.execute(sql("lock_list"), lists.key.list_id)
        first = asyncio.create_task(join(0))
        async with asyncio.timeout(10):
            while not await watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.005)
        rest = [asyncio.create_task(join(n)) for n in range(1, 30)]
        await asyncio.sleep(0.05)
        await held.rollback()
        await asyncio.gather(first, *rest)
        instants = await watching.fetchval("SELECT count(DISTINCT at) FROM history WHERE verb = 'join'")
    assert instants == 1
    assert await lists.line() == [f"u{n}" for n in range(30)]


async def test_requests_that_were_sent_together_are_one_batch() -> None:
    sizes: list[int] = []

    async def run(_: str, take: Take) -> Sequence[int]:
        requests = take()
        sizes.append(len(requests))
        await asyncio.sleep(0.001)
        return requests

    submitted = batcher(run)
    assert await asyncio.gather(*(submitted.submit("a", n) for n in range(250))) == list(range(250))
    assert sizes == [100, 100, 50]


async def test_one_request_that_breaks_its_batch_spoils_nobodys_answer() -> None:
    async def run(_: str, take: Take) -> Sequence[int | Problem]:
        requests = take()
        if 13 in requests:
            raise ZeroDivisionError
        return [NotInList("not here") if n == 7 else n for n in requests]

    together = batcher(run)
    answers = await asyncio.gather(*(together.submit("a", n) for n in range(20)), return_exceptions=True)
    for n, answer in enumerate(answers):
        match n:
            case 13:
                assert isinstance(answer, ZeroDivisionError)
            case 7:
                assert isinstance(answer, NotInList)
            case _:
                assert answer == n


@pytest.mark.parametrize("before", [True, False])
async def test_a_batch_that_fails_before_or_after_it_was_taken_answers_everybody(before: bool) -> None:
    async def run(_: str, take: Take) -> Sequence[int]:
        if not before:
            take()
        raise NotInList("nobody is")

    together = batcher(run)
    answers = await asyncio.gather(*(together.submit("a", n) for n in range(20)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotInList] * 20


async def test_keys_do_not_wait_for_each_other() -> None:
    gate = asyncio.Event()

    async def run(key: str, take: Take) -> Sequence[int]:
        requests = take()
        if key == "slow":
            await gate.wait()
        return requests

    together = batcher(run)
    slow = asyncio.create_task(together.submit("slow", 1))
    async with asyncio.timeout(5):
        assert await together.submit("quick", 2) == 2
    assert not slow.done()
    gate.set()
    assert await slow == 1


async def test_the_database_begins_the_next_batch_before_the_answers_of_the_last_are_written() -> None:
    events: list[str] = []

    async def run(_: str, take: Take) -> Sequence[int]:
        events.append("begin")
        for _turn in range(5):
            await asyncio.sleep(0)
        requests = take()
        events.append(f"take {requests}")
        for _turn in range(5):
            await asyncio.sleep(0)
        return requests

    async def call(n: int) -> None:
        events.append(f"answer {await together.submit('a', n)}")

    together = batcher(run, batch_limit=2)
    await asyncio.gather(*(call(n) for n in range(4)))
    assert events == [
        "begin",
        "take [0, 1]",
        "begin",
        "take [2, 3]",
        "answer 0",
        "answer 1",
        "answer 2",
        "answer 3",
    ]


@pytest.mark.parametrize("taken", [True, False])
async def test_an_answer_waits_for_no_other_batch(taken: bool) -> None:
    gate = asyncio.Event()
    batches = 0

    async def run(_: str, take: Take) -> Sequence[int]:
        nonlocal batches
        batches += 1
        if batches == 2 and taken:
            take()
        if batches == 2:
            await gate.wait()
        return take()

    together = batcher(run, batch_limit=2)
    calls = [asyncio.create_task(together.submit("a", n)) for n in range(4)]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*calls[:2]) == [0, 1]
    assert not calls[2].done()
    gate.set()
    assert await asyncio.gather(*calls[2:]) == [2, 3]


async def test_a_batch_that_is_cancelled_keeps_no_answer_of_the_one_before() -> None:
    batches = 0

    async def run(_: str, take: Take) -> Sequence[int]:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise asyncio.CancelledError
        return take()

    together = batcher(run, batch_limit=2)
    calls = [asyncio.create_task(together.submit("a", n)) for n in range(4)]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*calls[:2]) == [0, 1]
    for call in calls[2:]:
        call.cancel()
