"""A fan undoes a change of the wish: within a minute, exactly as it was, or not at all."""

from datetime import timedelta
from typing import Any

import pytest

from tests.ledger.test_verify_ledger import download
from tests.lists.test_take_back import picture
from tests.support.lists import ORGANIZER, Lists
from waiting_list.ledger.verify_ledger import verify_ledger
from waiting_list.lists import verbs
from waiting_list.lists.models import Status
from waiting_list.problems import AlreadyLeft, InvalidRequest, NotInList, NotWaiting, WaitingListEnded

FANS = ("ada", "bob", "cleo", "dan", "eve")


@pytest.fixture
async def line(lists: Lists) -> Lists:
    """Five fans wait for 3 tickets each, and would take 2; none is free."""
    for user in FANS:
        await lists.join(user, 3, 2)
    return lists


async def check(lists: Lists) -> None:
    """The service finds its history right, and so do outsiders."""
    await lists.audit()
    published = await download(lists)
    verify_ledger(published.lines, published.note, published.keys)


async def places(lists: Lists, *users: str) -> list[int | None]:
    return [(await lists.entry(user)).position for user in users]


async def refused(lists: Lists, user: str, undo: str | None) -> None:
    with pytest.raises(InvalidRequest):
        await lists.undo(user, undo)


