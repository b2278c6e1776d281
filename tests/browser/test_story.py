"""The stories that the pages are for, each in windows of its own, on a real server."""

import re
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.site import DASHBOARD, FAN, PAGE, PLACE, Site
from tests.browser.visits import DESKTOP, FRENCH, PHONE, WITHOUT_SCRIPTS, Visits, axe, scrolls_sideways

TURN = "It is your turn"


async def _returns_tickets(organizer: Page, quantity: int) -> None:
    """An organizer gives tickets back, having seen what that does."""
    await organizer.goto(DASHBOARD)
    await organizer.get_by_label("Return tickets").fill(str(quantity))
    await organizer.get_by_role("button", name=re.compile("^Preview.*Return tickets")).click()
    await expect(organizer.get_by_text("This makes 1 fan ready:")).to_be_visible()
    await expect(organizer.get_by_text(f"{FAN}: 2 tickets")).to_be_visible()
    await organizer.get_by_role("button", name=f"Return {quantity} tickets").click()
    await expect(organizer.get_by_role("status")).to_contain_text(f"{quantity} tickets returned.")


async def test_a_fan_joins_a_ticket_comes_back_the_page_turns_ready_by_itself_and_the_fan_buys(
    site: Site, visits: Visits
) -> None:
    await site.configure(purchase_url=f"{site.address}/health/live?pass={{pass}}&tickets={{tickets}}")
    fan, organizer = await visits.begin("fan"), await visits.begin("organizer")
    await fan.goto("/")
    await fan.get_by_role("link", name=re.compile("^Join.*Jazz Festival, Floor")).click()
    await fan.get_by_label("Tickets").fill("2")
    await fan.get_by_role("button", name="Join").click()
    await expect(fan).to_have_url(f"{site.address}{PLACE}")
    await expect(fan.get_by_text("You are next in line. No tickets are available right now.")).to_be_visible()
    await fan.evaluate("window.sameWindow = true")

    await _returns_tickets(organizer, 2)
    await expect(fan.get_by_role("heading", level=1)).to_have_text(TURN)
    assert await fan.evaluate("window.sameWindow")
    assert (await fan.title()).startswith(TURN)
    await expect(fan.locator("[data-told]")).to_contain_text(TURN)
    countdown = fan.locator("[data-clock]")
    await expect(countdown).to_have_text(re.compile(r"^23:59:\d\d$"))
    shown = await countdown.inner_text()
    await expect(countdown).not_to_have_text(shown)
    await axe(fan)

    await fan.get_by_role("link", name="Buy 2 tickets").click()
    sent = parse_qs(urlsplit(fan.url).query)
    assert sent["tickets"] == ["2"]
    await site.shop.made("POST", "/purchases", {"purchase_pass": sent["pass"][0]})
    await fan.goto(PLACE)
    await expect(fan.get_by_role("heading", level=1)).to_have_text("You have your tickets")
    await organizer.goto(f"{DASHBOARD}/entries/{FAN}")
    await expect(organizer.get_by_text(f"{FAN} bought 2 tickets.")).to_be_visible()


async def test_a_place_moves_up_while_a_half_filled_form_stays(site: Site, visits: Visits) -> None:
    for user_id in ("zoe", "yan"):
        await site.join(user_id, 3)
    await site.join(FAN, 2)
    fan = await visits.begin("fan", **PHONE)
    await fan.goto(PLACE)
    place, ahead = (fan.locator(f"[data-field={name}]") for name in ("position", "tickets_ahead"))
    await expect(place).to_have_text("3")
    await fan.get_by_label("Fewest I’d accept (optional)").fill("1")
    await site.shop.user("zoe", "DELETE")
    await expect(place).to_have_text("2")
    await expect(ahead).to_have_text("3")
    await expect(fan.locator("[data-why]")).to_contain_text("1 fan ahead of you wants 3 tickets", timeout=15_000)
    await expect(fan.get_by_label("Fewest I’d accept (optional)")).to_have_value("1")
    await expect(fan.locator("[data-told]")).to_contain_text("1 fan ahead of you")
    assert await scrolls_sideways(fan) == 0


async def test_a_hold_that_lapses_turns_the_page_by_itself(site: Site, visits: Visits) -> None:
    link = await site.join(FAN, 2)
    await site.add_stock(2)
    fan = await visits.begin()
    await fan.goto(link)
    await expect(fan.get_by_role("heading", level=1)).to_have_text(TURN)
    await site.lapse()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("Your time to buy has run out")
    await expect(fan.get_by_role("link", name="Go to the waiting list")).to_be_visible()


