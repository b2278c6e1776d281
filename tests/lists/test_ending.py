"""The end of a list: people leave after the grace, in which a date that is put right changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.lists.test_outbox import add_webhook
from tests.lists.test_outbox import told as told_of_all
from tests.support.lists import ORGANIZER, START, Lists
from tests.support.until import until, working
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import RepresentationFields
from waiting_list.lists.models import LeftReason, Status
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import connection
from waiting_list.problems import Problem

GRACE = timedelta(minutes=15)


@pytest_asyncio.fixture
async def line(lists: Lists) -> Lists:
    """ada is ready with two tickets, bob and cleo wait, and the list ends in an hour."""
    for user in ("ada", "bob", "cleo"):
        await lists.join(user, 2)
    await lists.add_stock(2)
    await lists.configure(closes_at=lists.now + timedelta(hours=1))
    lists.later(hours=1)
    return lists


async def told(lists: Lists) -> list[dict[str, Any]]:
    """The bodies about a list that opens or closes; it forgets all."""
    return [one for one in await told_of_all(lists) if one["type"] in ("list.opened", "list.closed")]


async def statuses(lists: Lists) -> list[Status]:
    return [await lists.status(user) for user in ("ada", "bob", "cleo")]


AS_BEFORE = [Status.READY, Status.WAITING, Status.WAITING]


async def test_people_leave_when_the_grace_after_the_end_is_over(line: Lists) -> None:
    ended_at = line.now
    await line.end(grace=GRACE)
    assert await statuses(line) == AS_BEFORE
    line.later(minutes=14)
    await line.end(grace=GRACE)
    assert await statuses(line) == AS_BEFORE
    line.later(minutes=1)
    await line.end(grace=GRACE)
    assert await statuses(line) == [Status.LEFT] * 3
    ends = [one for one in await line.history() if one[0] == "end"]
    assert ends == [("end", None), ("end", 1), ("end", 2), ("end", 3)]
    assert await line.rows("SELECT ended_at FROM inventory") == [(ended_at,)]
    await line.audit()


@pytest.mark.parametrize("marked", [True, False])
async def test_from_the_end_on_the_clock_refuses_whether_or_not_the_worker_came(line: Lists, marked: bool) -> None:
    if marked:
        await line.end(grace=GRACE)
    tries: list[Any] = [line.join("dan"), line.change("bob", 1), line.promote(1), line.buy("ada")]
    for attempt in tries:
        with pytest.raises(Problem) as refused:
            await attempt
        assert refused.value.code in ("waiting_list_ended", "hold_expired")
    assert await statuses(line) == AS_BEFORE


async def test_a_date_that_is_put_right_leaves_everybody_as_they_were(line: Lists) -> None:
    before = [await line.entry(user) for user in ("bob", "cleo")]
    hold = await line.entry("ada")
    await line.end(grace=GRACE)
    line.later(minutes=10)
    await line.configure(closes_at=None)
    assert [await line.entry(user) for user in ("bob", "cleo")] == before
    again = await line.entry("ada")
    assert (again.ready_at, again.tickets_held) == (hold.ready_at, 2)
    await line.end(grace=GRACE)
    line.later(minutes=10)
    await line.end(grace=GRACE)
    assert await statuses(line) == AS_BEFORE
    await line.buy("ada")
    assert [verb for verb, _ in await line.history()][-4:] == ["end", "configure", "resume", "buy"]
    await line.audit()


async def test_a_hold_that_lapsed_meanwhile_expires_once_the_date_is_right(lists: Lists) -> None:
    await lists.configure(hold_minutes=65)
    for user in ("ada", "bob"):
        await lists.join(user)
    await lists.add_stock(1)
    await lists.configure(closes_at=lists.now + timedelta(hours=1))
    lists.later(hours=1)
    await lists.end(grace=GRACE)
    lists.later(minutes=10)
    assert await lists.status("ada") is Status.READY
    await lists.configure(closes_at=None)
    await lists.expire()
    assert (await lists.entry("ada")).left_reason is LeftReason.EXPIRED
    assert await lists.status("bob") is Status.READY
    await lists.audit()


async def test_each_end_has_its_own_grace(line: Lists) -> None:
    await line.end(grace=GRACE)
    line.later(minutes=10)
    await line.configure(closes_at=None)
    line.later(minutes=10)
    await line.configure(closes_at=line.now - timedelta(days=365))
    await line.end(grace=GRACE)
    assert await statuses(line) == AS_BEFORE
    line.later(minutes=15)
    await line.end(grace=GRACE)
    assert await statuses(line) == [Status.LEFT] * 3


async def test_a_list_that_takes_joins_again_says_so(line: Lists) -> None:
    await add_webhook(line)
    await line.end(grace=GRACE)
    assert [(one["type"], one["data"]["reason"]) for one in await told(line)] == [("list.closed", "ended")]
    line.later(minutes=1)
    await line.configure(closes_at=None)
    assert [one["type"] for one in await told(line)] == ["list.opened"]
    await line.reschedule(line.now)
    await line.end(grace=GRACE)
    assert [one["type"] for one in await told(line)] == ["list.closed"]
    await line.reschedule(START)
    assert [one["type"] for one in await told(line)] == ["list.opened"]


async def test_a_list_that_was_closed_by_hand_stays_closed_after_its_end_was_taken_back(line: Lists) -> None:
    await line.configure(open=False)
    await add_webhook(line)
    await line.end(grace=GRACE)
    await line.configure(closes_at=None)
    assert [one["type"] for one in await told(line)] == ["list.closed"]
    assert not (await line.inventory()).waiting_list_open


async def test_the_worker_marks_the_end_at_once_and_takes_people_out_after_the_grace(lists: Lists) -> None:
    lists.now = datetime.now(UTC)
    await lists.join("ada")
    await lists.configure(closes_at=lists.now - timedelta(days=1))

    async def is_marked() -> bool:
        return (await lists.history())[-1] == ("end", None)

    async with working(Maintenance(lists.pool, lists.engine, end_grace=timedelta(seconds=1))):
        await until(is_marked)
        assert await lists.status("ada") is Status.WAITING

        async def ada_is_out() -> bool:
            return await lists.status("ada") is Status.LEFT

        assert await until(ada_is_out) > 0.5


async def test_the_worker_rests_in_the_grace_and_leaves_lapsed_holds_alone(lists: Lists) -> None:
    lists.now = datetime.now(UTC)
    await lists.join("ada")
    await lists.add_stock(1)
    await lists.configure(closes_at=lists.now - timedelta(days=1))
    maintenance = Maintenance(lists.pool, lists.engine, end_grace=GRACE)
    await maintenance.work()
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE entries SET ready_until = now() - interval '1 minute'")
    changes = await lists.history()
    assert [await maintenance.work() for _ in range(3)] == [0.5] * 3
    assert await lists.history() == changes


async def test_the_worker_takes_back_an_end_where_the_call_died_before_it_did(lists: Lists) -> None:
    lists.now = datetime.now(UTC)
    await lists.join("ada")
    past = lists.now - timedelta(days=1)
    await lists.reschedule(past)
    maintenance = Maintenance(lists.pool, lists.engine, end_grace=GRACE)
    await maintenance.work()
    assert (await lists.history())[-1] == ("end", None)
    fields = RepresentationFields(event_id="ev_1", start_datetime=START, end_datetime=START)
    async with connection(lists.pool) as acquired, acquired.transaction():
        await catalogue_changes.write_representation(
            acquired, ORGANIZER.organization_id or "", lists.key.representation_id, fields
        )
    await maintenance.work()
    assert (await lists.history())[-1] == ("resume", None)
    assert await lists.status("ada") is Status.WAITING
    await lists.audit()