CHANGES: list[dict[str, Any]] = [
    {"wanted": 5},
    {"wanted": 2},
    {"minimum": 1},
    {"keeps": True},
    {"wanted": 6, "minimum": 1, "keeps": True},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_an_undone_change_leaves_all_as_it_was(line: Lists, change: dict[str, Any]) -> None:
    before = await picture(line)
    done = await line.make_change("bob", **change)
    assert await picture(line) != before or "wanted" not in change
    line.later(seconds=59)
    await line.undo("bob", done.undo)
    assert await picture(line) == before
    bob = await line.entry("bob")
    assert (bob.position, bob.tickets_wanted, bob.tickets_minimum) == (2, 3, 2)
    assert not bob.keep_waiting_for_rest
    await refused(line, "bob", done.undo)  # once
    await check(line)


async def test_how_often_the_entry_was_passed_over_comes_back(line: Lists) -> None:
    await line.configure(policy="skip", skip_limit=3)
    await line.change("dan", 1)
    await line.add_stock(1)
    assert (await line.entry("dan")).status is Status.READY
    passed = "SELECT passed_over FROM entries WHERE number = 1"
    assert (await line.rows(passed))[0][0] == 1
    done = await line.make_change("ada", 4)
    assert (await line.rows(passed))[0][0] == 0
    await line.undo("ada", done.undo)
    assert (await line.rows(passed))[0][0] == 1
    await check(line)


async def test_who_joined_or_changed_meanwhile_keeps_the_place_that_they_had(line: Lists) -> None:
    """`ada` stood before them at the end, too."""
    done = await line.make_change("ada", 4)
    await line.join("fay", 1)
    await line.change("bob", 4)  # goes behind them
    await line.leave("dan")
    assert await places(line, "cleo", "eve", "ada", "fay", "bob") == [1, 2, 3, 4, 5]
    await line.undo("ada", done.undo)
    assert await places(line, "ada", "cleo", "eve", "fay", "bob") == [1, 2, 3, 4, 5]
    await check(line)


async def test_two_fans_undo_in_any_order(line: Lists) -> None:
    before = await picture(line)
    ada, bob = await line.make_change("ada", 4), await line.make_change("bob", 4)
    await line.undo("ada", ada.undo)
    await line.undo("bob", bob.undo)
    assert await picture(line) == before
    await check(line)


async def test_free_tickets_that_fit_again_are_held_at_once(line: Lists) -> None:
    await line.change("ada", 1)
    done = await line.make_change("ada", 4, 4)
    await line.add_stock(1)  # too few for anybody
    assert [one.user_id for one in (await line.undo("ada", done.undo)).promoted] == ["ada"]
    await check(line)


async def test_after_tickets_went_to_anybody_it_is_refused(line: Lists) -> None:
    """With the old wish or at the old place, they might have gone to another fan."""
    done = await line.make_change("bob", 5)
    await line.add_stock(3)
    assert (await line.entry("ada")).status is Status.READY
    await refused(line, "bob", done.undo)
    done = await line.make_change("bob", 6)
    await line.grant("eve", 1, add_stock=True)
    await refused(line, "bob", done.undo)
    await line.audit()


async def test_no_undo_is_offered_for_a_change_that_held_tickets_or_passed_them_on(line: Lists) -> None:
    await line.add_stock(1)
    assert (await line.make_change("ada", 1)).undo is None  # and can buy
    with pytest.raises(NotWaiting):
        await line.undo("ada", "7-7")
    await line.change("cleo", 1)
    await line.add_stock(1)
    done = await line.make_change("bob", 4)  # cleo was next, and got the ticket
    assert ((await line.entry("cleo")).status, done.undo) == (Status.READY, None)
    (last,) = await line.rows("SELECT max(sequence) FROM history WHERE verb = 'change'")
    await refused(line, "bob", f"{last[0] - 1}-{last[0]}")


async def test_a_ready_fan_cannot_ask_for_the_rest_again(line: Lists) -> None:
    await line.change("ada", keeps=True)
    await line.add_stock(2)
    assert (await line.make_change("ada", keeps=False)).undo is None


async def test_after_the_organizer_moved_anybody_it_is_refused(line: Lists) -> None:
    done = await line.make_change("bob", 5)
    await line.move("eve", before="dan")
    await refused(line, "bob", done.undo)


async def test_after_a_minute_it_is_too_late(line: Lists) -> None:
    done = await line.make_change("bob", 5)
    line.later(minutes=1)
    await refused(line, "bob", done.undo)


async def test_only_the_newest_change_of_ones_own_entry_can_be_undone(line: Lists) -> None:
    first = await line.make_change("bob", 5)
    second = await line.make_change("bob", 4)
    other = await line.make_change("cleo", 2)
    undone = await line.undo("bob", second.undo)
    assert (undone.undo, undone.entry and undone.entry.tickets_wanted) == (None, 5)
    before = await picture(line)
    (last,) = await line.rows("SELECT max(sequence) FROM history")
    assert first.undo is not None
    move, change = first.undo.split("-")
    for undo in (
        *(first.undo, second.undo, other.undo, f"{change}-{change}", f"{move}-{move}", f"{last[0]}-{last[0]}"),
        *("", "1-1", "x", f"{move}-{last[0]}", "9" * 40, "1-999999999999999999", f" {other.undo}"),
    ):
        await refused(line, "bob", undo)
    for user in ("ada", "dan"):
        await refused(line, user, other.undo)
    assert await picture(line) == before


async def test_what_the_organizer_changed_a_fan_cannot_undo(line: Lists) -> None:
    engine = line.engine.at(line.now)
    done = await engine.run(line.key, ORGANIZER, verbs.change, user_id="bob", tickets_wanted=2)
    assert done.undo is None
    (last,) = await line.rows("SELECT max(sequence) FROM history")
    await refused(line, "bob", f"{last[0]}-{last[0]}")
    await line.move("bob", to="last")
    own = await line.make_change("bob", minimum=1)
    await line.undo("bob", own.undo)  # and not the move before it
    assert await places(line, "bob") == [5]
    await check(line)


async def test_a_place_that_is_over_gets_nothing_back(line: Lists) -> None:
    done = await line.make_change("bob", 2)
    number = (await line.entry("bob")).number
    with pytest.raises(NotInList):
        await line.undo("zoe", done.undo)
    await line.leave("bob")
    with pytest.raises(AlreadyLeft):
        await line.undo("bob", done.undo)
    await line.join("bob", 1)
    await refused(line, "bob", done.undo)
    with pytest.raises(AlreadyLeft):
        await line.undo("bob", done.undo, number)
    done = await line.make_change("ada", 2)
    await line.configure(closes_at=line.now + timedelta(seconds=10))
    line.later(seconds=20)
    with pytest.raises(WaitingListEnded):
        await line.undo("ada", done.undo)
