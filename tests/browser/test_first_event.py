"""A venue that never calls the API: from an empty installation to a fan served, in the browser alone."""

import re
import time
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.site import EMAIL, Site
from tests.browser.visits import DESKTOP, PHONE, Visits, scrolls_sideways
from tests.test_pictures import drawn
from waiting_list.access.first_run import first_code

_EMPTY = ("history", "inventory", "offers", "representations", "events", "sessions", "api_keys")
_MOST_ACTIONS = 40
"""Of the organizer, from the link that the service prints to the recorded purchase."""
_SECONDS_OF_AN_ACTION = 5
"""As a person takes them, who reads the page before: so the story fits into five minutes."""


@dataclass
class Hands:
    """A person at a page, whose every press and every field is counted."""

    page: Page
    actions: int = 0

    async def press(self, name: str | re.Pattern[str], role: Any = "button") -> None:
        self.actions += 1
        await self.page.get_by_role(role, name=name).first.click()

    async def type(self, field: str | Locator, text: str) -> None:
        self.actions += 1
        found = self.page.get_by_label(field, exact=True) if isinstance(field, str) else field
        await found.fill(text)

    async def picture(self, field: str) -> None:
        self.actions += 1
        file: Any = {"name": "stage.jpg", "mimeType": "image/jpeg", "buffer": drawn("JPEG", (1600, 900))}
        await self.page.get_by_label(field).set_input_files(file)


async def _joins(site: Site, visits: Visits, link: str) -> Page:
    """A fan follows the link on a phone, and joins with an email address."""
    fan = await visits.begin(**PHONE)
    await fan.goto(link)
    image = fan.locator("img.event-image")
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    await fan.get_by_role("link", name=re.compile("^Join")).first.click()
    await fan.get_by_label("Email address").fill(EMAIL)
    await fan.get_by_role("button", name="Join the waiting list").click()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("You are on the waiting list")
    return fan


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_an_empty_installation_leads_to_a_served_fan_in_five_minutes(
    site: Site, visits: Visits, device: dict[str, Any]
) -> None:
    for table in _EMPTY:
        await site.run(f"DELETE FROM {table}")
    began = time.monotonic()
    organizer = await visits.begin(**device)
    hands = Hands(organizer)
    code = first_code(await site.app.state.service.signing_keys.derived_secret())
    await organizer.goto(f"/dashboard/first#{code}")
    await hands.type(organizer.get_by_label("Name of your organization"), "Le Quai")
    await hands.type("Your name", "Ada")
    await hands.type(organizer.get_by_label("Your email address"), "ada@quay.example")
    await hands.press("Set up")
    await hands.type("Title", "Winter Residency")
    await hands.type("Venue (optional)", "Le Quai")
    await expect(organizer.get_by_label("Timezone of the venue")).to_have_value("Europe/Paris")
    await hands.picture("Image for fans (optional)")
    await hands.press("Next: Dates")
    await hands.type("First date and start time", "2031-03-10T20:00")
    hands.actions += 1
    await organizer.get_by_label("Repeats").select_option("week")
    await hands.type("How many dates in all", "3")
    await hands.press("Continue")
    await expect(organizer.get_by_role("checkbox")).to_have_count(3)
    assert await scrolls_sideways(organizer) == 0
    await hands.press("Add these dates")
    await expect(organizer.get_by_role("status")).to_have_text("3 dates are added.")
    await hands.press("Next: Ticket types", "link")
    await hands.type("Name, such as Floor or Stalls", "Floor")
    await hands.press("Add this type")
    await hands.press("Next: Tickets", "link")
    await hands.type(organizer.get_by_label("Tickets in all").first, "300")
    await hands.press("Make the waiting lists")
    await expect(organizer.get_by_text("3 waiting lists are open: fans can join them at once.")).to_be_visible()
    await hands.press("Publish Winter Residency")
    await expect(organizer.get_by_role("status")).to_have_text("The event is published: fans see it.")
    assert (
        await organizer.locator("img.qr").evaluate("image => image.decode().then(() => image.naturalWidth)") > 200
    )
    link = (await organizer.locator(".pass").first.inner_text()).strip()

    fan = await _joins(site, visits, link)
    await hands.press("Dates", "link")
    await hands.press(re.compile("^Floor"), "link")
    await hands.press("Return tickets: +1")
    await hands.press("Return 1 ticket")
    await expect(fan.get_by_role("heading", level=1)).to_have_text("It is your turn")
    hands.actions += 1
    await organizer.locator("a[href*='/entries/fan_']").first.click()
    await hands.press(re.compile("^Preview.*Record a purchase"))
    await hands.press(re.compile("^Record"))
    await expect(organizer.get_by_role("status")).to_be_visible()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("You have your tickets")
    assert hands.actions <= _MOST_ACTIONS
    assert hands.actions * _SECONDS_OF_AN_ACTION + (time.monotonic() - began) < 300
    print(f"{hands.actions} actions of the organizer, {time.monotonic() - began:.0f} seconds of the machine")
