"""The outbox: the notices of a change, in its transaction, for exactly the fans and webhooks that it concerns."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.support.lists import ORGANIZATION, ORGANIZER, START, T0, USER, Lists
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Engine
from waiting_list.lists.events import VERBS, WebhookType
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection
from waiting_list.problems import AlreadyInList, InvalidRequest, StockHeld
from waiting_list.settings import Settings

ADA = {"email": "ada@example.org", "email_verified": True}


@pytest.fixture
def mailing(lists: Lists, tmp_path: Path) -> Lists:
    """The same lists, with e-mails switched on."""
    lists.engine = Engine(lists.pool, Settings(mail_folder=tmp_path))
    return lists


async def add_webhook(
    lists: Lists, *types: str, webhook_id: str = "wh_1", organization: str = ORGANIZATION
) -> None:
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at)"
            " VALUES ($1, $2, 'https://example.org/', '', $3, now())",
            webhook_id,
            organization,
            list(types),
        )


async def emails(lists: Lists) -> list[tuple[str, int, datetime]]:
    """Return (type, number, due) of every e-mail, in the order of their causes, and forget them."""
    async with connection(lists.pool) as acquired:
        records = await acquired.fetch(
            "WITH told AS (DELETE FROM outbox WHERE webhook_id IS NULL"
            " RETURNING type, number, due_at, created_at, sequence, body, organization_id)"
            " SELECT * FROM told ORDER BY sequence, due_at"
        )
    assert {record["organization_id"] for record in records} <= {ORGANIZATION}
    assert {record["body"] for record in records} <= {None}
    return [(record["type"], record["number"], record["due_at"]) for record in records]


async def told(lists: Lists) -> list[dict[str, Any]]:
    """Return the body of every webhook, in the order of their causes, and forget them."""
    async with connection(lists.pool) as acquired:
        records = await acquired.fetch(
            "WITH told AS (DELETE FROM outbox WHERE webhook_id IS NOT NULL"
            " RETURNING type, number, sequence, body, due_at, created_at)"
            " SELECT * FROM told ORDER BY sequence, number NULLS LAST, type"
        )
    bodies = [json.loads(record["body"]) for record in records]
    for record, body in zip(records, bodies, strict=True):
        assert (body["type"], body["data"]["sequence"]) == (record["type"], record["sequence"])
        assert datetime.fromisoformat(body["timestamp"]) == record["created_at"] == record["due_at"] == lists.now
    return bodies


async def types(lists: Lists) -> list[str]:
    return [body["type"] for body in await told(lists)]


async def test_nothing_is_written_where_nobody_can_be_told(lists: Lists) -> None:
    await add_webhook(lists, webhook_id="wh_2", organization="org_2")
    await lists.join("ada", name="Ada")
    await lists.add_stock(1)
    await lists.buy("ada")
    assert (await lists.tables())["outbox"] == []


async def test_a_fan_with_an_address_is_told_of_each_turn_of_the_entry(mailing: Lists) -> None:
    await mailing.join("ada", 2, **ADA)
    await mailing.join("bob", 2)
    assert await emails(mailing) == [("joined", 1, T0)]
    mailing.later(hours=1)
    await mailing.add_stock(2)
    ready_at, deadline = mailing.now, mailing.now + timedelta(hours=24)
    assert await emails(mailing) == [("ready", 1, ready_at), ("reminder", 1, deadline - timedelta(hours=1))]
    await mailing.remove_stock(2, revoke_holds=True)
    assert await emails(mailing) == [("revoked", 1, mailing.now)]
    await mailing.add_stock(2)
    await emails(mailing)
    mailing.later(hours=24)
    await mailing.expire()
    assert await emails(mailing) == [("expired", 1, mailing.now)]
    await mailing.join("ada", **ADA)
    await mailing.join("cleo", **ADA)
    await mailing.remove("ada")
    await mailing.configure(closes_at=mailing.now + timedelta(minutes=1))
    await emails(mailing)
    mailing.later(minutes=1)
    await mailing.end()
    assert await emails(mailing) == [("ended", 4, mailing.now)]


async def test_who_buys_leaves_or_has_no_address_gets_no_letter(mailing: Lists) -> None:
    await mailing.join("ada", **ADA)
    await mailing.join("bob", **ADA)
    await mailing.join("cleo", name="Cleo", locale="fr")
    await mailing.add_stock(1)
    await emails(mailing)
    await mailing.buy("ada")
    await mailing.leave("bob")
    await mailing.add_stock(1)
    await mailing.remove("cleo")
    assert await emails(mailing) == []


async def test_a_removal_is_told_to_who_was_removed(mailing: Lists) -> None:
    await mailing.join("ada", **ADA)
    await emails(mailing)
    await mailing.remove("ada")
    assert await emails(mailing) == [("removed", 1, mailing.now)]


@pytest.mark.parametrize(
    ("hold", "reminder", "before_deadline"),
    [(120, 60, 60), (119, 60, None), (1440, None, None), (10, 5, 5), (None, 60, 60)],
)
async def test_a_reminder_comes_in_the_second_half_of_a_hold_or_not_at_all(
    mailing: Lists, hold: int | None, reminder: int | None, before_deadline: int | None
) -> None:
    await mailing.configure(hold_minutes=hold, reminder_minutes=reminder)
    await mailing.join("ada", **ADA)
    await mailing.add_stock(1)
    deadline = START if hold is None else mailing.now + timedelta(minutes=hold)
    expected = [] if before_deadline is None else [deadline - timedelta(minutes=before_deadline)]
    assert [due for type_, _, due in await emails(mailing) if type_ == "reminder"] == expected


async def test_who_waits_again_after_a_lapse_is_told_so_once_and_keeps_the_contact(mailing: Lists) -> None:
    await mailing.configure(after_expiry="requeue")
    await mailing.join("ada", **ADA, name="Ada", locale="fr")
    await mailing.add_stock(1)
    await mailing.remove_stock(1, revoke_holds=True)
    await mailing.add_stock(1)
    await emails(mailing)
    mailing.later(hours=24)
    await mailing.join("bob")
    await mailing.expire()
    # bob is ahead of who waits again.
    assert await emails(mailing) == [("expired", 3, mailing.now)]
    await mailing.leave("bob")
    assert [type_ for type_, number, _ in await emails(mailing) if number == 3] == ["ready", "reminder"]
    async with connection(mailing.pool) as acquired:
        kept = await acquired.fetch("SELECT email, name, locale, verified_at IS NOT NULL AS v FROM contacts")
    assert [tuple(record) for record in kept] == [("ada@example.org", "Ada", "fr", True)] * 2


async def test_an_address_to_be_verified_gets_nothing_else_until_it_is(mailing: Lists) -> None:
    await mailing.configure(verify_email=True)
    await mailing.join("ada", email="ada@example.org")
    assert await emails(mailing) == [("joined", 1, T0)]
    await mailing.remove("ada")
    assert await emails(mailing) == []
    entry = await mailing.join("ada", email="ada@example.org")
    await mailing.set_contact("ada", email="other@example.org")
    assert [one[:2] for one in await emails(mailing)] == [("joined", 2), ("verify", 2)]
    await mailing.add_stock(1)
    assert await emails(mailing) == []
    promoted = (await mailing.verify("ada", entry.number, "other@example.org")).promoted
    assert [one.number for one in promoted] == [2]
    assert [type_ for type_, _, _ in await emails(mailing)] == ["ready", "reminder"]


async def test_a_list_that_begins_to_ask_for_verified_addresses_asks_everybody_who_waits(mailing: Lists) -> None:
    await mailing.join("ada", email="ada@example.org")
    await mailing.join("bob", **ADA)
    await mailing.join("cleo")
    await mailing.join("dan", email="dan@example.org")
    await mailing.leave("dan")
    await emails(mailing)
    await mailing.configure(verify_email=True)
    assert await emails(mailing) == [("verify", 1, mailing.now)]
    await mailing.configure(verify_email=True)
    assert await emails(mailing) == []


async def test_nobody_is_asked_to_verify_where_the_list_does_not_ask_for_it(mailing: Lists) -> None:
    await mailing.join("ada")
    await mailing.set_contact("ada", email="ada@example.org")
    assert [type_ for type_, _, _ in await emails(mailing)] == ["joined"]


async def test_another_address_is_told_where_the_entry_stands(mailing: Lists) -> None:
    await mailing.join("ada", 2, **ADA)
    await emails(mailing)
    await mailing.set_contact("ada", **ADA, name="Ada")  # the same address
    assert await emails(mailing) == []
    await mailing.set_contact("ada", email="new@example.org")
    assert await emails(mailing) == [("joined", 1, T0)]
    await mailing.set_contact("ada", name="Ada")
    assert await emails(mailing) == []
    await mailing.add_stock(2)
    await emails(mailing)
    await mailing.set_contact("ada", email="newer@example.org")
    assert [one[:2] for one in await emails(mailing)] == [("ready", 1)]
    await mailing.buy("ada")
    assert await emails(mailing) == []


async def test_another_address_ends_the_private_link_at_once(mailing: Lists) -> None:
    async def link() -> tuple[int, bytes | None]:
        (row,) = await mailing.rows("SELECT link_version, link_hash FROM contacts")
        return row["link_version"], row["link_hash"]

    await mailing.join("ada", name="Ada")
    await mailing.rows("UPDATE contacts SET link_hash = 'x'")
    first = await link()
    # Without an address before, no letter has the link: the shop gave it to the fan.
    await mailing.set_contact("ada", **ADA)
    await mailing.set_contact("ada", **ADA, name="Ada")
    assert await link() == first
    for given in ({"email": "new@example.org"}, {}):
        await mailing.rows("UPDATE contacts SET link_hash = 'x'")
        version, _ = await link()
        await mailing.set_contact("ada", **given)
        assert (await link())[1] is None
        assert (await link())[0] != version


async def test_many_who_change_their_address_at_once_are_all_asked_in_one_transaction(mailing: Lists) -> None:
    await mailing.configure(verify_email=True)
    for user in ("ada", "bob"):
        await mailing.join(user, email=f"{user}@example.org")
    await emails(mailing)
    run = mailing.engine.run
    with capture_logs() as logged:
        await asyncio.gather(
            *(
                run(
                    mailing.key,
                    USER,
                    verbs.set_contact,
                    user_id=user,
                    contact=Contact(email=f"{user}{n}@example.org"),
                )
                for user in ("ada", "bob")
                for n in range(2)
            )
        )
    assert logged == []
    assert sorted(one[:2] for one in await emails(mailing)) == [("verify", 1), ("verify", 2)]


@pytest.mark.parametrize("how", ["revoked", "lapsed"])
async def test_who_waits_again_and_was_never_asked_is_asked_to_verify(mailing: Lists, how: str) -> None:
    await mailing.configure(after_expiry="requeue")
    await mailing.join("ada", email="ada@example.org")
    await mailing.add_stock(1)
    await mailing.configure(verify_email=True)
    assert ("verify", 1) in [one[:2] for one in await emails(mailing)]
    if how == "revoked":
        await mailing.remove_stock(1, revoke_holds=True)
    else:
        mailing.later(hours=24)
        await mailing.expire()
    assert [one[:2] for one in await emails(mailing)] == [("verify", 1 if how == "revoked" else 2)]


async def test_who_wants_no_more_mails_gets_none(mailing: Lists) -> None:
    await mailing.join("ada", **ADA)
    async with connection(mailing.pool) as acquired:
        await acquired.execute("DELETE FROM outbox")
        await acquired.execute("UPDATE contacts SET unsubscribed_at = now()")
    await mailing.add_stock(1)
    assert await emails(mailing) == []
    await mailing.set_contact("ada", **ADA, name="Ada")
    await mailing.remove_stock(1, revoke_holds=True)
    assert await emails(mailing) == []
    await mailing.set_contact("ada", email="new@example.org", email_verified=True)
    await mailing.add_stock(1)
    assert [type_ for type_, _, _ in await emails(mailing)] == ["joined", "ready", "reminder"]


async def test_webhooks_are_told_of_everything_that_happens_to_entries_and_stock(lists: Lists) -> None:
    await add_webhook(lists)
    await lists.join("ada", 2)
    (joined,) = await told(lists)
    entry = joined["data"]["entry"]
    assert (joined["type"], entry["user_id"], entry["position"], entry["status"]) == (
        "entry.joined", "ada", 1, "waiting",
    )  # fmt: skip
    assert "purchase_pass" not in entry
    assert entry | {"purchase_pass": None} == (await lists.entry("ada")).model_dump(mode="json")
    await lists.join("bob", 2)
    await lists.change("bob", 1)
    assert await types(lists) == ["entry.joined", "entry.changed"]
    await lists.move("bob", to="first")
    assert await types(lists) == ["entry.changed"]
    await lists.add_stock(3)
    ready = await told(lists)
    assert [body["type"] for body in ready] == ["entry.ready", "entry.ready", "stock.changed"]
    assert [body["data"].get("entry", {}).get("user_id") for body in ready] == ["bob", "ada", None]
    assert ready[-1]["data"]["inventory"] == (await lists.inventory()).model_dump(mode="json")
    await lists.buy("ada")
    left, stock = await told(lists)
    assert (left["type"], left["data"]["entry"]["left_reason"]) == ("entry.left", "bought")
    assert (stock["data"]["inventory"]["available_stock"], stock["data"]["inventory"]["held"]) == (1, 1)
    await lists.remove_stock(1, revoke_holds=True)
    assert await types(lists) == ["entry.changed", "stock.changed"]
    await lists.remove("bob")
    assert [body["data"]["entry"]["left_reason"] for body in await told(lists)] == ["removed"]


async def test_webhooks_are_told_when_a_list_opens_closes_and_ends(lists: Lists) -> None:
    await add_webhook(lists)
    key = ListKey("off_2", "rep_2")
    await lists.add_list(key, available=1)
    lists.key = key
    await lists.remove_stock(1)
    opened, _ = await told(lists)
    assert (opened["type"], opened["data"]["reason"], opened["data"]["list"]["open"]) == (
        "list.opened",
        None,
        True,
    )
    await lists.configure(open=False)
    (closed,) = await told(lists)
    assert (closed["type"], closed["data"]["reason"]) == ("list.closed", "closed")
    await lists.configure(open=True, closes_at=lists.now + timedelta(minutes=1))
    assert sorted(await types(lists)) == ["list.changed", "list.opened"]
    await lists.configure(policy="skip")
    assert await types(lists) == []
    lists.later(minutes=1)
    await lists.end()
    (ended,) = await told(lists)
    assert (ended["type"], ended["data"]["reason"]) == ("list.closed", "ended")


async def test_that_somebody_was_passed_over_is_told_to_nobody(lists: Lists) -> None:
    await add_webhook(lists)
    await lists.configure(policy="skip")
    await lists.join("ada", 4)
    await lists.join("bob", 1)
    await told(lists)
    await lists.add_stock(1)
    ready, _ = await told(lists)
    assert (ready["type"], ready["data"]["entry"]["user_id"]) == ("entry.ready", "bob")


async def test_each_webhook_is_told_what_it_wants_under_a_name_of_its_own(lists: Lists) -> None:
    await add_webhook(lists, "entry.ready", "list.opened", webhook_id="wh_1")
    await add_webhook(lists, webhook_id="wh_2")
    await add_webhook(lists, webhook_id="wh_3")
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "UPDATE webhooks SET disabled_at = now(), disabled_reason = 'by hand' WHERE webhook_id = 'wh_3'"
        )
    await lists.join("ada")
    await lists.add_stock(1)
    async with connection(lists.pool) as acquired:
        records = await acquired.fetch("SELECT webhook_id, type, notice_id FROM outbox ORDER BY sequence, type")
    wanted = [(record["webhook_id"], record["type"]) for record in records]
    assert sorted(wanted) == [
        ("wh_1", "entry.ready"), ("wh_2", "entry.joined"), ("wh_2", "entry.ready"), ("wh_2", "stock.changed"),
    ]  # fmt: skip
    assert len({record["notice_id"] for record in records}) == 4


async def test_a_refused_call_tells_nobody_anything(mailing: Lists) -> None:
    await add_webhook(mailing)
    await mailing.join("ada", **ADA)
    await mailing.add_stock(1)
    async with mailing.refused(AlreadyInList):
        await mailing.join("ada", **ADA)
    async with mailing.refused(StockHeld):
        await mailing.remove_stock(1)
    async with mailing.refused(InvalidRequest):
        await mailing.verify("ada", 1, "other@example.org")


async def test_nothing_is_told_of_a_transaction_that_rolled_back(mailing: Lists) -> None:
    await add_webhook(mailing)
    before = await mailing.tables()
    async with connection(mailing.pool) as acquired:
        # Everything is written, and then the commit fails.
        await acquired.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;"
            " CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON history DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    with pytest.raises(asyncpg.RaiseError):
        await mailing.join("ada", **ADA)
    assert not mailing.engine.wake.is_set()
    assert await mailing.tables() == before


async def test_erasing_a_person_forgets_the_contact_and_what_was_to_be_told(mailing: Lists) -> None:
    await add_webhook(mailing)
    await mailing.join("ada", **ADA, name="Ada Lovelace")
    await mailing.join("bob", **ADA)
    await mailing.erase("ada")
    tables = await mailing.tables()
    assert len(tables["contacts"]) == 1
    assert "Lovelace" not in str(tables)
    assert '"ada"' not in str(tables["outbox"])
    left = [body for body in await told_in_any_order(mailing) if body["type"] == "entry.left"]
    assert [(body["data"]["entry"]["user_id"], body["data"]["entry"]["number"]) for body in left] == [(None, 1)]


async def told_in_any_order(lists: Lists) -> list[dict[str, Any]]:
    async with connection(lists.pool) as acquired:
        records = await acquired.fetch("SELECT body FROM outbox WHERE webhook_id IS NOT NULL")
    return [json.loads(record["body"]) for record in records]


async def test_a_list_that_nobody_joined_goes_with_what_was_to_be_told_of_it(lists: Lists) -> None:
    from waiting_list.catalogue.deletion import delete_inventory

    await add_webhook(lists)
    await lists.add_stock(1)
    assert len((await lists.tables())["outbox"]) == 1
    await delete_inventory(lists.pool, ORGANIZER, lists.key)
    assert (await lists.tables())["outbox"] == []


def test_every_type_of_webhook_can_happen() -> None:
    about_lists = {one for one in WebhookType if one.startswith(("list.", "stock.", "event.", "checkpoint."))}
    assert {row.webhook for row in VERBS.values() if row.webhook} | about_lists == set(WebhookType)
