"""The dashboard pages of webhooks, their deliveries, and notices."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from standardwebhooks import Webhook as Referee

from tests.notifications.test_webhooks import T0, notice
from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, NOTICE, WEBHOOK, Shop, add_webhook
from tests.web.test_http import unchanged
from waiting_list.lists.models import ListKey

HOOKS = f"{HOME}/webhooks"
HOOK = f"{HOOKS}/{WEBHOOK}"
NOTICES = f"{HOME}/notices"
URL = "https://shop.example/new"


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


async def once(browser: Browser, path: str) -> str:
    """The name that the forms of a page have."""
    answer = await browser.http.get(path)
    browser.read(answer)
    return re.findall(r'name="once" value="([^"]+)"', answer.text)[0]


async def secret_of(browser: Browser, answer: httpx.Response) -> str:
    """The secret that a page shows."""
    assert answer.status_code == 200, answer.text
    browser.read(answer)
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", html.unescape(answer.text))[0]


async def statuses(office: Office, channel: str = "webhook") -> dict[str, str]:
    """Of all notices, by their id."""
    found = await office.shop.made("GET", f"/notices?limit=500&channel={channel}")
    return {one["notice_id"]: one["status"] for one in found["items"]}


async def test_a_new_webhook_shows_its_secret_this_once(office: Office) -> None:
    organizer = await office.organizer()
    form = {
        "url": f" {URL} ",
        "description": "<b>Ours</b>",
        "notify_email": "ops@shop.example",
        "type_entry.ready": "on",
        "type_list.opened": "on",
        "once": await once(organizer, HOOKS),
    }
    answers = await asyncio.gather(*(organizer.post(HOOKS, **form) for _ in range(2)))
    first, second = [await secret_of(organizer, one) for one in answers]
    assert first == second
    Referee(first)
    (kept,) = (await office.shop.made("GET", "/webhooks"))["items"]
    assert (kept["url"], kept["description"], kept["notify_email"]) == (URL, "<b>Ours</b>", "ops@shop.example")
    assert kept["types"] == ["entry.ready", "list.opened"]
    listed = await organizer.http.get(HOOKS)
    shown = await organizer.http.get(f"{HOOKS}/{kept['webhook_id']}")
    for answer in (listed, shown):
        assert URL in organizer.read(answer).text
        assert "<b>Ours" not in answer.text
        assert "whsec_" not in answer.text


async def test_a_form_that_was_sent_and_then_altered_does_not_make_the_first_webhook_again(office: Office) -> None:
    organizer = await office.organizer()
    form = {"url": URL, "once": await once(organizer, HOOKS)}
    await secret_of(organizer, await organizer.post(HOOKS, **form))
    page = await organizer.refused(HOOKS, 422, **form | {"url": "https://shop.example/another"})
    assert "This form was already sent with different values." in page.text
    assert len((await office.shop.made("GET", "/webhooks"))["items"]) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "x"}, "url"),
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"url": "https://user:word@shop.example/"}, "url"),
        ({"url": "https://shop.example/" + "x" * 3000}, "url"),
        ({"url": URL, "description": "x" * 10_001}, "description"),
        ({"url": URL, "description": "a\x00b"}, "description"),
        ({"url": URL, "notify_email": "nonsense"}, "notify_email"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else next(reversed(value.values()))[:40] or "nothing",
)
async def test_what_a_webhook_cannot_be_is_said_beside_its_field(
    office: Office, wrong: dict[str, str], field: str
) -> None:
    organizer = await office.organizer()
    form = {"once": await once(organizer, HOOKS), "type_entry.left": "on"} | wrong
    async with unchanged(office.app):
        answer = await organizer.post(HOOKS, **form)
    assert answer.status_code == 422
    page = organizer.read(answer)
    assert "Please correct the fields marked below." in page.text
    assert re.findall(r'aria-invalid="true" aria-describedby="wrong-([^"]+)"', answer.text) == [field]
    assert f'id="wrong-{field}"' in answer.text
    assert re.search(r'name="type_entry.left" checked', answer.text)
    assert "<b>" not in answer.text
    # Mended, the same page is sent again.
    again = {"once": re.findall(r'name="once" value="([^"]+)"', answer.text)[0], "url": URL}
    await secret_of(organizer, await organizer.post(HOOKS, **again))


async def test_more_webhooks_than_there_may_be_are_refused_with_their_number(office: Office) -> None:
    organizer = await office.organizer()
    for number in range(20):
        await office.shop.made("POST", "/webhooks", {"url": f"{URL}/{number}"})
    page = await organizer.get(HOOKS)
    assert "Add a webhook" not in page.text
    page = await organizer.refused(HOOKS, 409, url=URL, once="1")
    assert "An organization can have at most 20 webhooks." in page.text


async def test_a_webhook_is_tried_once_however_often_the_button_is_pressed(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    organizer = await office.organizer()
    name = await once(organizer, HOOK)
    office.app.state.service.engine.wake.clear()
    for _ in range(2):
        page = await organizer.did(f"{HOOK}/test", once=name)
    assert "Done." in page.text
    assert page.text.count("webhook.test") >= 2
    assert sorted((await statuses(office)).values()) == ["dead", "pending"]
    # The worker of this process need not look for it.
    assert office.app.state.service.engine.wake.is_set()


async def test_a_secret_is_changed_once_and_shown_this_once(office: Office) -> None:
    organizer = await office.organizer()
    made = await office.shop.made("POST", "/webhooks", {"url": URL})
    there = f"{HOOKS}/{made['webhook_id']}"
    name = await once(organizer, there)
    answers = [await organizer.post(f"{there}/rotate-secret", once=name) for _ in range(2)]
    first, second = [await secret_of(organizer, one) for one in answers]
    assert first == second != made["secret"]
    assert "whsec_" not in (await organizer.http.get(there)).text


async def test_a_webhook_is_disabled_and_enabled(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    organizer = await office.organizer()
    assert "active" in (await organizer.get(HOOK)).text
    for _ in range(2):
        page = await organizer.did(f"{HOOK}/disable")
    assert "disabled: by hand" in page.text
    assert "disabled: by hand" in (await organizer.get(HOOKS)).text
    for _ in range(2):
        page = await organizer.did(f"{HOOK}/enable")
    assert "disabled" not in page.text
    await office.run("UPDATE webhooks SET failing_since = now()")
    assert "failing since" in (await organizer.get(HOOK)).text


async def test_a_webhook_is_deleted_after_being_asked(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    organizer = await office.organizer()
    async with unchanged(office.app):
        page = await organizer.get(f"{HOOK}/delete")
    assert "Delete this webhook?" in page.text
    assert HOOK in page.links
    page = await organizer.did(f"{HOOK}/delete")
    assert "No webhooks yet." in page.text
    # Pressed twice, gone back to, or reloaded.
    await organizer.get(HOOKS)
    page = await organizer.refused(f"{HOOK}/delete", 404)
    assert "This webhook does not exist." in page.text
    for path in (HOOK, f"{HOOK}/delete"):
        assert "This webhook does not exist." in (await organizer.get(path, 404)).text


async def test_deliveries_are_sent_again_one_or_all(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    pool = office.app.state.service.pool
    for minutes in range(60):
        await notice(pool, WEBHOOK, at=T0 - timedelta(days=3650, minutes=minutes))
    organizer = await office.organizer()
    page = await organizer.get(HOOK)
    (more,) = [href for href in page.links if "cursor=" in href]
    assert page.text.count("failed") >= 50
    await organizer.get(more)
    name = await once(organizer, HOOK)
    for _ in range(2):
        page = await organizer.did(f"{HOOK}/redeliver", notice_id=NOTICE, once=name)
    assert "Done." in page.text
    assert "scheduled for" in page.text
    now = await statuses(office)
    assert now[NOTICE] == "pending"
    assert list(now.values()).count("dead") == 60
    page = await organizer.did(f"{HOOK}/redeliver", once=name)
    assert {*(await statuses(office)).values()} == {"pending"}
    assert office.app.state.service.engine.wake.is_set()


async def test_what_cannot_be_sent_again_is_refused(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    other = await office.shop.made("POST", "/webhooks", {"url": URL})
    organizer = await office.organizer()
    async with unchanged(office.app):
        for notice_id in ("x", "\x00", NOTICE[:-1] + "2", "é" * 300):
            for path in (f"{HOOK}/redeliver", f"{NOTICES}/resend"):
                await organizer.refused(path, 404, notice_id=notice_id, once="1")
                await organizer.get(HOOK)
        await organizer.refused(f"{HOOKS}/{other['webhook_id']}/redeliver", 404, notice_id=NOTICE, once="1")


async def test_notices_that_were_given_up_are_shown_and_sent_again(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    await _mails(office)
    organizer = await office.organizer()
    answer = await organizer.http.get(NOTICES)
    page = organizer.read(answer)
    assert "webhook.test" in page.text
    assert "joined" in page.text
    assert "number 1" in page.text
    # Whose address it is stays with the mail server.
    assert "ada@" not in answer.text
    assert "550 no such user" in page.text
    assert "webhook.test" not in (await organizer.get(f"{NOTICES}?channel=email")).text
    assert "number 1" not in (await organizer.get(f"{NOTICES}?channel=webhook")).text
    assert "No notices match." in (await organizer.get(f"{NOTICES}?status=sent")).text
    assert "failed" in (await organizer.get(f"{NOTICES}?status=all")).text
    name = await once(organizer, NOTICES)
    for _ in range(2):
        page = await organizer.did(f"{NOTICES}/resend", notice_id=NOTICE, once=name)
    assert "Done." in page.text
    assert "webhook.test" not in page.text
    assert (await statuses(office))[NOTICE] == "pending"
    assert {*(await statuses(office, "email")).values()} == {"dead"}
    page = await organizer.did(f"{NOTICES}/resend")
    assert "No notices match." in page.text
    assert {*(await statuses(office, "email")).values()} == {"pending"}
    assert "scheduled for" in (await organizer.get(f"{NOTICES}?status=pending")).text


async def test_many_notices_come_in_pages_of_the_same_filter(office: Office) -> None:
    await _mails(office)
    for minutes in range(60):
        await notice(office.app.state.service.pool, None, at=T0 - timedelta(minutes=minutes))
    organizer = await office.organizer()
    page = await organizer.get(f"{NOTICES}?status=dead&channel=email")
    (more,) = [href for href in page.links if "cursor=" in href]
    assert "status=dead" in more
    assert "channel=email" in more
    assert page.text.count("Resend:") == 50
    assert (await organizer.get(more)).text.count("Resend:") == 11


async def test_an_unknown_page_of_the_dashboard_is_a_page(office: Office) -> None:
    organizer = await office.organizer()
    for path in (f"{HOME}/nothing", f"{HOME}/waiting-lists/x", f"{NOTICES}/resend"):
        page = await organizer.get(path, 404)
        assert "This page does not exist." in page.text
    await add_webhook(office.app.state.service.pool)
    for path in ("test", "rotate-secret", "nothing/else"):
        answer = await organizer.http.get(f"{HOOK}/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, HOOK)


async def test_webhooks_and_notices_speak_french(office: Office) -> None:
    await add_webhook(office.app.state.service.pool)
    organizer = await office.organizer(**FRENCH)
    for path, said in ((HOOKS, "Ajouter un webhook"), (HOOK, "Envoyer un essai"), (NOTICES, "échec")):
        assert said in (await organizer.get(path)).text
    page = await organizer.refused(HOOKS, 422, url="x", once="1")
    assert "joignable depuis Internet" in page.text


async def _mails(office: Office) -> None:
    """A mail to ada that its server has refused."""
    await office.shop.join("ada")
    await notice(
        office.app.state.service.pool,
        None,
        list_id=ListKey(*LIST.split("/")).list_id,
        number=1,
        answer="550 no such user <ada@example.org>",
    )
