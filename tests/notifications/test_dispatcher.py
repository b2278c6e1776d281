"""Sending notices over real SMTP and HTTP: once, again after a failure, and not if they are outdated."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Referee
from standardwebhooks import WebhookVerificationError
from structlog.testing import capture_logs

from tests.support.lists import ORGANIZATION, START, Lists
from tests.support.sinks import Mailbox, Receiver, mail_server, receiver
from tests.support.until import until, working
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.lists import outbox, verbs
from waiting_list.lists.engine import Engine
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey
from waiting_list.notifications import dispatcher, email_composer, notices, send_batch
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.notifications.retry_policy import DELAYS_SECONDS
from waiting_list.notifications.webhook_payloads import payload
from waiting_list.notifications.webhooks import webhook_secret
from waiting_list.postgres.pool import connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

ADA = {"email": "ada@example.org", "email_verified": True, "name": "Ada"}


@dataclass
class Telling:
    """Lists at the present time, whose notices go to a mail server and a receiver."""

    lists: Lists
    mailbox: Mailbox
    hook: Receiver
    settings: Settings

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.lists.pool, self.settings, SigningKeys(self.lists.pool), self.lists.engine)

    async def add_webhook(self, webhook_id: str = "wh_1", url: str | None = None, **more: Any) -> None:
        async with connection(self.lists.pool) as acquired:
            await acquired.execute(
                "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at,"
                " notify_email, failing_since) VALUES ($1, $2, $3, '', $4, now(), $5, $6)",
                webhook_id,
                ORGANIZATION,
                url or self.hook.url,
                more.get("types", ["entry.joined", "entry.ready", "entry.left"]),
                more.get("notify_email"),
                more.get("failing_since"),
            )

    async def run(self, statement: str, *arguments: Any) -> list[Any]:
        async with connection(self.lists.pool) as acquired:
            return await acquired.fetch(statement, *arguments)

    async def statuses(self, **only: str) -> dict[str, int]:
        records = await self.run(
            "SELECT status, count(*) AS many FROM outbox WHERE $1::text IS NULL OR type = $1 GROUP BY status",
            only.get("type"),
        )
        return {record["status"]: record["many"] for record in records}

    async def settled(self) -> bool:
        """Whether nothing is due, and nothing on its way."""
        (record,) = await self.run(
            "SELECT count(*) AS many FROM outbox"
            " WHERE status = 'pending' AND (due_at < now()"
            " OR due_at < now() + interval '90 seconds' AND tried_at IS NOT NULL AND answer IS NULL)"
        )
        return record["many"] == 0

    async def deliver(self) -> None:
        """Delivers until nothing is due."""
        async with working(self.dispatcher()):
            await until(self.settled, seconds=20)

    async def make_due(self) -> None:
        await self.run("UPDATE outbox SET due_at = now() WHERE status = 'pending'")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as served:
        yield served


@pytest.fixture
async def telling(lists: Lists, mailbox: Mailbox) -> AsyncIterator[Telling]:
    settings = Settings(
        smtp_host="127.0.0.1",
        smtp_port=mailbox.port,
        smtp_security="none",
        webhook_private_addresses=True,
        public_url="https://tickets.example",
    )
    lists.now = datetime.now(UTC) - timedelta(seconds=5)
    lists.engine = Engine(lists.pool, settings)
    async with receiver() as hook:
        yield Telling(lists, mailbox, hook, settings)


async def test_a_fan_and_a_shop_are_told_of_a_whole_story(telling: Telling) -> None:
    lists = telling.lists
    await telling.add_webhook()
    await lists.configure(purchase_url="https://shop.example/checkout?pass={pass}")
    async with working(telling.dispatcher()):
        await lists.join("ada", 2, **ADA)
        await until(telling.settled)
        await lists.add_stock(2)
        await until(telling.settled)
        await lists.buy("ada")
        await until(telling.settled)
    joined, ready = telling.mailbox.messages
    assert [joined["To"], ready["To"]] == ["Ada <ada@example.org>"] * 2
    links = {part for message in (joined, ready) for part in text(message).split() if "/e/" in part}
    token = {link.split("/e/")[1].split("/")[0].split("#")[0] for link in links}
    assert len(token) == 1, "every letter has the same private link"
    assert "https://shop.example/checkout?pass=ey" in text(ready)
    secret = await SigningKeys(lists.pool).derived_secret()
    referee = Referee(webhook_secret(secret, "wh_1", 1))
    bodies = [referee.verify(body.decode(), headers) for headers, body in telling.hook.requests]
    assert [body["type"] for body in bodies] == ["entry.joined", "entry.ready", "entry.left"]
    records = await telling.run(
        "SELECT notice_id::text AS id, webhook_id, status, tries, answer_status, latency_ms FROM outbox"
        " WHERE type <> 'reminder'"
    )
    assert {(record["status"], record["tries"]) for record in records} == {("sent", 1)}
    assert sorted(telling.hook.ids) == sorted(record["id"] for record in records if record["webhook_id"])
    mails = {message["Message-ID"] for message in (joined, ready)}
    assert mails == {f"<{record['id']}@tickets.example>" for record in records if not record["webhook_id"]}
    assert {record["answer_status"] for record in records} == {204, 250}
    assert all(record["latency_ms"] >= 0 for record in records)


def text(message: Any) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_letters_offer_receipts_only_where_the_ledger_is_public(telling: Telling) -> None:
    lists = telling.lists
    for user_id, public in (("ada", True), ("bob", False)):
        await lists.configure(public_ledger=public)
        await lists.join(user_id, 1, email=f"{user_id}@example.org", email_verified=True)
        await telling.deliver()
        await lists.add_stock(1)
        await telling.deliver()
    parts = [
        (message["To"], part.get_content_type(), "#proof" in part.get_content())
        for message in telling.mailbox.messages
        for part in message.walk()
        if part.get_content_maintype() == "text" and "/e/" in part.get_content()
    ]
    kinds = ("text/plain", "text/html")
    expected = [
        (f"{user_id}@example.org", kind, public)
        for user_id, public in (("ada", True), ("bob", False))
        for kind in 2 * kinds
    ]
    assert parts == expected


async def test_a_rotated_secret_signs_along_for_a_day(telling: Telling) -> None:
    await telling.add_webhook()
    await telling.lists.join("ada")
    await telling.lists.join("bob")
    secret = await SigningKeys(telling.lists.pool).derived_secret()
    old, new = (Referee(webhook_secret(secret, "wh_1", version)) for version in (1, 2))
    for hours, both in ((23, True), (25, False)):
        await telling.run(
            "UPDATE webhooks SET secret_version = 2, rotated_at = now() - $1::interval", timedelta(hours=hours)
        )
        telling.hook.requests.clear()
        await telling.run("UPDATE outbox SET status = 'pending', ended_at = NULL, tries = 0, due_at = now()")
        await telling.deliver()
        headers, body = telling.hook.requests[0]
        new.verify(body.decode(), headers)
        if both:
            old.verify(body.decode(), headers)
        else:
            with pytest.raises(WebhookVerificationError):
                old.verify(body.decode(), headers)


async def test_what_fails_is_tried_again_later_under_the_same_id(telling: Telling) -> None:
    await telling.add_webhook()
    telling.hook.answers = [500, 503]
    telling.mailbox.answers = ["451 try again", "451 try again"]
    await telling.lists.join("ada", **ADA)
    for tries in (1, 2):
        await telling.deliver()
        records = await telling.run(
            "SELECT status, tries, answer_status, due_at - tried_at AS wait FROM outbox WHERE type <> 'reminder'"
        )
        assert {(one["status"], one["tries"]) for one in records} == {("pending", tries)}
        assert {one["answer_status"] for one in records} == {[500, 503][tries - 1], 451}
        for one in records:
            assert (
                0.8 * DELAYS_SECONDS[tries - 1]
                <= one["wait"].total_seconds()
                < 1.2 * DELAYS_SECONDS[tries - 1] + 2
            )
        await telling.make_due()
    await telling.deliver()
    assert await telling.statuses() == {"sent": 2}
    assert len(set(telling.hook.ids)) == 1
    assert len(telling.hook.ids) == 3
    assert len({body for _, body in telling.hook.requests}) == 1


async def test_what_fails_for_a_day_is_given_up_and_stays_visible(telling: Telling) -> None:
    await telling.add_webhook()
    telling.hook.answers = [500]
    telling.mailbox.answers = ["550 no such user"]
    await telling.lists.join("ada", **ADA)
    await telling.run("UPDATE outbox SET tries = $1 WHERE webhook_id IS NOT NULL", len(DELAYS_SECONDS))
    await telling.deliver()
    records = await telling.run("SELECT status, tries, answer_status, answer, ended_at FROM outbox ORDER BY tries")
    assert [(one["status"], one["tries"], one["answer_status"]) for one in records] == [
        ("dead", 1, 550), ("dead", 10, 500),
    ]  # fmt: skip
    assert "no such user" in records[0]["answer"]
    assert all(one["ended_at"] for one in records)


async def test_what_a_killed_worker_had_claimed_is_sent_after_the_lease(telling: Telling, dsn: str) -> None:
    await telling.add_webhook()
    await telling.lists.join("ada", **ADA)
    await telling.lists.join("bob", **ADA)
    telling.hook.gate.clear()
    given = telling.settings.model_dump(
        include={"smtp_host", "smtp_port", "smtp_security", "webhook_private_addresses"}
    )
    variables = {f"WAITING_LIST_{name.upper()}": str(value) for name, value in given.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waiting_list", "worker", env=os.environ | variables | {"DATABASE_URL": dsn}
    )

    async def is_asked() -> bool:
        return len(telling.hook.requests) == len(telling.mailbox.messages) == 2

    try:
        await until(is_asked, seconds=20)
    finally:
        process.kill()
        await process.wait()
    telling.hook.gate.set()
    records = await telling.run(
        "SELECT status, tries, due_at - now() AS lease FROM outbox WHERE webhook_id IS NOT NULL"
    )
    assert [(record["status"], record["tries"]) for record in records] == [("pending", 1)] * 2
    assert all(60 < record["lease"].total_seconds() <= 90 for record in records)
    await telling.make_due()
    await telling.deliver()
    assert await telling.statuses() == {"sent": 4}
    assert len(telling.hook.ids) == 4
    assert len(set(telling.hook.ids)) == 2


async def test_several_deliveries_at_once_send_everything_once(telling: Telling) -> None:
    await telling.add_webhook()
    for number in range(150):
        await telling.lists.join(f"fan{number}", email=f"fan{number}@example.org", email_verified=True)
    async with working(telling.dispatcher(), telling.dispatcher(), telling.dispatcher()):
        await until(telling.settled, seconds=60)
    assert await telling.statuses() == {"sent": 300}
    assert len(telling.hook.ids) == len(set(telling.hook.ids)) == 150
    assert len({message["To"] for message in telling.mailbox.messages}) == len(telling.mailbox.messages) == 150


async def test_who_claims_while_another_does_takes_something_else_and_does_not_wait(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.join("bob", **ADA)
    claim = sql("claim_notices"), telling.lists.key.list_id, "", 1, timedelta(seconds=90)
    async with transaction(telling.lists.pool) as one:
        (first,) = await one.fetch(*claim)
        async with connection(telling.lists.pool) as other:
            (second,) = await asyncio.wait_for(other.fetch(*claim), 5)
            assert await asyncio.wait_for(other.fetch(*claim), 5) == []
    assert first["notice_id"] != second["notice_id"]


async def test_an_old_notice_that_is_sent_again_while_old_ones_are_deleted_stays(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.join("bob", **ADA)
    await telling.run("UPDATE outbox SET status = 'sent', ended_at = now() - interval '31 days'")
    (again, _), list_id = await telling.run("SELECT notice_id FROM outbox"), telling.lists.key.list_id
    cleaning = telling.run(sql("delete_old_notices"), timedelta(days=30))
    async with connection(telling.lists.pool) as watching, transaction(telling.lists.pool) as resending:
        await resending.fetch(sql("resend_notices"), list_id, [again["notice_id"]], ["sent"], datetime.now(UTC))
        cleaned = asyncio.create_task(cleaning)
        await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    await asyncio.wait_for(cleaned, 5)
    assert await telling.run("SELECT notice_id FROM outbox") == [again]


async def test_letters_that_are_no_longer_true_are_not_sent(telling: Telling) -> None:
    lists = telling.lists
    for user in ("ada", "bob", "cleo", "dan"):
        await lists.join(user, email=f"{user}@example.org", email_verified=user != "dan")
    await lists.leave("bob")
    await lists.add_stock(1)
    await lists.remove_stock(1, revoke_holds=True)
    await lists.add_stock(1)
    await lists.leave("ada")
    await lists.buy("cleo")
    await telling.run("UPDATE outbox SET type = 'verify' WHERE type = 'joined' AND number = 4")
    await telling.run("UPDATE inventory SET verify_email = true")
    await telling.run("UPDATE entries SET unverified = false WHERE number = 4")
    await telling.make_due()
    await telling.deliver()
    assert telling.mailbox.subjects == []
    records = await telling.run("SELECT DISTINCT type, answer FROM outbox WHERE status = 'dropped' ORDER BY type")
    assert [tuple(record) for record in records] == [
        ("joined", "the fan no longer waits"),
        ("ready", "the hold is over"),
        ("reminder", "the hold is over"),
        ("revoked", "the fan no longer waits"),
        ("verify", "the address no longer needs verification"),
    ]
    assert list(await telling.statuses()) == ["dropped"]


async def test_a_fan_with_more_time_and_a_fan_with_more_tickets_have_a_letter(telling: Telling) -> None:
    lists = telling.lists
    await lists.join("ada", **ADA)
    await lists.add_stock(1)
    await telling.deliver()
    lists.later(seconds=1)
    await lists.extend("ada", minutes=60)
    lists.later(seconds=1)
    await lists.grant("ada", 1, add_stock=True)
    await telling.deliver()
    told = {*telling.mailbox.subjects}
    assert {"You have more time to buy: Jazz", "It is your turn: 2 tickets for Jazz"} <= told
    assert "dropped" not in await telling.statuses(type="reminder")


async def test_a_letter_of_an_earlier_hold_is_not_sent_during_a_later_one(telling: Telling) -> None:
    lists = telling.lists
    await lists.join("ada", **ADA)
    await lists.add_stock(1)
    await lists.remove_stock(1, revoke_holds=True)
    lists.later(seconds=1)
    await lists.add_stock(1)
    await telling.deliver()
    assert await telling.statuses(type="ready") == {"sent": 1, "dropped": 1}


async def test_who_has_unsubscribed_or_was_erased_since_is_left_alone(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.join("bob", **ADA)
    await telling.run("UPDATE contacts SET unsubscribed_at = now() WHERE number = 1")
    await telling.run("DELETE FROM contacts WHERE number = 2")
    await telling.deliver()
    assert telling.mailbox.messages == []
    assert await telling.statuses() == {"dropped": 2}


async def test_another_address_gets_nothing_of_the_hold_until_it_is_verified(telling: Telling) -> None:
    lists = telling.lists
    await lists.configure(verify_email=True)
    entry = await lists.join("ada", **ADA)
    await lists.add_stock(1)
    await lists.set_contact("ada", email="stranger@example.org", name="Ada")
    await telling.make_due()
    await telling.deliver()
    (message,) = telling.mailbox.messages
    assert message["To"] == "stranger@example.org"
    assert "/verify/" in text(message)
    assert "passed over" not in text(message)
    assert await telling.statuses(type="ready") == await telling.statuses(type="reminder") == {"dropped": 1}
    await lists.verify("ada", entry.number, "stranger@example.org")
    await telling.run("UPDATE outbox SET status = 'pending', ended_at = NULL, due_at = now() WHERE type = 'ready'")
    await telling.deliver()
    assert len(telling.mailbox.messages) == 2


async def test_nobody_is_reminded_any_more_once_the_list_says_never(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.add_stock(1)
    await telling.lists.configure(reminder_minutes=None)
    await telling.make_due()
    await telling.deliver()
    assert await telling.statuses(type="reminder") == {"dropped": 1}


async def test_a_reminder_waits_for_a_deadline_that_has_moved_away(telling: Telling) -> None:
    lists = telling.lists
    soon = lists.now + timedelta(hours=10)
    await lists.configure(hold_minutes=3 * 24 * 60)
    await lists.reschedule(soon)
    await lists.join("ada", **ADA)
    await lists.add_stock(1)
    await lists.reschedule(START)
    await telling.make_due()
    await telling.deliver()
    (record,) = await telling.run("SELECT status, tries, due_at FROM outbox WHERE type = 'reminder'")
    ends = lists.now + timedelta(days=3)
    assert (record["status"], record["tries"]) == ("pending", 0)
    assert abs((record["due_at"] - ends + timedelta(hours=1)).total_seconds()) < 5
    await telling.run("UPDATE entries SET ready_until = now() + interval '50 minutes'")
    await telling.make_due()
    await telling.deliver()
    assert await telling.statuses(type="reminder") == {"sent": 1}


async def test_a_letter_about_a_turn_waits_for_the_end_of_the_quiet_hours(telling: Telling) -> None:
    lists, now = telling.lists, datetime.now(UTC)
    await telling.run("UPDATE events SET timezone = 'UTC'")
    ends = (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    await lists.configure(
        quiet_from=f"{now - timedelta(hours=1):%H:%M}", quiet_until=f"{ends:%H:%M}", hold_minutes=1440
    )
    await lists.join("ada", 1, **ADA)
    await telling.deliver()
    lists.now += timedelta(seconds=1)
    await lists.add_stock(1)
    await telling.deliver()
    # What the fan has done is answered at once.
    (joined,) = telling.mailbox.messages
    assert joined["Subject"].startswith("You are on the waiting list")
    (held,) = await telling.run("SELECT status, due_at, answer, tries FROM outbox WHERE type = 'ready'")
    assert (held["status"], held["answer"]) == ("pending", "waits for the end of the quiet hours")
    assert (held["tries"], abs(held["due_at"] - ends) < timedelta(seconds=30)) == (0, True)
    # A turn that would be half over does not wait, nor does one of a fan who has just joined.
    await telling.run("UPDATE entries SET ready_until = now() + interval '3 h 50 min'")
    await lists.add_stock(1)
    await lists.join("bob", 1, email="bob@example.org", email_verified=True)
    await telling.run("UPDATE outbox SET due_at = now() WHERE type = 'ready'")
    await telling.deliver()
    sent = await telling.run("SELECT status, tries FROM outbox WHERE type = 'ready'")
    assert [tuple(one) for one in sent] == [("sent", 1), ("sent", 1)]


async def test_a_letter_that_cannot_be_written_spoils_no_other(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ada", "bob", "cleo"):
        await telling.lists.join(user, email=f"{user}@example.org", email_verified=True)
    render = email_composer.EmailRenderer.render

    def fails(renderer: Any, kind: Any, context: Any, **more: Any) -> Any:
        if context.email == "bob@example.org":
            raise ZeroDivisionError
        return render(renderer, kind, context, **more)

    monkeypatch.setattr(email_composer.EmailRenderer, "render", fails)

    async def two_are_sent() -> bool:
        return await telling.statuses() == {"sent": 2, "pending": 1}

    async with working(telling.dispatcher()):
        await until(two_are_sent)
    (record,) = await telling.run("SELECT number, due_at > now() AS later FROM outbox WHERE status = 'pending'")
    assert tuple(record) == (2, True)


async def test_a_webhook_that_does_not_answer_holds_up_nobody_else(telling: Telling) -> None:
    async with receiver() as slow:
        slow.gate.clear()
        await telling.add_webhook("wh_1")
        await telling.add_webhook("wh_2", slow.url)
        for number in range(80):
            await telling.lists.join(f"fan{number}", email=f"fan{number}@example.org", email_verified=True)

        async def the_others_are_told() -> bool:
            return len(telling.hook.requests) == len(telling.mailbox.messages) == 80

        async with working(telling.dispatcher()):
            await until(the_others_are_told, seconds=20)
            assert 1 <= len(slow.requests) <= 32
            slow.gate.set()
            await until(telling.settled, seconds=20)
    assert await telling.statuses() == {"sent": 240}


async def test_a_webhook_that_hangs_in_many_lists_holds_up_neither_fans_nor_other_webhooks(
    telling: Telling,
) -> None:
    lists = telling.lists
    keys = [ListKey(f"off_{number}", "rep_2") for number in range(30)]
    for key in keys:
        await lists.add_list(key)
    async with receiver() as hung:
        hung.gate.clear()
        await telling.add_webhook("wh_1", hung.url)
        for lists.key in keys:
            await lists.join("ada")
        # All of them were due before the others.
        await telling.run("UPDATE outbox SET due_at = $1", datetime.now(UTC) - timedelta(hours=1))
        await telling.add_webhook("wh_2")
        await lists.join("bob", **ADA)

        async def the_others_are_told() -> bool:
            return len(telling.hook.requests) == len(telling.mailbox.messages) == 1

        async with working(telling.dispatcher()):
            await until(the_others_are_told)
            assert 1 <= len(hung.requests) <= 2
            hung.gate.set()


async def test_a_webhook_that_did_not_answer_is_left_alone_for_a_while(telling: Telling) -> None:
    telling.settings = telling.settings.model_copy(update={"webhook_timeout_seconds": 0.2})
    telling.hook.gate.clear()
    await telling.add_webhook()
    await telling.lists.join("ada")
    async with working(telling.dispatcher()):
        await until(telling.settled)
        await telling.lists.join("bob")
        await telling.make_due()
        await telling.lists.join("cleo", **ADA)

        async def a_fan_is_told() -> bool:
            return len(telling.mailbox.messages) == 1

        await until(a_fan_is_told)
    assert len(telling.hook.requests) == 1


async def test_what_a_sender_had_begun_does_not_go_on_without_it(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_GRACE_SECONDS", 0.1)
    telling.hook.gate.clear()
    await telling.add_webhook()
    for number in range(20):
        await telling.lists.join(f"fan{number}")

    async def eight_are_asked() -> bool:
        return len(telling.hook.requests) == 8

    with capture_logs() as logged:
        async with working(telling.dispatcher()):
            await until(eight_are_asked)
        while others := [task for task in asyncio.all_tasks() if "_send_in_turn" in repr(task)]:
            await asyncio.wait(others, timeout=5)
    # Whoever went on would have found the connections closed.
    assert logged == []


async def test_a_receiver_that_is_slow_gets_everything_at_its_own_pace(telling: Telling) -> None:
    # 32 at once, eight connections: the last would wait longer for one than an answer may take.
    telling.settings = telling.settings.model_copy(update={"webhook_timeout_seconds": 0.8})
    telling.hook.seconds = 0.3
    await telling.add_webhook()
    for number in range(32):
        await telling.lists.join(f"fan{number}")
    await telling.deliver()
    records = await telling.run("SELECT DISTINCT status, tries FROM outbox")
    assert [tuple(record) for record in records] == [("sent", 1)]


async def test_whose_turn_does_not_come_was_not_tried(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_batch, "_TURN_SECONDS", 0.1)
    telling.hook.gate.clear()
    await telling.add_webhook()
    for number in range(9):
        await telling.lists.join(f"fan{number}")

    async def eight_are_asked() -> bool:
        return len(telling.hook.requests) == 8

    async with working(telling.dispatcher()):
        await until(eight_are_asked)
        await asyncio.sleep(0.2)
        telling.hook.gate.set()
        await until(telling.settled, seconds=20)
    records = await telling.run("SELECT status, tries, count(*) AS many FROM outbox GROUP BY 1, 2")
    assert [tuple(record) for record in records] == [("sent", 1, 9)]


async def test_a_webhook_that_only_fails_for_days_is_disabled_and_its_organization_told(telling: Telling) -> None:
    four_days_ago = datetime.now(UTC) - timedelta(days=4)
    await telling.add_webhook("wh_1", notify_email="it@organizer.example", failing_since=four_days_ago)
    async with receiver() as other:
        await telling.add_webhook("wh_2", other.url, types=["list.opened"])
        telling.hook.answers, telling.hook.echoes = [500], True
        await telling.lists.join("ada")
        await telling.deliver()
        await telling.lists.join("bob")
        await telling.deliver()
        assert len(telling.hook.requests) == 1
        (told,) = [json.loads(body) for _, body in other.requests]
    payload("webhook.disabled").model_validate(told)
    assert told["data"]["webhook_id"] == "wh_1"
    assert told["data"]["reason"] == "it has failed for more than 3 days; last: 500", "not what it answered"
    (message,) = telling.mailbox.messages
    assert message["To"] == "it@organizer.example"
    assert telling.hook.url in text(message)
    (webhook,) = await telling.run("SELECT disabled_at, disabled_reason FROM webhooks WHERE webhook_id = 'wh_1'")
    assert webhook["disabled_at"] is not None
    assert webhook["disabled_reason"] == told["data"]["reason"]
    await telling.make_due()
    await telling.deliver()
    (dead,) = await telling.run("SELECT status, answer FROM outbox WHERE webhook_id = 'wh_1'")
    assert tuple(dead) == ("dead", "the webhook is disabled")


@pytest.mark.parametrize(("answers", "failing"), [([500], True), ([500, 204], False), ([204], False)])
async def test_a_webhook_that_works_again_has_not_been_failing(
    telling: Telling, answers: list[int], failing: bool
) -> None:
    await telling.add_webhook()
    await telling.lists.join("ada")
    for answer in answers:
        telling.hook.answers = [answer]
        await telling.make_due()
        await telling.deliver()
    (record,) = await telling.run("SELECT failing_since IS NOT NULL AS failing, disabled_at FROM webhooks")
    assert tuple(record) == (failing, None)


async def test_a_webhook_that_is_gone_is_disabled_at_once(telling: Telling) -> None:
    await telling.add_webhook()
    telling.hook.answers = [410]
    await telling.lists.join("ada")
    await telling.deliver()
    (record,) = await telling.run("SELECT disabled_reason FROM webhooks")
    assert record["disabled_reason"] == "it answered 410 Gone"
    assert await telling.statuses() == {"dead": 1}


async def test_notices_of_a_deleted_webhook_are_given_up(telling: Telling) -> None:
    await telling.add_webhook()
    await telling.lists.join("ada")
    await telling.run("DELETE FROM webhooks")
    await telling.deliver()
    (record,) = await telling.run("SELECT status, answer FROM outbox")
    assert tuple(record) == ("dead", "the webhook was deleted")


async def test_notices_that_ended_long_ago_are_forgotten(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.join("bob", **ADA)
    await telling.deliver()
    await telling.run("UPDATE outbox SET ended_at = now() - interval '31 days' WHERE number = 1")
    await telling.run("UPDATE outbox SET ended_at = now() - interval '29 days' WHERE number = 2")
    await telling.dispatcher().end_old_notices()
    assert [record["number"] for record in await telling.run("SELECT number FROM outbox")] == [2]


async def test_an_attempt_that_was_overtaken_records_nothing(telling: Telling) -> None:
    await telling.add_webhook()
    await telling.lists.join("ada")
    telling.hook.gate.clear()
    telling.hook.answers = [500]

    async def is_asked() -> bool:
        return len(telling.hook.requests) == 1

    async with working(telling.dispatcher()):
        await until(is_asked)
        # Its lease ran out, somebody else took it, and it was sent.
        await telling.run("UPDATE outbox SET tries = 2, status = 'sent', ended_at = now()")
        telling.hook.gate.set()
    assert await telling.statuses() == {"sent": 1}


async def test_a_notice_leaves_at_once_where_it_was_written(telling: Telling) -> None:
    await telling.add_webhook()

    async def is_told() -> bool:
        return len(telling.hook.requests) == 1

    async with working(telling.dispatcher()):
        await asyncio.wait_for(asyncio.sleep(0), 1)
        await telling.lists.join("ada")
        assert await until(is_told) < 0.4


async def test_a_letter_is_written_whatever_process_made_the_change_and_sent_once_a_worker_can(
    telling: Telling,
) -> None:
    sending, telling.lists.engine = telling.lists.engine, Engine(telling.lists.pool, Settings())
    await telling.lists.join("ada", **ADA)
    await telling.lists.add_stock(1)
    assert await telling.statuses() == {"pending": 3}
    silent = Dispatcher(telling.lists.pool, Settings(), SigningKeys(telling.lists.pool), sending)
    await silent.note_mail()
    assert await telling.run("SELECT FROM mail_seen") == []
    telling.lists.engine = sending
    await telling.deliver()
    assert [message["Subject"] for message in telling.mailbox.messages] == ["It is your turn: 1 ticket for Jazz"]
    ((transport,),) = await telling.run("SELECT transport FROM mail_seen")
    assert transport == "smtp"
    await silent.note_mail()  # a worker without mail settings leaves the note
    assert len(await telling.run("SELECT FROM mail_seen")) == 1


async def test_without_an_address_a_join_writes_no_letter_and_runs_no_statement_for_it(telling: Telling) -> None:
    lists = telling.lists
    await lists.join("ada")
    await lists.add_stock(2)
    async with transaction(lists.pool) as acquired:
        locked = await LockedList.open(acquired, lists.key, now=lists.now)
        assert locked is not None
        await verbs.join(locked, user_id="bo", tickets_wanted=1)
        await verbs.settle(locked)
        assert locked.promoted
        await locked.flush()
        seen: list[str] = []
        acquired.add_query_logger(lambda query: seen.append(query.query))
        assert not await outbox.write_outbox(locked)
    assert [query for query in seen if "outbox" in query] == []
    assert await telling.statuses() == {}


async def test_what_no_worker_could_send_in_time_is_given_up_and_shown(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.lists.add_stock(1)
    await telling.run("UPDATE outbox SET due_at = now() - interval '26 hours'")
    silent = Dispatcher(telling.lists.pool, Settings(), SigningKeys(telling.lists.pool), telling.lists.engine)
    await silent.end_old_notices()
    given_up = await telling.run("SELECT type, answer FROM outbox WHERE status = 'dropped'")
    assert [tuple(one) for one in given_up] == [("joined", "no worker could send it in time")]
    # The hold is still there, so the fan is still told.
    await telling.deliver()
    assert [message["Subject"] for message in telling.mailbox.messages] == ["It is your turn: 1 ticket for Jazz"]


async def test_a_letter_that_is_sent_again_by_hand_is_not_too_old(telling: Telling) -> None:
    await telling.lists.join("ada", **ADA)
    await telling.run(
        "UPDATE outbox SET due_at = now() - interval '26 hours', created_at = now() - interval '3 days'"
    )
    await telling.dispatcher().end_old_notices()
    assert await telling.statuses() == {"dropped": 1}
    ((notice_id,),) = await telling.run("SELECT notice_id FROM outbox")
    await notices.resend(telling.lists.pool, ORGANIZATION, str(notice_id))
    await telling.deliver()
    assert await telling.statuses() == {"sent": 1}
