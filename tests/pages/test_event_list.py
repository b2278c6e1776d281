"""The dashboard page of all events: order, state, search and paging."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from fastapi import FastAPI

from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_fans import FRENCH
from tests.support.shop import EVENT, Shop
from waiting_list.access.api_keys import Scope

EVENTS = f"{HOME}/events"


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


async def source(office: Office, path: str = EVENTS) -> str:
    """The HTML of a page of the dashboard."""
    organizer = await office.organizer()
    return (await organizer.http.get(path)).text


async def add(office: Office, event_id: str, title: str, days: int | None = None, **more: object) -> None:
    await office.shop.made("PUT", f"/events/{event_id}", EVENT | {"title": title} | more)
    if days is not None:
        start = datetime.now(UTC) + timedelta(days=days)
        dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=2)).isoformat()}
        await office.shop.made("PUT", f"/representations/{event_id}", {"event_id": event_id} | dates)


async def titles(office: Office, query: str = "") -> list[str]:
    return re.findall(r'<a href="/dashboard/events/[^"]+">([^<]+)</a>', await source(office, f"{EVENTS}{query}"))


async def test_an_organizer_without_events_reads_what_a_waiting_list_is(office: Office) -> None:
    text = (await (await office.organizer()).get(EVENTS)).text
    assert "You have no events yet." in text
    assert "Title or venue" not in text
    french = (await (await office.organizer(**FRENCH)).get(EVENTS)).text
    assert "Vous n'avez pas encore d'événement." in french


async def test_events_stand_with_the_next_first_and_past_ones_behind(office: Office) -> None:
    await add(office, "late", "Late", 40)
    await add(office, "soon", "Soon", 3)
    await add(office, "gone", "Gone", -3)
    await add(office, "older", "Older", -30)
    await add(office, "empty", "Empty")
    await add(office, "other", "Other", 1)
    await office.run("UPDATE events SET organization_id = 'org_2' WHERE event_id = 'other'")
    assert await titles(office) == ["Empty", "Soon", "Late"]
    assert await titles(office, "?show=past") == ["Gone", "Older"]
    assert await titles(office, "?show=all") == ["Empty", "Soon", "Late", "Gone", "Older"]


async def test_a_search_finds_past_events_and_says_when_it_finds_none(office: Office) -> None:
    await add(office, "soon", "Soon", 3)
    await add(office, "gone", "Gone West", -3, venue_name="Barn")
    assert await titles(office, "?text=WEST") == ["Gone West"]
    assert await titles(office, "?text=barn&show=coming") == []
    text = (await (await office.organizer()).get(f"{EVENTS}?text=nothing%00here")).text
    assert "No event matches “nothing�here”." in text


async def test_each_event_says_its_state_and_who_waits(office: Office) -> None:
    await add(office, "d", "D", 5, draft=True)
    await add(office, "e", "E", 6)
    await add(office, "x", "X", 8)
    await office.shop.made("POST", "/representations/x/cancel", {"reason": "ill"})
    await office.shop.stock(total=10, available=10)

    async def state(title: str) -> str:
        row = (await source(office, f"{EVENTS}?show=all")).partition(f">{title}</a>")[2].partition("</tr>")[0]
        return row.partition('class="badge')[2].partition(">")[2].partition("<")[0]

    assert [await state(one) for one in "DEX"] == ["Draft", "Not set up yet", "Cancelled"]
    assert await state("Jazz Festival") == "On sale"
    await office.shop.made("POST", "/inventory/off_1/rep_1/remove-stock", {"quantity": 10})
    assert await state("Jazz Festival") == "List open"
    await office.shop.join("ada", 3)
    assert await state("Jazz Festival") == "Fans waiting"
    row = (await source(office, f"{EVENTS}?show=all")).partition(">Jazz Festival</a>")[2].partition("</tr>")[0]
    assert [cell.partition("</td>")[0] for cell in row.split('class="number">')[1:]] == ["1", "1", "3"]


async def test_many_events_come_in_pages_without_a_gap(office: Office) -> None:
    for number in range(53):
        await add(office, f"e{number:02}", f"Show {number:02}", 1 + number // 10)
    organizer = await office.organizer(await office.key(Scope.READ))
    first = (await organizer.http.get(f"{EVENTS}?text=show")).text
    more = first.rpartition('<a class="button quiet" href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = (await organizer.http.get(more)).text
    found = re.findall(r'<a href="/dashboard/events/(e\d\d)">', first + rest)
    assert found == [f"e{number:02}" for number in range(53)]
    assert "More events" not in rest
