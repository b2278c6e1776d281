"""A paused place: it stays where it is, gets no tickets, and counts again when its fan resumes."""

from datetime import timedelta

import pytest

from tests.lists.test_outbox import add_webhook, told
from tests.lists.test_why_waiting import why
from tests.support.lists import ORGANIZATION, T0, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.models import Status
from waiting_list.lists.queries.why_passed import PassedFor, why_passed
from waiting_list.postgres.statements import sql
from waiting_list.problems import AlreadyLeft, NotInList, NotWaiting, WaitingListEnded


async def held(lists: Lists, *users: str) -> list[int]:
    return [(await lists.entry(user)).tickets_held for user in users]


@pytest.mark.parametrize("policy", ["strict", "skip"])
async def test_a_paused_place_stays_and_is_passed_over_until_its_fan_resumes(lists: Lists, policy: str) -> None:
    await lists.configure(policy=policy)
    for user, wanted in (("ada", 2), ("bob", 2), ("cleo", 1), ("dan", 1)):
        await lists.join(user, wanted)
    paused = await lists.pause("ada")
    assert (paused.paused_at, paused.position, paused.status) == (T0, 1, Status.WAITING)
    assert (await why(lists, "ada"), await why(lists, "bob")) == ("paused", "nothing_free")
    await lists.add_stock(3)
    assert await held(lists, "ada", "bob", "cleo", "dan") == [0, 2, 1, 0]
    ada = await lists.entry("ada")
    assert (ada.position, ada.number, ada.rank, ada.paused_at) == (1, paused.number, paused.rank, T0)
    assert (await lists.rows("SELECT passed_over FROM entries WHERE number = 1"))[0][0] == 0
    # Whoever else fits was served first: now two tickets wait for nobody, until ada resumes.
    await lists.add_stock(3)
    assert (await held(lists, "ada", "dan"), (await lists.inventory()).sellable) == ([0, 1], 2)
    resumed = await lists.unpause("ada")
    assert (resumed.status, resumed.tickets_held, resumed.paused_at) == (Status.READY, 2, None)
    await lists.audit()


async def test_to_pause_the_first_in_line_serves_those_behind_at_once(lists: Lists) -> None:
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await lists.add_stock(2)
    assert await held(lists, "ada", "bob") == [0, 0]
    answer = await lists.engine.at(lists.now).run(lists.key, USER, verbs.pause, user_id="ada")
    assert [entry.user_id for entry in answer.promoted] == ["bob"]
    # A join behind a paused place gets what is free.
    assert (await lists.join("cleo", 1)).status is Status.READY
    await lists.audit()


async def test_free_tickets_wait_for_nobody_who_paused(lists: Lists) -> None:
    await lists.configure(idle_minutes=30)
    await lists.join("ada", 1)
    await lists.join("bob", 4)
    await lists.join("cleo", 1)
    await lists.pause("ada")
    await lists.pause("cleo")
    await lists.add_stock(1)
    lists.later(minutes=30)
    await lists.idle()
    assert await held(lists, "ada", "bob", "cleo") == [0, 0, 0]
    # And the worker is not called for them in vain, again and again.
    await lists.rows("UPDATE inventory SET idle_until = statement_timestamp() - interval '1 minute' RETURNING 1")
    assert await lists.rows(sql("read_due_lists"), timedelta(0), timedelta(0)) == []
    await lists.rows("UPDATE entries SET paused_at = NULL WHERE number = 3 RETURNING 1")
    assert [one["verb"] for one in await lists.rows(sql("read_due_lists"), timedelta(0), timedelta(0))] == ["idle"]


async def test_a_paused_fan_changes_moves_and_leaves_as_any_other(lists: Lists) -> None:
    for user in ("ada", "bob", "cleo"):
        await lists.join(user, 2)
        await lists.pause(user)
    lists.later(minutes=5)
    assert ((await lists.pause("ada")).paused_at, len(await lists.history())) == (T0, 7)  # repeated: no change
    assert (await lists.change("ada", 1)).paused_at == T0
    more = await lists.change("bob", 4)
    assert (more.position, more.paused_at) == (3, T0)
    await lists.move("cleo", to="first")
    left = await lists.leave("cleo")
    assert (left.status, left.paused_at) == (Status.LEFT, None)
    again = await lists.join("cleo")
    assert again.paused_at is None
    # A grant goes past the line, and past a pause.
    granted = (await lists.grant("bob", 1, add_stock=True)).entry
    assert granted is not None
    assert (granted.status, granted.paused_at) == (Status.READY, None)
    await lists.audit()


async def test_a_paused_entry_ends_with_its_list_as_any_other(lists: Lists) -> None:
    await lists.join("ada")
    await lists.pause("ada")
    lists.now += timedelta(days=40)
    for call in (lists.pause, lists.unpause):
        async with lists.refused(WaitingListEnded):
            await call("ada")
    await lists.end()
    ended = await lists.entry("ada")
    assert (ended.status, ended.left_reason, ended.paused_at) == (Status.LEFT, "ended", None)
    await lists.audit()


async def test_only_who_waits_can_pause(lists: Lists) -> None:
    async with lists.refused(NotInList):
        await lists.pause("ada")
    await lists.join("ada")
    await lists.add_stock(1)
    for call in (lists.pause, lists.unpause):
        async with lists.refused(NotWaiting):
            await call("ada")
    await lists.leave("ada")
    async with lists.refused(AlreadyLeft):
        await lists.pause("ada")


async def test_a_pause_is_in_the_history_with_its_effect_and_goes_to_webhooks(lists: Lists) -> None:
    await add_webhook(lists, "entry.changed")
    await lists.join("ada")
    await lists.join("bob")
    await lists.pause("ada")
    await lists.add_stock(1)
    await lists.unpause("ada")
    assert await lists.history() == [
        ("create", None),
        ("join", 1),
        ("join", 2),
        ("pause", 1),
        ("add_stock", None),
        ("promote", 2),
        ("unpause", 1),
    ]
    entries = [body["data"]["entry"] for body in await told(lists)]
    assert [(one["number"], one["paused_at"] is not None) for one in entries] == [(1, True), (1, False)]
    found = await why_passed(lists.pool, lists.key, organization_id=ORGANIZATION, number=1, limit=9)
    (passed,) = found.items
    assert (passed.offer.number, passed.code) == (2, PassedFor.PAUSED)
    await lists.audit()
