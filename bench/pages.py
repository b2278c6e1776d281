"""What each page costs a browser on this machine: requests, bytes, and how long until it can be used.

make bench-pages

The demo, and a real Chromium, one load after the other. Cold: a browser that has never been here, with an empty
cache. Warm: the same one once more. Slow phone: cold, on a processor four times slower and a network of 150 ms and
1.6 Mbit/s, which is what Lighthouse takes for a phone. Counted from the start of the navigation, as the page
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
import statistics
from datetime import UTC, datetime

from playwright.async_api import Browser, CDPSession, Page

from bench.demo import CROWD, Demo, Who, demo
from bench.report import table
from tests.support.chromium import running_chromium

LOADS = 3 if os.environ.get("BENCH_QUICK") else 9
LIMIT_SECONDS = 900.0
"""How long everything may take."""
METHOD = """\
# What a page costs

{when}, {cores} cores, shared by the service, PostgreSQL and Chromium {version}. The figures are medians of
{loads} loads over the loopback; `bench/pages.py` explains each. Read the counts; the times depend on the
machine.
"""
_PHONE_SLOWER = 4
_PHONE_DELAY_MS = 150
_PHONE_BITS = 1.6e6
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


PAGES: dict[str, tuple[str, Who]] = {
    "events": ("/", "anybody"),
    "a list": (CROWD, "anybody"),
    "a place, waiting": (f"{CROWD}/place", "fan"),
    "my lists": ("/my-lists", "fan"),
    "a private link, ready": ("{ready}", "anybody"),
    "a shop with four widgets": ("/demo/shop", "anybody"),
    "dashboard": ("/dashboard", "organizer"),
    "dashboard, a list": (f"/dashboard{CROWD}", "organizer"),
    "dashboard, events": ("/dashboard/events", "organizer"),
    "dashboard, an event": ("/dashboard/events/wl-demo-jazz", "organizer"),
    "dashboard, history": ("/dashboard/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri/history", "organizer"),
    "dashboard, statistics": (f"/dashboard{CROWD}/statistics", "organizer"),
    "dashboard, statistics of all lists": ("/dashboard/statistics", "organizer"),
    "dashboard, settings of a list": (f"/dashboard{CROWD}/settings", "organizer"),
    "dashboard, an entry": (f"/dashboard{CROWD}/entries/fan-09", "organizer"),
    "dashboard, people": ("/dashboard/people?text=fan", "organizer"),
    "dashboard, a new event": ("/dashboard/events/new", "organizer"),
    "dashboard, import events": ("/dashboard/events/import", "organizer"),
    "dashboard, share an event": ("/dashboard/events/wl-demo-jazz/share", "organizer"),
    "dashboard, organization": ("/dashboard/settings", "organizer"),
    "dashboard, team": ("/dashboard/settings/team", "organizer"),
    "dashboard, API keys": ("/dashboard/settings/api-keys", "organizer"),
}
"""The path of each, where `{ready}` is the private link of a fan whose turn it is; and who opens it."""


async def main() -> None:
    """Measures all pages, and prints."""
    with demo() as shown:
        async with asyncio.timeout(LIMIT_SECONDS), running_chromium() as browser:
            rows = [await _row(browser, shown, name) for name in PAGES]
            version = browser.version.split(".")[0]
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    print(METHOD.format(when=when, cores=os.cpu_count(), version=version, loads=LOADS))
    columns = [f"{name}, cold / warm" for name in _COLUMNS.values()]
    print(table(["page", *columns, "slow phone: load ms", "interactive ms"], rows))


async def _row(browser: Browser, shown: Demo, name: str) -> list[str]:
    """One page, loaded so often by browsers that have never been here, by the same ones again, and by phones."""
    cold, warm, phone = [], [], []
    for _ in range(LOADS):
        for slow in (False, True):
            context = await browser.new_context(base_url=shown.address, locale="en-GB")
            await shown.sign_in(context, PAGES[name][1])
            await context.add_init_script(_WATCH)
            page = await context.new_page()
            if slow:
                await _slow_down(await context.new_cdp_session(page))
                phone.append(await _load(page, shown, name))
            else:
                cold.append(await _load(page, shown, name))
                warm.append(await _load(page, shown, name))
            await context.close()

    def median(loads: list[dict[str, float]], column: str) -> str:
        return f"{statistics.median(load[column] for load in loads):.{column in _KB:d}f}"

    both = [f"{median(cold, column)} / {median(warm, column)}" for column in _COLUMNS]
    return [name, *both, median(phone, "load"), median(phone, "interactive")]


async def _load(page: Page, shown: Demo, name: str) -> dict[str, float]:
    answer = await page.goto(PAGES[name][0].format(ready=shown.ready))
    if answer is None or not answer.ok:
        raise RuntimeError(f"{name}: {answer and answer.status}")
    measured: dict[str, float] = await page.evaluate(_MEASURE)
    return measured


async def _slow_down(session: CDPSession) -> None:
    rate = {"downloadThroughput": _PHONE_BITS / 8, "uploadThroughput": _PHONE_BITS / 8}
    await session.send("Emulation.setCPUThrottlingRate", {"rate": _PHONE_SLOWER})
    await session.send("Network.emulateNetworkConditions", {"offline": False, "latency": _PHONE_DELAY_MS} | rate)


if __name__ == "__main__":
    asyncio.run(main())
