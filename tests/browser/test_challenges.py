"""Challenges in a real browser: the device does the work, its fan is told, and nothing is asked of them."""

import hashlib
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.site import FAN, PAGE, PLACE, Site
from tests.browser.test_widget import OpenShop, named, open_shop, tag
from tests.browser.visits import FRENCH, PHONE, WITHOUT_SCRIPTS, Visits, axe, scrolls_sideways
from tests.support.shop import LIST
from waiting_list.lists.challenges import BASE_BITS, LIFE_SECONDS, PUZZLES

__all__ = ["open_shop"]
WORKING = re.compile("One moment: your browser runs")


async def _press_join(page: Page) -> None:
    await page.goto(PAGE)
    await page.get_by_label("Tickets").first.fill("2")
    await page.get_by_role("button", name="Join", exact=True).press("Enter")


async def test_the_page_solves_the_challenge_and_joins_without_another_touch(site: Site, visits: Visits) -> None:
    await site.configure(join_challenge="always")
    page = await visits.begin("fan")
    workers: list[str] = []
    page.on("worker", lambda worker: workers.append(worker.url))
    await _press_join(page)
    await page.wait_for_url(f"**{PLACE}", timeout=60_000)
    await expect(page.get_by_text("You asked for 2 tickets")).to_be_visible()
    assert [url.partition("?")[0] for url in workers] == [f"{site.address}/static/challenge.js"]
    assert (await site.shop.entry(FAN))["tickets_wanted"] == 2


async def test_a_browser_without_workers_of_this_kind_solves_it_too(site: Site, visits: Visits) -> None:
    await site.configure(join_challenge="always")
    page = await visits.begin("fan", **PHONE)
    await page.add_init_script("window.Worker = class { constructor() { throw new TypeError('no modules'); } };")
    await _press_join(page)
    await page.wait_for_url(f"**{PLACE}", timeout=60_000)


async def test_a_fan_is_told_what_happens_and_what_to_do_where_it_cannot(site: Site, visits: Visits) -> None:
    await site.configure(join_challenge="always")
    page = await visits.begin("fan", **PHONE)
    # A device that never ends, so that the page can be looked at.
    await page.add_init_script("window.Worker = class { postMessage() {} };")
    await _press_join(page)
    told = page.get_by_role("status").filter(has_text=WORKING)
    await expect(told).to_be_visible()
    await axe(page)
    assert await scrolls_sideways(page) == 0
    broken = await visits.begin("fan", **FRENCH)
    await broken.route("**/challenge.js*", lambda route: route.fulfill(status=500))
    await broken.goto(PAGE)
    await broken.get_by_role("button", name="S’inscrire", exact=True).click()
    await expect(broken.get_by_role("status").filter(has_text="demandez à l’organisateur")).to_be_visible()
    plain = await visits.begin("fan", **WITHOUT_SCRIPTS)
    await _press_join(plain)
    await expect(plain.get_by_text("ask the organizer to add you to the list")).to_be_visible()
    assert (await site.shop.organizer("GET", f"{PAGE}/entries/{FAN}")).status_code == 404
    await visits.end()
    visits.wrong = [line for line in visits.wrong if "/static/challenge.js" not in line]


async def test_a_solution_that_was_refused_is_not_sent_again_by_itself(site: Site, visits: Visits) -> None:
    await site.configure(join_challenge="always")
    page = await visits.begin("fan")
    gate = site.app.state.service.gate
    now = gate._clock()
    # When the first challenge is made, its solution comes (too late), and the second is made and solved.
    gate._clock = iter([now, now + LIFE_SECONDS, now, now]).__next__
    await _press_join(page)
    await expect(page.get_by_role("status").filter(has_text="Please send the form again.")).to_be_visible(
        timeout=60_000
    )
    await page.get_by_role("button", name="Join", exact=True).click()
    await page.wait_for_url(f"**{PLACE}", timeout=60_000)


async def test_who_asks_for_a_link_to_sign_in_gets_it_after_the_work(site: Site, visits: Visits) -> None:
    site.app.state.service.gate._sign_in = "always"
    page = await visits.begin()
    await page.goto("/sign-in")
    await page.get_by_label("Email address").fill("ada@example.org")
    await page.get_by_role("button", name="Send me the link").click()
    await expect(page.get_by_role("heading", name="Check your email")).to_be_visible(timeout=60_000)
    assert await site.mail("/sign-in/")


async def test_the_widget_on_a_page_of_a_shop_solves_it_and_stays_alive_meanwhile(
    site: Site, open_shop: OpenShop, visits: Visits
) -> None:
    await site.configure(join_challenge="always")
    page = await open_shop(tag(await site.shop.token(FAN)))
    await page.get_by_label("Tickets").select_option("2")
    # The longest time for which the page could do nothing else.
    await page.evaluate("""() => {
        window.longest = 0;
        let last = performance.now();
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            const now = performance.now();
            window.longest = Math.max(window.longest, now - last);
            last = now;
            port2.postMessage(null);
        };
        port2.postMessage(null);
    }""")
    await named(page, "Join the waiting list").click()
    working = page.locator("waiting-list .working")
    await expect(working).to_have_text(WORKING)
    await expect(page.get_by_role("status")).to_have_text(WORKING)
    await expect(page.get_by_text("You are next in line.").first).to_be_visible(timeout=60_000)
    await expect(working).to_be_empty()
    assert await page.evaluate("window.longest") < 1000
    visits.wrong = [line for line in visits.wrong if not line.endswith("entry (403)")]


@pytest.mark.parametrize("bits", [8, 12])
async def test_what_the_browser_finds_solves_the_challenge(site: Site, visits: Visits, bits: int) -> None:
    page = await visits.begin()
    await page.goto(PAGE)
    challenge: dict[str, Any] = {"token": "arM_dw_sGmBzuQ-3T2nVgTeCxV0y8hQe", "puzzles": PUZZLES, "bits": bits}
    found = await page.evaluate(
        "async challenge => (await import('/static/challenge.js')).solve(challenge)", challenge
    )
    for puzzle, number in enumerate(found):
        for other in range(number + 1):
            digest = hashlib.sha256(f"{challenge['token']}.{puzzle}.{other}".encode()).digest()
            assert (int.from_bytes(digest) < 1 << (256 - bits)) == (other == number)
    assert bits < BASE_BITS
    assert LIST in page.url
