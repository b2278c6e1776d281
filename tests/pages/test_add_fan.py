"""A fan who is added by hand, and the page of an entry: contact, private link and e-mails."""

import html
import re
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import PAGE, Office
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, ORGANIZATION, Shop
from tests.web.test_http import unchanged
from waiting_list.access.email_sign_in import fan_id
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey

ADD = f"{PAGE}/add-fan"
KEY = ListKey(*LIST.split("/"))
ADA = {"name": "Ada Lovelace", "email": "ada@example.org", "locale": "fr", "tickets_wanted": "2"}


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for client in opened.clients:
        await client.aclose()


def hidden(text: str) -> dict[str, str]:
    """What the form of the preview would send."""
    form = text.partition('class="choice">')[2].partition("</form>")[0]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return {name: html.unescape(value) for name, value in fields.items() if name != "form_token"}


async def previewed(office: Office, browser: Browser, **form: str) -> tuple[str, dict[str, str]]:
    async with unchanged(office.app):
        answer = await browser.post(ADD, **form)
    assert answer.status_code == 200, answer.text
    browser.read(answer)
    return html.unescape(answer.text), hidden(answer.text)


async def test_a_fan_is_added_once_with_the_user_id_of_the_sign_in_by_email(office: Office) -> None:
    organizer = await office.organizer()
    assert ADD in (await organizer.get(PAGE)).links
    text, sent = await previewed(office, organizer, **ADA, email_verified="on")
    assert "Ada Lovelace gets place 1, with number 1." in text
    answers = [await organizer.post(ADD, **sent) for _ in "12"]
    secret = await office.app.state.service.signing_keys.derived_secret()
    user_id = fan_id(secret, ORGANIZATION, "ada@example.org")
    assert {one.headers["location"] for one in answers} == {f"{PAGE}/entries/{user_id}?done=join"}
    page = await organizer.get(f"{PAGE}/entries/{user_id}?done=join")
    assert "The fan was added." in page.text
    assert "Place 1" in page.text
    export = await office.shop.made("GET", f"/users/{user_id}/export")
    (contact,) = export["contacts"]
    assert [contact[name] for name in ("name", "email", "locale")] == [ADA[n] for n in ("name", "email", "locale")]
    assert contact["email_verified"] is True
    assert (await office.shop.entry(user_id))["tickets_wanted"] == 2


async def test_a_fan_without_an_address_and_one_of_the_shop_are_added(office: Office) -> None:
    organizer = await office.organizer()
    text, sent = await previewed(office, organizer, name="Bob", tickets_wanted="1")
    assert "Without an address, the fan gets no email." in text
    assert (await organizer.post(ADD, **sent)).headers["location"].startswith(f"{PAGE}/entries/guest_")
    _, sent = await previewed(office, organizer, user_id="shop 7", tickets_wanted="3", tickets_minimum="2")
    assert (await organizer.post(ADD, **sent)).headers["location"] == f"{PAGE}/entries/shop%207?done=join"
    assert (await office.shop.entry("shop 7"))["tickets_minimum"] == 2
    refused = await organizer.post(ADD, user_id="shop 7", tickets_wanted="3")
    assert refused.status_code == 409
    assert "This fan has a place on this list already." in refused.text
    assert f"{PAGE}/entries/shop%207" in refused.text


@pytest.mark.parametrize(
    ("form", "field", "words", "settings"),
    [
        ({"email": "ada@"}, "email", "That is not a valid email address.", {}),
        ({"email": ""}, "email", "This list takes only fans with an email address.", {"email_required": True}),
        ({"tickets_wanted": "many"}, "tickets_wanted", "Enter a whole number of tickets.", {}),
        ({"tickets_wanted": "7"}, "tickets_wanted", "A fan can have at most 6 tickets.", {}),
        ({"tickets_minimum": "3"}, "tickets_minimum", "no larger than the tickets wanted", {}),
        ({"name": "A\nB"}, "name", "Write the name on one line", {}),
        ({"user_id": "x" * 201}, "user_id", "That is not a valid user ID.", {}),
    ],
)
async def test_what_is_refused_is_kept_and_its_field_is_marked(
    office: Office, form: dict[str, str], field: str, words: str, settings: dict[str, Any]
) -> None:
    if settings:
        await office.shop.made("PATCH", f"/waiting-lists/{LIST}", settings)
    organizer = await office.organizer()
    sent = {**ADA, **form}
    async with unchanged(office.app):
        answer = await organizer.post(ADD, **sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'aria-describedby="wrong-{field}"' in answer.text
    kept = html.unescape(answer.text)
    assert all(f'value="{value}"' in kept for name, value in sent.items() if name != "locale" and value)


async def test_a_list_that_is_not_open_says_why_and_what_to_do(office: Office) -> None:
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"open": False})
    organizer = await office.organizer()
    for text in ((await organizer.get(PAGE)).text, (await organizer.get(ADD)).text):
        assert "The waiting list is closed to new fans. To take fans again, open it in the settings." in text
    answer = await organizer.post(ADD, **ADA)
    assert answer.status_code == 409
    assert "The waiting list is not open." in answer.text
    assert 'value="Ada Lovelace"' in answer.text


