"""Listings of entries: the filters of the time of joining, and pages in the order of the numbers."""

import itertools
from collections.abc import Sequence

import pytest

from tests.support.lists import ORGANIZATION, T0, Lists
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.lists.queries.export_layout import ExportedEntry
from waiting_list.problems import InvalidRequest

OTHER = ListKey("off_2", "rep_2")


async def listed(lists: Lists, only: EntryFilter, *, by_number: bool = False) -> list[str | None]:
    page = await entry_queries.entries(lists.pool, ORGANIZATION, only, limit=500, cursor=None, by_number=by_number)
    return [entry.user_id for entry in page.items]


async def exported(lists: Lists, only: EntryFilter) -> list[str | None]:
    found: list[str | None] = []

    async def take(entries: Sequence[ExportedEntry]) -> None:
        found.extend(entry.user_id for entry in entries)

    await entry_queries.export_entries(lists.pool, ORGANIZATION, only, take)
    return found


async def counted(lists: Lists, only: EntryFilter) -> int:
    page = await list_queries.waiting_lists(lists.pool, ORGANIZATION, only, limit=9, cursor=None)
    return sum(one.entries.waiting + one.entries.left for one in page.items)


async def test_filters_by_time_and_pause_hold_in_every_order_and_for_every_reader(lists: Lists) -> None:
    for user_id in ("ada", "bob", "cleo"):
        await lists.join(user_id)
        lists.later(hours=1)
    await lists.leave("bob")
    await lists.pause("cleo")
    at = (await lists.entry("bob")).joined_at
    for given, users in (
        (EntryFilter(joined_after=at), ["bob", "cleo"]),
        (EntryFilter(joined_before=at), ["ada"]),
        (EntryFilter(joined_after=at, joined_before=at), []),
        (EntryFilter(joined_after=T0, joined_before=at), ["ada"]),
        (EntryFilter(paused=True), ["cleo"]),
        (EntryFilter(paused=True, joined_before=at), []),
    ):
        for only in (given, given._replace(user_id=["ada", "bob", "cleo"])):
            assert await listed(lists, only) == await exported(lists, only) == users
            assert await listed(lists, only, by_number=True) == users
            assert await counted(lists, only) == len(users)


@pytest.mark.parametrize("users", [None, [f"u{number}" for number in range(12)]], ids=["all", "of users"])
async def test_by_number_every_entry_is_on_one_page_while_people_move(
    lists: Lists, users: Sequence[str] | None
) -> None:
    await lists.add_list(OTHER)
    first = lists.key
    for number, key in itertools.product(range(12), (first, OTHER)):
        lists.key = key
        await lists.join(f"u{number}")
    only = EntryFilter(user_id=users, status=["waiting"])

    async def pages(*, by_number: bool) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []
        cursor, moved = None, itertools.cycle(range(12))
        while True:
            page = await entry_queries.entries(
                lists.pool, ORGANIZATION, only, limit=5, cursor=cursor, by_number=by_number
            )
            seen += [(one.offer_id, one.number) for one in page.items]
            if (cursor := page.next_cursor) is None:
                return seen
            for lists.key in (first, OTHER):
                await lists.move(f"u{next(moved)}", "last")
                await lists.move(f"u{next(moved)}", "first")

    seen = await pages(by_number=True)
    assert len(seen) == len(set(seen)) == 24
    for key in (first, OTHER):
        assert [number for offer_id, number in seen if offer_id == key.offer_id] == list(range(1, 13))
    assert sorted(await pages(by_number=False)) != sorted(seen), "the queue's own order has no such promise"


@pytest.mark.parametrize("by_number", [True, False])
async def test_a_cursor_of_one_order_is_refused_in_the_other(lists: Lists, *, by_number: bool) -> None:
    for user_id in ("ada", "bob"):
        await lists.join(user_id)
    page = await entry_queries.entries(
        lists.pool, ORGANIZATION, EntryFilter(), limit=1, cursor=None, by_number=by_number
    )
    assert page.next_cursor is not None
    with pytest.raises(InvalidRequest):
        await entry_queries.entries(
            lists.pool, ORGANIZATION, EntryFilter(), limit=1, cursor=page.next_cursor, by_number=not by_number
        )
