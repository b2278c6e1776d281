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
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI

from import_pretix import BadFile, read, send
from tests.support.shop import LIST, Shop, listening
from ticketing import TRIES, Platform, Refused, WaitingLists, join

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "waitinglist.csv"
FLOOR = {"Product name": "Floor"}


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


def _csv(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


async def _line(shop: Shop) -> list[tuple[str, int]]:
    """The addresses of who waits, in order, and how many tickets they want."""
    page = await shop.made("GET", "/entries?status=waiting")
    found = []
    for one in page["items"]:
        kept: Any = await shop.made("GET", f"/users/{one['user_id']}/export")
        found.append((kept["contacts"][0]["email"], one["tickets_wanted"]))
    return found


async def test_everybody_is_joined_in_pretix_order_and_once_however_often(lists: WaitingLists, shop: Shop) -> None:
    fans = read(SAMPLE, only=FLOOR, repeats="add")
    for _ in range(2):
        await asyncio.to_thread(send, lists, LIST, fans)
    assert await _line(shop) == [("farid@example.org", 1), ("chloe@example.org", 1), ("eve@example.org", 2)]
    kept = await shop.made("GET", f"/users/{fans[1].user_id}/export")
    assert (kept["contacts"][0]["name"], kept["contacts"][0]["locale"]) == ("Chloé Martin", "fr")
    # Somebody who has left is not brought back.
    await shop.made("DELETE", f"/waiting-lists/{LIST}/entries/{fans[0].user_id}")
    await asyncio.to_thread(send, lists, LIST, fans)
    assert len(await _line(shop)) == 2


async def test_an_import_that_was_refused_goes_on_where_it_stopped(
    lists: WaitingLists, shop: Shop, tmp_path: Path
) -> None:
    bad = _csv(tmp_path, ("chloe@example.org", "chloe@-example"))
    with pytest.raises(Refused, match=r"^invalid_request") as caught:
        await asyncio.to_thread(send, lists, LIST, read(bad, only=FLOOR, repeats="first"))
    assert caught.value.__notes__ == ["line 4"]
    assert [email for email, _ in await _line(shop)] == ["farid@example.org"]
    await asyncio.to_thread(send, lists, LIST, read(SAMPLE, only=FLOOR, repeats="first"))
    assert await _line(shop) == [("farid@example.org", 1), ("chloe@example.org", 1), ("eve@example.org", 1)]


def test_who_has_a_good_voucher_can_be_put_before_all_others(tmp_path: Path) -> None:
    def emails(**options: str) -> list[str]:
        return [fan.email.partition("@")[0] for fan in read(SAMPLE, only=FLOOR, repeats="first", **options)]

    assert emails() == ["farid", "chloe", "eve"]
    assert emails(assigned="first") == ["bo", "farid", "chloe", "eve"]


BAD = [
    (("chloe@example.org", "chloe"), "list.csv:4: 'chloe' is no e-mail address"),
    (('"fr","0","Waiting for a voucher"', '"fr","0","Wartet"'), "list.csv:4: the status 'Wartet' is not known"),
    (('"fr","0"', '"fr","high"'), "list.csv:4: the priority 'high' is no number"),
    (("2029-05-02 10:01:00", "2029-05-02"), "list.csv:4: time data '2029-05-02' does not match"),
    (("2029-05-02 10:01:00", "2029-05-02 08:01:00"), "list.csv:4: joined before the line above"),
    (('"Email"', '"E-Mail"'), "list.csv:1: columns missing: Email"),
    (('"chloe@example.org",', ""), "list.csv:4: has not 15 cells"),
    (("Waiting for a voucher", "Waiting for a voucher"), "list.csv:7: Eve@example.org is in line 6, too"),
]


@pytest.mark.parametrize(("change", "error"), BAD, ids=[error for _, error in BAD])
def test_a_bad_row_of_pretix_is_named_by_its_line(change: tuple[str, str], error: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile) as caught:
        read(_csv(tmp_path, change), only=FLOOR)
    assert any(line.startswith(error) for line in str(caught.value).splitlines()), str(caught.value)


def test_who_has_had_their_turn_may_be_without_an_address(tmp_path: Path) -> None:
    forgotten = _csv(tmp_path, ("ada@example.org", "█"))
    assert len(read(forgotten, only=FLOOR, repeats="first")) == 3


def test_files_as_spreadsheets_write_them_are_read(tmp_path: Path) -> None:
    file = tmp_path / "excel.csv"
    file.write_text("\ufeff" + SAMPLE.read_text().replace('","', '";"').replace("\n", "\r\n"), newline="")
    assert len(read(file, only=FLOOR, repeats="add")) == 3


def test_a_column_that_does_not_exist_is_a_sentence() -> None:
    called = subprocess.run(
        [sys.executable, "import_pretix.py", str(SAMPLE), "--offer=a", "--representation=b", "--only=X=1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "examples",
        env={"WAITING_LIST_KEY": "none"},
    )
    assert called.returncode == 2
    assert "no such column: X" in called.stderr


async def test_the_example_does_the_work_that_a_list_asks_for(lists: WaitingLists, shop: Shop, easy: None) -> None:
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
    token = await shop.token("ada")
    entry = await asyncio.to_thread(join, lists.url, token, LIST, 1)
    assert (entry["user_id"], entry["position"]) == ("ada", 1)
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        await asyncio.to_thread(join, lists.url, token, LIST, 1)
