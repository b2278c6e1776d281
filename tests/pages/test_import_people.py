"""Import the people of another system's list on the dashboard: columns, preview, import and refusals."""

import re
from pathlib import Path
from typing import Any

import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import PAGE, Office
from tests.pages.test_import_events import fields_of, words
from tests.support.shop import LIST, Shop
from tests.web.test_http import unchanged
from waiting_list.access.scopes import Scope

HERE = f"{PAGE}/import"
SHEETS = Path(__file__).parent.parent / "data" / "sheets"


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


async def test_people_of_pretix_are_previewed_and_join_once_in_their_order(office: Office) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    data = {"form_token": browser.token, "do": "read", "text": ""}
    files = {"file": ("list.csv", (SHEETS / "pretix-semicolons.csv").read_bytes(), "text/csv")}
    read = await browser.http.post(HERE, data=data, files=files)
    browser.read(read)
    assert "4 rows · separated by semicolons · encoding UTF-8" in words(read)
    form = fields_of(read)
    assert (form["map_email"], form["map_joined"], form["map_name"], form["map_user_id"]) == ("2", "0", "1", "")
    form |= {"repeats": "refuse", "addresses": "refuse"}
    async with unchanged(office.app):
        preview = await browser.post(HERE, **form | {"do": "preview"})
    browser.read(preview)
    said = words(preview)
    assert "Join now 3 On the list already 0 Left it before 0 Rows left out 1" in said
    assert said.index("noor@example.org") < said.index("mona@example.org") < said.index("par+gig@example.org")
    seen = {"do": "import", "seen": fields_of(preview)["seen"]}
    assert "3 fans joined the list." in words(await browser.post(HERE, **form | seen))
    assert "0 fans joined the list." in words(await browser.post(HERE, **form | seen))
    names = await office.run("SELECT count(*), min(actor) FROM history WHERE verb = 'join'")
    assert names[0][0] == 3
    assert names[0][1] != "import", "the history names who imported"


async def test_what_cannot_join_is_named_by_line_and_changes_nothing(office: Office) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    rows = "mail,seats\nada@example.org,2\nnot an address,1\nbob@example.org,many\nada@example.org,1\n"
    form = {"text": rows, "repeats": "refuse", "addresses": "refuse", "do": "preview", "map_email": "0"}
    async with unchanged(office.app):
        missing = await browser.post(HERE, **form | {"map_email": "", "map_tickets": "1"})
        assert (missing.status_code, "wrong-map_email" in missing.text) == (422, True)
        answer = await browser.post(HERE, **form | {"map_tickets": "1"})
    assert answer.status_code == 422
    browser.read(answer)
    said = words(answer)
    for expected in (
        "Line 3, Email address: is empty or not valid",
        "Line 4, Tickets: is not a whole",
        "Line 5: this",
    ):
        assert expected in said, said
    assert fields_of(answer)["text"] == rows.rstrip("\n") + "\n"
    assert "ada@example.org" not in re.sub(
        r"<textarea.*?</textarea>|<option.*?</option>", "", answer.text, flags=re.S
    )
    async with unchanged(office.app):
        ok = await browser.post(HERE, **form | {"map_tickets": "1", "repeats": "first", "addresses": "skip"})
    assert ok.status_code == 422, "the number is still wrong"


async def test_an_import_begins_on_the_page_of_people_with_the_choice_of_a_list(office: Office) -> None:
    browser = await office.organizer()
    people = await browser.get("/dashboard/people")
    assert "/dashboard/people/import" in str(people.attributes)
    chosen = await browser.http.get("/dashboard/people/import")
    assert f'href="{HERE}"' in chosen.text
    assert f'href="{HERE}"' in (await browser.http.get("/dashboard/people/import?text=jazz")).text
    none = await browser.http.get("/dashboard/people/import?text=opera")
    assert "No waiting lists match." in none.text
    await office.run("UPDATE inventory SET waiting_list_open = false, closed_by_hand = true")
    assert f'href="{HERE}"' not in (await browser.http.get("/dashboard/people/import")).text, "it takes nobody"
    stock = await office.organizer(await office.key(Scope.READ, Scope.STOCK))
    assert "/dashboard/people/import" not in (await stock.http.get("/dashboard/people")).text
    other = await office.organizer(await office.key(organization_id="org_2"))
    assert "There is no waiting list yet." in words(await other.http.get("/dashboard/people/import"))


async def test_only_who_may_add_fans_may_import_them(office: Office) -> None:
    stock = await office.organizer(await office.key(Scope.READ, Scope.STOCK))
    await stock.get(HERE, 403)
    assert "Import a file" not in (await stock.get(PAGE)).text
    other = await office.organizer(await office.key(organization_id="org_2"))
    await other.get(HERE, 404)
    assert (await other.post(HERE, text="email\na@example.org", repeats="first")).status_code == 404
    entries = await office.organizer(await office.key(Scope.READ, Scope.ENTRIES))
    await entries.get(HERE)
    assert str(LIST) in HERE
