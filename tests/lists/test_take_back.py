"""Undo within a minute: exactly as it was, or refused."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.lists import ORGANIZATION, Lists
from waiting_list.audit.run import audit_list
from waiting_list.lists.models import Answer
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.problems import InvalidRequest

FANS = ("ada", "bob", "cleo", "dan", "eve")


@pytest.fixture
async def line(lists: Lists) -> Lists:
    """Five fans wait for 3 tickets each; none is free."""
    for user in FANS:
        await lists.join(user, 3)
    return lists


async def picture(lists: Lists) -> Any:
    """What fans and organizers see of the list: the line with its ranks, and the stock without its version."""
    only = entry_queries.EntryFilter(offer_id=[lists.key.offer_id], status=["waiting", "ready"])
    page = await entry_queries.entries(lists.pool, ORGANIZATION, only, limit=500, cursor=None)
    stock = await list_queries.inventory(lists.pool, lists.key, organization_id=ORGANIZATION)
    people = [(one.user_id, one.position, one.tickets_wanted, one.status, one.rank) for one in page.items]
    assert (await audit_list(lists.pool, lists.key)).finding is None
    return people, stock.model_dump(exclude={"version"})


async def do(lists: Lists, verb: str, **arguments: Any) -> Answer:
    answer: Answer = await getattr(lists, verb)(**arguments)
    return answer


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("move", {"user_id": "eve", "to": "first"}),
        ("move", {"user_id": "ada", "to": "last"}),
        ("move", {"user_id": "dan", "before": "bob"}),
        ("move", {"user_id": "bob", "after": "dan"}),
        ("move_several", {"numbers": [5, 3], "to": "first"}),
        ("move_several", {"numbers": [1, 2, 4], "to": "last"}),
        ("add_stock", {"quantity": 2}),
        ("add_total_stock", {"quantity": 2}),
    ],
)
async def test_a_change_that_is_taken_back_leaves_all_as_it_was(
    line: Lists, verb: str, arguments: dict[str, Any]
) -> None:
    before = await picture(line)
    done = await do(line, verb, **arguments)
    assert await picture(line) != before
    await line.take_back(done.undo)
    assert await picture(line) == before


async def test_moves_that_had_to_make_room_are_taken_back_too(
    line: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(25):  # until there is no rank between the two
        await line.move("eve", before="bob")
        await line.move("dan", before="bob")
        before = await picture(line)
        done = await line.move("cleo", before="bob")
        await line.take_back(done.undo)
        assert await picture(line) == before


async def test_a_removed_fan_gets_the_place_back_with_a_new_number(line: Lists) -> None:
    done = await line.remove("bob")
    await line.take_back(done.undo)
    people, _ = await picture(line)
    assert [(one[0], one[1]) for one in people] == [(user, place) for place, user in enumerate(FANS, 1)]


async def test_what_is_no_longer_exact_is_refused_and_changes_nothing(line: Lists) -> None:
    moved = await line.move("eve", to="first")
    await line.move("eve", to="last")
    removed = await line.remove("bob")
    await line.join("bob", 3)
    returned = await line.add_stock(2)
    await line.remove_stock(1)
    before = await picture(line)
    for done in (moved, removed, returned):
        with pytest.raises(InvalidRequest):
            await line.take_back(done.undo)
    for undo in ("", "1-1", "9-1", "1-5", "0-0", "999999999999999999-999999999999999999", "1-999999999999999999"):
        with pytest.raises(InvalidRequest):
            await line.take_back(undo)
    assert await picture(line) == before


async def test_a_place_that_was_taken_meanwhile_is_not_given_back(line: Lists) -> None:
    moved = await line.move("cleo", to="last")
    (entry,) = [one for one in (await picture(line))[0] if one[0] == "bob"]
    await line.rows(
        "UPDATE entries SET rank = $2 WHERE list_id = $1 AND user_id = 'bob' RETURNING number",
        line.key.list_id,
        entry[4] + 1_000_000,
    )
    with pytest.raises(InvalidRequest):
        await line.take_back(moved.undo)


async def test_after_a_minute_it_is_too_late(line: Lists) -> None:
    done = await line.move("eve", to="first")
    line.now += timedelta(minutes=1, seconds=1)
    with pytest.raises(InvalidRequest):
        await line.take_back(done.undo)


async def test_no_undo_is_offered_where_tickets_were_held_or_passed_on(line: Lists) -> None:
    assert (await line.add_stock(3)).undo is None  # ada can buy
    assert (await line.remove("ada")).undo is None  # and her tickets pass to bob
    assert (await line.add_stock(1)).undo is not None  # too few for anybody


async def test_it_is_taken_back_once(line: Lists) -> None:
    await line.add_stock(1)
    for done in (await line.move("eve", to="first"), await line.remove("bob"), await line.add_stock(1)):
        await line.take_back(done.undo)
        with pytest.raises(InvalidRequest):
            await line.take_back(done.undo)


async def test_several_keep_their_order_and_others_are_skipped(line: Lists) -> None:
    await line.add_stock(3)  # ada is ready
    answer = await line.move_several([5, 3, 1, 77], "first")
    assert answer.several is not None
    assert (answer.several.numbers, answer.several.skipped) == ((3, 5), (1, 77))
    assert [one[0] for one in (await picture(line))[0] if one[1]] == ["cleo", "eve", "bob", "dan"]
    await line.move_several([3, 2], "last")
    assert [one[0] for one in (await picture(line))[0] if one[1]] == ["eve", "dan", "cleo", "bob"]
    for numbers, to in (([], "first"), ([*range(1, 502)], "last"), ([1], "middle")):
        with pytest.raises(InvalidRequest):
            await line.move_several(numbers, to)


async def test_hundreds_are_moved_to_the_front_and_back(lists: Lists) -> None:
    for number in range(60):
        await lists.join(f"fan-{number}", 1)
    before = await picture(lists)
    done = await lists.move_several([*range(31, 61)], "first")
    people, _ = await picture(lists)
    assert [one[0] for one in people] == [f"fan-{n}" for n in (*range(30, 60), *range(30))]
    await lists.take_back(done.undo)
    assert await picture(lists) == before


async def test_only_the_chosen_holds_are_extended(line: Lists) -> None:
    await line.add_stock(6)
    answer = await line.extend_all(minutes=30, numbers=[2, 3, 9])
    assert answer.several is not None
    assert (answer.several.numbers, answer.several.skipped) == ((2,), (3, 9))
