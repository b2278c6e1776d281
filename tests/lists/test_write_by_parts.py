"""On Citus, each table of a list is written by a statement of its own."""

import pytest

from tests.support.lists import Lists
from waiting_list.lists import locked_list


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
