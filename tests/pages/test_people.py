"""People on the dashboard: who sees their names, and what the log says of each look."""

import csv
import io
import re
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.pages.test_dashboard import HOME, PAGE, Office
from tests.pages.test_dashboard_changes import asked
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, Shop
from waiting_list.access.api_keys import Scope

PEOPLE = (("ada", "Ada Lovelace", "ada@example.org"), ("bob", None, "bob@example.org"), ("cleo", None, None))


async def join_named(shop: Shop, user_id: str, name: str | None, email: str | None, **more: Any) -> None:
    """Add a fan with a contact on the organizer's behalf."""
    body = {"user_id": user_id, "tickets_wanted": 2, "name": name, "email": email} | more
    await shop.made("POST", f"/waiting-lists/{more.pop('where', LIST)}/entries", body)


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    for one in PEOPLE:
        await join_named(shop, *one)
    opened = Office(app, shop)
    yield opened
    for client in opened.clients:
        await client.aclose()


async def text_of(browser: Browser, path: str) -> str:
    return (await browser.get(path)).text


@pytest.mark.parametrize(("scope", "named"), [(Scope.ENTRIES, True), (Scope.READ, False), (Scope.STOCK, False)])
async def test_names_are_shown_with_the_scope_for_entries_only(office: Office, scope: Scope, named: bool) -> None:
    organizer = await office.organizer(await office.key(*{scope, Scope.READ}))
    for path in (PAGE, f"{PAGE}/entries/ada", f"{PAGE}/history"):
        shown = await text_of(organizer, path)
        assert ("Ada Lovelace" in shown) is named, path
        assert ("ada@example.org" in shown) is (named and path != f"{PAGE}/history"), path
    answer = await organizer.http.get(f"{PAGE}/entries.csv")
    first, second, third = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert (first.get("Name"), first.get("Email address")) == (PEOPLE[0][1:] if named else (None, None))
    assert (second.get("Name"), second.get("Email address")) == (("", PEOPLE[1][2]) if named else (None, None))
    assert [one["User ID"] for one in (first, second, third)] == ["ada", "bob", "cleo"]


async def test_a_row_has_the_name_then_the_address_then_the_user_id(office: Office) -> None:
    organizer = await office.organizer()
    page = (await organizer.http.get(PAGE)).text
    heads = [
        " ".join(re.sub(r"<[^>]*>", " ", one).split())
        for one in re.findall(r'<th scope="row">(.*?)</th>', page, re.S)
    ]
    assert heads == ["Ada Lovelace ada@example.org ada", "bob@example.org bob", "cleo"]
    entry = await text_of(organizer, f"{PAGE}/entries/ada")
    assert "unconfirmed" in entry
    assert "User ID ada" in entry
    french = await office.organizer(**FRENCH)
    assert "non confirmée" in await text_of(french, f"{PAGE}/entries/ada")


async def test_previews_name_whom_they_concern(office: Office) -> None:
    organizer = await office.organizer()
    page, _ = await asked(organizer, do="remove", user_id="ada")
    assert "Remove Ada Lovelace from the list?" in page.text
    page, sent = await asked(organizer, do="add_stock", quantity="4")
    assert "Ada Lovelace: 2 tickets" in page.text
    assert "bob@example.org: 2 tickets" in page.text
    await organizer.post(f"{PAGE}/do", **sent)
    page, _ = await asked(organizer, do="remove_stock", quantity="4", revoke_holds="on")
    assert (
        "2 fans lose the held tickets and wait again at the same places: bob@example.org Ada Lovelace" in page.text
    )


async def test_the_csv_of_the_api_has_contacts_where_they_are_asked_for(office: Office) -> None:
    plain = await office.shop.organizer("GET", "/entries.csv")
    assert "ada@example.org" not in plain.text
    asked_for = await office.shop.organizer("GET", "/entries.csv?contacts=true")
    (row, *_) = csv.DictReader(io.StringIO(asked_for.text))
    assert (row["name"], row["email"], row["user_id"]) == ("Ada Lovelace", "ada@example.org", "ada")
    assert [*row][-2:] == ["name", "email"]
    refused = await office.shop.organizer("GET", "/entries.csv?contacts=true", key=await office.key(Scope.READ))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_each_look_at_names_is_a_line_in_the_log_without_a_name(office: Office) -> None:
    key = await office.key(Scope.ENTRIES, Scope.READ)
    organizer, reader = await office.organizer(key), await office.organizer(await office.key(Scope.READ))
    with capture_logs() as lines:
        for path in (PAGE, f"{PAGE}/entries/ada", f"{PAGE}/history", f"{PAGE}/entries.csv", HOME):
            await organizer.http.get(path)
            await reader.http.get(path)
    looks = [one for one in lines if one["event"] == "people_shown"]
    assert [(one["shown_in"], one["people"]) for one in looks] == [
        ("list", 2),
        ("entry", 1),
        ("history", 2),
        ("export", 2),
    ]
    assert {one["actor"] for one in looks} == {f"organizer:{key.split('_')[1]}"}
    assert not any(part in str(lines) for one in PEOPLE for part in one[1:] if part)
