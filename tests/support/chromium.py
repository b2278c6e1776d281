"""The Chromium in which pages are tested, measured and photographed."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--no-proxy-server",
)


class NoChromiumError(Exception):
    """There is none on this machine."""


def find_chromium() -> str:
    """The program that CHROMIUM names, or else the first on the PATH. Raises NoChromiumError."""
    named = os.environ.get("CHROMIUM")
    for name in [named] if named else _NAMES:
        if found := shutil.which(name):
            return found
    raise NoChromiumError(f"{named or 'Chromium'} is not there: install one, or name one in CHROMIUM.")


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """A browser without a window, on a profile of its own, that can reach nothing but this machine. Raises
    NoChromiumError."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium has for no root
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=[*_ARGUMENTS, *sandbox])
        try:
            yield browser
        finally:
            await browser.close()
