"""Changes around a list are told: to its history, to webhooks, and to each person once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lists.test_outbox import add_webhook
from tests.notifications.test_dispatcher import Telling, mailbox, telling, text  # noqa: F401 - fixtures
from tests.support.lists import ORGANIZATION, ORGANIZER, START, Lists
from tests.support.until import until, working
from waiting_list.catalogue import cancellation
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import EventFields, OfferFields, RepresentationFields
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import history as history_queries
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import transaction

DAY = timedelta(days=1)


def address(user: str) -> dict[str, Any]:
    return {"email": f"{user}@example.org", "email_verified": True}


async def letters(lists: Lists) -> list[tuple[str, int, datetime]]:
    """The pending e-mails of the list, but not those of joins and holds, which it forgets."""
    await lists.rows("DELETE FROM outbox WHERE type IN ('joined', 'ready', 'verify')")
    found = await lists.rows(
        "SELECT type, number, due_at FROM outbox WHERE webhook_id IS NULL AND status = 'pending'"
        " ORDER BY type, number"
    )
    return [tuple(one) for one in found]


async def told(lists: Lists) -> list[dict[str, Any]]:
    """The bodies of all deliveries to webhooks, which it forgets."""
    found = await lists.rows("DELETE FROM outbox WHERE webhook_id IS NOT NULL RETURNING sequence, type, body")
    return [json.loads(one["body"]) for one in sorted(found, key=lambda one: (one["sequence"] or 0, one["type"]))]


async def changes(lists: Lists) -> list[tuple[str, str, Any, Any]]:
    """The changes of the catalogue in the history of the list."""
    page = await history_queries.history(
        lists.pool, lists.key, organization_id=ORGANIZATION, verb=None, limit=500, cursor=None
    )
    verbs = ("reschedule", "cancel", "reinstate", "change_event")
    return [(one.verb, one.actor, one.before, one.after) for one in page.items if one.verb in verbs]


async def put_event(lists: Lists, **more: Any) -> None:
    fields = EventFields(title="Jazz", timezone="Europe/Paris", **more)
    await catalogue_changes.put_event(
        lists.pool, ORGANIZATION, "ev_1", fields, engine=lists.engine.at(lists.now), actor="organizer:test"
    )


async def test_a_show_is_moved_by_a_day_while_three_wait_and_one_pays(
    telling: Telling,  # noqa: F811 - the fixture
) -> None:
    lists = telling.lists
    start = datetime.now(UTC).replace(microsecond=0) + 2 * DAY
    await lists.reschedule(start)
    await lists.configure(hold_minutes=None)
    for user in ("ada", "bob", "cleo", "dan"):
        await lists.join(user, **address(user))
    await lists.add_stock(1)
    await telling.run("DELETE FROM outbox")
    await telling.add_webhook(types=[])
    lists.now = datetime.now(UTC)
    async with working(telling.dispatcher()):
        await lists.reschedule(start + DAY)
        await until(telling.settled)
        await lists.buy("ada")
        await until(telling.settled)
    assert [one["Subject"] for one in telling.mailbox.messages] == ["New date: Jazz"] * 4
    by_fan = {str(one["To"]): text(one) for one in telling.mailbox.messages}
    assert by_fan.keys() == {f"{user}@example.org" for user in ("ada", "bob", "cleo", "dan")}
    for said in by_fan.values():
        assert "The show was planned for" in said
        assert "It is now on" in said
    assert "1 ticket is held for you until" in by_fan["ada@example.org"]
    assert "Your tickets were held until" in by_fan["ada@example.org"]
    assert "You keep your place in line: 3." in by_fan["dan@example.org"]
    bodies = [json.loads(body) for _, body in telling.hook.requests]
    assert sorted(body["type"] for body in bodies) == [
        "entry.changed",
        "entry.left",
        "list.changed",
        "stock.changed",
    ]
    (hold,) = [body["data"]["entry"] for body in bodies if body["type"] == "entry.changed"]
    assert (hold["user_id"], datetime.fromisoformat(hold["ready_until"])) == ("ada", start + DAY)
    (moved,) = [body["data"]["changes"] for body in bodies if body["type"] == "list.changed"]
    assert moved["verb"] == "reschedule"
    assert datetime.fromisoformat(moved["before"]["start_datetime"]) == start
    assert datetime.fromisoformat(moved["after"]["start_datetime"]) == start + DAY
    assert [(verb, actor) for verb, actor, *_ in await changes(lists)][-1] == ("reschedule", ORGANIZER.actor)
    await lists.audit()


async def test_who_is_in_two_lists_gets_one_letter_and_a_holder_that_of_the_hold(lists: Lists) -> None:
    other = ListKey("off_2", "rep_1")
    await lists.add_list(other)
    await lists.join("ada", **address("ada"))
    await lists.join("bob", **address("bob"))
    first, lists.key = lists.key, other
    await lists.join("bob", **address("bob"))
    await lists.join("ada", email="ADA@example.org", email_verified=True)
    await lists.add_stock(1)  # bob's, in the second list
    await lists.reschedule(START + DAY)
    await lists.rows("DELETE FROM outbox WHERE type <> 'changed'")
    found = await lists.rows("SELECT list_id, number FROM outbox ORDER BY list_id = $1, number", first.list_id)
    assert [(one["list_id"] == other.list_id, one["number"]) for one in found] in (
        [(True, 1), (True, 2)],
        [(True, 1), (False, 1)],
    )
    await lists.audit()


async def test_the_same_dates_again_tell_nothing(lists: Lists) -> None:
    await add_webhook(lists)
    await lists.join("ada", **address("ada"))
    await lists.reschedule(START + DAY)
    await told(lists)
    before = await lists.tables()
    await lists.reschedule(START + DAY)
    assert await lists.tables() == before


async def test_a_reminder_is_planned_anew_when_the_deadline_moves(lists: Lists) -> None:
    await lists.configure(hold_minutes=None)
    await lists.join("ada", **address("ada"))
    await lists.add_stock(1)
    assert await letters(lists) == [("reminder", 1, START - timedelta(hours=1))]
    for start in (START + DAY, START - DAY):
        await lists.reschedule(start)
        assert await letters(lists) == [("changed", 1, lists.now), ("reminder", 1, start - timedelta(hours=1))]
        await lists.rows("DELETE FROM outbox WHERE type = 'changed'")


async def test_an_earlier_end_is_told_to_whose_hold_it_shortens(lists: Lists) -> None:
    await add_webhook(lists)
    await lists.configure(hold_minutes=600)
    for user in ("ada", "bob"):
        await lists.join(user, **address(user))
    await lists.add_stock(1)
    await told(lists)
    await letters(lists)
    await lists.configure(closes_at=lists.now + timedelta(hours=5))
    assert [(type_, number) for type_, number, _ in await letters(lists)] == [("changed", 1), ("reminder", 1)]
    bodies = await told(lists)
    assert sorted(body["type"] for body in bodies) == ["entry.changed", "list.changed"]
    await lists.configure(closes_at=lists.now + timedelta(hours=20))
    assert {body["type"] for body in await told(lists)} == {"entry.changed", "list.changed"}
    await lists.configure(closes_at=None)
    assert [body["type"] for body in await told(lists)] == ["list.changed"]
    await lists.audit()


async def test_another_venue_is_told_once_for_all_lists_of_the_event(lists: Lists) -> None:
    await lists.add_list(ListKey("off_2", "rep_2"))
    await add_webhook(lists)
    await lists.join("ada", **address("ada"))
    await told(lists)
    await put_event(lists, venue_name="Olympia")
    (body,) = await told(lists)
    assert (body["type"], body["data"]["event"]["venue_name"]) == ("event.changed", "Olympia")
    assert body["data"]["changes"] == {"before": {"venue_name": ""}, "after": {"venue_name": "Olympia"}}
    assert [(type_, number) for type_, number, _ in await letters(lists)] == [("changed", 1)]
    expected = ("change_event", "organizer:test", {"venue_name": ""}, {"venue_name": "Olympia"})
    for key in (lists.key, ListKey("off_2", "rep_2")):
        lists.key = key
        assert await changes(lists) == [expected]
    await put_event(lists, venue_name="Olympia", description="Three nights.")
    assert await told(lists) == []
    await lists.audit()


async def test_another_order_limit_is_told_to_the_shop_and_not_to_fans(lists: Lists) -> None:
    await add_webhook(lists)
    await lists.join("ada", **address("ada"))
    await told(lists)
    await letters(lists)
    fields = OfferFields(event_id="ev_1", name="Floor", max_quantity_per_order=4)
    await catalogue_changes.put_offer(lists.pool, lists.engine.at(lists.now), ORGANIZER, "off_1", fields)
    (body,) = await told(lists)
    assert body["type"] == "list.changed"
    assert body["data"]["changes"] == {
        "verb": "put_offer",
        "before": {"max_quantity_per_order": 6},
        "after": {"max_quantity_per_order": 4},
    }
    assert await letters(lists) == []
    await lists.audit()


async def test_a_cancellation_and_its_end_are_in_the_history_and_go_to_webhooks(lists: Lists) -> None:
    await add_webhook(lists)
    arguments: Any = (lists.pool, lists.engine.at(lists.now), ORGANIZER, "rep_1")
    await cancellation.cancel(*arguments, reason="Ill.")
    await cancellation.cancel(*arguments, reason="Ill.")
    await cancellation.reinstate(*arguments)
    assert [one["data"]["changes"]["verb"] for one in await told(lists)] == ["cancel", "reinstate"]
    assert [(verb, actor) for verb, actor, *_ in await changes(lists)] == [
        ("cancel", ORGANIZER.actor),
        ("reinstate", ORGANIZER.actor),
    ]
    await lists.audit()


@pytest.mark.parametrize("workers", [1, 3])
async def test_the_worker_tells_what_a_call_that_died_left_untold(lists: Lists, workers: int) -> None:
    lists.now = datetime.now(UTC)
    await add_webhook(lists)
    await lists.join("ada", **address("ada"))
    await told(lists)
    fields = RepresentationFields(event_id="ev_1", start_datetime=START + DAY, end_datetime=START + DAY)
    async with transaction(lists.pool) as acquired:
        await catalogue_changes.write_representation(acquired, ORGANIZATION, "rep_1", fields, actor="import")
    assert await changes(lists) == []

    async def is_told() -> bool:
        return bool(await changes(lists))

    async with working(*(Maintenance(lists.pool, lists.engine) for _ in range(workers))):
        await until(is_told)
    assert [(verb, actor) for verb, actor, *_ in await changes(lists)] == [("reschedule", "import")]
    assert [one["type"] for one in await told(lists)] == ["list.changed"]
    assert await lists.rows("SELECT count(*) FROM list_news") == [(0,)]
    await lists.audit()


async def test_a_call_that_takes_long_answers_and_leaves_the_other_lists_to_the_worker(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.now = datetime.now(UTC)
    await lists.join("ada", **address("ada"))
    monkeypatch.setattr(catalogue_changes, "TELLS_FOR_SECONDS", -1.0)
    await lists.reschedule(START + DAY)
    assert await changes(lists) == []
    monkeypatch.undo()
    await Maintenance(lists.pool, lists.engine).work()
    assert [verb for verb, *_ in await changes(lists)] == ["reschedule"]
    await lists.audit()


async def test_a_cancelled_show_is_one_letter_for_each_person_and_tells_which_entries_it_ended(
    lists: Lists,
) -> None:
    first, second, elsewhere = lists.key, ListKey("off_2", "rep_1"), ListKey("off_1", "rep_2")
    for key in (second, elsewhere):
        await lists.add_list(key)
    for lists.key in (first, elsewhere, second):
        await lists.join("ada", email="ADA@example.org" if lists.key == second else "ada@example.org")
    await lists.join("bob", **address("bob"))
    lists.key = second
    await lists.add_stock(1)  # ada's
    await add_webhook(lists, "entry.left")
    arguments: Any = (lists.pool, lists.engine.at(lists.now), ORGANIZER, "rep_1")
    await cancellation.cancel(*arguments, reason="Ill.")
    for lists.key in (first, second, elsewhere):
        await lists.end()
    found = await lists.rows(
        "SELECT list_id, number FROM outbox WHERE type = 'ended' ORDER BY list_id = $1, number", second.list_id
    )
    assert [(one["list_id"], one["number"]) for one in found] == [(first.list_id, 1), (second.list_id, 2)]
    left = [one["data"] for one in await told(lists)]
    assert [one["entry"]["left_reason"] for one in left] == ["ended"] * 3
    assert {(one["list_state"], one["state_reason"]) for one in left} == {("cancelled", "Ill.")}
    reasons = await lists.rows("SELECT reason FROM history WHERE verb = 'end' AND number IS NOT NULL")
    assert [one["reason"] for one in reasons] == ["cancelled: Ill."] * 3
    await lists.audit()


async def test_a_show_that_begins_is_told_once_a_list_and_as_an_end(lists: Lists) -> None:
    other = ListKey("off_2", "rep_1")
    await lists.add_list(other)
    await add_webhook(lists, "entry.left")
    for lists.key in (ListKey("off_1", "rep_1"), other):
        await lists.join("ada", **address("ada"))
        await lists.join("bob", **address("bob"))
        await lists.leave("bob")
    assert {one["data"]["list_state"] for one in await told(lists)} == {"open"}
    lists.now = START
    for lists.key in (ListKey("off_1", "rep_1"), other):
        await lists.end()
    assert [(type_, number) for type_, number, _ in await letters(lists)] == [("ended", 1), ("ended", 1)]
    assert {(one["data"]["list_state"], one["data"]["state_reason"]) for one in await told(lists)} == {
        ("ended", "show_began")
    }
    assert await lists.rows("SELECT reason FROM history WHERE verb = 'end' AND reason IS NOT NULL") == []
