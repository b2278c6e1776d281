"""A bound for `strict`: free tickets that are too few for the first in line go to those behind, after a while."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.lists import Lists
from waiting_list.lists.models import Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.maintenance import Maintenance


async def _line(lists: Lists, **settings: object) -> None:
    """Ann wants four together; three others want one each. Two tickets come back."""
    await lists.configure(idle_minutes=30, **settings)
    await lists.join("ann", 4)
    for user in ("bob", "cleo", "dan"):
        await lists.join(user)
    await lists.add_stock(2)


async def test_after_so_long_those_behind_who_fit_are_served_once(lists: Lists) -> None:
    await _line(lists)
    lists.later(minutes=29, seconds=59)
    await lists.idle()
    assert [await lists.status(user) for user in ("ann", "bob")] == [Status.WAITING] * 2
    lists.later(seconds=1)
    answer = await lists.idle()
    assert [entry.user_id for entry in answer.promoted] == ["bob", "cleo"]
    assert (await lists.entry("ann")).position == 1, "the first keeps the place"
    assert (await lists.entry("dan")).position == 2
    await lists.audit()


async def test_each_promotion_begins_the_time_anew(lists: Lists) -> None:
    await _line(lists)
    lists.later(minutes=30)
    await lists.idle()
    await lists.add_stock(1)
    await lists.idle()
    assert await lists.status("dan") is Status.WAITING
    lists.later(minutes=29)
    await lists.add_stock(3)
    assert await lists.status("ann") is Status.READY
    lists.later(minutes=1)
    await lists.idle()
    assert await lists.status("dan") is Status.WAITING, "no ticket is free"
    await lists.audit()


async def test_more_tickets_for_the_first_do_not_begin_it_anew(lists: Lists) -> None:
    await _line(lists)
    lists.later(minutes=20)
    await lists.add_stock(1)
    lists.later(minutes=10)
    answer = await lists.idle()
    assert [entry.user_id for entry in answer.promoted] == ["bob", "cleo", "dan"]


async def test_another_setting_counts_from_now_on(lists: Lists) -> None:
    await _line(lists)
    lists.later(minutes=20)
    await lists.configure(idle_minutes=5)
    lists.later(minutes=5)
    await lists.idle()
    assert await lists.status("bob") is Status.READY
    await lists.configure(idle_minutes=None)
    await lists.add_stock(1)
    lists.later(days=1)
    await lists.idle()
    assert await lists.status("dan") is Status.WAITING
    await lists.audit()


@pytest.mark.parametrize("settings", [{"policy": "skip", "skip_limit": 0}, {"automatic": False}])
async def test_it_is_for_lists_that_wait_for_the_first_by_themselves(
    lists: Lists, settings: dict[str, object]
) -> None:
    await _line(lists, **settings)
    lists.later(days=1)
    await lists.idle()
    assert await lists.status("bob") is Status.WAITING
    await lists.audit()


async def test_no_list_serves_anybody_after_its_end(lists: Lists) -> None:
    await _line(lists)
    lists.later(days=30)
    await lists.idle()
    assert await lists.status("bob") is Status.WAITING


async def test_the_worker_serves_them_and_rests_where_nobody_fits(lists: Lists) -> None:
    lists.now = datetime.now(UTC) - timedelta(minutes=2)
    await lists.configure(idle_minutes=1)
    await lists.join("ann", 4)
    await lists.join("bob", 3)
    await lists.add_stock(2)
    worker = Maintenance(lists.pool, lists.engine)
    before = await lists.history()
    for _ in range(3):
        assert await worker.work() > 0.1, "no list stays due"
    assert await lists.history() == before
    lists.later(minutes=2)
    await lists.join("cleo", 2)
    await worker.work()
    assert await lists.status("cleo") is Status.READY
    await lists.audit()


async def test_the_worker_serves_a_rest_behind_the_first(lists: Lists) -> None:
    lists.now = datetime.now(UTC) - timedelta(minutes=2)
    await lists.configure(idle_minutes=1)
    await lists.join("bob", 2, 1, keeps=True)
    await lists.add_stock(1)
    await lists.join("ann", 4)
    await lists.move("ann", to="first")
    await lists.add_stock(1)
    assert (await lists.entry("bob")).tickets_held == 1
    await Maintenance(lists.pool, lists.engine).work()
    assert (await lists.entry("bob")).tickets_held == 2
    assert (await lists.entry("ann")).position == 1
    await lists.audit()


async def test_fans_see_it_before_they_join(lists: Lists) -> None:
    await lists.configure(idle_minutes=30)
    assert (await list_queries.waiting_list(lists.pool, lists.key)).idle_minutes == 30
