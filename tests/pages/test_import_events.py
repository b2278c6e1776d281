"""Import events from a sheet on the dashboard: columns, preview, import, and refusals that keep what was typed."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_fans import Browser
from tests.support.shop import ORGANIZATION, Shop
from waiting_list.access.scopes import Scope
from waiting_list.pages.dashboard.import_events import SAMPLE
from waiting_list.pages.dashboard.import_forms import MOST_BYTES

HERE = f"{HOME}/events/import"
OPTIONS = {"timezone": "Europe/Oslo", "order": "day", "hours": "2", "minutes": "30", "limit": "4"}
OPTIONS |= {"type_name": "Ticket", "draft": "yes"}
SHEET = """\
Show;When;At;Hall;Places
Älter als Öl;14.06.2031;19.30;Pier 4;120
Älter als Öl;15.06.2031;19.30;Pier 4;120
Der Kuß;14.12.2031;20:00;Pier 4;80
"""


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


async def sent_file(browser: Browser, data: bytes, **form: str) -> httpx.Response:
    """The answer to a form with a chosen file."""
    return await browser.http.post(
        HERE,
        data={"form_token": browser.token, "do": "read", "text": "", **form},
        files={"file": ("rows.csv", data, "text/csv")},
        headers=browser.headers,
    )


def fields_of(answer: httpx.Response) -> dict[str, str]:
    """What the form of an answer would send, with the columns that are selected."""
    form = answer.text.partition('enctype="multipart/form-data"')[2].partition("</form>")[0]
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    text = re.search(r'<textarea name="text"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    found["text"] = text[1] if text else ""
    return {name: html.unescape(value) for name, value in found.items() if name != "form_token"}


async def imported(browser: Browser, form: dict[str, str]) -> httpx.Response:
    """The answer to the button below a preview."""
    preview = await browser.post(HERE, **form | {"do": "preview"})
    return await browser.post(HERE, **form | {"do": "import", "seen": fields_of(preview)["seen"]})


def words(answer: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).replace("\xa0", " ").split())


async def counts(office: Office) -> list[int]:
    tables = ("events", "representations", "offers", "inventory")
    return [(await office.run(f"SELECT count(*) FROM {one}"))[0][0] for one in tables]


async def test_a_venues_sheet_is_mapped_previewed_and_imported_once_however_often(office: Office) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    answer = await sent_file(browser, SHEET.encode("windows-1252"))
    browser.read(answer)
    assert "3 rows · separated by semicolons · encoding Windows-1252" in words(answer)
    # Three names are known; the rest is chosen by hand. The dots say that the day comes first.
    form = fields_of(answer)
    assert (form["map_title"], form["map_start"], form["map_total"], form["order"]) == ("0", "", "", "day")
    refused = await browser.post(HERE, **form | OPTIONS | {"do": "preview"})
    assert refused.status_code == 422
    assert refused.text.count('aria-invalid="true"') == 2
    assert fields_of(refused)["text"] == SHEET.replace("\n", "\n")

    form |= OPTIONS | {"map_start": "1", "map_time": "2", "map_venue_name": "3", "map_total": "4"}
    before = await counts(office)
    preview = await browser.post(HERE, **form | {"do": "preview"})
    assert preview.status_code == 200, words(preview)
    browser.read(preview)
    said = words(preview)
    for expected in ("Events 2 0 0", "Dates 3 0 0", "Ticket types 2 0 0", "Waiting lists 3 0 0"):
        assert expected in said
    assert "Der Kuß Pier 4 Sun, 14 Dec 2031, 20:00 Europe/Oslo Ticket 80 0" in said
    assert await counts(office) == before, "a preview changes nothing"

    done = await imported(browser, form)
    assert "The file is imported." in words(done)
    assert await counts(office) == [before[0] + 2, before[1] + 3, before[2] + 2, before[3] + 3]
    [[title, draft, organization, timezone]] = await office.run(
        "SELECT title, draft, organization_id, timezone FROM events WHERE event_id LIKE 'der-ku%'"
    )
    assert (title, draft, organization, timezone) == ("Der Kuß", True, ORGANIZATION, "Europe/Oslo")
    [[start, end]] = await office.run(
        "SELECT start_datetime, end_datetime FROM representations WHERE representation_id LIKE 'der-ku%'"
    )
    assert (start.isoformat(), (end - start).total_seconds()) == ("2031-12-14T19:00:00+00:00", 9000)

    # An import of something else than what was previewed is a preview.
    changed = form | {"do": "import", "seen": fields_of(preview)["seen"], "limit": "5"}
    assert "What the import does" in words(await browser.post(HERE, **changed))

    # What was published, described and sold since stays.
    await office.run("UPDATE events SET draft = false, description = 'Mine'")
    await office.run("UPDATE inventory SET available_stock = 5 WHERE total_stock = 80")
    versions = await office.run("SELECT list_id, version, available_stock FROM inventory ORDER BY list_id")
    again = words(await imported(browser, form))
    assert "Events 0 0 2 Dates 0 0 3 Ticket types 0 0 2 Waiting lists 0 0 3" in again
    assert await office.run("SELECT list_id, version, available_stock FROM inventory ORDER BY list_id") == versions
    kept = await office.run("SELECT DISTINCT draft, description FROM events WHERE description <> ''")
    assert [(one[0], one[1]) for one in kept] == [(False, "Mine")]
    # Only when it is asked for, the file's tickets replace those that were sold or returned since.
    await imported(browser, form | {"set_stock": "yes"})
    assert not await office.run("SELECT 1 FROM inventory WHERE available_stock = 5")
    history = await office.run("SELECT DISTINCT actor FROM history WHERE verb = 'create'")
    assert "import" not in {one[0] for one in history}, "the history names who imported"


async def test_bad_rows_are_named_by_line_and_stop_all_and_the_text_stays(office: Office) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    before = await counts(office)
    rows = [
        "event,date,tickets,still on sale,timezone",
        "Jazz,2031-07-15 20:00,500,0,",
        "Jazz,2031-07-15 20:00,500,0,",
        "Jazz,15/07/2031 20:00,500,0,",
        "Jazz,2031-03-30 02:30,500,0,",
        "Jazz,2031-07-16 20:00,5,6,",
        "Jazz,2031-07-17 20:00,a few,0,",
        ",2031-07-18 20:00,5,0,",
        "Blues,2031-07-18 20:00,5,0,CEST",
        "short,row",
    ]
    form = {"text": "\n".join(rows), **OPTIONS, "order": "year", "do": "preview"}
    answer = await browser.post(HERE, **form)
    browser.read(answer)
    said = words(answer)
    assert answer.status_code == 422
    for expected in (
        "Line 3 : this date and ticket type are in an earlier row",
        "Line 4 , Date of the show: is not a date and time",
        "Line 5 , Date of the show: the clocks change",
        "Line 6 , Still on sale: must not be more than all tickets",
        "Line 7 , Tickets in all: is not a whole number",
        "Line 8 , Event: must not be empty",
        "Line 9 , Timezone: is no timezone",
        "Line 10 : has more or fewer cells",
    ):
        assert expected.replace(" ,", ",").replace(" :", ":") in said.replace(" ,", ",").replace(" :", ":"), said
    assert fields_of(answer)["text"].splitlines() == rows
    refused = await browser.post(HERE, **form | {"do": "import"})
    assert refused.status_code == 422
    many = "\n".join([rows[0], *(f"Jazz,soon,{number},0," for number in range(1, 41))])
    said = words(await browser.post(HERE, **form | {"text": many}))
    assert said.count("is not a date and time") == 20
    assert "And 20 more." in said
    assert await counts(office) == before


async def test_what_is_no_sheet_is_refused_in_words_and_a_large_one_too(office: Office, tmp_path: Path) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    for data, expected in (
        (b"", "Choose a file, or paste its rows."),
        (b"PK\x03\x04 a workbook", "Save the sheet in your spreadsheet as CSV"),
        (b"\xff\x80\x81 neither", "Save the sheet in your spreadsheet as CSV"),
        (b"event,date,tickets\nJazz,2031-07-15 20:00,1\n" * 13_000, "The file is too large."),
        (b'event,date,tickets\n"Jazz,2031', "a quote opens in this row"),
    ):
        answer = await sent_file(browser, data)
        if data.startswith(b'event,date,tickets\n"'):
            answer = await browser.post(HERE, **fields_of(answer) | OPTIONS | {"do": "preview"})
        assert (answer.status_code, expected in words(answer)) == (422, True), words(answer)
        browser.read(answer)
    # Above the limit of the body, the service does not read to the end. Other pages keep their limit.
    answer = await sent_file(browser, b"x" * 2 * MOST_BYTES)
    assert answer.status_code == 413
    answer = await browser.post(f"{HOME}/account", title="x" * 100_000)
    assert answer.status_code == 413
    rows = "\n".join(["event,date,tickets", *(f"Jazz {one},2031-07-15 20:00,1" for one in range(1_001))])
    await browser.get(HERE)
    answer = await browser.post(HERE, text=rows, do="preview", **OPTIONS)
    assert (answer.status_code, "too many rows" in words(answer)) == (422, True)


async def test_the_sample_can_be_imported_as_it_is_and_only_with_the_scope_for_events(office: Office) -> None:
    browser = await office.organizer()
    await browser.get(HERE)
    sample = await browser.http.get(f"{HERE}?sample=1")
    assert "attachment" in sample.headers["content-disposition"]
    form = fields_of(await sent_file(browser, sample.content))
    said = words(await browser.post(HERE, **form | OPTIONS | {"order": "year", "do": "preview"}))
    assert "Events 1 0 0 Dates 2 0 0 Ticket types 2 0 0 Waiting lists 3 0 0" in said
    assert form["text"].splitlines() == SAMPLE.splitlines()
    reader = await office.organizer(await office.key(Scope.READ))
    await reader.get(HERE, 403)
    assert "Import a file" not in (await reader.get(f"{HOME}/events")).text
