"""What the service does another way on Citus, done on one server."""

import pytest

from tests.support.lists import ORGANIZATION, Lists
from waiting_list.lists import locked_list
from waiting_list.lists.queries import entries as queries
from waiting_list.lists.queries.entries import EntryFilter, entries


async def test_what_is_written_by_parts_is_what_the_history_says(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_list, "has_citus", lambda _: True)
    for user in ("ada", "bob", "cyd", "dee"):
        await lists.join(user)
    await lists.add_stock(2)
    await lists.buy("ada")
    await lists.leave("bob")
    await lists.leave("dee")
    await lists.join("dee")
    await lists.audit()
    assert await lists.line() == ["dee"]


async def test_a_listing_of_all_users_is_the_same_on_citus(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    for user in ("ada", "bob", "cyd", "dee"):
        await lists.join(user)
    await lists.add_stock(1)
    await lists.leave("bob")

    async def pages(only: EntryFilter) -> list[list[int]]:
        found, cursor = [], None
        while True:
            page = await entries(lists.pool, ORGANIZATION, only, limit=1, cursor=cursor)
            found.append([entry.number for entry in page.items])
            if (cursor := page.next_cursor) is None:
                return found

    filters = [EntryFilter(), EntryFilter(status=["waiting"]), EntryFilter(left_reason=["cancelled"])]
    usual = [await pages(only) for only in filters]
    monkeypatch.setattr(queries, "has_citus", lambda _: True)
    assert [await pages(only) for only in filters] == usual
    assert [len(one) for one in usual] == [4, 2, 1]
