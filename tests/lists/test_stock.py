"""Stock: adding, removing and setting it, and when a list opens."""

import asyncio
from collections.abc import Awaitable

import pytest

from tests.support.lists import ORGANIZER, Lists
from waiting_list.fields import INT32_MAX
from waiting_list.lists import verbs
from waiting_list.lists.models import Answer, ListKey, Status
from waiting_list.problems import (
    ExceedsTotalStock,
    InvalidRequest,
    InventoryNotFound,
    NotEnoughStock,
    StaleVersion,
    StockHeld,
)

CALLS = ["add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "promote"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("quantity", [0, -1])
async def test_a_quantity_below_one_is_refused(lists: Lists, call: str, quantity: int) -> None:
    async with lists.refused(InvalidRequest):
        await getattr(lists, call)(quantity)


@pytest.mark.parametrize("call", CALLS)
async def test_stock_of_an_unknown_event_is_refused(lists: Lists, call: str) -> None:
    lists.key = ListKey("unknown", "unknown")
    async with lists.refused(InventoryNotFound):
        await getattr(lists, call)(1)


async def test_added_stock_is_held_for_the_next_in_line(lists: Lists) -> None:
    await lists.join("ada", 2)
    answer = await lists.add_stock(3)
    assert [entry.user_id for entry in answer.promoted] == ["ada"]
    stock = await lists.inventory()
    assert (stock.total_stock, stock.available_stock, stock.held, stock.free) == (100, 3, 2, 1)
    assert answer.inventory == stock


async def test_adding_beyond_the_total_stock_is_refused_with_the_maximum(lists: Lists) -> None:
    await lists.add_stock(40)
    async with lists.refused(ExceedsTotalStock) as caught:
        await lists.add_stock(61)
    assert caught[0].extra == {"maximum": 60}
    await lists.add_stock(60)


async def test_removing_more_than_is_available_is_refused(lists: Lists) -> None:
    await lists.add_stock(4)
    for call in (lists.remove_stock, lists.remove_total_stock):
        async with lists.refused(NotEnoughStock) as caught:
            await call(5)
        assert caught[0].extra == {"available": 4}


async def test_removing_held_tickets_is_refused(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.add_stock(3)
    for call in (lists.remove_stock, lists.remove_total_stock):
        async with lists.refused(StockHeld) as caught:
            await call(2)
        assert caught[0].extra == {"free": 1}


async def test_the_newest_holds_are_revoked_first_and_those_fans_wait_at_their_old_place(lists: Lists) -> None:
    for user_id in ("ada", "bob", "cleo"):
        await lists.join(user_id, 2)
    await lists.add_stock(2)
    lists.later(minutes=1)
    await lists.add_stock(2)
    answer = await lists.remove_stock(1, revoke_holds=True)
    assert answer.promoted == ()
    assert await lists.status("ada") is Status.READY
    assert await lists.line() == ["bob", "cleo"]
    assert (await lists.entry("bob")).rank == 2_000_000
    stock = await lists.inventory()
    assert (stock.available_stock, stock.held, stock.free) == (3, 2, 1)
    await lists.audit()


async def test_one_large_hold_is_revoked_rather_than_two_newer_small_ones(lists: Lists) -> None:
    for user_id, wanted in (("ada", 4), ("bob", 2), ("cleo", 2)):
        await lists.join(user_id, wanted)
        await lists.add_stock(wanted)
        lists.later(minutes=1)
    await lists.remove_stock(4, revoke_holds=True)
    assert await lists.line() == ["ada"]
    await lists.remove_stock(1, revoke_holds=True)
    assert await lists.line() == ["ada", "cleo"]
    await lists.audit()


async def test_revoking_frees_no_more_than_there_is(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.add_stock(2)
    async with lists.refused(NotEnoughStock):
        await lists.remove_stock(3, revoke_holds=True)


async def test_capacity_grows_and_shrinks_with_what_is_available(lists: Lists) -> None:
    await lists.join("ada", 2)
    assert [entry.user_id for entry in (await lists.add_total_stock(5)).promoted] == ["ada"]
    stock = await lists.inventory()
    assert (stock.total_stock, stock.available_stock, stock.held) == (105, 5, 2)
    await lists.remove_total_stock(3)
    stock = await lists.inventory()
    assert (stock.total_stock, stock.available_stock, stock.free) == (102, 2, 0)


async def test_a_total_beyond_32_bits_is_refused(lists: Lists) -> None:
    async with lists.refused(InvalidRequest):
        await lists.add_total_stock(INT32_MAX - 99)


async def test_a_list_opens_the_moment_nothing_is_available_and_stays_open(lists: Lists) -> None:
    lists.key = ListKey("off_2", "rep_2")
    assert not (await lists.add_list(lists.key, available=2)).waiting_list_open
    await lists.remove_stock(1)
    assert not (await lists.inventory()).waiting_list_open
    await lists.remove_stock(1)
    assert (await lists.inventory()).waiting_list_open
    await lists.add_stock(2)
    assert (await lists.inventory()).waiting_list_open


async def test_a_list_that_was_closed_by_hand_does_not_open_by_itself(lists: Lists) -> None:
    await lists.add_stock(1)
    await lists.configure(open=False)
    await lists.remove_stock(1)
    assert not (await lists.inventory()).waiting_list_open
    await lists.configure(open=True)
    assert (await lists.inventory()).waiting_list_open


async def test_set_stock_promotes_and_never_goes_below_what_is_held(lists: Lists) -> None:
    await lists.join("ada", 2)
    answer = await lists.put_stock(50, 3)
    assert [entry.user_id for entry in answer.promoted] == ["ada"]
    async with lists.refused(StockHeld):
        await lists.put_stock(50, 1)
    await lists.put_stock(2, 2)
    await lists.audit()


async def test_a_version_grows_with_every_change_of_the_stock_and_with_no_other(lists: Lists) -> None:
    versions = [(await lists.inventory()).version]

    async def version_after(change: Awaitable[object], *, grows: bool) -> None:
        await change
        versions.append((await lists.inventory()).version)
        assert (versions[-1] > versions[-2]) == grows

    await version_after(lists.join("ada", 2), grows=False)
    await version_after(lists.change("ada", 1), grows=False)
    await version_after(lists.add_stock(1), grows=True)
    await version_after(lists.join("bob"), grows=False)
    await version_after(lists.move("bob", "first"), grows=False)
    await version_after(lists.leave("ada"), grows=True)  # the hold goes on to bob
    await version_after(lists.buy("bob"), grows=True)
    await version_after(lists.configure(hold_minutes=10), grows=False)
    await version_after(lists.configure(open=False), grows=True)
    await version_after(lists.put_stock(100, 4), grows=True)
    await version_after(lists.put_stock(100, 4), grows=False)
    await version_after(lists.add_total_stock(1), grows=True)
    await version_after(lists.remove_total_stock(1), grows=True)


async def test_a_stale_number_never_brings_sold_tickets_back(lists: Lists) -> None:
    read = (await lists.put_stock(100, 10)).inventory
    assert read is not None
    await lists.remove_stock(3)
    stale = {"total_stock": 100, "available_stock": 10, "versions": {read.version}}
    async with lists.refused(StaleVersion) as caught:
        await lists.engine.run(lists.key, ORGANIZER, verbs.put_stock, **stale)
    now = await lists.inventory()
    assert caught[0].extra == {"inventory": now}
    assert now.available_stock == 7
    known = stale | {"available_stock": 6, "versions": {read.version, now.version}}
    answer = await lists.engine.run(lists.key, ORGANIZER, verbs.put_stock, **known)
    assert answer.inventory == await lists.inventory()


async def test_of_two_puts_with_one_version_the_second_is_stale(lists: Lists) -> None:
    known = {"versions": {(await lists.inventory()).version}, "total_stock": 100}
    puts = [
        lists.engine.run(lists.key, ORGANIZER, verbs.put_stock, available_stock=number, **known)  # type: ignore[arg-type]
        for number in (5, 6, 7)
    ]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(one) for one in answers] == [Answer, StaleVersion, StaleVersion]
    assert (await lists.inventory()).available_stock == 5