async def test_everything_is_done_without_scripts(site: Site, visits: Visits) -> None:
    fan = await visits.begin("fan", **WITHOUT_SCRIPTS)
    organizer = await visits.begin("organizer", **WITHOUT_SCRIPTS)
    await fan.goto(PAGE)
    await fan.get_by_label("Tickets").fill("4")
    await fan.get_by_role("button", name="Join").click()
    await fan.get_by_label("Tickets", exact=True).fill("2")
    await fan.get_by_role("button", name="Change").click()
    await expect(fan.get_by_text("You asked for 2 tickets.")).to_be_visible()
    await _returns_tickets(organizer, 2)
    await fan.get_by_role("link", name="Refresh").click()
    await expect(fan.get_by_role("heading", level=1)).to_have_text(TURN)
    await expect(fan.get_by_text(re.compile("You have 23 hours 59 minutes left"))).to_be_visible()
    await fan.get_by_role("link", name="Release my tickets").click()
    await fan.get_by_role("button", name="Release my tickets").click()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("You are no longer on the waiting list")


async def test_the_countdown_is_by_the_servers_clock_and_the_deadline_also_by_the_fans(
    site: Site, visits: Visits
) -> None:
    link = await site.join(FAN, 2)
    await site.add_stock(2)
    fan = await visits.begin(timezone_id="Asia/Tokyo")
    # A device that is two hours behind.
    await fan.clock.install()
    await fan.clock.set_system_time(await fan.evaluate("Date.now() - 7200e3"))
    await fan.goto(link)
    await expect(fan.locator("[data-clock]")).to_have_text(re.compile("^23:59:"))
    local = fan.locator("[data-local]")
    await expect(local).to_be_visible()
    await expect(local).to_contain_text("Your local time:")


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_a_fans_minute_has_three_actions_though_the_answer_is_lost_in_it(
    site: Site, visits: Visits, device: dict[str, Any]
) -> None:
    """By keyboard, in German, with the names that a screen reader says."""
    await site.join("zoe")
    fan = await visits.begin(**device, locale="de-DE")
    await fan.goto(PAGE)
    form = fan.locator("form[data-once]")
    await expect(form).to_match_aria_snapshot("""
      - text: E-Mail-Adresse
      - textbox "E-Mail-Adresse"
      - text: Tickets
      - spinbutton "Tickets": "1"
      - group: Mehr Auswahl
      - button "Auf die Warteliste"
    """)
    begun = monotonic()
    await form.get_by_label("E-Mail-Adresse").press_sequentially("ada@example.org")
    await fan.keyboard.press("Tab")
    await fan.keyboard.type("2")

    async def lose(route: Route) -> None:
        await route.fetch(max_redirects=0)
        await route.abort("connectionreset")

    await fan.route(f"**{PAGE}/join", lose, times=1)
    async with fan.expect_event("requestfailed"):
        await fan.keyboard.press("Enter")
    # The service has the place, and the browser offers to try again.
    await fan.wait_for_url("chrome-error://**")
    await fan.reload()
    await expect(fan.get_by_role("heading", level=1)).to_have_text("Du stehst auf der Warteliste")
    assert monotonic() - begun < 60
    await expect(fan.locator("[data-field=position]").first).to_have_text("2")
    assert (await site.shop.http.get(f"/v1/user{PAGE}")).json()["waiting"] == 2
    assert await scrolls_sideways(fan) == 0
    await axe(fan)
    visits.wrong = [line for line in visits.wrong if "ERR_CONNECTION_RESET" not in line]


async def test_the_whole_way_in_french_on_a_phone(site: Site, visits: Visits) -> None:
    fan = await visits.begin(**FRENCH, **PHONE)
    await fan.goto("/")
    await fan.get_by_role("link", name=re.compile("^S’inscrire")).click()
    await axe(fan)
    # Three actions: an address, a number, and one press. Then the place is there.
    await fan.get_by_label("Adresse e-mail").fill("ada@example.org")
    await fan.get_by_label("Billets").fill("2")
    await fan.get_by_role("button", name="S’inscrire sur la liste d’attente").click()
    await expect(fan.get_by_text("Vous êtes en tête de la file")).to_be_visible()
    await expect(fan.get_by_text("Confirmez votre adresse")).to_be_visible()
    await axe(fan)
    here = fan.url
    source = (site.folder / await site.mail("ada@example.org")).read_text().replace("=\n", "").replace("=3D", "=")
    path = re.search(r"/e/[\w-]+/verify/[\w-]+", source)
    assert path is not None
    await fan.goto(path[0])
    await axe(fan)
    await fan.get_by_role("button", name="Confirmer mon adresse").click()
    await expect(fan).to_have_url(here)
    await expect(fan.get_by_text("Confirmez votre adresse")).to_have_count(0)
    await site.add_stock(2)
    await expect(fan.get_by_role("heading", level=1)).to_have_text("C’est votre tour")
    assert await scrolls_sideways(fan) == 0
    await fan.get_by_role("button", name="English").click()
    await expect(fan.get_by_role("heading", level=1)).to_have_text(TURN)
