"""A moved date: while fans wait or hold tickets, answers and pages tell the start that was announced first."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.catalogue.test_csv_import import import_of_own
from tests.pages.test_dashboard import Office, office  # noqa: F401 - the fixture
from tests.pages.test_fans import PAGE, Venue, venue  # noqa: F401 - the fixture
from tests.support.lists import Lists
from tests.support.shop import LIST, Shop
from waiting_list import page_addresses as to
from waiting_list.catalogue import csv_import

DAY = timedelta(days=1)
FIRST = datetime(2031, 1, 3, 19, tzinfo=UTC)


async def move(shop: Shop, start: datetime) -> dict[str, Any]:
    """Move the show, and return the representation, as every read of it has it."""
    dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=3)).isoformat()}
    put = await shop.made("PUT", "/representations/rep_1", {"event_id": "ev_1"} | dates)
    assert put == await shop.made("GET", "/representations/rep_1")
    assert [put] == (await shop.made("GET", "/representations"))["items"]
    listed = (await shop.http.get("/v1/user/events")).json()["items"]
    found = (await shop.http.get("/v1/user/events?q=jazz")).json()["items"]
    assert [one["representations"] for one in (*listed, *found)] == [[put]] * 2
    of_list = (await shop.http.get(f"/v1/user/waiting-lists/{LIST}")).json()
    assert [of_list[name] for name in ("start_datetime", "moved_from")] == [instant(start), put["moved_from"]]
    return put


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_a_moved_date_keeps_the_start_that_was_announced_first(shop: Shop) -> None:
    await shop.stock()
    assert (await move(shop, FIRST))["moved_from"] is None
    await shop.join("ada")
    assert (await move(shop, FIRST))["moved_from"] is None
    assert (await move(shop, FIRST + DAY))["moved_from"] == instant(FIRST)
    assert (await move(shop, FIRST + 2 * DAY))["moved_from"] == instant(FIRST)
    assert (await move(shop, FIRST + 2 * DAY))["moved_from"] == instant(FIRST)
    cancelled = await shop.made("POST", "/representations/rep_1/cancel", {})
    reinstated = await shop.made("POST", "/representations/rep_1/reinstate", {})
    assert cancelled["moved_from"] == reinstated["moved_from"] == instant(FIRST)
    assert (await move(shop, FIRST))["moved_from"] is None
    # A fan who holds tickets knows a date as well.
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    assert (await shop.made("GET", f"/inventory/{LIST}"))["held"] > 0
    assert (await move(shop, FIRST + DAY))["moved_from"] == instant(FIRST)


async def test_nobody_who_waits_needs_no_earlier_date(shop: Shop) -> None:
    await shop.stock()
    await move(shop, FIRST)
    assert (await move(shop, FIRST + DAY))["moved_from"] is None
    await shop.join("ada")
    assert (await move(shop, FIRST + 2 * DAY))["moved_from"] == instant(FIRST + DAY)
    assert (await shop.user("ada", "DELETE")).is_success
    assert (await move(shop, FIRST + 3 * DAY))["moved_from"] is None


@pytest.mark.parametrize(
    ("language", "struck"),
    [
        ("en", '<del><span class="visually-hidden">moved from </span>Friday, 3 January 2031'),
        ("de", '<del><span class="visually-hidden">verlegt von </span>Freitag, 3. Januar 2031'),
    ],
    ids=["en", "de"],
)
async def test_fans_see_the_earlier_date_struck_through_beside_the_new_one(
    venue: Venue,  # noqa: F811 - the fixture
    language: str,
    struck: str,
) -> None:
    await move(venue.shop, FIRST)
    await venue.shop.join("ada")
    ada = await venue.fan("ada")
    seen = [(venue.browser().http, path) for path in (PAGE, "/events/ev_1", "/")]
    seen += [(ada.http, path) for path in (f"{PAGE}/place", "/events/ev_1", "/my-lists")]
    for start, count in ((FIRST, 0), (FIRST + DAY, 1)):
        await move(venue.shop, start)
        for http, path in seen:
            answer = await http.get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            assert f'<time datetime="{start.isoformat()}"' in answer.text, path
            assert (answer.text.count(struck), answer.text.count("<del>")) == (count, count), path


async def test_organizers_see_the_earlier_date_in_the_list_of_dates(office: Office) -> None:  # noqa: F811
    await move(office.shop, FIRST)
    await office.shop.join("ada")
    organizer = await office.organizer()
    for start, struck in ((FIRST, []), (FIRST + DAY, ["Fri, 3 Jan 2031"])):
        await move(office.shop, start)
        page = (await organizer.get(to.address(to.DASHBOARD_EVENT, event_id="ev_1"))).text
        assert re.findall(r"moved from (\w+, \d+ \w+ \d+)", page) == struck


async def test_an_import_that_moves_a_date_keeps_the_first_start(lists: Lists) -> None:
    found = await import_of_own(lists, 2)
    await lists.remove_stock(1)
    await lists.join("ada")
    (first,) = {one.start_datetime for one in found.representations.values()}
    for days, changed in ((1, 2), (1, 0), (2, 2)):
        at = first + days * DAY
        for key, one in found.representations.items():
            update = {"start_datetime": at, "end_datetime": at}
            found.representations[key] = one.model_copy(update=update)
        done = await csv_import.load(lists.pool, found, keep_stock=True)
        assert done.changed["representations"] == changed
        rows = await lists.rows(
            "SELECT start_datetime, moved_from FROM representations WHERE event_id = 'event'"
            " ORDER BY representation_id"
        )
        assert [tuple(row) for row in rows] == [(at, None), (at, first)]
    await lists.audit()
