"""Changing what one wants, and being moved."""

import asyncio

import pytest

from tests.support.lists import USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.models import Status
from waiting_list.problems import AlreadyLeft, InvalidRequest, NotInList, NotWaiting, TooManyTickets


async def test_fewer_tickets_keep_the_place_and_may_fit_at_once(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_stock(2)
    changed = await lists.change("ada", 2)
    assert (changed.status, changed.tickets_held, changed.number) == (Status.READY, 2, 1)
    await lists.audit()


async def test_more_tickets_go_last_under_the_same_number(lists: Lists) -> None:
    await lists.join("ada", 1)
    await lists.join("bob", 1)
    changed = await lists.change("ada", 2)
    assert (changed.number, changed.position, changed.tickets_minimum) == (1, 2, 2)
    assert (await lists.history())[-2:] == [("move", 1), ("change", 1)]
    assert (await lists.join("cleo")).position == 3
    assert await lists.line() == ["bob", "ada", "cleo"]


async def test_a_minimum_follows_a_wish_below_it(lists: Lists) -> None:
    await lists.join("ada", 4, 3)
    assert (await lists.change("ada", 2)).tickets_minimum == 2
    await lists.join("bob", 4, 2)
    assert (await lists.change("bob", 3)).tickets_minimum == 2


async def test_changing_what_cannot_be_changed_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.change("ada", 1)
    await lists.join("ada", 2)
    async with lists.refused(TooManyTickets):
        await lists.change("ada", 7)
    async with lists.refused(InvalidRequest):
        await lists.change("ada", 2, 3)
    await lists.add_stock(2)
    async with lists.refused(NotWaiting):
        await lists.change("ada", 1)
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.change("ada", 1)


async def test_a_user_is_moved_first_last_and_before_another(lists: Lists) -> None:
    for user_id in "abcd":
        await lists.join(user_id)
    await lists.move("c", to="first")
    assert await lists.line() == ["c", "a", "b", "d"]
    await lists.move("a", to="last")
    assert await lists.line() == ["c", "b", "d", "a"]
    await lists.move("a", before="d")
    assert await lists.line() == ["c", "b", "a", "d"]
    await lists.move("d", before="d")
    assert await lists.line() == ["c", "b", "a", "d"]
    assert [(await lists.entry(user)).number for user in "abcd"] == [1, 2, 3, 4]
    await lists.audit()


async def test_a_hundred_moves_into_the_same_gap_keep_the_order(lists: Lists) -> None:
    for user_id in ("first", "last", "x", "y"):
        await lists.join(user_id)
    expected = ["first", "last", "x", "y"]
    for turn in range(100):
        mover = "xy"[turn % 2]
        await lists.move(mover, before="last")
        expected.remove(mover)
        expected.insert(expected.index("last"), mover)
        assert await lists.line() == expected
    await lists.audit()


async def test_moving_what_cannot_be_moved_is_refused(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    for options in ({}, {"to": "middle"}, {"to": "first", "before": "bob"}):
        async with lists.refused(InvalidRequest):
            await lists.move("ada", **options)
    async with lists.refused(NotInList):
        await lists.move("ada", before="nobody")
    await lists.add_stock(1)
    async with lists.refused(NotWaiting):
        await lists.move("bob", before="ada")


async def test_a_move_to_the_head_is_served_from_what_is_free(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_stock(1)
    assert [entry.user_id for entry in (await lists.move("bob", to="first")).promoted] == ["bob"]


async def test_an_erased_person_is_out_and_forgotten_but_the_numbers_stay(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob")
    await lists.add_stock(2)
    answer = await lists.erase("ada")
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    with pytest.raises(NotInList):
        await lists.entry("ada")
    assert not [row for rows in (await lists.tables()).values() for row in rows if "ada" in row]
    assert (await lists.join("ada")).number == 3
    await lists.audit()


async def test_positions_are_exact_over_several_segments(lists: Lists) -> None:
    async def join(number: int) -> None:
        await lists.engine.run(lists.key, USER, verbs.join, user_id=f"u{number:04}", tickets_wanted=1 + number % 3)

    await asyncio.gather(*(join(number) for number in range(2500)))
    for number in range(0, 2500, 7):
        await lists.engine.run(lists.key, USER, verbs.leave, user_id=f"u{number:04}")
    await lists.move("u2400", to="first")
    await lists.move("u0001", before="u2000")
    waiting = [number for number in range(2500) if number % 7]
    waiting.remove(2400)
    waiting.remove(1)
    order = [2400, *waiting]
    order.insert(order.index(2000), 1)
    for place, number in list(enumerate(order, start=1))[::97]:
        entry = await lists.entry(f"u{number:04}")
        ahead = sum(1 + other % 3 for other in order[: place - 1])
        assert (entry.position, entry.tickets_ahead) == (place, ahead)
    await lists.audit()
