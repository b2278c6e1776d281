"""Requests as bytes: what has not arrived whole is not done, and nobody can take the server's memory or time."""

import asyncio
import socket
import struct

import pytest

from tests.attacked import Scene, Wire, statuses, wire
from tests.shop import LIST
from tests.test_http import unchanged

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
