"""What people do on the pages: by keyboard alone, without JavaScript, live, and with titles that mean harm."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.site import DASHBOARD, PAGE, PLACE, Site
from tests.browser.visits import PHONE, WITHOUT_SCRIPTS, Visits, scrolls_sideways
from tests.support.shop import EVENT

HOSTILE = [
    "<script>window.ran = 1</script></title><img src=x onerror='window.ran = 1'>",
    "\"><svg onload=window.ran=1> '; window.ran = 1; //",
    "\u202egnirtS \u2066\u200fedisni tuo",
    "W" * 200,
    "\U0001f3b7\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 20,
    "{{ 7 * 7 }}{% raw %}%(num)s {duration} {instant} &lt;b&gt;",
]


async def tab_to(page: Page, name: str) -> None:
    """Presses Tab until a control of this name has the focus."""
    wanted = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await wanted.first.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"Tab leads to no {name}")


async def test_a_fan_joins_changes_and_leaves_by_keyboard_alone(visits: Visits, site: Site) -> None:
    page = await visits.begin("fan", **PHONE)
    await page.goto("/")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    await tab_to(page, "Join")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{PAGE}")
    await page.get_by_label("Tickets", exact=True).focus()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{PLACE}")
    await expect(page.get_by_text("You asked for 3 tickets.")).to_be_visible()
    await page.get_by_label("Tickets", exact=True).focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You asked for 2 tickets.")).to_be_visible()
    await tab_to(page, "Leave the waiting list")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{PLACE}/leave")
    await tab_to(page, "Leave the waiting list")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You have left the waiting list.")).to_be_visible()


async def test_an_organizer_signs_in_and_adds_stock_by_keyboard_alone(visits: Visits, site: Site) -> None:
    await site.join(wanted=2)
    page = await visits.begin()
    await page.goto(DASHBOARD)
    await page.locator("summary").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("API key").focus()
    await page.keyboard.type(site.shop.key)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{DASHBOARD}")
    await page.get_by_label("Return tickets").focus()
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("This makes 1 fan ready:")).to_be_visible()
    await tab_to(page, "Return 2 tickets")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="2 tickets returned.")).to_be_visible()
    assert (await site.shop.entry("ada"))["status"] == "ready"


async def test_a_fan_changes_and_leaves_without_scripts(visits: Visits, site: Site) -> None:
    await site.join("zoe", 3)
    link = await site.join(wanted=4)
    page = await visits.begin(**PHONE, **WITHOUT_SCRIPTS)
    await page.goto(link)
    await expect(page.get_by_role("link", name="Refresh")).to_be_visible()
    await page.get_by_label("Tickets", exact=True).fill("2")
    await page.get_by_label("Fewest I’d accept").fill("1")
    await page.get_by_role("button", name="Change").click()
    await expect(page.get_by_text("You asked for 2 tickets and would accept as few as 1.")).to_be_visible()
    await page.get_by_role("button", name="Français").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("liste d.attente"))
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("link", name="Leave the waiting list").click()
    await page.get_by_role("button", name="Leave the waiting list").click()
    await expect(page.get_by_text("You have left the waiting list.")).to_be_visible()


async def test_a_fan_joins_with_an_address_and_corrects_it_without_scripts(visits: Visits, site: Site) -> None:
    page = await visits.begin(**WITHOUT_SCRIPTS)
    await page.goto(PAGE)
    await page.get_by_label("Email address").fill("ada@exampel.org")
    await page.get_by_role("button", name="Join the waiting list").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are on the waiting list")
    await page.get_by_text("Wrong address, or no email?").click()
    await page.get_by_label("Email address").fill("ada@example.org")
    await page.get_by_role("button", name="Send the link again").click()
    await expect(page.get_by_text("we email to ada@example.org")).to_be_visible()
    await page.goto(PAGE)
    await page.get_by_label("Email address").fill("ada@example.org")
    await page.get_by_role("button", name="Join the waiting list").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    await expect(page.get_by_text("We have sent the link to your place to ada@example.org.")).to_be_visible()


async def test_two_presses_and_two_tabs_make_one_place(visits: Visits, site: Site) -> None:
    page = await visits.begin(**PHONE)
    await page.goto(PAGE)
    await page.get_by_label("Email address").fill("ada@example.org")
    await page.get_by_role("button", name="Join the waiting list").dblclick()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are on the waiting list")
    other = await page.context.new_page()
    await other.goto(PAGE)
    await other.get_by_label("Email address").fill("ada@example.org")
    await other.get_by_role("button", name="Join the waiting list").click()
    await expect(other.get_by_role("heading", level=1)).to_have_text("Check your email")
    assert (await site.shop.http.get(f"/v1/user{PAGE}")).json()["waiting"] == 1


async def test_a_fan_signs_in_by_mail_and_joins_without_scripts(visits: Visits, site: Site) -> None:
    page = await visits.begin(**WITHOUT_SCRIPTS)
    await page.goto(PAGE)
    await page.get_by_role("link", name="Already on this list? Sign in").click()
    await page.get_by_label("Email address").fill("ada@example.org")
    await page.get_by_role("button", name="Send me the link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    await page.goto(f"/mails/{await site.mail('/sign-in/')}")
    await page.locator(f"pre a[href^='{site.address}/sign-in/']").click()
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**{PAGE}")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are on the waiting list")


async def test_a_place_is_live(visits: Visits, site: Site) -> None:
    await site.join("zoe", 3)
    link = await site.join(wanted=2)
    page = await visits.begin(**PHONE)
    async with page.expect_response("**/live"):
        await page.goto(link)
    position = page.locator("[data-field=position]")
    await expect(position).to_have_text("2")
    await page.get_by_label("Tickets", exact=True).fill("1")
    assert (await site.shop.user("zoe", "DELETE")).is_success
    await expect(position).to_have_text("1")
    await expect(page.locator("[data-told]")).to_contain_text("You are next in line", timeout=15_000)
    # What is half filled in stays.
    await expect(page.get_by_label("Tickets", exact=True)).to_have_value("1")
    await site.add_stock(2)
    await expect(page.get_by_role("heading", level=1)).to_have_text("It is your turn")
    assert (await page.title()).startswith("It is your turn")
    await expect(page.locator("[data-clock]")).to_have_text(re.compile(r"\d+:\d\d:\d\d"))


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_others_have_written_is_shown_and_runs_nothing(
    visits: Visits, site: Site, hostile: str
) -> None:
    text: dict[str, Any] = EVENT | {"title": hostile, "venue_name": hostile, "venue_address": hostile}
    await site.shop.made("PUT", "/events/ev_1", text)
    offer = {"event_id": "ev_1", "name": hostile[:200], "max_quantity_per_order": 6}
    await site.shop.made("PUT", "/offers/off_1", offer)
    link = await site.join("zoe", email="zoe@example.org", email_verified=True, name=hostile[:100])
    await site.join("ada", 1)
    mail = await site.mail("zoe@example.org")
    shown = " ".join(hostile.split())
    for who, paths in {
        "anybody": ("/", PAGE, link, f"{link}/leave", f"{link}/unsubscribe", "/mails", f"/mails/{mail}"),
        "fan": (PLACE, "/my-lists"),
        "organizer": ("/dashboard", DASHBOARD, f"{DASHBOARD}/settings", f"{DASHBOARD}/entries/zoe"),
    }.items():
        page = await visits.begin(who, **PHONE)  # type: ignore[arg-type]
        for path in paths:
            await page.goto(path)
            assert await page.evaluate("window.ran") is None
            assert await scrolls_sideways(page) == 0, path
            if not path.startswith("/mails"):  # a mail has its own rules: no controls, and no longer than a line
                assert shown in " ".join((await page.inner_text("body")).split()), path
