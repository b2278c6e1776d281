"""Later deadlines: for one hold, for all holds of a list, after an outage, and while a fan pays."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lists.test_outbox import add_webhook, emails, told, types
from tests.support.lists import ORGANIZER, START, T0, Lists
from waiting_list.lists import verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import Status
from waiting_list.problems import AlreadyLeft, CheckoutUsed, HoldExpired, InvalidRequest, NotInList, NotReady
from waiting_list.settings import Settings

DAY = timedelta(days=1)


async def _ready(lists: Lists, *users: str, **contact: Any) -> None:
    for user in users:
        await lists.join(user, 2, **contact)
    await lists.add_stock(2 * len(users))


async def test_an_organizer_gives_a_fan_until_monday(lists: Lists) -> None:
    await _ready(lists, "ada")
    monday = T0 + 3 * DAY
    entry = await lists.extend("ada", until=monday, reason="Waits for a bank transfer")
    assert (entry.status, entry.ready_until) == (Status.READY, monday)
    lists.now = T0 + 2 * DAY
    await lists.expire()
    assert (await lists.entry("ada")).ready_until == monday
    assert (await lists.buy("ada")).promoted == ()
    rows = await lists.rows("SELECT verb, actor, reason FROM history WHERE reason IS NOT NULL")
    assert [tuple(row) for row in rows] == [("extend", "organizer:test", "Waits for a bank transfer")]
    await lists.audit()


async def test_an_extended_hold_expires_at_its_later_deadline(lists: Lists) -> None:
    await _ready(lists, "ada")
    await lists.extend("ada", minutes=60)
    lists.now = T0 + DAY + timedelta(minutes=59)
    await lists.expire()
    assert await lists.status("ada") is Status.READY
    lists.later(minutes=1)
    async with lists.refused(HoldExpired):
        await lists.buy("ada")
    await lists.expire()
    assert await lists.status("ada") is Status.LEFT
    await lists.audit()


async def test_no_extended_deadline_is_later_than_the_end_of_the_list(lists: Lists) -> None:
    await _ready(lists, "ada")
    closes_at = T0 + 2 * DAY
    await lists.configure(closes_at=closes_at)
    assert (await lists.extend("ada", until=START + DAY)).ready_until == closes_at
    async with lists.refused(InvalidRequest):
        await lists.extend("ada", minutes=60)
    # The deadline stays what it was, also where the list ends later again.
    await lists.configure(closes_at=None)
    assert (await lists.entry("ada")).ready_until == closes_at
    await lists.configure(hold_minutes=None)
    await _ready(lists, "bob")
    async with lists.refused(InvalidRequest):
        await lists.extend("bob", until=START)
    await lists.audit()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"until": T0 + 2 * DAY, "minutes": 1},
        {"until": T0},
        {"until": T0 + DAY},
        {"until": T0 - DAY},
    ],
)
async def test_a_deadline_that_is_not_later_is_refused(lists: Lists, given: dict[str, Any]) -> None:
    await _ready(lists, "ada")
    async with lists.refused(InvalidRequest):
        await lists.extend("ada", **given)


async def test_only_a_live_hold_can_be_extended(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.extend("ada", minutes=1)
    await lists.join("ada", 2)
    async with lists.refused(NotReady):
        await lists.extend("ada", minutes=1)
    await lists.add_stock(2)
    lists.now = T0 + DAY
    for _ in range(2):
        async with lists.refused(HoldExpired):
            await lists.extend("ada", minutes=1)
        await lists.expire()
    await lists.join("ada", 2)
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.extend("ada", minutes=1)


async def test_all_holds_of_a_list_get_a_later_deadline_but_those_that_last_as_long(lists: Lists) -> None:
    await _ready(lists, "ada")
    lists.later(hours=2)
    await _ready(lists, "bob", "cleo")
    await lists.extend("cleo", until=T0 + 5 * DAY)
    lists.now = T0 + DAY
    answer = await lists.extend_all(until=T0 + 3 * DAY, reason="The shop was away")
    assert answer.several is not None
    assert (answer.several.numbers, answer.several.skipped) == ((2,), (1, 3))
    assert (await lists.entry("bob")).ready_until == T0 + 3 * DAY
    assert (await lists.entry("cleo")).ready_until == T0 + 5 * DAY
    async with lists.refused(InvalidRequest):
        await lists.extend_all(until=lists.now)
    await lists.audit()


async def _outage(lists: Lists, since: datetime, until: datetime) -> tuple[int, ...]:
    answer = await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.extend_outage, since=since, until=until
    )
    assert answer.several is not None
    return answer.several.numbers


async def test_after_an_outage_every_hold_that_lasted_into_it_gets_its_length_more_once(lists: Lists) -> None:
    await lists.configure(hold_minutes=120)
    await _ready(lists, "ada")
    lists.later(hours=1)
    await _ready(lists, "bob")
    since, until = T0 + timedelta(minutes=90), T0 + timedelta(minutes=150)
    lists.now = until
    await _ready(lists, "cleo")
    lists.later(minutes=1)
    async with lists.refused(InvalidRequest):
        await _outage(lists, since, lists.now + timedelta(seconds=1))
    async with lists.refused(InvalidRequest):
        await _outage(lists, until, since)
    # The hold of ada expired in the outage, and that of cleo began after it.
    assert await _outage(lists, since, until) == (2,)
    assert (await lists.entry("bob")).ready_until == T0 + timedelta(hours=4)
    assert await _outage(lists, since, until) == ()
    assert await _outage(lists, since, until - timedelta(minutes=30)) == (2,)
    assert (await lists.entry("bob")).ready_until == T0 + timedelta(hours=4, minutes=30)
    await lists.audit()


async def test_a_hold_lives_on_while_its_fan_pays_once(lists: Lists) -> None:
    await _ready(lists, "ada", "bob")
    lists.now = T0 + DAY - timedelta(seconds=1)
    entry = await lists.checkout("ada")
    assert entry.ready_until == T0 + DAY + timedelta(minutes=15)
    async with lists.refused(CheckoutUsed) as caught:
        await lists.checkout("ada")
    assert caught[0].extra["entry"] == entry
    lists.now = T0 + DAY + timedelta(minutes=14)
    await lists.expire()
    assert await lists.status("bob") is Status.LEFT
    assert (await lists.buy("ada")).entry is not None
    async with lists.refused(HoldExpired):
        await lists.checkout("bob")
    await lists.audit()


async def test_the_grace_ends_with_the_list_and_another_hold_has_its_own(lists: Lists) -> None:
    await lists.configure(closes_at=T0 + DAY + timedelta(minutes=5), hold_grace_seconds=600)
    await _ready(lists, "ada")
    assert (await lists.checkout("ada")).ready_until == T0 + DAY + timedelta(minutes=5)
    await lists.remove_stock(2, revoke_holds=True)
    lists.later(hours=1)
    await lists.configure(closes_at=None)
    await lists.add_stock(2)
    assert (await lists.checkout("ada")).ready_until == T0 + DAY + timedelta(hours=1, minutes=10)
    await lists.audit()


async def test_where_a_list_has_no_grace_a_checkout_changes_nothing(lists: Lists) -> None:
    await lists.configure(hold_grace_seconds=0)
    await _ready(lists, "ada")
    before = await lists.tables()
    for _ in range(2):
        assert (await lists.checkout("ada")).ready_until == T0 + DAY
    assert await lists.tables() == before


@pytest.mark.parametrize("seconds", [-1, 901])
async def test_the_grace_is_fifteen_minutes_at_most(lists: Lists, seconds: int) -> None:
    with pytest.raises(ValueError, match="hold_grace_seconds"):
        await lists.configure(hold_grace_seconds=seconds)


async def test_a_fan_with_more_time_has_a_letter_and_a_reminder_anew(lists: Lists, tmp_path: Path) -> None:
    lists.engine = Engine(lists.pool, Settings(mail_folder=tmp_path))
    await add_webhook(lists)
    await _ready(lists, "ada", email="ada@example.org")
    await emails(lists)
    await told(lists)
    await lists.extend("ada", minutes=60)
    assert await emails(lists) == [("extended", 1, T0), ("reminder", 1, T0 + DAY)]
    assert await types(lists) == ["entry.changed"]
    await lists.extend("ada", until=T0 + 2 * DAY)
    await lists.extend_all(until=T0 + 3 * DAY)
    assert [one for one in await emails(lists) if one[0] == "reminder"] == [
        ("reminder", 1, T0 + 3 * DAY - timedelta(hours=1))
    ]
    await lists.checkout("ada")
    assert await emails(lists) == []
