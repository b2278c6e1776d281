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


async def test_being_passed_over_starts_anew_after_a_move_to_the_end(lists: Lists) -> None:
    await lists.configure(policy="skip", skip_limit=2)
    for user, wanted in (("ada", 4), ("bob", 1), ("cleo", 1), ("dan", 1), ("eve", 5)):
        await lists.join(user, wanted)

    async def passed_over() -> list[int]:
        rows = await lists.rows("SELECT passed_over FROM entries WHERE user_id IN ('ada', 'eve') ORDER BY user_id")
        return [row["passed_over"] for row in rows]

    await lists.add_stock(2)
    assert await passed_over() == [2, 0]
    await lists.move("ada", to="last")
    assert await passed_over() == [0, 0]
    assert await lists.line() == ["dan", "eve", "ada"]
    await lists.add_stock(1)
    await lists.join("fay", 1)
    await lists.add_stock(1)
    assert await passed_over() == [0, 1]
    await lists.change("eve", 4)
    assert await passed_over() == [0, 1], "fewer keeps the place, and the count"
    await lists.change("eve", 6)
    assert await passed_over() == [0, 0]
    await lists.audit()
