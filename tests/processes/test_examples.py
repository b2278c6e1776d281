"""The programs in examples/ do what the how-tos promise, where their pages do not show it."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.support.shop import LIST, Shop, listening
from ticketing import TRIES, Platform, Refused, WaitingLists, join

ROOT = Path(__file__).parent.parent.parent


class Unsteady(BaseHTTPRequestHandler):
    """Does to each request what `plan` says next: a status, or None, which cuts the connection."""

    plan: list[int | None]
    seen: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Idempotency-Key"], body))
        status = self.plan.pop(0)
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "7")
        kind = "application/json" if status < 400 else "application/problem+json"
        answer = json.dumps({"code": "stock_held", "detail": "Some are held."}).encode()
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def unsteady() -> Iterator[tuple[type[Unsteady], WaitingLists, list[float]]]:
    handler = type("Handler", (Unsteady,), {"plan": [], "seen": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    pauses: list[float] = []
    yield handler, WaitingLists(f"http://127.0.0.1:{server.server_port}", "key", pause=pauses.append), pauses
    server.shutdown()
    server.server_close()


def test_a_report_that_got_no_answer_is_repeated_under_its_own_key_after_the_pause_asked_for(
    unsteady: tuple[type[Unsteady], WaitingLists, list[float]],
) -> None:
    handler, lists, pauses = unsteady
    handler.plan = [503, None, 429, 200]
    Platform(lists).report_return("floor/jazz-1", 2, order="refund-7")
    assert handler.seen == [("/v1/organizer/inventory/floor/jazz-1/add-stock", "refund-7", b'{"quantity":2}')] * 4
    first, lost, third = pauses
    assert 7 <= first <= 8
    assert 2 <= lost <= 3
    assert 7 <= third <= 8


def test_the_example_gives_up_in_the_end_and_does_not_repeat_what_was_refused(
    unsteady: tuple[type[Unsteady], WaitingLists, list[float]],
) -> None:
    handler, lists, pauses = unsteady
    handler.plan = [409]
    with pytest.raises(Refused, match=r"^stock_held: Some are held"):
        lists.call("POST", "/x", {})
    handler.plan = [None] * TRIES
    with pytest.raises(httpx.TransportError):
        lists.call("POST", "/x", {})
    assert len(handler.seen) == 1 + TRIES
    assert handler.seen[0][1] != handler.seen[1][1]
    assert len({key for _, key, _ in handler.seen[1:]}) == 1
    assert len(pauses) == TRIES - 1


@pytest_asyncio.fixture
async def lists(app: FastAPI, shop: Shop) -> AsyncIterator[WaitingLists]:
    """The example's client of a real service with one sold-out list."""
    await shop.stock(total=100, available=0)
    async with listening(app) as url:
        yield WaitingLists(url, shop.key)


def evening(url: str, key: str) -> subprocess.CompletedProcess[str]:
    """Run the example as its docstring says."""
    return subprocess.run(
        [sys.executable, "ticketing.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "examples",
        env={"WAITING_LIST_URL": url, "WAITING_LIST_KEY": key},
    )


async def test_a_correction_of_the_stock_undoes_no_sale(lists: WaitingLists, shop: Shop) -> None:
    platform, left = Platform(lists), [10]
    await shop.made("PUT", f"/inventory/{LIST}", {"total_stock": 100, "available_stock": 12})

    def count() -> dict[str, int]:
        counted = {"total_stock": 100, "available_stock": left[-1]}
        if len(left) == 1:  # while the platform counts, a sale
            left.append(7)
            platform.report_sale(LIST, 3, order="o-1")
        return counted

    corrected = await asyncio.to_thread(platform.correct_stock, LIST, count)
    assert corrected["available_stock"] == 7


async def test_the_example_says_in_a_sentence_what_keeps_it_from_starting(lists: WaitingLists, shop: Shop) -> None:
    # The service does not send webhooks to private addresses, so the evening ends there, each time.
    for key, why in (
        ("", "Set WAITING_LIST_KEY"),
        ("x", "unauthenticated: "),
        *[(shop.key, "invalid_request: ")] * 2,
    ):
        done = await asyncio.to_thread(evening, lists.url, key)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
        assert why in done.stderr


async def test_a_pass_that_is_altered_is_not_even_sent(lists: WaitingLists, shop: Shop) -> None:
    await shop.join("ada")
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    good: str = (await shop.entry("ada"))["purchase_pass"]
    held = await asyncio.to_thread(lists.check_pass, good)
    assert (held["sub"], held["tickets"]) == ("ada", 1)
    head, _, signature = good.split(".")
    forged = jwt.encode(held | {"tickets": 9}, "x" * 32, algorithm="HS256").split(".")[1]
    for bad in (f"{head}.{forged}.{signature}", jwt.encode(held, "x" * 32, algorithm="HS256")):
        with pytest.raises(jwt.PyJWTError):
            await asyncio.to_thread(Platform(lists).checkout, "ada", bad, order="order-1")
    assert (await shop.entry("ada"))["status"] == "ready"


async def test_the_example_does_the_work_that_a_list_asks_for(lists: WaitingLists, shop: Shop, easy: None) -> None:
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
    token = await shop.token("ada")
    entry = await asyncio.to_thread(join, lists.url, token, LIST, 1)
    assert (entry["user_id"], entry["position"]) == ("ada", 1)
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        await asyncio.to_thread(join, lists.url, token, LIST, 1)
