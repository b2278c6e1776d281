"""Moving an entry first, last, or right before another one."""

from tests.support.lists import Lists
from waiting_list.problems import InvalidRequest, NotInList, NotWaiting


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
