"""Several fans at once, a move beside a fan who is named, and undo: on the dashboard over HTTP."""

import html
import re
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import PAGE, Office
from tests.pages.test_dashboard_changes import asked
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, Shop
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope
from waiting_list.pages.dashboard import changes

FANS = (("ada", "Ada Lovelace"), ("bob", "Bob Love"), ("cleo", "Cleo Lovett"), ("dan", "Dan Smith"))


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    for user_id, name in FANS:
        fan = {"user_id": user_id, "name": name, "email": f"{user_id}@example.org", "email_verified": True}
        await shop.made("POST", f"/waiting-lists/{LIST}/entries", {"tickets_wanted": 3, **fan})
    opened = Office(app, shop)
    yield opened
    for client in opened.clients:
        await client.aclose()


async def order(office: Office) -> list[str]:
    found = (await office.shop.made("GET", "/entries?status=waiting"))["items"]
    return [one["user_id"] for one in found]


async def do(browser: Browser, sent: dict[str, str]) -> str:
    """Confirm, twice; the address that both lead to."""
    answers = [await browser.post(f"{PAGE}/do", **sent) for _ in "12"]
    (location,) = {one.headers["location"] for one in answers}
    assert isinstance(location, str)
    return location


async def test_selected_fans_are_moved_in_their_order_and_that_is_undone(office: Office) -> None:
    organizer = await office.organizer()
    page = await organizer.http.get(PAGE)
    assert re.findall(r'name="n_(\d+)"', page.text) == ["1", "2", "3", "4"]
    organizer.read(page)
    async with unchanged(office.app):
        shown, sent = await asked(
            organizer, do="move_several", n_4="on", n_3="on", to="first", until="", reason=""
        )
    assert "Move 2 fans to the front?" in shown.text
    assert "Cleo Lovett" in shown.text
    location = await do(organizer, sent)
    assert location.startswith(f"{PAGE}?done=move_several&n=2&undo=")
    assert await order(office) == ["cleo", "dan", "ada", "bob"]
    done = await organizer.http.get(location)
    assert "2 fans were moved." in done.text
    assert "within 10 seconds" in done.text
    organizer.read(done)
    undo = {"do": "take_back", "undo": location.rpartition("=")[2], "once": "u"}
    assert await do(organizer, undo) == f"{PAGE}?done=take_back&n=2"
    assert await order(office) == ["ada", "bob", "cleo", "dan"]
    assert "Undone: all is as it was before." in (await organizer.get(f"{PAGE}?done=take_back")).text


async def test_selected_fans_are_removed_and_get_their_places_back(office: Office) -> None:
    organizer = await office.organizer()
    shown, sent = await asked(organizer, do="remove_several", n_1="on", n_3="on", reason="double")
    assert "Remove 2 entries from the list?" in shown.text
    location = await do(organizer, sent)
    assert await order(office) == ["bob", "dan"]
    history = (await office.shop.made("GET", f"/waiting-lists/{LIST}/history?verb=remove"))["items"]
    assert [(one["number"], one["reason"]) for one in history] == [(1, "double"), (3, "double")]
    undo = {"do": "take_back", "undo": location.rpartition("=")[2], "once": "u"}
    await do(organizer, undo)
    assert await order(office) == ["ada", "bob", "cleo", "dan"]


async def test_only_the_selected_get_more_time_or_a_message(office: Office) -> None:
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 6})
    organizer = await office.organizer()
    start = (await office.shop.made("GET", "/representations/rep_1"))["start_datetime"][:16]
    shown, sent = await asked(organizer, do="extend_several", n_2="on", n_4="on", until=start)
    assert "Give 1 ready fan more time?" in shown.text
    assert "1 entry does not change." in shown.text
    assert await do(organizer, sent) == f"{PAGE}?done=extend_several&n=1"
    until = {user: (await office.shop.entry(user))["ready_until"] for user in ("ada", "bob")}
    assert until["ada"] < until["bob"]
    to_message = await organizer.post(f"{PAGE}/confirm", do="message", n_1="on", n_4="on")
    assert to_message.headers["location"] == f"{PAGE}/message?numbers=1%2C4"
    page = await organizer.http.get(to_message.headers["location"])
    assert "To the 2 fans whom you selected." in page.text
    organizer.read(page)
    form = {
        "numbers": "1,4",
        "to_waiting": "on",
        "to_ready": "on",
        "subject_en": "Hi",
        "text_en": "Doors at 19:00",
    }
    preview = await organizer.post(f"{PAGE}/message", **form)
    assert "This sends 2 emails." in preview.text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', preview.text))
    sent = {name: html.unescape(fields[name]) for name in ("once", "message", "numbers")}
    organizer.read(preview)
    assert (await organizer.post(f"{PAGE}/message", **sent)).headers["location"].endswith("?done=2")
    rows = await office.run("SELECT number FROM outbox WHERE type = 'message' ORDER BY number")
    assert [one["number"] for one in rows] == [1, 4]


async def test_nobody_selected_is_refused_with_what_to_do(office: Office) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        for do_ in ("move_several", "remove_several", "extend_several", "message"):
            answer = await organizer.post(
                f"{PAGE}/confirm", do=do_, to="first", until="2030-01-01T10:00", n_x="on"
            )
            assert answer.status_code == 422
            assert "Select 1 to 500 fans in the list first." in answer.text or "numbers" in answer.text
            await organizer.get(PAGE)


