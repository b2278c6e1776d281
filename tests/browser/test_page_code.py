"""The JavaScript of docs/live.md, docs/queue.md and docs/widget.md works as it stands there, in a browser.

So does the page of the shop that docs/tutorial.md builds.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.browser.site import FAN, PAGE, Site
from tests.browser.visits import Visits
from tests.support.blocks import ROOT, blocks
from tests.support.ports import free_port
from tests.support.shop import LIST
from tests.support.until import until
from waiting_list.web.header_limits import HAND_OVER
from waiting_list.web.server_sent_events import EntryStream

ENTRY = f"/v1/user/waiting-lists/{LIST}"


def _code(page: str) -> str:
    (code,) = (one.text for one in blocks(ROOT / "docs" / page) if one.language == "js")
    return code


async def _leave(site: Site, user_id: str) -> None:
    await site.shop.made("DELETE", f"{PAGE}/entries/{user_id}")


async def test_the_code_for_live_entries_shows_each_new_place(site: Site, visits: Visits) -> None:
    await site.join("bo")
    await site.join(FAN)
    page = await visits.begin()
    await page.goto(PAGE)
    await page.evaluate(f"() => {{ {_code('live.md')}; window.watch = watch; window.seen = []; }}")
    token = await site.shop.token(FAN)
    await page.evaluate("([list, token]) => { watch(list, token, one => seen.push(one)); }", [ENTRY, token])
    await page.wait_for_function("() => seen.at(-1)?.position === 2")
    await _leave(site, "bo")
    await page.wait_for_function("() => seen.at(-1)?.position === 1")
    await site.add_stock(2)
    await page.wait_for_function("() => seen.at(-1)?.status === 'ready' && seen.at(-1).purchase_pass")


class BusyService:
    """The service at a bad moment: it refuses the first streams, and ends the next one after its first event."""

    def __init__(self, service: ASGIApp) -> None:
        self._service = service
        self._refusals = [(503, 1), (429, 2)]
        self.asked: list[tuple[float, str | None]] = []
        """When each stream was asked for, and with which Last-Event-ID."""
        self.last_id: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").endswith("/entry/live"):
            await self._service(scope, receive, send)
            return
        headers = dict(scope["headers"])
        known = headers.get(b"last-event-id")
        self.asked.append((asyncio.get_running_loop().time(), known.decode() if known else None))
        if self._refusals:
            status, seconds = self._refusals.pop(0)
            refused = [(b"retry-after", str(seconds).encode()), (b"content-type", b"application/problem+json")]
            await send({"type": "http.response.start", "status": status, "headers": refused})
            await send({"type": "http.response.body", "body": b"{}"})
        elif self.last_id is None:
            await self._first_event(scope, receive, send)
        else:
            await self._service(scope, receive, send)

    async def _first_event(self, scope: Scope, receive: Receive, send: Send) -> None:
        hand_over = scope[HAND_OVER]

        def end_at_once(stream: EntryStream) -> None:
            hand_over(stream)
            stream.shutdown()

        async def until_the_first(message: Message) -> None:
            if found := re.search(rb"id: (\w+)", message.get("body", b"")):
                self.last_id = found[1].decode()
            await send(message)

        scope[HAND_OVER] = end_at_once
        await self._service(scope, receive, until_the_first)


async def test_the_code_for_live_entries_waits_as_it_is_told_and_goes_on_where_it_was(
    site: Site, visits: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.join("bo")
    await site.join(FAN)
    page = await visits.begin()
    await page.goto(PAGE)
    assert site.app.middleware_stack
    busy = BusyService(site.app.middleware_stack)
    monkeypatch.setattr(site.app, "middleware_stack", busy)
    # The least jitter, so that the pauses are known.
    await page.evaluate(
        f"() => {{ Math.random = () => 0; {_code('live.md')}; window.watch = watch; window.seen = []; }}"
    )
    token = await site.shop.token(FAN)
    await page.evaluate("([list, token]) => { watch(list, token, one => seen.push(one)); }", [ENTRY, token])
    await page.wait_for_function("() => seen.length === 1 && seen[0].position === 2")

    async def comes_back() -> bool:
        return len(busy.asked) == 4

    await until(comes_back, seconds=10)
    await _leave(site, "bo")
    await page.wait_for_function("() => seen.at(-1).position === 1")
    (first, _), (second, _), (third, none), (fourth, last_id) = busy.asked
    assert 2 <= second - first < 4  # Retry-After: 1, and a second
    assert 4 <= third - second < 6  # Retry-After: 2, and two seconds
    assert 0.5 <= fourth - third < 3
    assert none is None
    assert last_id == busy.last_id
    assert await page.evaluate("() => seen.length") == 2  # the event that it knew did not come again
    await visits.end()
    visits.wrong = [line for line in visits.wrong if not re.search(r"/entry/live \((503|429)\)$", line)]


async def test_the_page_of_the_tutorial_gets_its_token_from_the_shop(
    site: Site, visits: Visits, tmp_path: Path
) -> None:
    await site.shop.stock(where="floor/jazz-1")
    (code,) = (one.text for one in blocks(ROOT / "docs" / "tutorial.md") if one.says("file"))
    port = free_port()
    shop = f"http://127.0.0.1:{port}"
    (tmp_path / "key.txt").write_text(site.shop.key)
    (tmp_path / "shop.py").write_text(
        code.replace("http://127.0.0.1:8000", site.address).replace("9000", str(port))
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "shop.py", cwd=tmp_path, stderr=asyncio.subprocess.DEVNULL
    )
    try:

        async def answers() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            return True

        await until(answers, seconds=10)
        page = await visits.begin()
        source: Any = await page.goto(f"{shop}/?fan=cleo")
        assert "token=" not in await source.text()
        await page.get_by_role("button", name="Join").click()
        await expect(page.get_by_text("You are next in line.").first).to_be_visible()
        entry = await site.shop.made("GET", "/waiting-lists/floor/jazz-1/entries/cleo")
        assert entry["status"] == "waiting"
    finally:
        await visits.end()
        process.terminate()
        await process.wait()
    # The shop is elsewhere, has no icon, and the fan was in no list at first.
    expected = re.compile(rf"elsewhere: {shop}/|refused: \S+/entry \(404\)")
    visits.wrong = [line for line in visits.wrong if not expected.match(line)]


async def test_the_code_for_crowds_finds_its_place_in_the_picture(site: Site, visits: Visits) -> None:
    for fan in ("bo", "cy", FAN):
        await site.join(fan)
    page = await visits.begin()
    await page.goto(PAGE)
    await page.evaluate(f"() => {{ {_code('queue.md')}; window.look = look; }}")
    token = await site.shop.token(FAN)

    async def sees(**expected: object) -> None:
        wanted = (
            "([list, token, wanted]) => look(list, token).then("
            "place => Object.entries(wanted).every(([name, value]) => place[name] === value))"
        )
        await page.wait_for_function(wanted, arg=[ENTRY, token, expected])

    await sees(position=3, tickets_ahead=4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await site.join("dan")  # moves nobody: the picture is enough
    await sees(position=3, tickets_ahead=4)
    assert not [url for url in asked if url.endswith("/entry")]
    await _leave(site, "bo")
    await sees(position=2, tickets_ahead=2)
    await _leave(site, "cy")
    await site.add_stock(2)
    await sees(status="ready")


async def test_the_code_for_the_buy_event_keeps_the_page_and_gets_the_pass(site: Site, visits: Visits) -> None:
    await site.join(FAN)
    await site.add_stock(2)
    page = await visits.begin("fan")
    await page.goto(PAGE)
    await page.evaluate(
        "() => { window.redeemed = []; window.basket = { redeem: (...given) => redeemed.push(given) };"
        f" {_code('widget.md')} }}"
    )
    entry = await site.shop.entry(FAN)
    prevented = await page.evaluate(
        "entry => !document.body.dispatchEvent(new CustomEvent('waiting-list:buy',"
        " {bubbles: true, cancelable: true, detail: {entry, tickets: 2}}))",
        entry,
    )
    assert prevented
    assert await page.evaluate("() => redeemed") == [[entry["purchase_pass"], 2]]
