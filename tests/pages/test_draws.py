"""Pages of a list whose order is drawn by lot: before the draw, the draw by the organizer, and after it."""

import html
import re
from datetime import UTC, datetime, timedelta

from tests.pages.test_dashboard_changes import SETTINGS, asked
from tests.pages.test_fans import PAGE, PLACE, Browser, Venue
from tests.pages.test_fans import venue as venue  # noqa: PLC0414 - the fixture
from tests.pages.test_wishes import letters, now_due, wished

LIST_OF_ORGANIZER = f"/dashboard{PAGE}"
SOURCE = "Winning numbers of the lottery on 5 January 2030, in rising order, with blanks"
NUMBERS = "3 17 21 29 40 44"


async def organizer(venue: Venue) -> Browser:
    browser = venue.browser()
    await browser.post("/dashboard/sign-in", api_key=venue.shop.key)
    await browser.get("/dashboard")
    return browser


async def to_be_drawn(venue: Venue) -> None:
    draw_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    changes = {"order": "draw", "draw_at": draw_at, "draw_source": SOURCE}
    await venue.shop.made("PATCH", PAGE, changes)


async def now_drawable(venue: Venue) -> None:
    """The draw is due, and everyone has joined before."""
    await venue.run("UPDATE inventory SET draw_at = clock_timestamp()")


async def test_a_fan_joins_without_hurry_and_has_no_place_before_the_draw(venue: Venue) -> None:
    await to_be_drawn(venue)
    page = await venue.browser().get(PAGE)
    assert "No need to hurry: everyone who joins before" in page.text
    assert "sealed before the first fan joined, and this public source: Winning numbers" in page.text
    assert "The order is drawn by lot on" in page.text
    assert "Too few tickets" not in page.text
    browser = venue.browser()
    link = await wished(browser, f"{PAGE}/join")
    page = await browser.get(link)
    for said in (
        "Your place is drawn by lot on",
        "Everyone who joins before the draw has the same chance. No fan has a place yet.",
        "Until the draw, you can ask for more or fewer tickets and lose nothing.",
        "you take part in the draw, and get no tickets until you resume",
    ):
        assert said in page.text, said
    assert "Your place in line" not in page.text
    assert 'data-status="undrawn"' in (await browser.http.get(link)).text
    assert "You will not take part in the draw" in (await browser.get(f"{link}/leave")).text
    # More tickets cost no place, so nothing is asked first.
    assert "You asked for 2 tickets" in (await browser.did(f"{link}/change", tickets_wanted="2")).text
    assert "Paused: you take part in the draw" in (await browser.did(f"{link}/pause")).text
    await browser.did(f"{link}/resume")
    await now_due(venue)
    (letter,) = await letters(venue, saying="Your place is drawn by lot on")
    assert "Everyone who joins before has the same chance." in letter
    await now_drawable(venue)
    assert "The draw is due." in (await browser.get(link)).text


async def test_cards_and_the_pages_of_the_event_name_no_place_before_the_draw(venue: Venue) -> None:
    await to_be_drawn(venue)
    ada = await venue.fan("ada")
    await ada.did(f"{PAGE}/join", tickets_wanted="2")
    assert "Place not drawn yet" in (await ada.get("/my-lists")).text
    assert "You are on this list; your place is not drawn yet" in (await ada.get("/events/ev_1")).text
    page = await (await organizer(venue)).get(f"{LIST_OF_ORGANIZER}/entries/ada")
    assert "Tickets ahead" not in page.text


async def test_an_organizer_draws_once_and_sees_no_result_before(venue: Venue) -> None:
    await to_be_drawn(venue)
    for user in ("ada", "bob", "cleo"):
        await venue.shop.join(user, 1)
    await venue.shop.made("POST", f"/inventory{PAGE.removeprefix('/waiting-lists')}/add-stock", {"quantity": 2})
    browser = await organizer(venue)
    page = await browser.get(LIST_OF_ORGANIZER)
    assert SOURCE in page.text
    assert "Draw the lots" not in page.text
    await now_drawable(venue)
    page = await browser.get(LIST_OF_ORGANIZER)
    assert "Draw the lots" in page.text
    answer = await browser.post(f"{LIST_OF_ORGANIZER}/confirm", do="draw", randomness=NUMBERS)
    said = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())
    assert f"You announced {SOURCE} You entered {NUMBERS}" in said
    assert "There is no preview of a draw" in said
    # Whoever could see who wins could try one value after the other.
    assert not any(one in said for one in ("ada", "bob", "cleo", "ready:", "become ready"))
    assert await venue.run("SELECT FROM history WHERE verb = 'draw'") == []
    await browser.refused(f"{LIST_OF_ORGANIZER}/confirm", 422, do="draw", randomness=" ")
    form = {"do": "draw", "randomness": NUMBERS, "once": "1"}
    page = await browser.did(f"{LIST_OF_ORGANIZER}/do", **form)
    assert "The lots are drawn: every fan can see their place. 2 fans can buy now." in page.text
    assert f"The public value was: {NUMBERS}" in page.text
    assert f"The public value was: {NUMBERS}" in (await browser.get(f"{LIST_OF_ORGANIZER}/history")).text
    again = {"do": "draw", "randomness": "1 2 3", "once": "2"}
    page = await browser.refused(f"{LIST_OF_ORGANIZER}/do", 409, **again)
    assert "The lots cannot be drawn" in page.text
    page = await venue.browser().get(f"{PAGE}/ledger")
    assert f"The public value was: {NUMBERS}" in page.text
    assert f"Public randomness: {SOURCE}" in page.text
    (waits,) = await venue.run("SELECT user_id FROM entries WHERE status = 'waiting'")
    fan = await venue.fan(waits["user_id"])
    page = await fan.get(PLACE)
    assert "Your place in line 1" in page.text


async def test_the_settings_form_sets_up_a_draw_and_keeps_it(venue: Venue) -> None:
    browser = await organizer(venue)
    at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    form = SETTINGS | {"order": "draw", "draw_at": at, "draw_source": SOURCE}
    page, sent = await asked(browser, **form)
    assert "by lot: everyone who joins before the draw has the same chance" in page.text
    await browser.did(f"{LIST_OF_ORGANIZER}/do", **sent)
    page = await browser.get(f"{LIST_OF_ORGANIZER}/settings")
    shown = (await browser.http.get(f"{LIST_OF_ORGANIZER}/settings")).text
    assert re.search(rf'name="draw_at" value="{at}"', shown)
    # The instant may have seconds, which the form does not show.
    await venue.run("UPDATE inventory SET draw_at = draw_at + interval '7 seconds'")
    await venue.shop.join("ada", 1)
    page, sent = await asked(browser, **form, max_waiting="50")
    assert "Draw on" not in page.text
    page = await browser.refused(f"{LIST_OF_ORGANIZER}/confirm", 422, **(form | {"draw_source": "Another source"}))
    assert "Nothing was saved yet." in page.text
