"""Attacks on the pages of fans, and forms of an outdated page."""

import asyncio
import re

import pytest

from tests.notifications.test_email_rendering import shown_by
from tests.pages.test_fans import PAGE, PLACE, Venue, venue
from tests.support.shop import LIST, ORGANIZATION
from waiting_list.access.email_sign_in import SignIn, fan_token

__all__ = ["venue"]


@pytest.mark.parametrize(
    ("address", "another"),
    [("ada@strasse.example", "ada@straße.example"), ("ada@ss.example", "ada@ß.example")],
)
async def test_who_owns_a_domain_that_is_spelt_alike_is_another_fan(
    venue: Venue, address: str, another: str
) -> None:
    service = venue.app.state.service
    users = []
    for one in (address, another):
        token = await fan_token(service.signing_keys, service.user_tokens, SignIn(ORGANIZATION, one, "en", "/"))
        users.append((await service.authenticator.user(f"Bearer {token}")).user_id)
    assert users[0] != users[1]


async def test_a_link_of_a_place_that_is_over_tells_nothing_of_a_later_one(venue: Venue) -> None:
    await venue.shop.join("ada")
    path = f"/waiting-lists/{LIST}/entries/ada/link"
    link = (await venue.shop.made("POST", path))["url"]
    link = re.sub("https?://[^/]+", "", link)
    await venue.shop.user("ada", "DELETE")
    await venue.shop.join("ada")
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    answer = await asyncio.wait_for(venue.browser().http.get(f"{link}/live"), 5)
    assert "purchase_pass" not in answer.text
    assert answer.status_code == 404


@pytest.mark.parametrize("query", ["organization_id=%00", "organization_id=a&organization_id=%00"])
async def test_no_query_makes_the_page_of_events_fail(venue: Venue, query: str) -> None:
    answer = await venue.browser().http.get(f"/?{query}")
    assert answer.status_code == 404


async def test_nobody_is_signed_in_by_a_form_of_a_stranger(venue: Venue) -> None:
    browser = venue.browser()
    await browser.post("/sign-in", email="eve@example.org", organization_id=ORGANIZATION)
    link = await venue.link("eve@example.org")
    for stranger in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        browser.headers = stranger
        answer = await browser.post(link)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    # A page that tells nobody where it is has no origin for old browsers, not even for itself.
    browser.headers = {"Origin": "null"}
    assert (await browser.post(link)).status_code == 303


async def test_who_was_about_to_leave_when_their_turn_came_is_asked_again(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    page = await fan.get(f"{PLACE}/leave")
    shown = shown_by(page)
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    asked = fan.read(await fan.post(f"{PLACE}/leave", shown=shown))
    assert "Release your tickets?" in asked.text
    assert (await venue.shop.entry("ada"))["status"] == "ready"
    await fan.did(f"{PLACE}/leave", shown=shown_by(asked))
    assert (await venue.shop.entry("ada"))["status"] == "left"


@pytest.mark.parametrize("path", ["/leave", "/change", "/subscribe", "/unsubscribe"])
async def test_a_form_of_another_visit_is_refused_above_the_place_as_it_is(venue: Venue, path: str) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    page = await fan.refused(f"{PLACE}{path}", 403, form_token="of another tab")
    assert "Nothing was changed" in page.text
    assert "You are on the waiting list" in page.text
    stranger = venue.browser(**{"Sec-Fetch-Site": "cross-site"})
    assert "Nothing was changed" in (await stranger.refused(f"{PLACE}{path}", 403)).text
    assert (await venue.shop.entry("ada"))["status"] == "waiting"
