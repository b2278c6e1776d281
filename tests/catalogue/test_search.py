"""Fans search upcoming events by words, venue, dates, and what can be had now."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.pages.test_fans import Browser, Venue, venue  # noqa: F401 - fixtures
from tests.support.shop import EVENT, Shop, problem

EVENTS: dict[str, dict[str, Any]] = {
    "jazz": {
        "title": "Jazz à la Quay",
        "venue_name": "Olympia",
        "venue_address": "Paris",
        "at": "2031-01-10T20:00:00Z",
    },
    "rock": {
        "title": "Rock 100%",
        "description": "With the jazz orchestra.",
        "venue_name": "Zénith",
        "venue_address": "Łódź",
        "at": "2031-02-10T23:30:00Z",
    },
    "folk": {"title": "Folk", "venue_name": "Quay", "venue_address": "Lyon", "at": "2031-03-10T20:00:00Z"},
}


async def add(shop: Shop, name: str, at: str, *, available: int = 0, **fields: Any) -> None:
    await shop.made("PUT", f"/events/{name}", EVENT | fields)
    dates = {"event_id": name, "start_datetime": at, "end_datetime": "2031-12-31T23:00:00Z"}
    await shop.made("PUT", f"/representations/{name}", dates)
    await shop.made("PUT", f"/offers/{name}", {"event_id": name, "name": "Seat", "max_quantity_per_order": 4})
    stock = {"total_stock": 5, "available_stock": available}
    await shop.made("PUT", f"/inventory/{name}/{name}", stock)


async def add_all(shop: Shop) -> None:
    for name, fields in EVENTS.items():
        await add(shop, name, **fields)
    await shop.made("DELETE", "/inventory/off_1/rep_1?with_entries=true")
    await shop.organizer("DELETE", "/representations/rep_1")


async def found(http: httpx.AsyncClient, query: str) -> list[str]:
    answer = await http.get(f"/v1/user/events?{query}")
    assert answer.status_code == 200, answer.text
    return [one["event_id"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "events"),
    [
        ("q=JAZZ", ["jazz", "rock"]),
        ("q=jazz+a", ["jazz", "rock"]),
        ("q=quay", ["jazz", "folk"]),
        ("q=zenith+LODZ", ["rock"]),
        ("q=100%25", ["rock"]),
        ("q=%25", ["rock"]),
        ("q=_", []),
        ("place=quay", ["folk"]),
        ("place=lyon&q=folk", ["folk"]),
        ("from=2031-02-01", ["rock", "folk"]),
        # By the clock of the event, it is the eleventh in Paris.
        ("from=2031-02-11&to=2031-02-11", ["rock"]),
        ("to=2031-02-10", ["jazz"]),
        ("from=2031-12-01", []),
        ("q=jazz&limit=1", ["jazz"]),
    ],
)
async def test_a_search_finds_words_places_and_days(
    app: FastAPI, shop: Shop, query: str, events: list[str]
) -> None:
    await shop.stock()
    await add_all(shop)
    assert await found(shop.http, query) == events


async def test_a_search_is_read_page_by_page_and_wrong_parts_are_refused(shop: Shop) -> None:
    await shop.stock()
    await add_all(shop)
    first = (await shop.http.get("/v1/user/events?q=jazz&limit=1")).json()
    assert await found(shop.http, f"q=jazz&limit=1&cursor={first['next_cursor']}") == ["rock"]
    for query in ("from=soon", "q=" + "x" * 101, "words=jazz", "available=perhaps"):
        problem(await shop.http.get(f"/v1/user/events?{query}"), 422, "invalid_request")


async def test_what_can_be_had_is_a_free_ticket_or_a_place_in_line(shop: Shop) -> None:
    await shop.stock()
    await add_all(shop)
    assert await found(shop.http, "available=true") == ["jazz", "rock", "folk"]
    await shop.made("PATCH", "/waiting-lists/jazz/jazz", {"open": False})
    assert await found(shop.http, "available=true") == ["rock", "folk"]
    await shop.made("PUT", "/inventory/jazz/jazz", {"total_stock": 5, "available_stock": 1})
    await shop.made("POST", "/representations/rock/cancel", {"reason": "Ill"})
    assert await found(shop.http, "available=true") == ["jazz", "folk"]


async def test_no_search_finds_a_draft_or_an_unlisted_event(shop: Shop) -> None:
    await shop.stock()
    await add_all(shop)
    await shop.made("PUT", "/events/jazz", EVENT | {"title": "Jazz", "draft": True})
    await shop.made("PUT", "/events/rock", EVENT | {"title": "Jazz", "unlisted": True})
    assert await found(shop.http, "q=jazz") == []


async def test_the_page_keeps_what_was_searched_for_and_offers_to_show_all(venue: Venue) -> None:  # noqa: F811
    for number in range(25):
        at = f"2031-04-{number + 1:02}T20:00:00Z"
        await add(venue.shop, f"tour_{number}", at, title=f"Tour {number}", venue_name="Dock")
    browser = venue.browser()
    page = await browser.get("/?q=tour&from=2031-04-02&to=&place=&organization_id=")
    assert "These events match your search." in page.text
    assert ("value", "2031-04-02") in page.attributes
    more = next(link for link, words in page.links.items() if words == "More events")
    second = await browser.get(more.replace("&amp;", "&"))
    assert "Tour 24" in second.text
    assert ("value", "tour") in second.attributes
    assert "Tour 0" not in page.text + second.text
    none = await browser.get("/?q=opera")
    assert "No event matches your search." in none.text
    assert none.links["/"] == "Show all events"
    wrong = await browser.get("/?from=tomorrow", 422)
    assert "Enter a date such as 31/01/2030." in wrong.text
