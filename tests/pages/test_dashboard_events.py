"""An event on the dashboard: cancelled and reinstated dates, a draft that is published, and messages to fans."""

import html
import re
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import HOME, PAGE, Office
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import EVENT, LIST, Shop
from tests.web.test_http import unchanged

HERE = f"{HOME}/events/ev_1"
MESSAGE = {
    "to_waiting": "on",
    "subject_en": "Doors",
    "text_en": "They open at 19:00.\r\n\r\nSee you!",
    "reason": "Bags",
}


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


def hidden(answer: httpx.Response, ends: str) -> dict[str, str]:
    """What the form that is sent to this address would send."""
    form = answer.text.partition(f'<form method="post" action="{ends}"')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found if name != "form_token"}


def words(answer: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def confirmed(browser: Browser, **form: str) -> tuple[str, dict[str, str]]:
    """What the page before a change says, and what its form sends."""
    answer = await browser.post(f"{HERE}/confirm", **form)
    assert answer.status_code == 200, answer.text
    browser.read(answer)
    return words(answer), hidden(answer, f"{HERE}/do")


async def previewed(browser: Browser, path: str, **form: str) -> tuple[str, dict[str, str]]:
    """What the preview of a message says, and what its form sends."""
    answer = await browser.post(path, **form)
    assert answer.status_code == 200, answer.text
    browser.read(answer)
    return words(answer), hidden(answer, path)


async def messages(office: Office) -> int:
    """How many messages there have been."""
    return len(await office.run("SELECT FROM messages"))


async def test_a_date_is_cancelled_after_the_page_says_who_is_concerned(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    assert "2 waiting, 1 ready" in (await organizer.get(HERE)).text
    async with unchanged(office.app):
        text, form = await confirmed(
            organizer, do="cancel", representation_id="rep_1", reason="The singer is ill."
        )
    for part in (
        "2 fans wait for this date. Tickets are held for 1 fan.",
        "1 waiting list ends at once",
        "Fans read this reason: The singer is ill.",
        "For 15 minutes you can reinstate the show",
        "Each fan with an email address gets one email",
    ):
        assert part in text
    for _ in range(2):  # pressed twice
        page = await organizer.did(f"{HERE}/do", **form)
        assert "Cancelled on" in page.text
        assert "The singer is ill." in page.text
    assert (await office.shop.made("GET", f"/waiting-lists/{LIST}"))["list_state"] == "cancelled"
    verbs = await office.run("SELECT verb FROM history WHERE verb IN ('cancel', 'reinstate') ORDER BY sequence")
    assert [row["verb"] for row in verbs] == ["cancel"]
    text, form = await confirmed(organizer, do="reinstate", representation_id="rep_1")
    assert "All fans who are still on the lists keep their places and held tickets." in text
    assert "Cancelled on" not in (await organizer.did(f"{HERE}/do", **form)).text
    assert (await office.shop.made("GET", f"/waiting-lists/{LIST}"))["list_state"] == "open"


async def test_a_draft_says_so_on_every_page_until_it_is_published(office: Office) -> None:
    await office.shop.made("PUT", "/events/ev_1", EVENT | {"draft": True, "max_places_per_person": 3})
    organizer = await office.organizer()
    for path in (HOME, f"{HOME}?event_id=ev_1", PAGE, f"{PAGE}/history", HERE, f"{HERE}/message"):
        assert "Draft" in (await organizer.get(path)).text, path
    assert "Tickets are still on sale" not in (await organizer.get(PAGE)).text
    text, form = await confirmed(organizer, do="publish")
    assert "Fans see the event at once" in text
    assert "This event is a draft" not in (await organizer.did(f"{HERE}/do", **form)).text
    event = await office.shop.made("GET", "/events/ev_1")
    assert event == EVENT | event | {"draft": False, "max_places_per_person": 3}
    for path in (HOME, PAGE, HERE):
        assert "Draft" not in (await organizer.get(path)).text, path


async def test_a_draft_is_deleted_with_its_tests_and_one_with_a_fan_is_not(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    await office.run("UPDATE events SET draft = true")
    _, form = await confirmed(organizer, do="delete")
    async with unchanged(office.app):
        page = await organizer.refused(f"{HERE}/do", 409, **form)
    assert "Fans have joined a list of this event" in page.text
    for user_id in ("ada", "bob", "cleo"):
        await office.shop.made("DELETE", f"/users/{user_id}")
    await organizer.get(HERE)
    text, form = await confirmed(organizer, do="delete")
    assert "The event goes with 1 date and 1 waiting list." in text
    for _ in range(2):  # pressed twice
        assert "Make your first event" in (await organizer.did(f"{HERE}/do", **form)).text
    assert await office.run("SELECT FROM events") == []


@pytest.mark.parametrize(
    ("step", "status", "form"),
    [
        ("confirm", 422, {"do": "explode"}),
        ("confirm", 422, {"do": "cancel", "representation_id": "rep_1", "reason": "x" * 501}),
        ("confirm", 404, {"do": "cancel", "representation_id": "rep_9"}),
        ("confirm", 404, {"do": "reinstate"}),
        ("do", 422, {"do": "cancel", "representation_id": "rep_1"}),
        ("do", 422, {"do": "cancel", "representation_id": "rep_1", "once": "1", "reason": "a\nb"}),
        ("do", 404, {"do": "reinstate", "representation_id": "rep_9", "once": "1"}),
    ],
)
async def test_a_form_of_an_event_that_is_not_right_changes_nothing(
    office: Office, step: str, status: int, form: dict[str, str]
) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        await organizer.refused(f"{HERE}/{step}", status, **form)


async def test_a_message_is_previewed_with_its_counts_and_sent_once(office: Office) -> None:
    for user_id, contact in (
        ("ada", {"email": "ada@example.org"}),
        ("eva", {"email": "ada@example.org"}),
        ("bob", {}),
    ):
        body = {"user_id": user_id, "tickets_wanted": 1, "email_verified": bool(contact)} | contact
        await office.shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
    organizer = await office.organizer()
    for path in (f"{PAGE}/message", f"{HERE}/message"):
        assert "A list takes 3 messages within 24 hours." in (await organizer.get(path)).text
        before = await messages(office)
        async with unchanged(office.app):
            text, form = await previewed(organizer, path, **MESSAGE)
        assert "This sends 1 email." in text
        assert "1 entry belongs to a person who gets the email already." in text
        assert "1 fan has no email address." in text
        assert "They open at 19:00." in text
        for _ in range(2):  # pressed twice
            assert "1 email is on its way." in (await organizer.did(path, **form)).text
        assert await messages(office) == before + 1
    (reason, *_) = {row["reason"] for row in await office.run("SELECT reason FROM history WHERE verb = 'message'")}
    assert reason == "Bags"
    _, form = await previewed(organizer, f"{PAGE}/message", **MESSAGE)
    await organizer.did(f"{PAGE}/message", **form)
    async with unchanged(office.app):
        page = await organizer.refused(f"{PAGE}/message", 429, **MESSAGE)
    assert "as many messages as a list takes within 24 hours" in page.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"subject_en": "Doors", "text_en": "Open"}, "Choose at least one group."),
        ({"to_ready": "on"}, "Write a subject and a text, in at least one language."),
        ({"to_ready": "on", "subject_en": "Doors"}, "A message needs a subject and a text."),
        ({"to_ready": "on", "text_fr": "Portes"}, "A message needs a subject and a text."),
    ],
)
async def test_a_message_that_is_not_whole_is_shown_again(office: Office, form: dict[str, str], said: str) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        page = await organizer.refused(f"{PAGE}/message", 422, **form)
    assert said in page.text
    for name, value in form.items():
        assert value in page.text or ("value", value) in page.attributes or value == "on", name


async def test_the_entry_says_that_its_fan_pays(office: Office) -> None:
    await office.line()
    organizer = await office.organizer(**FRENCH)
    path = f"{PAGE}/entries/ada"
    assert "a commencé à payer" not in (await organizer.get(path)).text
    await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/checkout")
    assert "a commencé à payer" in (await organizer.get(path)).text
