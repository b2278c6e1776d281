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
from waiting_list.lists.queries import people_search
from waiting_list.lists.queries.people_search import ACCENTS, SEPARATORS
from waiting_list.pages.dashboard import people
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql

PEOPLE = (("ada", "Ada Lovelace", "ada@example.org"), ("bob", None, "bob@example.org"), ("cleo", None, None))


async def join_named(
    shop: Shop, user_id: str, name: str | None, email: str | None, where: str = LIST, **more: Any
) -> None:
    """Add a fan with a contact on the organizer's behalf."""
    body = {"user_id": user_id, "tickets_wanted": 2, "name": name, "email": email}
    await shop.made("POST", f"/waiting-lists/{where}/entries", body | more)


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


async def found_by(browser: Browser, text: str, path: str = f"{HOME}/people") -> list[str]:
    """The user ids of the entries that a search shows, in order."""
    answer = await browser.http.get(path, params={"text": text})
    assert answer.status_code == 200, answer.text
    return [one.rpartition("/")[2] for one in re.findall(r'href="([^"]*/entries/[^"]*)"', answer.text)]


@pytest.mark.parametrize("text", ["lov", "LOVE", "ada lov", "ada@exa", "lovelace ada", "ada", "1", "#1", " Adà "])
async def test_a_fan_is_found_by_words_of_name_and_address_by_user_id_and_by_number(
    office: Office, text: str
) -> None:
    assert await found_by(await office.organizer(), text) == ["ada"]
    assert await found_by(await office.organizer(), text, PAGE) == ["ada"]


async def test_accents_hyphens_and_characters_of_the_query_language_are_no_hindrance(office: Office) -> None:
    await join_named(office.shop, "zoe", "Zoë Müller-O’Brien Đặng", "z+t@example.net")
    organizer = await office.organizer()
    for text in ("zoe", "ZOË", "muller", "Müller", "brien", "o'brien", "z+t@example", "muller-o", "dang", "Dặng"):
        assert await found_by(organizer, text) == ["zoe"], text
    for text in (
        "' | 'ada",
        "!ada",
        "ada:*b",
        "\\",
        "'",
        "<->",
        "(((",
        "%",
        "a\x00da",
        "#99999999999999999999",
        "#",
        "é" * 300,
    ):
        assert await found_by(organizer, text) in ([], ["ada"]), text


async def test_active_entries_come_first_then_the_newest_over_all_lists_with_their_shows(office: Office) -> None:
    await office.shop.stock(where="off_1/rep_2")
    await office.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/ada")
    await join_named(office.shop, "eve", "Eve Adair", "eve@example.org", where="off_1/rep_2")
    await join_named(office.shop, "dan", "Dan Adams", None, where="off_1/rep_2")
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{HOME}/people?text=ada")
    assert await found_by(organizer, "ada") == ["dan", "eve", "ada"]
    assert await found_by(organizer, "ada", PAGE) == ["ada"]
    assert "Jazz Festival" in answer.text
    assert "Floor" in answer.text
    assert "Europe/Paris" in answer.text
    assert await found_by(organizer, "2") == ["dan", "bob"]


async def test_a_search_shows_no_other_organization_and_without_the_scope_no_names(office: Office) -> None:
    for text in ("ada", "1", "example", "lovelace"):
        stranger = await office.organizer(await office.key(organization_id="org_2"))
        assert await found_by(stranger, text) == []
    reader = await office.organizer(await office.key(Scope.READ))
    assert await found_by(reader, "lovelace") == []
    assert await found_by(reader, "ada") == ["ada"]
    page = await reader.http.get(f"{HOME}/people?text=1")
    assert "Lovelace" not in page.text
    assert "Your access does not show names and addresses." in page.text


async def test_what_finds_nobody_says_so_and_one_letter_is_no_search(office: Office) -> None:
    organizer = await office.organizer()
    assert "Type at least two letters" in (await organizer.get(f"{HOME}/people?text=l")).text
    assert "No fan matches “nobody”." in (await organizer.get(f"{HOME}/people?text=nobody")).text
    assert "No entries match." in (await organizer.get(f"{PAGE}?text=nobody")).text
    french = await office.organizer(**FRENCH)
    assert "Aucun fan ne correspond à « nobody »." in (await french.get(f"{HOME}/people?text=nobody")).text


async def test_more_matches_than_are_shown_are_told_of(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_SHOWN", 1)
    organizer = await office.organizer()
    assert await found_by(organizer, "example") == ["bob"]
    assert "More entries match." in (await organizer.get(f"{HOME}/people?text=example")).text
    monkeypatch.setattr(people_search, "_CANDIDATES", 2)
    monkeypatch.setattr(people, "_SHOWN", 50)
    assert "More entries match." not in (await organizer.get(f"{HOME}/people?text=example")).text
    monkeypatch.setattr(people_search, "_CANDIDATES", 1)
    assert "More entries match." in (await organizer.get(f"{HOME}/people?text=example")).text


async def test_the_search_by_words_walks_their_index(office: Office) -> None:
    text = sql("find_people_by_words")
    assert "".join(f"\\{ord(one):04x}" for one in ACCENTS) in text
    assert text.count(SEPARATORS.replace("'", "''")) == 2
    condition = text.partition("\n    AND ")[2].partition("LIMIT")[0].replace("$3", "$1")
    async with connection(office.app.state.service.pool) as acquired, acquired.transaction():
        await acquired.execute("SET LOCAL enable_seqscan = off")
        plan = await acquired.fetch(f"EXPLAIN SELECT c.number FROM contacts c WHERE {condition}", "'lov':*")
    assert "contacts_words" in str(plan)