async def test_a_whole_page_of_fans_can_be_selected(office: Office) -> None:
    organizer = await office.organizer()
    many = {f"n_{number}": "on" for number in range(1, 501)}
    shown, _ = await asked(organizer, do="remove_several", **many)
    assert "Remove 4 entries from the list?" in shown.text
    assert "496 entries do not change." in shown.text


async def test_a_fan_is_moved_beside_one_who_is_named(office: Office) -> None:
    organizer = await office.organizer()
    shown, sent = await asked(organizer, do="move", user_id="ada", to="after", whom="smith")
    assert "Move Ada Lovelace behind Dan Smith?" in shown.text
    assert "From place 1 to place 4." in shown.text
    await do(organizer, sent)
    assert await order(office) == ["bob", "cleo", "dan", "ada"]
    shown, sent = await asked(organizer, do="move", user_id="ada", to="before", whom="cleo@")
    assert "Move Ada Lovelace ahead of Cleo Lovett?" in shown.text
    await do(organizer, sent)
    assert await order(office) == ["bob", "ada", "cleo", "dan"]


async def test_of_several_who_match_one_is_chosen_and_of_none_another_search(office: Office) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        answer = await organizer.post(f"{PAGE}/confirm", do="move", user_id="dan", to="after", whom="lov")
    assert "Move Dan Smith behind whom?" in answer.text
    assert re.findall(r'name="after" value="([^"]*)"', answer.text) == ["cleo", "bob", "ada"]
    organizer.read(answer)
    shown, sent = await asked(organizer, do="move", user_id="dan", to="after", after="ada")
    assert "Move Dan Smith behind Ada Lovelace?" in shown.text
    await do(organizer, sent)
    assert await order(office) == ["ada", "dan", "bob", "cleo"]
    for whom in ("nobody", "dan", ""):
        answer = await organizer.post(f"{PAGE}/confirm", do="move", user_id="dan", to="before", whom=whom)
        assert ("No other waiting fan of this list matches" in answer.text) is bool(whom)
        assert 'name="whom"' in answer.text
        organizer.read(answer)


async def test_what_was_done_is_said_with_its_numbers_and_undone_while_it_is_exact(office: Office) -> None:
    organizer = await office.organizer()
    _, sent = await asked(organizer, do="add_stock", quantity="4")
    location = await do(organizer, sent)
    assert location == f"{PAGE}?done=add_stock&n=4&ready=1"
    assert "4 tickets returned. 1 fan can buy now." in " ".join((await organizer.get(location)).text.split())
    _, sent = await asked(organizer, do="add_stock", quantity="1")
    location = await do(organizer, sent)
    undo = {"do": "take_back", "undo": location.rpartition("undo=")[2], "once": "u"}
    await organizer.get(location)
    await do(organizer, undo)
    stock = await office.shop.made("GET", f"/inventory/{LIST}")
    assert (stock["available_stock"], stock["held"]) == (4, 3)
    async with unchanged(office.app):
        late = await organizer.post(f"{PAGE}/do", **undo | {"once": "v"})
    assert late.status_code == 422
    assert "This can no longer be undone exactly" in html.unescape(late.text)
    french = await office.organizer(**FRENCH)
    assert "4 billets remis en stock." in (await french.get(f"{PAGE}?done=add_stock&n=4")).text


async def test_a_key_that_only_reads_can_select_nobody(office: Office) -> None:
    reader = await office.organizer(await office.key(Scope.READ))
    assert 'name="n_1"' not in (await reader.http.get(PAGE)).text


async def test_all_who_match_a_filter_are_those_that_the_preview_names_and_no_others(office: Office) -> None:
    for number in range(5, 15):
        await office.shop.join(f"fan-{number}", 3)
    await office.run("UPDATE entries SET joined_at = '2026-01-01' WHERE number <= 13")
    organizer = await office.organizer()
    page = await organizer.http.get(f"{PAGE}?status=waiting&joined_before=2026-01-02T00:00")
    assert 'name="all"' not in page.text, "one page shows all of them"
    page = await organizer.http.get(PAGE)
    assert 'name="all"' in page.text
    organizer.read(page)
    async with unchanged(office.app):
        shown, sent = await asked(
            organizer,
            do="remove_several",
            n_14="on",
            all="yes",
            f_status="waiting",
            f_joined_before="2026-01-02T00:00",
            reason="closed",
        )
    assert "Remove 13 entries from the list?" in shown.text
    assert {name for name in sent if name.startswith("n_")} == {f"n_{one}" for one in range(1, 14)}
    # Who matches from now on is not concerned.
    await office.run("UPDATE entries SET joined_at = '2026-01-01' WHERE number = 14")
    location = await do(organizer, sent)
    assert location.startswith(f"{PAGE}?done=remove_several&n=13")
    assert await order(office) == ["fan-14"]


async def test_a_filter_that_matches_nobody_or_too_many_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    organizer = await office.organizer()
    await organizer.get(PAGE)
    form = {"do": "remove_several", "all": "yes", "reason": "closed"}
    async with unchanged(office.app):
        page = await organizer.refused(f"{PAGE}/confirm", 422, **form, f_left_reason="bought")
        assert "Select 1 to 500 fans" in page.text
        monkeypatch.setattr(changes, "AT_MOST", 3)
        page = await organizer.refused(f"{PAGE}/confirm", 422, **form)
        assert "More than 500 fans match this filter." in page.text