async def test_an_address_that_has_a_place_under_another_user_id_is_pointed_out(office: Office) -> None:
    await office.shop.made(
        "POST",
        f"/waiting-lists/{LIST}/entries",
        {"user_id": "shop7", "tickets_wanted": 1, "email": "Ada@example.org", "name": "Ada L"},
    )
    text, _ = await previewed(office, await office.organizer(), **ADA)
    assert "This address has a place already, under another user ID:" in text
    assert f"{PAGE}/entries/shop7" in text


async def test_an_address_is_mended_and_no_longer_failed(office: Office) -> None:
    await office.shop.made(
        "POST",
        f"/waiting-lists/{LIST}/entries",
        {"user_id": "ada", "tickets_wanted": 1, "email": "ada@exmaple.org", "name": "Ada", "locale": "nl"},
    )
    failed = [verbs.AddressReport(1, "ada@exmaple.org", "550 No such host")]
    await office.app.state.service.engine.run(KEY, SERVICE, verbs.fail_address, failed=failed)
    organizer = await office.organizer()
    assert "address failed" in (await organizer.get(PAGE)).text
    path = f"{PAGE}/entries/ada/contact"
    assert path in (await organizer.get(f"{PAGE}/entries/ada")).links
    form = (await organizer.http.get(path)).text
    assert 'value="ada@exmaple.org"' in form
    assert '<option value="nl" selected>nl</option>' in form
    bad = await organizer.post(path, name="Ada", email="ada@")
    assert bad.status_code == 422
    assert 'value="ada@" aria-invalid="true"' in bad.text
    organizer.read(bad)
    done = await organizer.post(path, name="Ada", email="ada@example.org", locale="de", email_verified="on")
    assert done.headers["location"] == f"{PAGE}/entries/ada?done=set_contact"
    page = await organizer.get(done.headers["location"])
    assert "The contact was saved." in page.text
    assert "ada@example.org" in page.text
    assert "address failed" not in page.text
    assert "unconfirmed" not in page.text
    await office.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/ada")
    gone = await organizer.post(path, name="Ada", email="ada@example.com")
    assert gone.status_code == 409
    assert "The fan has left this list." in gone.text


async def test_the_private_link_is_shown_when_asked_for_and_opens_the_place(office: Office) -> None:
    await office.shop.join("ada")
    organizer = await office.organizer()
    page = await organizer.http.get(f"{PAGE}/entries/ada")
    assert "/e/" not in page.text
    organizer.read(page)
    answer = await organizer.post(f"{PAGE}/entries/ada/link")
    (path,) = re.findall(r'class="pass">[^<]*(/e/[^<]+)</p>', answer.text)
    assert (await office.browser().http.get(path)).status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"


async def test_an_email_of_the_entry_is_sent_again_and_no_other(office: Office) -> None:
    for user in ("ada", "bob"):
        await office.shop.made(
            "POST",
            f"/waiting-lists/{LIST}/entries",
            {"user_id": user, "tickets_wanted": 1, "email": f"{user}@example.org", "email_verified": True},
        )
    await office.run("UPDATE outbox SET status = 'dead', ended_at = now(), answer = '550 no'")
    organizer = await office.organizer()
    text = (await organizer.http.get(f"{PAGE}/entries/ada")).text
    assert "You are on the list" in text
    assert "550 no" in text
    organizer.read(await organizer.http.get(f"{PAGE}/entries/ada"))
    ids = {
        one["number"]: str(one["notice_id"]) for one in await office.run("SELECT number, notice_id FROM outbox")
    }
    path = f"{PAGE}/entries/ada/resend"
    for _ in "12":
        done = await organizer.post(path, notice_id=ids[1], once="1")
        assert done.headers["location"] == f"{PAGE}/entries/ada?done=resend"
    found = await office.run("SELECT number, status FROM outbox ORDER BY number")
    assert [tuple(one) for one in found] == [(1, "pending"), (2, "dead")]
    assert (await organizer.post(path, notice_id=ids[2], once="2")).status_code == 404
    assert "The email is on its way again." in (await organizer.get(f"{PAGE}/entries/ada?done=resend")).text


async def test_the_pages_speak_french(office: Office) -> None:
    french = await office.organizer(**FRENCH)
    assert "Ajouter un fan" in (await french.get(ADD)).text
    await office.shop.join("ada")
    assert "Coordonnées et e-mails" in (await french.get(f"{PAGE}/entries/ada")).text
