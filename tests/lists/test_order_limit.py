"""Wishes that nobody can fill: refused, or passed over until capacity and order limit allow them again."""

from collections.abc import Awaitable, Callable

import pytest

from tests.support.lists import Lists
from waiting_list.lists.models import Status
from waiting_list.postgres.pool import Pool
from waiting_list.problems import TooManyTickets


@pytest.fixture
async def small(pool: Pool) -> Lists:
    """A sold-out list of two tickets, of which one order may have four."""
    return await Lists.make(pool, total=2, maximum=4)


async def test_a_wish_that_nobody_can_fill_is_refused_with_what_can_be_held(small: Lists) -> None:
    for wanted, minimum in ((3, None), (4, 3), (5, 1), (5, None)):
        async with small.refused(TooManyTickets) as caught:
            await small.join("ada", wanted, minimum)
        assert caught[0].extra == {"maximum": 2}
    await small.join("ada", 4, 2)
    await small.join("bob", 2)
    for user, wanted, minimum in (("ada", 5, None), ("ada", None, 3), ("bob", 3, None), ("bob", 3, 3)):
        async with small.refused(TooManyTickets) as caught:
            await small.change(user, wanted, minimum)
        assert caught[0].extra == {"maximum": 2}
    await small.change("bob", 4, 1)
    await small.audit()


async def test_without_any_capacity_only_the_limit_of_an_order_counts(pool: Pool) -> None:
    lists = await Lists.make(pool, total=0, maximum=4)
    async with lists.refused(TooManyTickets) as caught:
        await lists.join("ada", 5)
    assert caught[0].extra == {"maximum": 4}
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_total_stock(2)
    assert await lists.status("bob") is Status.READY
    assert await lists.line() == ["ada"]
    await lists.audit()


@pytest.mark.parametrize("policy", ["strict", "skip"])
async def test_who_accepts_only_more_than_the_capacity_blocks_nobody_and_counts_again_when_it_grows(
    lists: Lists, policy: str
) -> None:
    await lists.configure(policy=policy, skip_limit=1)
    await lists.put_stock(5, 1)
    for user, wanted in (("ada", 4), ("bob", 1), ("cleo", 1), ("dan", 3)):
        await lists.join(user, wanted)
    await lists.put_stock(3, 1)
    assert await lists.line() == ["ada", "cleo", "dan"], "bob is served as soon as ada blocks nobody"
    await lists.add_stock(1)
    assert await lists.line() == ["ada", "dan"]
    passed_over = await lists.rows("SELECT passed_over FROM entries WHERE user_id = 'ada'")
    assert [row["passed_over"] for row in passed_over] == [1 if policy == "skip" else 0]
    await lists.audit()
    await lists.add_stock(1)
    assert await lists.line() == ["ada", "dan"], "dan needs three"
    await lists.add_total_stock(2)
    assert await lists.line() == ["ada", "dan"], "ada counts again, and the list waits for her"
    await lists.add_total_stock(1)
    assert await lists.line() == ["dan"]
    await lists.audit()


async def test_a_join_behind_those_who_cannot_be_served_is_served(lists: Lists) -> None:
    await lists.put_stock(5, 2)
    await lists.join("ada", 4)
    await lists.put_stock(3, 2)
    assert (await lists.join("bob", 2)).status is Status.READY
    assert await lists.line() == ["ada"]
    await lists.audit()


async def test_a_lower_limit_lets_pass_who_accepts_only_more_and_a_higher_one_serves_them_at_once(
    lists: Lists,
) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 2)
    await lists.add_stock(3)
    assert await lists.line() == ["ada", "bob"]
    await lists.put_offer(3)
    assert await lists.line() == ["ada"], "the change of the limit itself serves who is next now"
    await lists.audit()
    await lists.add_stock(3)
    assert await lists.line() == ["ada"]
    await lists.put_offer(4)
    assert await lists.line() == []
    rows = await lists.rows("SELECT actor, before, after FROM history WHERE verb = 'put_offer' ORDER BY sequence")
    assert [tuple(row) for row in rows] == [
        ("organizer:test", '{"order_limit": 6}', '{"order_limit": 3}'),
        ("organizer:test", '{"order_limit": 3}', '{"order_limit": 4}'),
    ]
    await lists.audit()


async def test_no_hold_is_more_than_the_limit_of_its_moment_and_present_holds_stay(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.add_stock(4)
    await lists.join("bob", 4, 1)
    await lists.put_offer(2)
    assert (await lists.entry("ada")).tickets_held == 4
    await lists.add_stock(4)
    assert (await lists.entry("bob")).tickets_held == 2
    assert (await lists.inventory()).free == 2
    assert (await lists.buy("ada")).entry is not None
    await lists.audit()


async def test_a_limit_that_no_call_has_told_the_list_of_holds_all_the_same(lists: Lists) -> None:
    await lists.join("ada", 4, 1)
    await lists.rows("UPDATE offers SET max_quantity_per_order = 2")
    await lists.add_stock(4)
    assert (await lists.entry("ada")).tickets_held == 2
    assert ("put_offer", None) in await lists.history()
    await lists.audit()


async def test_a_fan_can_accept_fewer_after_the_limit_was_lowered(lists: Lists) -> None:
    await lists.join("ada", 5)
    await lists.add_stock(3)
    await lists.put_offer(3)
    async with lists.refused(TooManyTickets) as caught:
        await lists.change("ada", 4)
    assert caught[0].extra == {"maximum": 3}
    changed = await lists.change("ada", minimum=2)
    assert (changed.status, changed.tickets_held) == (Status.READY, 3)
    await lists.audit()


async def _moved(lists: Lists) -> None:
    await lists.move("ada", to="last")


async def _verified(lists: Lists) -> None:
    await lists.set_contact("ada", email="ada@example.org", email_verified=True)


async def _changed(lists: Lists) -> None:
    await lists.change("ada", minimum=1)


async def _left(lists: Lists) -> None:
    await lists.leave("ada")


@pytest.mark.parametrize("then", [_moved, _verified, _changed, _left])
async def test_the_audit_follows_who_was_passed_over(
    lists: Lists, then: Callable[[Lists], Awaitable[None]]
) -> None:
    await lists.put_stock(5, 0)
    for user, wanted in (("ada", 4), ("bob", 1), ("cleo", 1)):
        await lists.join(user, wanted)
    await lists.put_stock(3, 1)
    assert await lists.line() == ["ada", "cleo"]
    await then(lists)
    await lists.audit()
    await lists.add_stock(1)
    await lists.add_total_stock(6)
    assert await lists.line() == []
    await lists.audit()
