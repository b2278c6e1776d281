"""Keeping the place in line for the rest: a fan who was held a part is held more, before others behind."""

from datetime import timedelta

import pytest

from tests.support.lists import T0, Lists
from waiting_list.lists.models import Status
from waiting_list.problems import HoldExpired, NotReady, NotWaiting


async def _line(lists: Lists) -> None:
    """Ann wants four and takes any number; three others want one each."""
    await lists.join("ann", 4, 1, keeps=True)
    for user in ("bob", "cleo", "dan"):
        await lists.join(user)


async def test_who_keeps_waiting_for_the_rest_is_held_more_before_those_behind(lists: Lists) -> None:
    await _line(lists)
    (told,) = (await lists.add_stock(1)).promoted
    ann = await lists.entry("ann")
    assert (ann.status, ann.tickets_held, ann.position, ann.tickets_ahead) == (Status.READY, 1, 1, 0)
    assert (told.position, told.tickets_ahead) == (1, 0), "the answer says the same"
    bob = await lists.entry("bob")
    assert (bob.position, bob.tickets_ahead) == (2, 3)
    lists.later(hours=1)
    answer = await lists.add_stock(2)
    assert [(one.user_id, one.tickets_held) for one in answer.promoted] == [("ann", 3)]
    later = await lists.entry("ann")
    assert later.ready_at == ann.ready_at, "the hold goes on, with its purchase pass"
    held_longer = timedelta(hours=1)
    assert later.ready_until == (ann.ready_until or T0) + held_longer, "a larger hold gets the later deadline"
    assert (await lists.entry("bob")).tickets_ahead == 1
    await lists.add_stock(2)
    assert ((await lists.entry("ann")).tickets_held, (await lists.entry("bob")).status) == (4, Status.READY)
    assert (await lists.entry("ann")).position is None
    assert (await lists.entry("cleo")).position == 1
    await lists.audit()


async def test_without_it_others_are_served_first_as_before(lists: Lists) -> None:
    await lists.join("ann", 4, 1)
    await lists.join("bob")
    await lists.add_stock(1)
    await lists.add_stock(1)
    ann, bob = await lists.entry("ann"), await lists.entry("bob")
    assert (ann.tickets_held, ann.position, bob.status) == (1, None, Status.READY)


async def test_a_purchase_leaves_the_rest_in_line_at_the_same_place(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(1)
    await lists.buy("ann")
    ann = await lists.entry("ann")
    assert (ann.status, ann.number, ann.position, ann.tickets_wanted) == (Status.WAITING, 1, 1, 3)
    assert (await lists.entry("bob")).position == 2, "a purchase moves nobody"
    with pytest.raises(NotReady):
        await lists.buy("ann")
    await lists.add_stock(4)
    assert (await lists.entry("ann")).tickets_held == 3
    assert (await lists.entry("bob")).status is Status.READY
    await lists.buy("ann")
    assert (await lists.entry("ann")).left_reason == "bought"
    await lists.audit()


async def test_who_buys_fewer_than_held_wants_no_more(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(2)
    await lists.buy("ann", 1)
    assert (await lists.entry("ann")).left_reason == "bought"
    assert (await lists.entry("bob")).status is Status.READY


async def test_a_ready_fan_can_give_up_the_rest_but_not_ask_for_it(lists: Lists) -> None:
    await _line(lists)
    await lists.join("eve", 3, 1)
    await lists.add_stock(1)
    ann = await lists.change("ann", keeps=False)
    assert (ann.tickets_held, ann.position) == (1, None)
    assert (await lists.entry("bob")).position == 1
    with pytest.raises(NotWaiting):
        await lists.change("ann", keeps=True)
    with pytest.raises(NotWaiting):
        await lists.change("ann", 2, keeps=False)
    await lists.add_stock(1)
    assert (await lists.entry("bob")).status is Status.READY
    await lists.buy("ann")
    assert (await lists.entry("ann")).left_reason == "bought"
    await lists.audit()


async def test_a_hold_that_has_lapsed_is_never_filled_up_by_a_late_worker(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(1)
    lists.later(hours=24)
    await lists.add_stock(1)
    assert (await lists.entry("bob")).status is Status.READY
    with pytest.raises(HoldExpired):
        await lists.buy("ann")
    await lists.expire()
    assert (await lists.entry("ann")).left_reason == "expired"
    assert (await lists.entry("cleo")).status is Status.READY
    await lists.audit()


async def test_the_shop_may_not_sell_what_a_rest_waits_for(lists: Lists) -> None:
    await lists.configure(automatic=False)
    await lists.join("ann", 4, 1, keeps=True)
    await lists.add_stock(3)
    await lists.promote(1)
    stock = await lists.inventory()
    assert (stock.free, stock.sellable) == (2, 0)
    answer = await lists.add_stock(1)
    assert answer.inventory == await lists.inventory()
    await lists.change("ann", keeps=False)
    assert (await lists.inventory()).sellable == 3


async def test_nobody_is_held_more_than_an_order_may_have(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(1)
    await lists.put_offer(2)
    await lists.add_stock(3)
    assert (await lists.entry("ann")).tickets_held == 2
    assert [(await lists.entry(user)).status for user in ("bob", "cleo")] == [Status.READY] * 2
    await lists.buy("ann")
    ann = await lists.entry("ann")
    assert (ann.status, ann.tickets_wanted, ann.position) == (Status.WAITING, 2, 1)
    await lists.audit()


async def test_a_move_to_the_first_place_is_before_a_rest(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(1)
    await lists.move("dan", "first", None)
    assert (await lists.entry("dan")).position == 1
    assert (await lists.entry("ann")).position == 2
    await lists.add_stock(1)
    assert (await lists.entry("dan")).status is Status.READY
    await lists.audit()


async def test_a_revoked_rest_wants_all_again_at_its_place(lists: Lists) -> None:
    await _line(lists)
    await lists.add_stock(1)
    await lists.remove_stock(1, revoke_holds=True)
    ann, bob = await lists.entry("ann"), await lists.entry("bob")
    assert (ann.status, ann.position, bob.position, bob.tickets_ahead) == (Status.WAITING, 1, 2, 4)
    await lists.audit()


async def test_a_rest_that_is_passed_on_keeps_the_wish_at_the_end_of_the_line(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue")
    await _line(lists)
    await lists.add_stock(1)
    lists.later(hours=24)
    await lists.expire()
    ann = await lists.entry("ann")
    assert (ann.number, ann.position, ann.keep_waiting_for_rest) == (5, 3, True)
    await lists.audit()
