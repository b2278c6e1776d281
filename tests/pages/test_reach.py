"""What reaches a fan beyond the page: calendar files, maps, and what other sites show of a link."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx
from icalendar import Calendar, Event
from PIL import Image

from tests.pages.test_fans import FRENCH, PAGE, PLACE, Venue, venue
from tests.support.shop import EVENT, LIST, ORGANIZATION
from waiting_list import page_addresses as to
from waiting_list.pages.static_files import static

__all__ = ["venue"]
BASE = "http://127.0.0.1:8000"
ENTRIES = f"/waiting-lists/{LIST}/entries"


async def file_at(http: httpx.AsyncClient, path: str, **headers: str) -> tuple[Calendar, httpx.Response]:
    answer = await http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    read = Calendar.from_ical(answer.content)
    assert isinstance(read, Calendar)
    assert not read.errors
    return read, answer


def shows(calendar: Calendar) -> list[Event]:
    return [one for one in calendar.walk("VEVENT") if isinstance(one, Event)]


async def dates(venue: Venue, start: datetime) -> None:
    body = {"event_id": "ev_1", "start_datetime": start.isoformat()}
    end = {"end_datetime": (start + timedelta(hours=3)).isoformat()}
    await venue.shop.made("PUT", "/representations/rep_1", body | end)


async def link(venue: Venue, user_id: str, **contact: object) -> str:
    await venue.shop.made(
        "POST", ENTRIES, {"user_id": user_id, "tickets_wanted": 2, "tickets_minimum": 2} | contact
    )
    url: str = (await venue.shop.made("POST", f"{ENTRIES}/{user_id}/link"))["url"]
    return url.removeprefix(BASE)


async def test_the_calendar_of_an_event_has_its_dates_in_its_own_timezone(venue: Venue) -> None:
    summer = datetime(2031, 7, 15, 18, 30, tzinfo=UTC)
    await dates(venue, summer)
    for path, url in (("/events/ev_1", "/events/ev_1"), (PAGE, PAGE)):
        calendar, _ = await file_at(venue.browser().http, f"{path}/calendar.ics")
        (show,) = shows(calendar)
        assert show["DTSTART"].params["TZID"] == "Europe/Paris"
        assert show["DTSTART"].to_ical() == b"20310715T203000"
        assert (show.start, show.end) == (summer, summer + timedelta(hours=3))
        (zone,) = calendar.walk("VTIMEZONE")
        assert datetime(2031, 7, 15, 20, 30, tzinfo=zone.to_tz()).utcoffset() == timedelta(hours=2)  # type: ignore[attr-defined]
        assert str(show["LOCATION"]) == "Olympia, 48 Rue de l'olympia"
        assert str(show["SUMMARY"]) == "Jazz Festival"
        assert str(show["URL"]) == BASE + url
        assert (str(show["STATUS"]), str(show["TRANSP"])) == ("TENTATIVE", "TRANSPARENT")


async def test_a_show_that_moves_or_is_cancelled_is_the_same_one_in_a_later_file(venue: Venue) -> None:
    http = venue.browser().http
    before = shows((await file_at(http, f"{PAGE}/calendar.ics"))[0])[0]
    of_event = shows((await file_at(http, "/events/ev_1/calendar.ics"))[0])[0]
    assert str(before["UID"]) == str(of_event["UID"])
    moved = datetime(2031, 1, 5, 19, tzinfo=UTC)
    await dates(venue, moved)
    await venue.shop.made("POST", "/representations/rep_1/cancel", {"reason": "The singer is ill."})
    for path in (f"{PAGE}/calendar.ics", "/events/ev_1/calendar.ics"):
        after = shows((await file_at(http, path, **FRENCH))[0])[0]
        assert after["UID"] == before["UID"]
        assert after["SEQUENCE"] >= before["SEQUENCE"] > 0
        assert (after.start, str(after["STATUS"])) == (moved, "CANCELLED")
        assert re.fullmatch(r"Annulation\s: Jazz Festival", str(after["SUMMARY"]))


async def test_the_calendar_of_a_place_has_the_deadline_with_an_alarm_while_tickets_are_held(venue: Venue) -> None:
    path = await link(venue, "ada", email="ada@example.org", email_verified=True, name="Ada", locale="fr")
    http = venue.browser().http
    waiting, answer = await file_at(http, f"{path}/calendar.ics")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert [str(one["STATUS"]) for one in shows(waiting)] == ["TENTATIVE"]
    await venue.shop.made("PATCH", f"/waiting-lists/{LIST}", {"hold_minutes": 120, "reminder_minutes": 20})
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    held = await venue.shop.made("GET", f"{ENTRIES}/ada")
    until = datetime.fromisoformat(held["ready_until"])
    calendar, answer = await file_at(http, f"{path}/calendar.ics")
    show, deadline = shows(calendar)
    assert show["UID"] == shows(waiting)[0]["UID"] != deadline["UID"]
    assert str(deadline["SUMMARY"]) == "Achetez vos billets\xa0: Jazz Festival"
    assert "2 billets" in str(deadline["DESCRIPTION"])
    assert abs(deadline.end - until) < timedelta(seconds=1)
    assert deadline.end - deadline.start == timedelta(minutes=20)
    (alarm,) = deadline.walk("VALARM")
    assert (str(alarm["ACTION"]), alarm["TRIGGER"].dt) == ("DISPLAY", timedelta(0))
    # Calendars are shared: no private link, no pass, no name and no address of a fan.
    unfolded = answer.text.replace("\r\n ", "")
    assert str(show["URL"]) == str(deadline["URL"]) == BASE + PAGE
    assert not re.search(r"/e/|ada|Ada|eyJ", unfolded)
    async with venue.app.state.service.pool.acquire() as connection:
        await connection.execute("UPDATE entries SET ready_at = now() - interval '3 h', ready_until = now()")
    assert len(shows((await file_at(http, f"{path}/calendar.ics"))[0])) == 1


async def test_who_is_signed_in_has_the_same_file_and_nobody_else(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="2")
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    assert len(shows((await file_at(fan.http, f"{PLACE}/calendar.ics"))[0])) == 2
    await venue.shop.made("POST", "/purchases", await purchase(venue, "ada"))
    (show,) = shows((await file_at(fan.http, f"{PLACE}/calendar.ics"))[0])
    assert (str(show["STATUS"]), str(show["TRANSP"])) == ("CONFIRMED", "OPAQUE")
    stranger = await venue.browser().http.get(f"{PLACE}/calendar.ics")
    assert (stranger.status_code, stranger.headers["location"]) == (303, PAGE)
    for wrong in ("/e/nobody/calendar.ics", "/events/nobody/calendar.ics", "/waiting-lists/a/b/calendar.ics"):
        assert (await venue.browser().http.get(wrong)).status_code == 404


async def purchase(venue: Venue, user_id: str) -> dict[str, object]:
    entry = await venue.shop.made("GET", f"{ENTRIES}/{user_id}")
    return {"purchase_pass": entry["purchase_pass"], "quantity": 2}


async def test_pages_lead_to_the_calendar_and_a_map_and_a_place_has_nothing_to_share(venue: Venue) -> None:
    place = await link(venue, "ada")
    where = "https://www.openstreetmap.org/search?query=" + quote("48 Rue de l'olympia", safe="")
    for path, calendar in (("/events/ev_1",) * 2, (PAGE,) * 2, (place,) * 2):
        page = await venue.browser().http.get(path)
        assert f'href="{calendar}/calendar.ics"' in page.text
        assert f'href="{where}" rel="noreferrer"' in page.text
        assert "Olympia, 48 Rue de l&#39;olympia" in page.text
        public = path != place
        assert (f'data-share="{BASE}{path}"' in page.text) is public
    await venue.shop.made("PUT", "/events/ev_1", EVENT | {"venue_address": "", "venue_name": "Le Quai"})
    assert "?query=Le%20Quai" in (await venue.browser().http.get(PAGE)).text
    await venue.shop.made("PUT", "/events/ev_1", EVENT | {"venue_address": "", "venue_name": ""})
    assert "openstreetmap" not in (await venue.browser().http.get(PAGE)).text


def test_a_map_looks_for_the_address_without_the_name_of_the_house() -> None:
    assert to.venue_line("Le Quai", "1 rue X\n37000 Tours,\n") == "Le Quai, 1 rue X, 37000 Tours"
    assert to.map_link("Le Quai", "1 rue X\nTours") == (
        "https://www.openstreetmap.org/search?query=1%20rue%20X%2C%20Tours"
    )


def facts(source: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', source))


async def test_a_link_to_a_public_page_shows_the_event_elsewhere_and_one_to_a_place_nothing(venue: Venue) -> None:
    place = await link(venue, "ada")
    http = venue.browser().http
    found = {path: facts((await http.get(path)).text) for path in ("/events/ev_1", PAGE, place)}
    assert found["/events/ev_1"] == {
        "og:type": "website",
        "og:site_name": "Waiting List",
        "og:title": "Jazz Festival",
        "og:description": "Three nights.",
        "og:url": f"{BASE}/events/ev_1",
        "og:image": BASE + static("icon-512.png"),
        "og:image:width": "512",
        "og:image:height": "512",
        "og:image:alt": "Waiting List",
        "twitter:card": "summary",
    }
    of_list = found[PAGE]
    assert (of_list["og:title"], of_list["og:url"]) == ("Jazz Festival · Floor", BASE + PAGE)
    assert "Olympia" in of_list["og:description"]
    assert found[place] == {}
    assert (await http.get(place)).headers["x-robots-tag"] == "noindex"
    fan = await venue.fan("bob")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    assert facts((await fan.http.get(PLACE)).text) == {}
    await venue.shop.made("PATCH", "/organization", {"sender_name": "Le Quai"})
    assert facts((await http.get(PAGE)).text)["og:site_name"] == "Le Quai"
    await venue.shop.made("PUT", "/events/ev_2", EVENT | {"draft": True})
    day = {"start_datetime": "2031-01-05T19:00:00Z", "end_datetime": "2031-01-05T22:00:00Z"}
    await venue.shop.made("PUT", "/representations/rep_2", {"event_id": "ev_2"} | day)
    await venue.shop.made(
        "PUT", "/offers/off_2", {"event_id": "ev_2", "name": "Seat", "max_quantity_per_order": 4}
    )
    await venue.shop.made("PUT", "/inventory/off_2/rep_2", {"total_stock": 5, "available_stock": 0})
    draft = (await http.get("/waiting-lists/off_2/rep_2")).text
    assert facts(draft) == {}
    assert '<meta name="robots" content="noindex">' in draft
    assert ORGANIZATION not in draft


async def manifest_of(http: httpx.AsyncClient, page: str) -> tuple[str, dict[str, Any]]:
    source = (await http.get(page)).text
    (address,) = re.findall(r'<link rel="manifest" href="([^"]+)"', source)
    answer = await http.get(address)
    assert answer.headers["content-type"] == "application/manifest+json"
    return address, answer.json()


async def test_what_a_fan_installs_is_the_page_that_they_look_at_under_the_name_of_its_organizer(
    venue: Venue,
) -> None:
    http, place = venue.browser().http, await link(venue, "ada")
    assert (await manifest_of(http, "/"))[1]["name"] == "Waiting List"
    look = {"sender_name": "Le Quai", "accent": "#8a1c4a"}
    await venue.shop.made("PATCH", "/organization", look)
    for path in ("/events/ev_1", PAGE, place):
        _, manifest = await manifest_of(http, path)
        assert (manifest["name"], manifest["start_url"], manifest["scope"]) == ("Le Quai", path, "/")
        assert (manifest["theme_color"], manifest["display"]) == ("#8a1c4a", "standalone")
    shapes = {(one["sizes"], one["purpose"]) for one in manifest["icons"]}
    assert shapes == {(f"{size}x{size}", purpose) for size in (192, 512) for purpose in ("any", "maskable")}
    for icon in manifest["icons"]:
        answer = await http.get(icon["src"])
        assert answer.headers["content-type"] == "image/png"
        with Image.open(BytesIO(answer.content)) as image:
            assert f"{image.width}x{image.height}" == icon["sizes"]
    fan = await venue.fan("bob")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    # That of who is signed in is the list's, which leads there. So nothing of a person is in an address.
    assert (await manifest_of(fan.http, PLACE))[1]["start_url"] == PAGE
    assert (await http.get("/e/nobody/app.webmanifest")).status_code == 404


async def test_the_worker_may_act_for_places_and_is_looked_for_at_each_visit(venue: Venue) -> None:
    http, place = venue.browser().http, await link(venue, "ada")
    answer = await http.get("/worker.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert 'data-worker="/worker.js"' in (await http.get(place)).text
    for path in ("/", PAGE, "/events/ev_1", "/sign-in"):
        assert "data-worker" not in (await http.get(path)).text
