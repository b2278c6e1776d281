"""Takes the pictures in docs/screenshots, of a demo of its own: `python docs/screenshots.py [NAME…]`.

A picture is a line in PICTURES. The demo is the one that `waiting-list serve --demo` loads, on a free port and in
a folder that is gone afterwards; the browser is the Chromium that CHROMIUM names, or else the first on the PATH.
"""

import asyncio
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Page, async_playwright

FOLDER = Path(__file__).parent / "screenshots"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DARK: dict[str, Any] = {"color_scheme": "dark"}
FRENCH: dict[str, Any] = {"locale": "fr-FR"}
_START_SECONDS = 90.0
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--no-proxy-server",
)


class Demo(NamedTuple):
    """A running demo, with what it has printed."""

    url: str
    key: str
    link: str
    token: str


Preparing = Callable[[Page, Demo], Awaitable[None]]


async def _nothing(page: Page, demo: Demo) -> None:
    pass


async def as_organizer(page: Page, demo: Demo) -> None:
    """Signs in to the dashboard with the demo's key."""
    await page.goto("/dashboard/sign-in")
    await page.locator("input[name=api_key]").fill(demo.key)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/dashboard")


async def as_fan(page: Page, demo: Demo) -> None:
    """Signs in as the demo's fan, with a token as a shop has it."""
    # What the shop's page would send as a form.
    await page.goto("/")
    answer = await page.request.post("/sign-in/with-token", form={"token": demo.token, "next": "/"})
    assert answer.ok, answer.status


class Picture(NamedTuple):
    """What one picture shows."""

    path: Callable[[Demo], str]
    options: dict[str, Any]
    prepare: Preparing = _nothing


PICTURES: dict[str, Picture] = {
    "events-phone": Picture(lambda _: "/", PHONE),
    "list-phone-dark": Picture(lambda _: "/waiting-lists/indie-floor/indie-1", PHONE | DARK),
    "join-phone-french": Picture(lambda _: "/waiting-lists/indie-floor/indie-1", PHONE | FRENCH, as_fan),
    "ready-phone": Picture(lambda demo: demo.link, PHONE),
    "dashboard": Picture(lambda _: "/dashboard", DESKTOP, as_organizer),
    "dashboard-list": Picture(
        lambda _: "/dashboard/waiting-lists/jazz-floor/jazz-fri", DESKTOP | DARK, as_organizer
    ),
    "dashboard-statistics": Picture(
        lambda _: "/dashboard/waiting-lists/indie-floor/indie-1/statistics?period=hour", DESKTOP, as_organizer
    ),
    "mails": Picture(lambda _: "/mails", DESKTOP),
}


async def main(names: list[str]) -> None:
    """Takes the pictures of these names, or all of them."""
    FOLDER.mkdir(exist_ok=True)
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        sys.exit("There is no Chromium: install one, or name it in CHROMIUM.")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium has for no root
    async with demo() as running, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=[*_ARGUMENTS, *sandbox])
        for name in names or PICTURES:
            picture = PICTURES[name]
            given = {"locale": "en-GB", "timezone_id": "Europe/Paris", "color_scheme": "light"} | picture.options
            context = await browser.new_context(base_url=running.url, **given)
            page = await context.new_page()
            await picture.prepare(page, running)
            await page.goto(picture.path(running))
            await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
            await context.close()
            print(f"{name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1000:.0f} KB")
        await browser.close()


@asynccontextmanager
async def demo() -> AsyncIterator[Demo]:
    """The demo, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="waiting-list-demo-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - started by root, the database runs as another account
        port = _free_port()
        command = ["-m", "waiting_list", "serve", "--demo", "--port", str(port), "--data-dir", folder]
        # Settings of whoever calls would show in the pictures.
        environment = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                told = await _printed(process, f"http://127.0.0.1:{port}")
            yield told
        finally:
            process.terminate()
            await process.wait()


async def _printed(process: asyncio.subprocess.Process, url: str) -> Demo:
    assert process.stdout is not None
    text = ""
    while "/v1/organizer/entries" not in text:  # the last of its lines
        line = await process.stdout.readline()
        assert line, f"the demo ended: {text}"
        text += line.decode()

    def first(pattern: str) -> str:
        match = re.search(pattern, text)
        assert match, pattern
        return match[1]

    return Demo(
        url,
        key=first(r"organizer key: (\S+)"),
        link=first(r"turn it is: http://[^/]+(/\S+)"),
        token=first(r"Bearer (ey\S+?)'"),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
