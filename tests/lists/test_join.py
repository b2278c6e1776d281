"""Joining a list."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from tests.support.lists import ORGANIZATION, ORGANIZER, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.join_limit import MOST_JOINS
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.postgres.pool import connect_pool
from waiting_list.problems import (
    AlreadyInList,
    AlreadyLeft,
    InvalidRequest,
    InventoryNotFound,
    Problem,
    RateLimited,
    TooManyTickets,
    Unavailable,
    WaitingListEnded,
    WaitingListFull,
    WaitingListNotOpen,
)
from waiting_list.settings import Settings


async def test_who_joins_gets_the_next_number_and_the_last_place(lists: Lists) -> None:
    first = await lists.join("ada", 2)
    second = await lists.join("bob", 3, 1)
    assert (first.number, first.rank, first.position, first.tickets_ahead) == (1, 1_000_000, 1, 0)
    assert (second.number, second.rank, second.position, second.tickets_ahead) == (2, 2_000_000, 2, 2)
    assert (first.tickets_minimum, second.tickets_minimum) == (2, 1)
    assert first.status is Status.WAITING
    assert first.joined_at == lists.now
    assert await lists.entry("bob") == second


async def test_joining_a_list_that_is_not_open_yet_is_refused(lists: Lists) -> None:
    lists.key = ListKey("off_2", "rep_2")
    await lists.add_list(lists.key, available=1)
    async with lists.refused(WaitingListNotOpen):
        await lists.join("ada")


async def test_joining_twice_is_refused_with_the_entry(lists: Lists) -> None:
    entry = await lists.join("ada", 2)
    async with lists.refused(AlreadyInList) as caught:
        await lists.join("ada", 1)
    assert caught[0].extra["entry"] == entry


async def test_joining_twice_is_refused_while_ready(lists: Lists) -> None:
    await lists.join("ada")
    await lists.add_stock(1)
    async with lists.refused(AlreadyInList):
        await lists.join("ada")


async def test_joining_a_list_that_does_not_exist_is_refused(lists: Lists) -> None:
    lists.key = ListKey("off_1", "nowhere")
    async with lists.refused(InventoryNotFound):
        await lists.join("ada")


async def test_joining_another_organizations_list_is_refused_as_if_it_were_absent(lists: Lists) -> None:
    async with lists.refused(InventoryNotFound):
        await lists.engine.run(lists.key, Caller("org_2", "user"), verbs.join, user_id="ada", tickets_wanted=1)


@pytest.mark.parametrize(("wanted", "minimum"), [(0, None), (-1, None), (2, 0), (2, 3)])
async def test_joining_with_no_tickets_or_a_senseless_minimum_is_refused(
    lists: Lists, wanted: int, minimum: int | None
) -> None:
    async with lists.refused(InvalidRequest):
        await lists.join("ada", wanted, minimum)


async def test_joining_with_more_than_the_offer_allows_is_refused_with_the_maximum(lists: Lists) -> None:
    async with lists.refused(TooManyTickets) as caught:
        await lists.join("ada", 7)
    assert caught[0].extra == {"maximum": 6}
    assert (await lists.join("ada", 6)).tickets_wanted == 6


async def test_joining_a_full_list_is_refused_until_somebody_leaves(lists: Lists) -> None:
    await lists.configure(max_waiting=1)
    await lists.join("ada")
    async with lists.refused(WaitingListFull):
        await lists.join("bob")
    await lists.leave("ada")
    assert (await lists.join("bob")).position == 1


async def test_joining_once_the_show_has_begun_is_refused(lists: Lists) -> None:
    lists.later(days=30)
    async with lists.refused(WaitingListEnded):
        await lists.join("ada")
    lists.later(microseconds=-1)
    await lists.join("ada")


async def test_who_left_and_joins_again_goes_last_with_a_new_number(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    await lists.leave("ada")
    again = await lists.join("ada")
    assert (again.number, again.position) == (3, 2)
    assert await lists.line() == ["bob", "ada"]


async def churn(lists: Lists, times: int) -> None:
    for _ in range(times):
        await lists.join("ada")
        await lists.leave("ada")


async def test_a_fan_joins_one_list_only_so_often_within_a_day(lists: Lists) -> None:
    await churn(lists, 5)
    lists.later(hours=6)
    await churn(lists, MOST_JOINS - 5)
    lists.later(hours=18, microseconds=-1)
    async with lists.refused(RateLimited) as caught:
        await lists.join("ada")
    assert caught[0].headers == {"Retry-After": "1"}
    lists.later(hours=-2)
    async with lists.refused(RateLimited) as caught:
        await lists.join("ada")
    assert caught[0].headers == {"Retry-After": "7201"}
    lists.later(hours=2, microseconds=1)
    await churn(lists, 5)
    async with lists.refused(RateLimited) as caught:
        await lists.join("ada")
    assert caught[0].headers == {"Retry-After": str(6 * 3600)}
    await lists.join("bob")
    other = ListKey("off_2", "rep_2")
    await lists.add_list(other)
    lists.key = other
    await lists.join("ada")
    await lists.audit()


async def test_an_organizer_may_join_for_a_fan_as_often_as_they_like(lists: Lists) -> None:
    await churn(lists, MOST_JOINS)
    answer = await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.join, user_id="ada", tickets_wanted=1
    )
    assert answer.entry is not None
    assert answer.entry.number == MOST_JOINS + 1


async def test_to_wait_again_after_a_lapsed_hold_is_no_join(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue", requeue_limit=None, hold_minutes=1)
    await lists.join("ada")
    for _ in range(MOST_JOINS):
        await lists.add_stock(1)
        lists.later(minutes=1)
        await lists.expire()
    await lists.leave("ada")
    await churn(lists, MOST_JOINS - 1)
    async with lists.refused(RateLimited):
        await lists.join("ada")


async def test_two_processes_together_let_a_fan_join_only_so_often(lists: Lists, dsn: str) -> None:
    """Concurrent joins and leaves of one fan, also several in one batch."""
    other = await connect_pool(Settings(), dsn)
    answers: Counter[str] = Counter()

    async def turn(engine: Engine) -> None:
        while True:
            try:
                await engine.run(lists.key, USER, verbs.join, user_id="ada", tickets_wanted=1)
                answers["joined"] += 1
            except AlreadyInList:
                pass
            except RateLimited:
                return
            with suppress(AlreadyLeft):
                await engine.run(lists.key, USER, verbs.leave, user_id="ada")

    try:
        engines = (lists.engine, Engine(other, Settings()))
        async with asyncio.timeout(30):
            await asyncio.gather(*(turn(engine) for engine in engines for _ in range(10)))
    finally:
        await other.close()
    assert answers["joined"] == MOST_JOINS
    (joined,) = await lists.rows("SELECT count(*) FROM entries")
    assert joined[0] == MOST_JOINS
    await lists.audit()


async def test_a_list_stays_open_when_stock_comes_back_and_serves_who_joins_at_once(lists: Lists) -> None:
    await lists.add_stock(3)
    entry = await lists.join("ada", 2)
    assert (entry.status, entry.tickets_held, entry.position) == (Status.READY, 2, None)
    assert (await lists.join("bob", 2)).status is Status.WAITING
    assert (await lists.inventory()).free == 1


async def test_fifty_simultaneous_equal_joins_give_one_entry(lists: Lists) -> None:
    async def join() -> int:
        answer = await lists.engine.run(lists.key, USER, verbs.join, user_id="ada", tickets_wanted=1)
        assert answer.entry is not None
        return answer.entry.number

    results = await asyncio.gather(*(join() for _ in range(50)), return_exceptions=True)
    assert [one for one in results if isinstance(one, int)] == [1]
    assert sum(type(one) is AlreadyInList for one in results) == 49
    assert await lists.line() == ["ada"]


async def test_numbers_have_no_gaps_and_follow_the_commits_of_two_processes(lists: Lists, dsn: str) -> None:
    pools = [await connect_pool(Settings(), dsn) for _ in range(2)]
    engines = [Engine(pool, Settings()) for pool in pools]

    async def join(number: int) -> int:
        answer = await engines[number % 2].run(lists.key, USER, verbs.join, user_id=f"u{number}", tickets_wanted=1)
        assert answer.entry is not None
        return answer.entry.number

    numbers = await asyncio.gather(*(join(number) for number in range(200)))
    assert sorted(numbers) == list(range(1, 201))
    await lists.audit()
    for pool in pools:
        await pool.close()


async def test_a_neighbours_mistake_spoils_nobodys_join(lists: Lists) -> None:
    calls = [
        lists.engine.run(lists.key, USER, verbs.join, user_id=user, tickets_wanted=wanted)
        for user, wanted in (("ada", 1), ("ada", 1), ("bob", 99), ("cleo", 0), ("dan", 2), ("\ud800", 1))
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one).__name__ for one in results] == [
        "Answer",
        "AlreadyInList",
        "TooManyTickets",
        "InvalidRequest",
        "Answer",
        # Half a surrogate pair is no text: the routers refuse it, and the database would.
        "DataError",
    ]
    assert await lists.line() == ["ada", "dan"]


async def test_beyond_the_limit_of_waiting_requests_the_answer_is_unavailable_at_once(lists: Lists) -> None:
    engine = Engine(lists.pool, Settings(list_queue_limit=10, batch_limit=5))
    calls = (engine.run(lists.key, USER, verbs.join, user_id=f"u{n}", tickets_wanted=1) for n in range(50))
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in results if isinstance(one, Problem)]
    assert refused
    assert {type(one) for one in refused} == {Unavailable}
    assert refused[0].headers == {"Retry-After": "1"}
    only = entry_queries.EntryFilter(status=["waiting"])
    page = await entry_queries.entries(lists.pool, ORGANIZATION, only, limit=500, cursor=None)
    assert len(page.items) == 50 - len(refused)
