"""How an event reaches fans: published on its last page, and its own page, QR code, widget and poster."""

import re
from collections.abc import AsyncIterator
from io import BytesIO

import pytest_asyncio
import segno
from fastapi import FastAPI

from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_dashboard_events import hidden
from tests.pages.test_fans import FRENCH
from tests.support.shop import EVENT, Shop

HERE = f"{HOME}/events/ev_1"


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


async def test_a_draft_is_published_on_its_last_page_and_fans_see_it_then(office: Office) -> None:
    await office.shop.made("PUT", "/events/ev_1", EVENT | {"draft": True})
    organizer, fan = await office.organizer(), office.browser()
    await fan.get("/events/ev_1", 404)
    answer = await organizer.http.get(f"{HERE}/share")
    page = organizer.read(answer)
    assert "Fans see the event with 1 coming date and 1 waiting list." in page.text
    assert "1 waiting list is open: fans can join it at once." in page.text
    page = await organizer.did(f"{HERE}/do", **hidden(answer, f"{HERE}/do"))
    assert "The event is published: fans see it." in page.text
    assert "Ready to publish?" not in page.text
    assert "/events/ev_1" in page.text
    shown = await fan.get("/events/ev_1")
    assert "Three nights." in shown.text
    assert "Join" in shown.links["/waiting-lists/off_1/rep_1"]


async def test_the_page_of_an_event_shows_coming_dates_alone_and_text_as_text(office: Office) -> None:
    hostile = "<script>alert(1)</script> https://evil.example"
    await office.shop.made("PUT", "/events/ev_1", EVENT | {"description": hostile, "venue_name": hostile})
    fan = office.browser()
    page = await fan.get("/events/ev_1")
    assert page.text.count(hostile) == 2
    assert "https://evil.example" not in page.links
    assert "Toutes les dates" not in page.text
    await office.run("UPDATE representations SET start_datetime = now() - interval '1 hour'")
    assert "This event has no coming dates." in (await fan.get("/events/ev_1")).text
    await fan.get("/events/nothing", 404)
    french = await office.browser(**FRENCH).get("/events/ev_1")
    assert "Cet événement n'a pas de date à venir." in french.text


async def test_the_lists_of_an_event_lead_to_its_page_and_show_its_description(office: Office) -> None:
    fan = office.browser()
    for path in ("/", "/waiting-lists/off_1/rep_1"):
        page = await fan.get(path)
        assert "Three nights." in page.text
        assert "/events/ev_1" in page.links
    await office.shop.made("PUT", "/events/ev_1", EVENT | {"draft": True})
    assert "/events/ev_1" not in (await fan.get("/waiting-lists/off_1/rep_1")).links


async def test_the_qr_code_holds_the_link_for_fans_as_svg_and_png(office: Office) -> None:
    organizer = await office.organizer()
    public_url = office.app.state.service.settings.public_url
    link = f"{public_url}/events/ev_1"
    assert link in (await organizer.get(f"{HERE}/share")).text
    wanted = segno.make(link, error="m", micro=False)
    answer = await organizer.http.get(f"{HERE}/qr.svg?download")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == 'attachment; filename="qr.svg"'
    drawn = BytesIO()
    wanted.save(drawn, kind="svg", scale=16, border=4)
    assert answer.content == drawn.getvalue()
    again = await organizer.http.get(f"{HERE}/qr.png")
    assert again.content.startswith(b"\x89PNG")
    assert "content-disposition" not in again.headers
    await organizer.get(f"{HERE}/qr.exe", 404)


async def test_the_widget_to_copy_keeps_odd_ids_whole(office: Office) -> None:
    await office.shop.made(
        "PUT", "/offers/o%22%3E", {"event_id": "ev_1", "name": "Odd", "max_quantity_per_order": 2}
    )
    await office.shop.made("PUT", "/inventory/o%22%3E/rep_1", {"total_stock": 5, "available_stock": 0})
    organizer = await office.organizer()
    text = (await organizer.get(f"{HERE}/share")).text
    assert '<waiting-list offer="off_1" representation="rep_1"></waiting-list>' in text
    assert '<waiting-list offer="o&#34;&gt;" representation="rep_1"></waiting-list>' in text
    assert "/static/widget.js" in text


async def test_the_poster_names_the_next_dates_and_how_many_more_there_are(office: Office) -> None:
    for number in range(2, 12):
        await office.shop.stock(where=f"off_1/rep_{number}")
    await office.shop.made("POST", "/representations/rep_2/cancel", {})
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{HERE}/poster")
    page = organizer.read(answer)
    poster = answer.text.partition('<div class="poster">')[2]
    assert len(re.findall("<li>", poster)) == 9
    assert "and 2 further dates" in page.text
    assert "/qr.svg" in poster
