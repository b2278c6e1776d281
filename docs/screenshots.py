"""Takes the pictures of docs/screenshots, of the demo in Chromium: `python -m docs.screenshots [NAME…]`.

A picture is a line in PICTURES.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, Page

from bench.demo import CROWD, Demo, Who, demo
from tests.support.chromium import running_chromium

FOLDER = Path(__file__).parent / "screenshots"
LIMIT_SECONDS = 240.0
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
DARK: dict[str, Any] = {"color_scheme": "dark"}
FRENCH: dict[str, Any] = {"locale": "fr-FR"}


class Picture(NamedTuple):
    """A page, who looks at it, and with what."""

    path: str
    """`{ready}` is the private page of a fan whose turn it is."""
    options: dict[str, Any]
    who: Who = "anybody"
    follow: str = ""
    """A link on it: the picture is of where that leads, once it is there."""
    await_text: str = ""
    """What a script shows last."""


PICTURES = {
    "events-phone": Picture("/", PHONE),
    "list-phone-dark": Picture(CROWD, PHONE | DARK),
    "join-phone-french": Picture("/waiting-lists/wl-demo-opera-stalls/wl-demo-opera-1", PHONE | FRENCH, "fan"),
    "waiting-phone": Picture(f"{CROWD}/place", PHONE, "fan"),
    "ready-phone": Picture("{ready}", PHONE),
    "event-phone": Picture("/events/wl-demo-indie", PHONE),
    "search-phone": Picture("/?q=jazz&available=true", PHONE | DARK),
    "dashboard-event": Picture("/dashboard/events/wl-demo-jazz", DESKTOP, "organizer"),
    "dashboard-entry": Picture(f"/dashboard{CROWD}/entries/fan-09", DESKTOP, "organizer"),
    "dashboard-import": Picture("/dashboard/events/import", DESKTOP, "organizer"),
    "dashboard-organization": Picture("/dashboard/settings", DESKTOP, "organizer"),
    "new-event": Picture("/dashboard/events/new", DESKTOP, "organizer"),
    "event-share": Picture("/dashboard/events/wl-demo-jazz/share", DESKTOP, "organizer"),
    "event-flyer": Picture("/dashboard/events/wl-demo-jazz/poster", DESKTOP, "organizer"),
    "events-dashboard": Picture("/dashboard/events", DESKTOP, "organizer"),
    "dashboard": Picture("/dashboard", DESKTOP, "organizer"),
    "dashboard-phone": Picture("/dashboard", PHONE, "organizer"),
    "dashboard-list-phone": Picture(f"/dashboard{CROWD}", PHONE, "organizer"),
    "dashboard-people": Picture("/dashboard/people?text=fan", DESKTOP, "organizer"),
    "dashboard-team": Picture("/dashboard/settings/team", DESKTOP, "organizer"),
    "dashboard-list": Picture(
        "/dashboard/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri", DESKTOP | DARK, "organizer"
    ),
    "dashboard-statistics": Picture(f"/dashboard{CROWD}/statistics?period=hour", DESKTOP, "organizer"),
    "dashboard-settings": Picture(
        "/dashboard/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri/settings", DESKTOP, "organizer"
    ),
    "dashboard-history": Picture(
        "/dashboard/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri/history", DESKTOP, "organizer"
    ),
    "shop": Picture("/demo/shop?fan=ines", DESKTOP, await_text="Buy now"),
    "mail": Picture("/mails", DESKTOP, follow="It is your turn: 4 tickets for The Paper Lanterns"),
}


async def main(names: list[str]) -> None:
    """Takes the pictures of these names, or all of them, and prints how large they are."""
    FOLDER.mkdir(exist_ok=True)
    with demo() as found:
        async with asyncio.timeout(LIMIT_SECONDS), running_chromium() as chromium:
            for name in names or PICTURES:
                file = FOLDER / f"{name}.png"
                size = len(await _take(chromium, found, PICTURES[name], file))
                print(f"docs/screenshots/{file.name}  {size / 1000:.0f} KB", flush=True)


async def _take(chromium: Browser, found: Demo, picture: Picture, file: Path) -> bytes:
    options = {"locale": "en-GB", "timezone_id": "Europe/London", "color_scheme": "light"} | picture.options
    context = await chromium.new_context(base_url=found.address, **options)
    await found.sign_in(context, picture.who)
    # A fan's own language comes before the browser's; what was chosen comes before both.
    await context.request.post("/language", form={"locale": options["locale"][:2]}, max_redirects=0)
    page = await context.new_page()
    path = picture.path.format(ready=found.ready)
    await _open(page, path)
    if picture.follow:
        link = page.get_by_role("link", name=picture.follow).first
        while not await link.count():  # the worker is still writing it
            await _open(page, path)
        await link.click()
        await page.wait_for_load_state()
    if picture.await_text:
        await page.get_by_text(picture.await_text).first.wait_for()
    taken = await page.screenshot(path=file, animations="disabled")
    await context.close()
    return taken


async def _open(page: Page, path: str) -> None:
    answer = await page.goto(path)
    if answer is None or not answer.ok:
        raise RuntimeError(f"{path} was answered with {answer and answer.status}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
