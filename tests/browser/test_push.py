"""A device that is told of the turn: the button, a local push service, and what the worker shows of a message."""

import asyncio
import json
from typing import Any

from playwright.async_api import Route, expect

from tests.browser.site import Site
from tests.browser.visits import PHONE, Visits
from tests.support.phone import Phone
from tests.support.receivers import receiving, status
from tests.support.until import until

_BROWSER = """given => {
  // Chromium without a window has no push service of its own: its part is the tests'.
  let subscription = null;
  const made = { endpoint: given.endpoint, toJSON: () => ({ keys: { p256dh: given.p256dh, auth: given.auth } }) };
  PushManager.prototype.getSubscription = async () => subscription;
  PushManager.prototype.subscribe = async options => {
    globalThis.asked = options;
    return (subscription = made);
  };
}"""
_SHOWN = """async () => {
  const { active } = await navigator.serviceWorker.ready;
  const registration = await navigator.serviceWorker.getRegistration();
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag, data, silent }) => ({ title, body, tag, data, silent }));
}"""


_SHIFTS = """
window.shift = 0;
new PerformanceObserver(all => { for (const one of all.getEntries()) shift += one.value; })
  .observe({type: "layout-shift", buffered: true});
"""


async def _late(route: Route) -> None:
    """After the first picture of the page."""
    await asyncio.sleep(0.4)
    await route.continue_()


async def test_a_device_is_told_of_the_turn_by_a_push_service(visits: Visits, site: Site) -> None:
    link, phone = await site.join(wanted=2), Phone()
    site.app.state.service.settings.__dict__["webhook_private_addresses"] = True
    async with receiving(status(201)) as service:
        page = await visits.begin(**PHONE)
        await page.context.grant_permissions(["notifications"])
        given = phone.form(f"http://127.0.0.1:{service.port}/push/ada")
        await page.add_init_script(f"({_BROWSER})({json.dumps(given)})")
        await page.add_init_script(_SHIFTS)
        await page.route("**/static/push.js*", _late)
        async with page.expect_response("**/static/push.js*"):
            await page.goto(link)
        button = page.get_by_role("button", name="Tell me on this device")
        await expect(page.locator("[data-push][data-is=off]")).to_be_visible()
        assert await page.evaluate("shift") == 0
        await button.click()
        stop = page.get_by_role("button", name="Stop telling me on this device")
        await expect(stop).to_be_visible()
        await expect(page.get_by_text("This device tells you when it is your turn.")).to_be_visible()
        asked: dict[str, Any] = await page.evaluate("asked")
        assert asked["userVisibleOnly"] is True
        await page.reload()
        await site.add_stock(2)

        async def is_pushed() -> bool:
            return bool(service.requests)

        await until(is_pushed, seconds=20)
    said = phone.read(service.requests[0][1])
    assert (said["title"], said["path"]) == ("Jazz Festival", link)
    # What the push service hands to the worker, which shows it.
    session = await page.context.new_cdp_session(page)
    versions: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: versions.extend(event["registrations"]))
    await session.send("ServiceWorker.enable")
    await until(lambda: _is(versions), seconds=10)
    push = {"origin": site.address, "registrationId": versions[0]["registrationId"], "data": json.dumps(said)}
    await session.send("ServiceWorker.deliverPushMessage", push)

    async def is_shown() -> bool:
        return len(await page.evaluate(_SHOWN)) == 1

    await until(is_shown, seconds=10)
    (shown,) = await page.evaluate(_SHOWN)
    assert shown == {"silent": False} | {name: said[name] for name in ("title", "body", "tag")} | {"data": link}
    visits.wrong.clear()


async def test_a_browser_that_cannot_be_told_says_so_and_nothing_moves(visits: Visits, site: Site) -> None:
    link = await site.join(wanted=2)
    iphone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile"
    )
    for agent, said in (
        ("Elsewhere", "This browser cannot tell you"),
        (iphone, "choose Share, then “Add to Home"),
    ):
        page = await visits.begin(**PHONE, user_agent=agent)
        await page.add_init_script(f"delete window.PushManager; {_SHIFTS}")
        await page.route("**/static/push.js*", _late)
        await page.goto(link)
        await expect(page.get_by_text(said)).to_be_visible()
        await expect(page.get_by_role("button", name="Tell me on this device")).to_have_count(0)
        assert await page.evaluate("shift") == 0


async def _is(found: list[Any]) -> bool:
    return bool(found)
