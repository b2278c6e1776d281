"""Buying held tickets. A purchase moves no other fan."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.lists import ORGANIZER, START, T0, Lists
from waiting_list.lists import verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.problems import (
    AlreadyLeft,
    HoldExpired,
    InvalidRequest,
    InventoryNotFound,
    NotInList,
    NotReady,
    WaitingListEnded,
    WrongQuantity,
)
from waiting_list.settings import Settings


async def ready(lists: Lists, user_id: str, wanted: int = 2) -> None:
    await lists.join(user_id, wanted)
    await lists.add_stock(wanted)
    assert await lists.status(user_id) is Status.READY


async def test_a_purchase_takes_the_tickets_out_of_the_stock_and_moves_nobody(lists: Lists) -> None:
    await ready(lists, "ada")
    for user_id in ("bob", "cleo"):
        await lists.join(user_id)
    before = [await lists.entry(user_id) for user_id in ("bob", "cleo")]
    stock = await lists.inventory()
    answer = await lists.buy("ada")
    assert answer.promoted == ()
    assert answer.entry is not None
    assert (answer.entry.status, answer.entry.left_reason) == (Status.LEFT, LeftReason.BOUGHT)
    assert [await lists.entry(user_id) for user_id in ("bob", "cleo")] == before
    after = await lists.inventory()
    assert (after.total_stock, after.free) == (stock.total_stock, stock.free)
    assert (after.available_stock, after.held) == (stock.available_stock - 2, stock.held - 2)
    await lists.audit()


async def test_a_purchase_moves_nobody_where_tickets_are_free_and_released_by_hand(lists: Lists) -> None:
    await lists.configure(automatic=False)
    await lists.join("ada", 2)
    await lists.join("bob", 2)
    await lists.add_stock(6)
    await lists.promote(2)
    assert (await lists.buy("ada")).promoted == ()
    assert await lists.line() == ["bob"]
    assert (await lists.inventory()).free == 4


async def test_a_purchase_of_fewer_gives_the_rest_to_the_next(lists: Lists) -> None:
    await ready(lists, "ada", 3)
    await lists.join("bob", 2)
    await lists.join("cleo", 1)
    answer = await lists.buy("ada", 1)
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    stock = await lists.inventory()
    assert (stock.available_stock, stock.held, stock.free) == (2, 2, 0)
    assert await lists.line() == ["cleo"]
    await lists.audit()


async def test_buying_while_waiting_is_refused_with_the_entry(lists: Lists) -> None:
    entry = await lists.join("ada")
    async with lists.refused(NotReady) as caught:
        await lists.buy("ada")
    assert caught[0].extra["entry"] == entry


async def test_buying_for_a_user_who_never_joined_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.buy("ada")


async def test_buying_in_a_list_that_does_not_exist_is_refused(lists: Lists) -> None:
    lists.key = ListKey("off_1", "nowhere")
    async with lists.refused(InventoryNotFound):
        await lists.buy("ada")


async def test_buying_in_a_list_that_is_not_open_is_refused_as_not_being_in_it(lists: Lists) -> None:
    lists.key = ListKey("off_2", "rep_2")
    await lists.add_list(lists.key, available=5)
    async with lists.refused(NotInList):
        await lists.buy("ada")


async def test_buying_after_having_left_or_bought_is_refused(lists: Lists) -> None:
    await ready(lists, "ada")
    await lists.buy("ada")
    async with lists.refused(AlreadyLeft):
        await lists.buy("ada")


async def test_buying_more_than_is_held_is_refused(lists: Lists) -> None:
    await ready(lists, "ada", 2)
    async with lists.refused(WrongQuantity) as caught:
        await lists.buy("ada", 3)
    assert caught[0].extra == {"held": 2}


@pytest.mark.parametrize("quantity", [0, -1])
async def test_buying_nothing_is_refused(lists: Lists, quantity: int) -> None:
    await ready(lists, "ada")
    async with lists.refused(InvalidRequest):
        await lists.buy("ada", quantity)


async def test_buying_at_the_deadline_is_refused_whether_or_not_the_worker_has_noticed(lists: Lists) -> None:
    await ready(lists, "ada")
    lists.now = T0 + timedelta(hours=24)
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    lists.now -= timedelta(microseconds=1)
    assert (await lists.buy("ada")).entry is not None


async def test_buying_after_the_worker_noticed_is_refused_in_the_same_way(lists: Lists) -> None:
    await ready(lists, "ada")
    lists.now = T0 + timedelta(hours=24)
    await lists.expire()
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    async with lists.refused(AlreadyLeft):
        await lists.leave("ada")


async def test_a_hold_without_a_length_ends_when_the_show_begins(lists: Lists) -> None:
    await lists.configure(hold_minutes=None)
    await ready(lists, "ada")
    assert (await lists.entry("ada")).ready_until == T0 + timedelta(days=30)
    lists.later(days=30)
    async with lists.refused(WaitingListEnded):
        await lists.buy("ada")


@pytest.mark.parametrize("worker", ["away", "in time", "late"])
async def test_a_purchase_that_comes_too_late_has_one_code_whenever_the_worker_came_by(
    lists: Lists, worker: str
) -> None:
    await ready(lists, "ada")
    await lists.join("bob", 5)
    lists.later(hours=24)
    if worker == "in time":
        await lists.expire()
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    async with lists.refused(HoldExpired):
        await lists.buy("ada", 1)
    lists.now = START
    if worker != "away":
        await lists.expire()
        await lists.end()
    for user in ("ada", "bob"):
        async with lists.refused(WaitingListEnded):
            await lists.buy(user)


async def test_a_purchase_after_the_end_by_who_left_before_says_so(lists: Lists) -> None:
    await ready(lists, "ada")
    await lists.buy("ada")
    lists.now = START
    await lists.end()
    async with lists.refused(AlreadyLeft):
        await lists.buy("ada")


async def test_the_last_purchase_leaves_the_list_open(lists: Lists) -> None:
    await ready(lists, "ada")
    await lists.buy("ada")
    assert (await lists.inventory()).waiting_list_open


async def test_fifty_simultaneous_purchases_sell_once(lists: Lists) -> None:
    await ready(lists, "ada", 2)
    lists.engine = Engine(lists.pool, Settings(batch_limit=3))
    calls = (
        (lists.engine.at(lists.now) if n % 2 else lists.engine).run(lists.key, ORGANIZER, verbs.buy, user_id="ada")
        for n in range(50)
    )
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in results if isinstance(one, AlreadyLeft)]
    assert len(refused) == 49
    stock = await lists.inventory()
    assert (stock.available_stock, stock.held) == (0, 0)
