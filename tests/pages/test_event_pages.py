"""An event that is made on the dashboard: its details, dates, ticket types and tickets, and each changed later."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_dashboard_events import words
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, Shop
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope

NEW = f"{HOME}/events/new"
HERE = f"{HOME}/events/ev_1"
DETAILS = {"title": "Jazz & Blues", "venue_name": "Le Quai", "timezone": "Europe/Paris", "unique": "0a1b2c3d"}
ZONE = ZoneInfo("Europe/Paris")


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


def local(days: int, hour: int = 20) -> str:
    day = datetime.now(ZONE).date() + timedelta(days=days)
    return f"{day}T{hour:02}:00"


def invalid(answer: httpx.Response) -> list[str]:
    """The fields that a page marks."""
    return re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"[^>]*aria-invalid="true"', answer.text)


async def sent(browser: Browser, path: str, status: int = 303, **form: str) -> httpx.Response:
    answer = await browser.post(path, **form)
    assert answer.status_code == status, answer.text
    return answer


async def rows(office: Office, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await office.run(statement)]


async def test_an_event_goes_from_nothing_to_open_lists_by_forms_alone(office: Office) -> None:
    organizer = await office.organizer()
    page = await organizer.get(NEW)
    assert "It begins as a draft." in page.text
    answers = [await sent(organizer, NEW, **DETAILS) for _ in range(2)]  # pressed twice
    dates = answers[0].headers["location"]
    assert dates == answers[1].headers["location"] == f"{HOME}/events/jazz-blues-0a1b2c3d/dates"
    event = dates.removesuffix("/dates")
    await organizer.get(dates)
    series = {
        "starts": local(10),
        "hours": "2",
        "minutes": "30",
        "every": "week",
        "count": "3",
        "unique": "0a1b2c3d",
    }
    shown = await sent(organizer, dates, 200, **series)
    names = re.findall(r'name="(date_\d+)" checked', shown.text)
    assert len(names) == 3
    for _ in range(2):
        answer = await sent(organizer, dates, **series, seen="yes", **dict.fromkeys(names[:2], "on"))
    assert "2 dates are added." in (await organizer.get(answer.headers["location"])).text
    for name, unique in (("Floor", "00000001"), ("Balcony", "00000002")):
        form = {"name": name, "max_quantity_per_order": "4", "unique": unique}
        assert (await organizer.did(f"{event}/ticket-types", **form)).text.count(name) > 0
    source = (await organizer.http.get(f"{event}/tickets")).text
    balcony, floor = re.findall(r'name="total_(\w+)"', source)[:2]
    cells = re.findall(r'name="total_(\w+)"', source)[2:]
    assert len(cells) == 4
    form = {
        f"total_{floor}": "300",
        f"total_{balcony}": "80",
        f"available_{balcony}": "5",
        f"total_{cells[0]}": "40",
    }
    for _ in range(2):
        answer = await sent(organizer, f"{event}/tickets", **form, sale_link="https://shop.example/buy?x=1")
    made = await rows(
        office,
        "SELECT o.name, i.total_stock, i.available_stock, i.waiting_list_open, i.purchase_url FROM inventory i"
        " JOIN offers o USING (offer_id) JOIN representations r USING (representation_id)"
        " ORDER BY r.start_datetime, o.name",
    )
    link = "https://shop.example/buy?x=1&waiting_list_pass={pass}&tickets={tickets}"
    assert made == [
        ("Balcony", 40, 0, True, link),
        ("Floor", 300, 0, True, link),
        ("Balcony", 80, 5, False, link),
        ("Floor", 300, 0, True, link),
    ]
    assert await rows(office, "SELECT draft, title FROM events") == [(True, "Jazz & Blues")]
    assert (
        await rows(office, "SELECT end_datetime - start_datetime FROM representations")
        == [(timedelta(minutes=150),)] * 2
    )


@pytest.mark.parametrize(
    ("change", "marked"),
    [
        ({"title": ""}, ["title"]),
        ({"title": "x" * 501}, ["title"]),
        ({"timezone": "Paris"}, ["timezone"]),
        ({"max_places_per_person": "0", "title": " "}, ["title", "max_places_per_person"]),
        ({"max_places_per_person": "1.5"}, ["max_places_per_person"]),
    ],
)
async def test_refused_details_keep_what_was_typed_and_mark_the_fields(
    office: Office, change: dict[str, str], marked: list[str]
) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        answer = await sent(organizer, NEW, 422, **DETAILS | {"description": "Two <b> bands"} | change)
    assert invalid(answer) == marked
    assert "Two &lt;b&gt; bands</textarea>" in answer.text
    assert 'name="unique" value="0a1b2c3d"' in answer.text
    if "timezone" in change:
        assert "Did you mean Europe/Paris?" in words(answer)


@pytest.mark.parametrize(
    ("change", "marked"),
    [
        ({"starts": ""}, ["starts"]),
        ({"starts": "tomorrow", "hours": "-1"}, ["starts", "hours"]),
        ({"every": "day", "count": "61"}, ["count"]),
        ({"every": "day", "count": ""}, ["count"]),
        ({"every": "never"}, ["every"]),
        ({"minutes": "60"}, ["minutes"]),
    ],
)
async def test_refused_dates_keep_what_was_typed_and_mark_the_fields(
    office: Office, change: dict[str, str], marked: list[str]
) -> None:
    await office.shop.stock()
    organizer = await office.organizer()
    form = {"starts": local(3), "hours": "2", "minutes": "0", "every": "once", "unique": "0a1b2c3d"} | change
    async with unchanged(office.app):
        answer = await sent(organizer, f"{HERE}/dates", 422, **form)
    assert invalid(answer) == marked


async def test_one_date_needs_no_preview_and_one_in_the_past_does(office: Office) -> None:
    await office.shop.stock()
    organizer = await office.organizer()
    form = {"hours": "2", "minutes": "0", "every": "once", "unique": "0a1b2c3d"}
    async with unchanged(office.app):
        answer = await sent(organizer, f"{HERE}/dates", 200, starts=local(-3), **form)
    assert "in the past" in words(answer)
    page = await organizer.did(f"{HERE}/dates", starts=local(3), **form)
    assert "1 date is added." in page.text
    async with unchanged(office.app):
        series = form | {"every": "day", "count": "2", "seen": "yes", "starts": local(5)}
        assert "Tick at least one date." in words(await sent(organizer, f"{HERE}/dates", 200, **series))


async def test_a_new_venue_says_before_that_fans_get_a_letter(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada", 2)
    organizer = await office.organizer()
    stored = await office.shop.made("GET", "/events/ev_1")
    form = {name: stored[name] for name in ("title", "description", "venue_name", "venue_address", "timezone")}
    assert "You have not changed anything." in (await organizer.did(f"{HERE}/details", **form)).text
    async with unchanged(office.app):
        answer = await sent(organizer, f"{HERE}/details", 200, **form | {"venue_name": "Barn"})
    text = words(answer)
    assert "1 fan is in the lists of this event." in text
    assert "one email about the new venue" in text
    assert "Olympia Barn" in text
    page = await organizer.did(f"{HERE}/details", **form | {"venue_name": "Barn", "confirmed": "yes"})
    assert "The details are saved." in page.text
    changed = await office.shop.made("GET", "/events/ev_1")
    assert changed == stored | {"venue_name": "Barn"}
    verbs = await rows(office, "SELECT verb FROM history WHERE verb = 'change_event'")
    assert len(verbs) == 1


async def test_a_date_with_people_moves_after_the_page_said_what_that_does(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada", 2)
    organizer = await office.organizer()
    date = f"{HERE}/dates/rep_1"
    source = (await organizer.http.get(date)).text
    times = dict(re.findall(r'name="(starts|ends)" required value="([^"]+)"', source))
    assert "You have not changed anything." in (await organizer.did(date, **times)).text
    assert invalid(await sent(organizer, date, 422, **times | {"ends": local(1)})) == ["ends"]
    later = {"starts": local(40), "ends": local(40, 23)}
    async with unchanged(office.app):
        text = words(await sent(organizer, date, 200, **later))
    assert "1 fan waits for this date." in text
    assert "gets one email about the new time" in text
    assert "The date is moved." in (await organizer.did(date, **later, confirmed="yes")).text
    moved = datetime.fromisoformat((await office.shop.made("GET", "/representations/rep_1"))["start_datetime"])
    assert moved.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M") == later["starts"]


async def test_a_start_that_would_end_a_list_with_people_needs_a_tick(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada", 2)
    organizer = await office.organizer()
    date, gone = f"{HERE}/dates/rep_1", {"starts": local(-2), "ends": local(-1)}
    async with unchanged(office.app):
        text = words(await sent(organizer, date, 200, **gone))
        assert "its waiting lists end and all fans leave them" in text
        answer = await sent(organizer, date, 409, **gone, confirmed="yes")
    assert "Nothing was changed. Tick the box below" in words(answer)
    assert 'name="end_lists"' in answer.text
    await organizer.did(date, **gone, confirmed="yes", end_lists="on")
    assert (await office.shop.made("GET", f"/waiting-lists/{LIST}"))["list_state"] == "ended"


async def test_a_date_and_a_type_go_while_no_fan_has_joined_and_stay_then(office: Office) -> None:
    await office.shop.stock()
    await office.shop.stock(where="off_1/rep_2")
    await office.shop.join("ada", 2)
    organizer = await office.organizer()
    for path, says in (
        (f"{HERE}/dates/rep_1", "list of this date"),
        (f"{HERE}/ticket-types/off_1", "this ticket type"),
    ):
        async with unchanged(office.app):
            asked = await sent(organizer, path, 200, do="delete")
            assert "You cannot undo this." in words(asked)
            answer = await sent(organizer, path, 409, do="delete", confirmed="yes")
        assert f"Fans have joined a list of {says.removeprefix('list of ')}" in words(answer)
    page = await organizer.did(f"{HERE}/dates/rep_2", do="delete", confirmed="yes")
    assert "The date is deleted." in page.text
    assert await rows(office, "SELECT representation_id FROM inventory") == [("rep_1",)]


async def test_a_lower_limit_says_who_is_passed_over_before_it_is_set(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada", 5, tickets_minimum=5)
    await office.shop.join("bob", 1)
    organizer = await office.organizer()
    path = f"{HERE}/ticket-types/off_1"
    form = {"name": "Floor", "max_quantity_per_order": "4", "description": ""}
    async with unchanged(office.app):
        text = words(await sent(organizer, path, 200, **form))
        refused = await sent(organizer, path, 422, **form | {"name": "", "max_quantity_per_order": "x"})
    assert invalid(refused) == ["name", "max_quantity_per_order"]
    assert "2 fans wait for this ticket type." in text
    assert "6 before, 4 after" in text
    assert "1 fan who accepts only more keeps the place" in text
    assert "The ticket type is changed." in (await organizer.did(path, **form, confirmed="yes")).text
    assert (await office.shop.made("GET", "/offers/off_1"))["max_quantity_per_order"] == 4


@pytest.mark.parametrize(
    ("numbers", "marked"),
    [
        (("10", "11"), ["available_"]),
        (("x", ""), ["total_"]),
        (("", "3"), ["total_"]),
        (("9999999999", ""), ["total_"]),
    ],
)
async def test_refused_tickets_keep_what_was_typed_and_mark_the_fields(
    office: Office, numbers: tuple[str, str], marked: list[str]
) -> None:
    await office.shop.stock()
    await office.run("DELETE FROM history")
    await office.run("DELETE FROM inventory")
    organizer = await office.organizer()
    page = (await organizer.http.get(f"{HERE}/tickets")).text
    cell = re.findall(r'name="total_(\w+)"', page)[1]
    async with unchanged(office.app):
        form = {f"total_{cell}": numbers[0], f"available_{cell}": numbers[1], "sale_link": "not a link"}
        answer = await sent(organizer, f"{HERE}/tickets", 422, **form)
        nothing = await sent(organizer, f"{HERE}/tickets", 422)
    assert invalid(answer) == [f"{marked[0]}{cell}", "sale_link"]
    assert f'value="{numbers[0]}"' in answer.text
    assert "You have not changed anything." in words(nothing)


async def test_a_key_that_only_reads_sees_the_pages_and_changes_nothing(office: Office) -> None:
    await office.shop.stock()
    reader = await office.organizer(await office.key(Scope.READ))
    for path in ("", "/details", "/dates/rep_1", "/ticket-types", "/ticket-types/off_1", "/tickets"):
        source = (await reader.http.get(f"{HERE}{path}")).text
        assert not re.search(r"<button class=\"button", source), path
    await reader.get(NEW, 403)
    await reader.get(HERE)
    async with unchanged(office.app):
        for path in (
            NEW,
            f"{HERE}/details",
            f"{HERE}/dates",
            f"{HERE}/dates/rep_1",
            f"{HERE}/ticket-types",
            f"{HERE}/tickets",
        ):
            assert "Your API key does not allow that." in words(await sent(reader, path, 403, **DETAILS))


async def test_the_pages_of_another_organization_are_not_there(office: Office) -> None:
    await office.shop.stock()
    stranger = await office.organizer(await office.key(organization_id="org_2"))
    for path in ("/details", "/dates", "/dates/rep_1", "/ticket-types", "/ticket-types/off_1", "/tickets"):
        await stranger.get(f"{HERE}{path}", 404)
        await stranger.get(NEW)
        async with unchanged(office.app):
            await sent(stranger, f"{HERE}{path}", 404, do="delete", confirmed="yes", unique="0a1b2c3d")


async def test_the_pages_speak_french(office: Office) -> None:
    organizer = await office.organizer(**FRENCH)
    page = await organizer.get(NEW)
    assert "Fuseau horaire du lieu" in page.text
    page = await organizer.did(NEW, **DETAILS)
    assert "Première date et heure de début" in page.text


async def test_an_event_is_unlisted_archived_and_taken_out_again(office: Office) -> None:
    await office.shop.stock()
    organizer = await office.organizer()
    stored = await office.shop.made("GET", "/events/ev_1")
    form = {name: stored[name] for name in ("title", "description", "venue_name", "venue_address", "timezone")}
    page = await organizer.did(f"{HERE}/details", **form, unlisted="yes")
    assert "Unlisted" in page.text
    page = await organizer.did(f"{HERE}/do", do="archive", once="1")
    assert "The event is archived." in page.text
    assert await office.shop.made("GET", "/events/ev_1") == stored | {"unlisted": True, "archived": True}
    assert "Jazz Festival" not in (await organizer.get(f"{HOME}/events")).text
    assert "Jazz Festival" in (await organizer.get(f"{HOME}/events?show=archived")).text
    assert "out of the archive" in (await organizer.did(f"{HERE}/do", do="unarchive", once="2")).text
    await office.shop.join("ada")
    async with unchanged(office.app):
        answer = await sent(organizer, f"{HERE}/do", 409, do="archive", once="3")
    assert "the event cannot be archived" in words(answer)


async def test_a_duplicate_is_a_draft_of_its_own(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada")
    organizer = await office.organizer()
    form = {"copy_title": "Jazz II", "days": "7", "unique": "0a1b2c3d"}
    for change, marked in (
        ({"copy_title": ""}, "copy_title"),
        ({"days": "x"}, "days"),
        ({"days": "9999"}, "days"),
    ):
        async with unchanged(office.app):
            answer = await sent(organizer, f"{HERE}/duplicate", 422, **form | change)
        assert invalid(answer) == [marked]
    page = await organizer.did(f"{HERE}/duplicate", **form)
    assert "This date has no waiting list." in page.text
    assert "Draft" in page.text
    assert await rows(office, "SELECT event_id, draft FROM events ORDER BY 1") == [
        ("ev_1", False),
        ("jazz-ii-0a1b2c3d", True),
    ]
