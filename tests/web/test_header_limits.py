"""Requests as raw bytes: the service drops incomplete ones, and no client can take its memory or time."""

import asyncio
import os
import random
import socket
import struct
from pathlib import Path

import pytest

from tests.support.attacked import Scene, Wire, statuses, wire
from tests.support.shop import LIST
from tests.support.until import until
from tests.web.test_http import unchanged
from waiting_list.web import header_limits

BUY = f"/v1/organizer/waiting-lists/{LIST}/entries/ada/purchase"
STOCK = f"/v1/organizer/inventory/{LIST}/add-total-stock"
REMOVE = f"/v1/organizer/waiting-lists/{LIST}/entries/ada"
LEAVE = f"/v1/user/waiting-lists/{LIST}/entry"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
JSON = b"Content-Type: application/json\r\n"
VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


def head(method: str, path: str, credentials: str = "", more: bytes = b"") -> bytes:
    bearer = f"Authorization: Bearer {credentials}\r\n" if credentials else ""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{bearer}".encode() + more


async def cut(raw: Wire, request: bytes, how: str) -> bytes:
    """Sends what there is of a request, and goes: in order, in one direction only, or without a word. What is said
    to that."""
    reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
    writer.write(request)
    await writer.drain()
    await raw.lives()  # by now it was read
    match how:
        case "close":
            writer.close()
        case "half":
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 5)
        case "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
    await raw.lives()
    return b""


async def partial_requests(scene: Scene) -> dict[str, bytes]:
    """One of every kind that would change something if what has come of it were all."""
    key, link = scene.shop.key, await link_of(scene)
    ada = await scene.shop.token("ada")
    chunked = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    return {
        "a purchase without its body": head("POST", BUY, key, JSON + b"Content-Length: 15\r\n\r\n"),
        "a purchase with half of it": head("POST", BUY, key, JSON + b'Content-Length: 15\r\n\r\n{"quanti'),
        "a purchase but for a byte": head("POST", BUY, key, JSON + b"Content-Length: 3\r\n\r\n{}"),
        "a purchase without its last chunk": head("POST", BUY, key, chunked + b"2\r\n{}\r\n"),
        "a purchase without any chunk": head("POST", BUY, key, chunked),
        "a purchase with an Idempotency-Key": head(
            "POST", BUY, key, JSON + b"Idempotency-Key: k\r\nContent-Length: 15\r\n\r\n"
        ),
        "stock": head("POST", STOCK, key, JSON + b'Content-Length: 16\r\n\r\n{"quantity": 1}'),
        "a removal": head("DELETE", REMOVE, key, JSON + b"Content-Length: 2\r\n\r\n"),
        "leaving": head("DELETE", LEAVE, ada, JSON + b"Content-Length: 2\r\n\r\n"),
        "a private link's form": head("POST", f"{link}/leave", more=FORM + b"Content-Length: 12\r\n\r\n"),
        "a private link's form but for two bytes": head(
            "POST", f"{link}/change", more=FORM + b"Content-Length: 18\r\n\r\ntickets_wanted=1"
        ),
        "one click to unsubscribe": head(
            "POST", f"{link}/unsubscribe", more=FORM + b"Content-Length: 26\r\n\r\nList-Unsubscribe=One"
        ),
    }


async def link_of(scene: Scene, user_id: str = "ada") -> str:
    made = await scene.shop.made("POST", f"/waiting-lists/{LIST}/entries/{user_id}/link")
    return made["url"].removeprefix("http://127.0.0.1:8000")


@pytest.mark.parametrize("how", ["close", "half", "reset"])
async def test_a_request_that_did_not_arrive_whole_is_not_done(fresh: Scene, how: str) -> None:
    requests = await partial_requests(fresh)
    async with wire(fresh.app) as raw:
        for name, request in requests.items():
            async with unchanged(fresh.app):
                assert await cut(raw, request, how) == b"", name
                assert await raw.lives()


async def test_the_honest_retry_of_a_request_that_was_cut_off_is_done(fresh: Scene) -> None:
    request = (await partial_requests(fresh))["a purchase with an Idempotency-Key"]
    async with wire(fresh.app) as raw:
        await cut(raw, request, "close")
        assert statuses(await raw.said(request + b'{"quantity": 1}')) == [200]
    assert (await fresh.entry_of("ada"))["left_reason"] == "bought"


async def test_a_form_that_does_not_say_what_its_reader_has_seen_asks_again(fresh: Scene) -> None:
    link = await link_of(fresh)
    async with unchanged(fresh.app):
        for form in ({}, {"shown": ""}, {"shown": "1 waiting"}):
            answer = await fresh.http.post(f"{link}/leave", data=form)
            assert answer.status_code == 200
            assert 'name="shown" value="1 ready"' in answer.text


