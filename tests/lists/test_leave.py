"""Leaving a list, and being removed from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.support.lists import ORGANIZATION, START, Lists
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.lists.queries.export_layout import ExportedEntry
from waiting_list.problems import AlreadyLeft, InventoryNotFound, NotInList

LEFT = EntryFilter(status=["left"])


async def test_who_leaves_is_out_and_the_others_move_up(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob")
    left = await lists.leave("ada")
    assert (left.status, left.left_reason, left.left_at) == (Status.LEFT, LeftReason.CANCELLED, lists.now)
    assert (left.position, left.tickets_ahead, left.tickets_held) == (None, None, 0)
    bob = await lists.entry("bob")
    assert (bob.position, bob.tickets_ahead) == (1, 0)


async def test_who_declines_a_hold_passes_it_on_at_once(lists: Lists) -> None:
    await lists.join("ada", 2)
    await lists.join("bob", 2)
    await lists.add_stock(2)
    left = await lists.leave("ada")
    assert (left.status, left.tickets_held) == (Status.LEFT, 0)
    assert (await lists.entry("bob")).tickets_held == 2
    assert await lists.history() == [
        ("create", None),
        ("join", 1),
        ("join", 2),
        ("add_stock", None),
        ("promote", 1),
        ("leave", 1),
        ("promote", 2),
    ]


async def test_leaving_a_list_one_is_not_in_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.leave("ada")


async def test_leaving_a_list_that_does_not_exist_is_refused(lists: Lists) -> None:
    lists.key = ListKey("nothing", "rep_1")
    async with lists.refused(InventoryNotFound):
        await lists.leave("ada")


async def test_leaving_a_list_that_is_not_open_is_refused_as_not_being_in_it(lists: Lists) -> None:
    lists.key = ListKey("off_2", "rep_2")
    await lists.add_list(lists.key, available=5)
    async with lists.refused(NotInList):
        await lists.leave("ada")


async def test_leaving_a_list_that_was_closed_by_hand_works(lists: Lists) -> None:
    await lists.join("ada")
    await lists.configure(open=False)
    assert (await lists.leave("ada")).status is Status.LEFT


async def test_leaving_a_list_that_has_already_been_left_is_refused_with_the_entry(lists: Lists) -> None:
    await lists.join("ada")
    left = await lists.leave("ada")
    async with lists.refused(AlreadyLeft) as caught:
        await lists.leave("ada")
    assert caught[0].extra["entry"] == left


async def test_an_organizer_removes_a_user_and_the_hold_passes_on(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    await lists.add_stock(1)
    answer = await lists.remove("ada")
    assert answer.entry is not None
    assert answer.entry.left_reason is LeftReason.REMOVED
    assert [entry.user_id for entry in answer.promoted] == ["bob"]


async def test_removing_whoever_is_not_there_is_refused(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.remove("ada")
    await lists.join("ada")
    await lists.remove("ada")
    async with lists.refused(AlreadyLeft):
        await lists.remove("ada")


@pytest.mark.parametrize(
    ("ended_by", "hold_minutes", "until"),
    [
        ("buy", None, START),
        ("leave", 120, START),
        ("remove", 30, START - timedelta(minutes=30)),
        ("expire", 30, START - timedelta(minutes=30)),
        ("end", None, START),
        ("end", 120, START),
    ],
)
async def test_the_deadline_of_a_hold_that_has_ended_stays_what_it_was(
    lists: Lists, ended_by: str, hold_minutes: int | None, until: datetime
) -> None:
    await lists.configure(hold_minutes=hold_minutes)
    await lists.join("ada", 2)
    lists.now = START - timedelta(hours=1)
    await lists.add_stock(2)
    assert (await lists.entry("ada")).ready_until == until
    if ended_by in ("expire", "end"):
        lists.now = until
        await getattr(lists, ended_by)()
    else:
        await getattr(lists, ended_by)("ada")
    for start in (START, START + timedelta(days=3), START - timedelta(days=3)):
        await lists.reschedule(start)
        page = await entry_queries.entries(lists.pool, ORGANIZATION, LEFT, limit=5, cursor=None)
        exported: list[ExportedEntry] = []

        async def take(some: Sequence[ExportedEntry], into: list[ExportedEntry] = exported) -> None:
            into.extend(some)

        await entry_queries.export_entries(lists.pool, ORGANIZATION, LEFT, take)
        shown = [await lists.entry("ada"), page.items[0], exported[0]]
        assert [(one.status, one.ready_until) for one in shown] == [(Status.LEFT, until)] * 3
        await lists.audit()
