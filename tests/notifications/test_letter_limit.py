"""A mailbox gets so many e-mails an hour, over all lists; further ones wait, unless they are about a hold."""

import asyncio
from typing import Any

import pytest

from tests.access.test_email_limits import wait
from tests.notifications.test_dispatcher import Telling, telling  # noqa: F401 - fixtures
from tests.notifications.test_unverified_addresses import ENTRY, Office, mailbox, office  # noqa: F401 - fixtures
from tests.support.lists import ORGANIZATION
from waiting_list.access.email_limits import MailboxLimit
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.notifications.notices import NoticeFilter, notices
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

TOKEN = {"email": "Victim@example.org", "email_verified": True}
LISTS = ("off_1/rep_1", "off_2/rep_1")


def limit(pool: Pool, **settings: int) -> MailboxLimit:
    return MailboxLimit(pool, Settings.model_validate(settings), SigningKeys(pool))


async def test_a_token_that_joins_and_leaves_with_a_strangers_address_sends_ten_letters_an_hour(
    office: Office,  # noqa: F811 - the fixture
) -> None:
    await office.shop.stock(where=LISTS[1])
    sent = []
    for n in range(16):
        entry = f"/waiting-lists/{LISTS[n % 2]}/entry"
        answer = await office.fan("POST", entry, {"tickets_wanted": 1}, user=f"u{n // 4}", **TOKEN)
        assert answer.status_code == 201, answer.text
        sent += await office.delivered()
        if n < 15:
            await office.fan("DELETE", entry, user=f"u{n // 4}", **TOKEN)
    assert [one["To"] for one in sent] == ["Victim@example.org"] * 10
    page = await office.shop.made("GET", "/notices?status=pending")
    assert [(one["type"], one["tries"]) for one in page["items"]] == [("joined", 0)] * 6
    assert {one["answer"] for one in page["items"]} == {
        "waits, because this mailbox has had enough e-mails within the hour"
    }
    # An hour later, the e-mails about places that are gone say nothing any more.
    await wait(office.service.pool, 3600)
    await office.rows("UPDATE outbox SET due_at = now() WHERE status = 'pending'")
    assert len(await office.delivered()) == 1
    page = await office.shop.made("GET", "/notices")
    assert sorted(one["status"] for one in page["items"]) == ["dropped"] * 5 + ["sent"] * 11


async def test_letters_about_a_hold_never_wait_and_the_others_are_not_lost(
    telling: Telling,  # noqa: F811 - the fixture
) -> None:
    lists, address = telling.lists, {"email": "ada@example.org", "email_verified": True}
    telling.settings = telling.settings.model_copy(update={"letters_per_hour": 2})
    for n in range(5):
        await lists.join(f"u{n}", **address)
    await telling.deliver()
    assert len(telling.mailbox.messages) == 2
    await lists.add_stock(2)
    await lists.extend("u0", minutes=3000)
    await lists.remove("u4")
    await telling.deliver()
    said = [one["Subject"] for one in telling.mailbox.messages[2:]]
    assert len(said) == 3, said
    assert await telling.statuses(type="removed") == {"pending": 1}
    waits = await telling.run(
        "SELECT due_at - now() AS wait FROM outbox WHERE status = 'pending' AND answer IS NOT NULL ORDER BY due_at"
    )
    # One every half hour. The e-mails of two turns never come at the same instant.
    minutes = [round(one["wait"].total_seconds() / 60) for one in waits]
    assert minutes[:3] == [30, 30, 60], minutes
    for _ in range(4):
        await wait(lists.pool, 3600)
        await telling.make_due()
        await telling.deliver()
    assert await telling.statuses(type="removed") == {"sent": 1}
    assert await telling.statuses(type="joined") == {"sent": 4, "dropped": 1}


async def test_a_mail_server_that_fails_uses_up_no_limit(telling: Telling) -> None:  # noqa: F811 - the fixture
    telling.settings = telling.settings.model_copy(update={"letters_per_hour": 1})
    telling.mailbox.answers = ["451 later", "451 later"]
    await telling.lists.join("ada", email="ada@example.org", email_verified=True)
    for _ in range(3):
        await telling.deliver()
        await telling.make_due()
    assert await telling.statuses() == {"sent": 1}


async def test_all_processes_together_let_a_mailbox_have_so_many_however_it_is_spelt(pool: Pool) -> None:
    processes = [limit(pool, letters_per_hour=7) for _ in range(3)]
    spelt = [f"a.d.a+{n}@googlemail.com" for n in range(5)]
    found = await asyncio.gather(*(one.waits([*spelt, "bob@example.org"]) for one in processes))
    assert [one[-1] for one in found] == [0, 0, 0]
    assert sum(one[:5].count(0) for one in found) == 7
    # Those that are over take their turns one after the other.
    late = await limit(pool, letters_per_hour=7).waits(["ada@gmail.com"] * 3)
    each = 3600 / 7
    assert [round(one / each) for one in late] == [1, 2, 3]
    assert await limit(pool, letters_per_hour=0).waits(["ada@gmail.com"] * 2) == [0, 0]


@pytest.mark.parametrize("kind", ["ada@example.org", "Ada+x@example.org"])
async def test_unsubscribing_holds_for_the_address_in_every_list_of_the_organization_and_in_no_other(
    office: Office,  # noqa: F811 - the fixture
    kind: str,
) -> None:
    await office.shop.stock(where=LISTS[1])
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, email="ada@example.org", email_verified=True)
    (letter,) = await office.delivered()
    link = str(letter["List-Unsubscribe"]).strip("<>").removeprefix("https://tickets.example")
    answer = await office.shop.http.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.is_success, answer.text
    said: dict[str, Any] = {"email": kind, "email_verified": True}
    await office.fan("POST", f"/waiting-lists/{LISTS[1]}/entry", {"tickets_wanted": 1}, user="other", **said)
    assert await office.delivered() == []
    found = await notices(office.service.pool, ORGANIZATION, NoticeFilter(), limit=10, cursor=None)
    assert sorted(one.status for one in found.items) == ["dropped", "sent"]
    await office.rows("UPDATE suppressions SET organization_id = 'org_other'")
    await office.fan("POST", f"/waiting-lists/{LISTS[1]}/entry", {"tickets_wanted": 1}, user="third", **said)
    assert len(await office.delivered()) == 1