async def test_a_purchase_says_what_it_means(fresh: Scene) -> None:
    async with unchanged(fresh.app):
        for body in (b"", b"null", b"[]", b"true", b'""'):
            answer = await fresh.http.post(
                BUY,
                content=body,
                headers={"Authorization": f"Bearer {fresh.shop.key}", "Content-Type": "application/json"},
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), body
    assert (await fresh.shop.made("POST", BUY.removeprefix("/v1/organizer"), {}))["left_reason"] == "bought"


GET_UPGRADED = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n"
UPGRADES = {
    "as Java's HttpClient asks by itself": b"Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 15\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17\r\n",
    "to a WebSocket": b"Connection: Upgrade\r\nContent-Length: 15\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade: websocket\r\n",
    "to TLS": b"Content-Length: 15\r\nUpgrade: TLS/1.2\r\nConnection: keep-alive, Upgrade\r\n",
    "twice": b"Content-Length: 15\r\nUpgrade: h2c\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
}


@pytest.mark.parametrize("name", UPGRADES)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_request_that_asks_for_an_upgrade_is_done_as_it_is(
    fresh: Scene,
    name: str,
    size: int,
) -> None:
    await fresh.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})  # bob is ready as well
    request = head("POST", BUY, fresh.shop.key, JSON + UPGRADES[name] + b'\r\n{"quantity": 1}') + VERSION
    async with wire(fresh.app) as raw:
        answer = await raw.said(*(request[at : at + size] for at in range(0, len(request), size)))
    assert statuses(answer) == [200, 200]
    assert b'"version"' in answer
    stock = await fresh.shop.made("GET", f"/inventory/{LIST}")
    assert (stock["total_stock"] - 97, stock["available_stock"]) == (3, 3)


async def test_a_chunked_body_with_an_upgrade_is_read(fresh: Scene) -> None:
    request = head(
        "POST",
        BUY,
        fresh.shop.key,
        JSON + b"Transfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        b'f\r\n{"quantity": 1}\r\n0\r\n\r\n',
    )
    async with wire(fresh.app) as raw:
        assert statuses(await raw.said(request + VERSION)) == [200, 200]


async def test_an_upgrade_without_the_whole_body_is_not_done(fresh: Scene) -> None:
    request = head("POST", BUY, fresh.shop.key, JSON + UPGRADES["to a WebSocket"] + b"\r\n{}")
    async with wire(fresh.app) as raw, unchanged(fresh.app):
        await cut(raw, request, "close")


@pytest.mark.parametrize(
    "request_",
    [
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
        GET_UPGRADED % b"h2c" + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        GET_UPGRADED % b"websocket" + b"\x81\x85\x01\x02\x03\x04",
    ],
    ids=["a tunnel", "HTTP/2 without waiting", "a frame without waiting"],
)
async def test_what_follows_an_upgrade_that_was_not_granted_is_no_http(scene: Scene, request_: bytes) -> None:
    async with wire(scene.app) as raw:
        found = statuses(await raw.said(request_))
        assert found[-1] == 400
        assert found[:-1] in ([], [200])
        assert await raw.lives()


async def test_whoever_sends_requests_ahead_is_answered_in_order(scene: Scene) -> None:
    paths = [f"/nothing/{n}" for n in range(2000)]
    request = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    async with wire(scene.app) as raw:
        answer = await raw.said(request, seconds=30)
    assert [part.split(b'"')[0].decode() for part in answer.split(b'"instance":"')[1:]] == paths


