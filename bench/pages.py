"""What each page costs a browser on this machine: requests, bytes, and how long until it can be used.

make bench-pages

The service with the demo in it, and a real Chromium, one load after the other. Cold: a browser that has never been
here, with an empty cache. Warm: the same one once more. Counted from the start of the navigation, as the page
itself sees it (Navigation and Resource Timing, Long Tasks):

- requests: those that went over the network; what the cache had is none, nor is a stream while it lasts;
- KB: what they transferred, headers included, and what that was when decoded;
- DOMContentLoaded and load: the ends of these events;
- interactive: the end of the last task of 50 ms or more, as seen until 300 ms after the load; the end of
  DOMContentLoaded if there was none after it. From then on forms and links work without a wait that one feels.

A page is a line in PAGES. Prints Markdown with medians of LOADS; BENCH_QUICK=1 makes it short.
"""

import asyncio
import os
import re
import shutil
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from playwright.async_api import Browser, BrowserContext, async_playwright

from bench.report import table
from bench.stage import Stage, service
from waiting_list import demo
from waiting_list.settings import Settings

LOADS = 3 if os.environ.get("BENCH_QUICK") else 9
LIMIT_SECONDS = 600.0
"""How long everything may take."""
METHOD = """\
# What a page costs

{when}, {cores} cores, which the service, PostgreSQL and Chromium {version} share; medians of {loads} loads over
the loopback. `bench/pages.py` says what each figure is. Read what is counted: what is timed is this machine's.
"""
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
_WATCH = """
window.busyUntil = 0;
new PerformanceObserver(list => {
  for (const task of list.getEntries()) busyUntil = Math.max(busyUntil, task.startTime + task.duration);
}).observe({ type: "longtask", buffered: true });
"""
_MEASURE = """async () => {
  await new Promise(done => setTimeout(done, 300));
  const [page] = performance.getEntriesByType("navigation");
  const all = [page, ...performance.getEntriesByType("resource")], sent = all.filter(one => one.transferSize);
  const sum = (list, name) => list.reduce((total, one) => total + one[name], 0);
  return {
    requests: sent.length,
    transferred: sum(sent, "transferSize") / 1000,
    decoded: sum(all, "decodedBodySize") / 1000,
    ready: page.domContentLoadedEventEnd,
    load: page.loadEventEnd,
    interactive: Math.max(page.domContentLoadedEventEnd, window.busyUntil),
  };
}"""
_COLUMNS = {
    "requests": "requests",
    "transferred": "KB",
    "decoded": "KB decoded",
    "ready": "DOMContentLoaded ms",
    "load": "load ms",
    "interactive": "interactive ms",
}


_KB = ("transferred", "decoded")


class Told(NamedTuple):
    """What the demo says of itself."""

    key: str
    link: str
    token: str

    @classmethod
    def of(cls, text: str) -> "Told":
        """From the lines that it prints."""
        patterns = (r"organizer key: (\S+)", r"turn it is: http://[^/]+(/\S+)", r"Bearer (ey\S+?)'")
        return cls(*(re.findall(pattern, text)[0] for pattern in patterns))


class Seen(NamedTuple):
    """A page, and who looks at it: anybody, a `fan` or an `organizer`."""

    path: Callable[[Told], str]
    who: str = "anybody"


PAGES: dict[str, Seen] = {
    "events": Seen(lambda _: "/"),
    "a list": Seen(lambda _: "/waiting-lists/indie-floor/indie-1"),
    "a list, to join": Seen(lambda _: "/waiting-lists/indie-floor/indie-1", "fan"),
    "my lists": Seen(lambda _: "/my-lists", "fan"),
    "a private link, ready": Seen(lambda told: told.link),
    "dashboard": Seen(lambda _: "/dashboard", "organizer"),
    "dashboard, a list": Seen(lambda _: "/dashboard/waiting-lists/indie-floor/indie-1", "organizer"),
    "dashboard, history": Seen(lambda _: "/dashboard/waiting-lists/jazz-floor/jazz-fri/history", "organizer"),
    "dashboard, statistics": Seen(
        lambda _: "/dashboard/waiting-lists/indie-floor/indie-1/statistics", "organizer"
    ),
}


async def main() -> None:
    """Measures all pages, and prints."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "There is no Chromium: install one, or name it in CHROMIUM."
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium has for no root
    async with asyncio.timeout(LIMIT_SECONDS), Stage.make() as stage:
        with service(stage) as server:
            url = f"http://127.0.0.1:{server.port}"
            told = Told.of(await demo.load(stage.pool, Settings(public_url=url), url))
            await stage.settle()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=found, args=[*_ARGUMENTS, *sandbox])
                rows = [await measure(browser, url, told, name) for name in PAGES]
                version = browser.version
                await browser.close()
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    print(METHOD.format(when=when, cores=os.cpu_count(), version=version.split(".")[0], loads=LOADS))
    print(table(["page", *(f"{name}, cold / warm" for name in _COLUMNS.values())], rows))


async def measure(browser: Browser, url: str, told: Told, name: str) -> list[str]:
    """One page, loaded so often by browsers that have never been here, and by the same ones again."""
    seen, found = PAGES[name], []
    for _ in range(LOADS):
        context = await browser.new_context(base_url=url, locale="en-GB")
        await _sign_in(context, told, seen.who)
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        loads = []
        for _ in ("cold", "warm"):
            answer = await page.goto(seen.path(told))
            assert answer is not None
            assert answer.status == 200, f"{name}: {answer.status}"
            loads.append(await page.evaluate(_MEASURE))
        found.append(loads)
        await context.close()

    def median(which: int, column: str) -> str:
        return f"{statistics.median(loads[which][column] for loads in found):.{1 if column in _KB else 0}f}"

    return [name, *(f"{median(0, column)} / {median(1, column)}" for column in _COLUMNS)]


async def _sign_in(context: BrowserContext, told: Told, who: str) -> None:
    if who == "anybody":
        return
    path, form = {
        "fan": ("/sign-in/with-token", {"token": told.token, "next": "/"}),
        "organizer": ("/dashboard/sign-in", {"api_key": told.key, "next": "/dashboard"}),
    }[who]
    sent: dict[str, Any] = {"form": form, "max_redirects": 0}
    answer = await context.request.post(path, **sent)
    assert answer.status == 303, answer.status


if __name__ == "__main__":
    asyncio.run(main())