@pytest.mark.parametrize("seed", range(20))
async def test_requests_mean_the_same_however_their_bytes_arrive(fresh: Scene, seed: int) -> None:
    chance = random.Random(seed)
    add = b'{"quantity": 1}'
    kinds = {
        VERSION: 0,
        head("GET", "/nothing") + b"\r\n": 0,
        head("POST", STOCK, fresh.shop.key, JSON + b"Content-Length: 15\r\n\r\n" + add): 1,
        head("POST", STOCK, fresh.shop.key, JSON + b"Content-Length: 3000\r\n\r\n" + add.ljust(3000)): 1,
        head("POST", STOCK, fresh.shop.key, JSON + UPGRADES["to TLS"] + b"\r\n" + add): 1,
        head("POST", STOCK, fresh.shop.key, JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        + b'8\r\n{"quanti\r\n7\r\nty": 1}\r\n0\r\n\r\n': 1,
    }
    sent = chance.choices([*kinds], k=30)
    data, parts = b"".join(sent), []
    while data:
        size = chance.choice((1, 3, 100, 1023, 1024, 1025, 5000))
        parts.append(data[:size])
        data = data[size:]
    before = (await fresh.shop.made("GET", f"/inventory/{LIST}"))["total_stock"]
    async with wire(fresh.app) as raw:
        found = statuses(await raw.said(*parts))
    assert found == [404 if b"/nothing" in one else 200 for one in sent]
    after = (await fresh.shop.made("GET", f"/inventory/{LIST}"))["total_stock"]
    assert after - before == sum(kinds[one] for one in sent)


async def test_a_long_body_that_was_sent_ahead_arrives(fresh: Scene) -> None:
    body = b'{"quantity": 1}' + b" " * 30_000
    ahead = head("POST", STOCK, fresh.shop.key, JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    async with wire(fresh.app) as raw:
        assert statuses(await raw.said((VERSION + ahead) * 5)) == [200] * 10
    assert (await fresh.shop.made("GET", f"/inventory/{LIST}"))["total_stock"] == 105


async def test_what_is_no_http_is_refused_after_the_requests_before_it(fresh: Scene) -> None:
    good = head("POST", STOCK, fresh.shop.key, JSON + b'Content-Length: 15\r\n\r\n{"quantity": 1}')
    for bad in (
        b"nonsense\r\n\r\n",
        head("POST", STOCK, fresh.shop.key, JSON + b"Transfer-Encoding: chunked\r\n\r\nz"),
    ):
        async with wire(fresh.app) as raw:
            assert statuses(await raw.said(good + good + bad)) == [200, 200, 400]
            async with unchanged(fresh.app):
                assert statuses(await raw.said(bad)) == [400]


async def test_requests_sent_ahead_take_no_memory_and_no_turn_of_others(scene: Scene) -> None:
    most = 0

    class Counted(header_limits.HeaderLimits):
        def on_headers_complete(self) -> None:
            nonlocal most
            super().on_headers_complete()
            most = max(most, len(self.pipeline))

    ahead = b"GET /version HTTP/1.1\r\n\r\n" * 80_000
    async with wire(scene.app, protocol=Counted) as raw:
        before = memory()
        flood = [await asyncio.open_connection("127.0.0.1", raw.port) for _ in range(20)]
        for _, writer in flood:
            writer.write(ahead)
        for _ in range(20):
            assert await asyncio.wait_for(raw.lives(), 10)
        # Nobody reads the answers: so no more than those that fit into the sockets are made.
        assert most <= header_limits._SLICE_BYTES // 18
        assert memory() - before < 100_000_000 + len(ahead)
        for _, writer in flood:
            writer.transport.abort()


def memory() -> int:
    """What this process has of the machine's memory, in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_a_stream_ends_with_its_reader_also_when_more_was_sent_ahead(fresh: Scene) -> None:
    token = await fresh.shop.token("bob")
    watching = fresh.app.state.service.live
    async with wire(fresh.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        writer.write(head("GET", f"{LEAVE}/live", token) + b"\r\n" + VERSION * 3)
        await asyncio.wait_for(reader.readuntil(b"retry"), 5)
        assert any(watching._watchers.values())
        writer.close()

        async def none_watches() -> bool:
            return not any(watching._watchers.values())

        await until(none_watches)


async def test_headers_that_do_not_end_put_nothing_into_the_answer_before_them(
    fresh: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(header_limits, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(header_limits, "_LOOK_SECONDS", 0.1)
    token = await fresh.shop.token("bob")
    async with wire(fresh.app) as raw:
        answer = await raw.said(head("GET", f"{LEAVE}/live", token) + b"\r\nGET /ver", seconds=3)
        assert statuses(answer) == [200]


async def test_whoever_reads_nothing_of_a_large_answer_is_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "READER_SECONDS", 0.5)
    monkeypatch.setattr(header_limits, "_LOOK_SECONDS", 0.1)
    large = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    async with wire(scene.app) as raw:
        for ending in (b"", large.replace(b"Host", b"Connection: close\r\nHost")):
            with socket.socket() as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect(("127.0.0.1", raw.port))
                slow.setblocking(False)
                await asyncio.get_running_loop().sock_sendall(slow, large * 100 + ending)

                async def none_is_open() -> bool:
                    return not header_limits.HeaderLimits._open

                await until(none_is_open, seconds=20)


async def test_whoever_reads_slowly_is_served(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_limits, "READER_SECONDS", 1.5)
    monkeypatch.setattr(header_limits, "_LOOK_SECONDS", 0.1)
    large, wanted = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 30
    async with wire(scene.app) as raw:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", raw.port))
            slow.setblocking(False)
            loop, got = asyncio.get_running_loop(), b""
            await loop.sock_sendall(slow, large * wanted)
            began = loop.time()
            # A line that is slow, not a reader who is gone.
            while loop.time() - began < 2 * header_limits.READER_SECONDS:
                got += await loop.sock_recv(slow, 4096)
                await asyncio.sleep(0.01)
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            while got.count(b"HTTP/1.1 200") < wanted:
                part = await asyncio.wait_for(loop.sock_recv(slow, 1 << 20), 5)
                assert part, "dropped"
                got += part
