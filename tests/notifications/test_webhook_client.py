"""Deliveries over real connections on loopback. The library `standardwebhooks` checks the signatures."""

import asyncio
import contextlib
import gzip
import json
import random
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.receivers import (
    BODY,
    NEXT_SECRET,
    NOTICE,
    SECRET,
    Authority,
    Receiver,
    delivered,
    receiving,
    status,
    webhook_client,
)
from waiting_list import __version__
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.notifications.retry_policy import LONGEST_ANSWER, Outcome
from waiting_list.notifications.send_batch import CONNECTIONS_PER_HOST
from waiting_list.notifications.webhook_client import WebhookClient, signature_headers
from waiting_list.notifications.webhook_sender import WebhookSender
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

NOT_HTTP = "the answer is not HTTP"
CLOSED = "the connection was closed before an answer"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[WebhookClient]:
    """A client that may reach loopback, and has all the time that a test may take."""
    async with webhook_client() as made:
        yield made


def address(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/hook?a=1"


def signed(**changed: Any) -> dict[str, str]:
    given: dict[str, Any] = {
        "notice_id": NOTICE,
        "body": BODY.encode(),
        "secrets": [SECRET],
        "at": datetime.now(UTC),
    }
    return signature_headers(**given | changed)


def test_the_referee_accepts_a_signature() -> None:
    assert Webhook(SECRET).verify(BODY, signed()) == json.loads(BODY)


def test_the_signature_is_the_one_that_the_referee_makes() -> None:
    at = datetime(2030, 1, 31, 20, 0, 0, 999_999, tzinfo=UTC)
    assert signed(at=at) == {
        "webhook-id": str(NOTICE),
        "webhook-timestamp": "1896120000",
        "webhook-signature": Webhook(SECRET).sign(str(NOTICE), at, BODY),
    }
    assert signed(at=at.astimezone(ZoneInfo("Europe/Paris"))) == signed(at=at)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": str(uuid4())},
        {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) + 1)},
        {"webhook-signature": "v1,AAAA"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_referee_refuses_a_changed_header(changed: dict[str, str]) -> None:
    at = datetime.now(UTC) - timedelta(seconds=10)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, signed(at=at) | changed)


def test_the_referee_refuses_a_changed_body_and_another_secret() -> None:
    headers = signed()
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEXT_SECRET).verify(BODY, headers)


def test_the_referee_refuses_an_old_delivery() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, signed(at=datetime.now(UTC) - timedelta(minutes=6)))


def test_while_two_secrets_are_valid_either_verifies() -> None:
    headers = signed(secrets=[NEXT_SECRET, SECRET])
    for secret in (SECRET, NEXT_SECRET):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


async def test_a_delivery_arrives_whole_and_signed(client: WebhookClient) -> None:
    async with receiving(status(200, "thanks")) as receiver:
        attempt = await delivered(client, address(receiver), secrets=(NEXT_SECRET, SECRET))
    assert attempt[:3] == (Outcome.SENT, 200, "thanks")
    assert 0 <= attempt.latency_ms < 30_000
    head, body = receiver.requests[0]
    assert head.startswith("POST /hook?a=1 HTTP/1.1\r\n")
    assert body == BODY.encode()
    assert receiver.headers["content-type"] == "application/json"
    assert receiver.headers["user-agent"] == f"waiting-list/{__version__}"
    for secret in (SECRET, NEXT_SECRET):
        assert Webhook(secret).verify(body, receiver.headers) == json.loads(BODY)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.SENT),
        (201, Outcome.SENT),
        (202, Outcome.SENT),
        (204, Outcome.SENT),
        (299, Outcome.SENT),
        (300, Outcome.RETRY),
        (304, Outcome.RETRY),
        (400, Outcome.RETRY),
        (401, Outcome.RETRY),
        (404, Outcome.RETRY),
        (409, Outcome.RETRY),
        (410, Outcome.DEAD),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (502, Outcome.RETRY),
        (503, Outcome.RETRY),
        (999, Outcome.RETRY),
    ],
)
async def test_the_status_decides(client: WebhookClient, code: int, outcome: Outcome) -> None:
    async with receiving(status(code)) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (outcome, code, "")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(client: WebhookClient, code: int) -> None:
    async with receiving(status(200)) as target:
        answer = f"HTTP/1.1 {code} There\r\nLocation: {address(target)}\r\nContent-Length: 0\r\n\r\n".encode()
        async with receiving(answer) as receiver:
            attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.RETRY, code, "")
    assert (len(receiver.requests), target.connections) == (1, 0)


async def test_a_text_is_kept_as_one_line_without_controls(client: WebhookClient) -> None:
    text = "\x1b[31mno\x00 such\r\n\r\n\thook\x7f\x9b \u202ee\u2028vil\ufeff 🎟"
    async with receiving(status(500, text)) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt.answer == "[31mno such hook e vil 🎟"


async def test_a_text_in_no_encoding_is_kept_as_it_can_be_read(client: WebhookClient) -> None:
    head = b"HTTP/1.1 400 No\r\nContent-Type: text/plain; charset=idna\r\nContent-Length: 6\r\n\r\n"
    async with receiving(head + b"ab\xff\xfecd") as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.RETRY, 400, "ab\ufffd\ufffdcd")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
    ],
    ids=["length", "until closed", "chunked"],
)
async def test_of_an_endless_answer_only_the_beginning_is_read(client: WebhookClient, head: bytes) -> None:
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head)
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    async with receiving(flood) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.SENT, 200, "x" * LONGEST_ANSWER)
    assert written < 20_000_000


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_what_is_compressed_stays_so(client: WebhookClient, coding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
    async with receiving(head.encode() + bomb) as receiver:
        attempt = await delivered(client, address(receiver))
    assert receiver.headers["accept-encoding"] == "identity"
    assert attempt[:2] == (Outcome.SENT, 200)
    assert len(attempt.answer) <= LONGEST_ANSWER


async def _drip(text: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, until the other side is gone."""
    for byte in text:
        writer.write(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.02)
            return


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["nothing", "header"])
async def test_who_does_not_answer_in_time_is_tried_again(head: bytes) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await (_drip(b"a" * 5000, reader, writer) if head else reader.read(1))

    async with webhook_client(seconds=0.3) as client, receiving(slow) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.RETRY, None, "no answer within 0.3 s")
    assert 290 <= attempt.latency_ms < 5000


async def test_a_status_counts_though_its_text_drips() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        await _drip(b"a" * 5000, reader, writer)

    async with webhook_client(seconds=0.3) as client, receiving(slow) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:2] == (Outcome.SENT, 200)
    assert 0 < len(attempt.answer) < LONGEST_ANSWER
    assert 290 <= attempt.latency_ms < 5000


@pytest.mark.parametrize("code", [200, 410, 500])
async def test_a_status_counts_though_the_text_is_cut_off(client: WebhookClient, code: int) -> None:
    cut = f"HTTP/1.1 {code} Said\r\nContent-length: 100\r\n\r\nhello".encode()
    async with receiving(cut) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt.status == code
    assert attempt.answer == "hello"
    assert attempt.outcome is {200: Outcome.SENT, 410: Outcome.DEAD, 500: Outcome.RETRY}[code]


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"", CLOSED),
        (b"HTTP/1.1 200", CLOSED),
        (b"HTTP/1.1 200 OK\r\nX: y", CLOSED),
        (b"220 mail.example ESMTP\r\n", NOT_HTTP),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NOT_HTTP),
        (b"\x15\x03\x01\x00\x02\x02\x0a", NOT_HTTP),
        (bytes(range(256)) * 100, NOT_HTTP),
        (b"HTTP/2 200\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 2000 OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 -20 OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 " + b"O" * 100_000, NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, NOT_HTTP),
    ],
    ids=lambda value: ascii(value[:24]) if isinstance(value, bytes) else "",
)
async def test_what_is_no_answer_is_tried_again(client: WebhookClient, garbage: bytes, reason: str) -> None:
    async with receiving(garbage) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.RETRY, None, reason)


async def test_nothing_that_is_answered_is_raised(client: WebhookClient) -> None:
    chance = random.Random(7)
    whole = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-7\r\nContent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 503 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 302 There\r\nLocation: http://[::1]/\r\nSet-Cookie: a=b; Domain=.; Max-Age=x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x05hello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ]

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(answer) + 1)
            junk = bytes(chance.choice([0, 10, 13, 32, 58, 128, 255]) for _ in range(chance.randrange(3)))
            answer[at : at + chance.randrange(3)] = junk
        writer.write(answer)

    async with receiving(broken) as receiver:
        attempts = [await delivered(client, address(receiver)) for _ in range(300)]
    statuses = {attempt.status for attempt in attempts}
    assert statuses >= {None, 200, 204, 302, 503}
    assert {attempt.answer for attempt in attempts if attempt.status is None} == {NOT_HTTP, CLOSED}


async def test_interim_answers_are_passed_over(client: WebhookClient) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with receiving(interim + status(200, "now")) as receiver:
        assert (await delivered(client, address(receiver)))[:3] == (Outcome.SENT, 200, "now")


async def test_interim_answers_without_end_run_into_the_time_limit() -> None:
    async def interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
            await writer.drain()

    async with webhook_client(seconds=0.3) as client, receiving(interim) as receiver:
        attempt = await delivered(client, address(receiver))
    assert attempt[:3] == (Outcome.RETRY, None, "no answer within 0.3 s")


async def test_where_nobody_listens_the_connection_is_refused(client: WebhookClient) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        attempt = await delivered(client, f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert attempt[:3] == (Outcome.RETRY, None, "connection refused")


async def test_a_host_that_does_not_exist_is_said_so(client: WebhookClient) -> None:
    # The C library refuses such a name by itself: no server is asked.
    attempt = await delivered(client, "http://no such host/")
    assert attempt[:3] == (Outcome.RETRY, None, "no such host")


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https:///x", "https:x", "//x/", "http://x:99999/", "http://[::1/", "http://\ud800/"),
        *("http://a\\b/", f"http://{'a' * 64}.example/", "ftp://127.0.0.1/", "ws://127.0.0.1/", "tcp://x/"),
    ],
    ids=ascii,
)
async def test_what_is_no_web_address_is_said_so(client: WebhookClient, url: str) -> None:
    attempt = await delivered(client, url)
    assert attempt[:2] == (Outcome.RETRY, None)
    assert attempt.answer in ("not a web address", "only https is allowed")


async def test_a_valid_certificate_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        receiving(status(204), context=authority.context("localhost")) as receiver,
        webhook_client() as client,
    ):
        attempt = await delivered(client, f"https://localhost:{receiver.port}/")
    assert attempt[:3] == (Outcome.SENT, 204, "")


@pytest.mark.parametrize(
    ("trusted", "host", "days"),
    [(True, "other.example", 1), (True, "127.0.0.2", 1), (True, "localhost", -1), (False, "localhost", 1)],
    ids=["another host", "another address", "expired", "unknown authority"],
)
async def test_a_wrong_certificate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, host: str, days: int
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str((authority if trusted else Authority(tmp_path, "other")).file))
    context = authority.context(host, days=days)
    async with receiving(status(200), context=context) as receiver, webhook_client() as client:
        attempt = await delivered(client, f"https://localhost:{receiver.port}/")
    assert attempt[:2] == (Outcome.RETRY, None)
    assert attempt.answer.startswith("the certificate is not valid: ")
    assert receiver.requests == []


async def test_a_server_without_tls_is_no_tls_connection(client: WebhookClient) -> None:
    async with receiving(status(200)) as receiver:
        server = await asyncio.start_server(
            lambda _, writer: writer.write(b"HTTP/1.1 400 Plain\r\n\r\n"), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        attempt = await delivered(client, f"https://127.0.0.1:{port}/")
        server.close()
    assert attempt[:3] == (Outcome.RETRY, None, "no TLS connection")
    assert receiver.connections == 0


async def test_a_connection_is_used_again(client: WebhookClient) -> None:
    async with receiving(status(200, "ok")) as receiver:
        for _ in range(3):
            assert (await delivered(client, address(receiver))).status == 200
    assert (receiver.connections, len(receiver.requests)) == (1, 3)


async def test_a_connection_is_not_used_again_after_more_than_the_answer(client: WebhookClient) -> None:
    # Else the next delivery would be taken by an answer that came before it was sent.
    async with receiving(status(500) + status(200)) as receiver:
        first = await delivered(client, address(receiver))
        second = await delivered(client, address(receiver))
    assert (first.status, second.status) == (500, 500)
    assert (receiver.connections, len(receiver.requests)) == (2, 2)


async def test_no_cookie_comes_back(client: WebhookClient) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with receiving(answer) as receiver:
        for _ in range(2):
            await delivered(client, address(receiver))
    assert "cookie" not in receiver.headers


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(status(200, "proxy")) as proxy, receiving(status(200, "receiver")) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy.port}")
        async with webhook_client() as client:
            attempt = await delivered(client, address(receiver))
    assert (attempt.answer, proxy.connections) == ("receiver", 0)


async def test_one_receiver_gets_a_bounded_number_of_connections() -> None:
    together, most, full, go_on = 0, 0, asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        if together == CONNECTIONS_PER_HOST:
            full.set()
        await go_on.wait()
        together -= 1
        writer.write(status(200))

    async with webhook_client() as client, receiving(hold) as receiver, asyncio.TaskGroup() as group:
        tasks = [group.create_task(delivered(client, address(receiver))) for _ in range(20)]
        await asyncio.wait_for(full.wait(), 30)
        go_on.set()
    assert {task.result().status for task in tasks} == {200}
    assert most == CONNECTIONS_PER_HOST


async def test_a_slow_receiver_does_not_hold_up_another(client: WebhookClient) -> None:
    stuck, go_on = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stuck.set()
        await go_on.wait()
        writer.write(status(200))

    async with receiving(hold) as slow, receiving(status(200)) as quick, asyncio.TaskGroup() as group:
        tasks = [group.create_task(delivered(client, address(slow))) for _ in range(20)]
        await asyncio.wait_for(stuck.wait(), 30)
        assert (await delivered(client, address(quick))).status == 200
        assert not any(task.done() for task in tasks)
        go_on.set()


async def test_the_first_deliveries_of_a_process_share_one_client(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    make = WebhookClient.__init__

    def counting(client: WebhookClient, *arguments: Any, **options: Any) -> None:
        made.append(client)
        make(client, *arguments, **options)

    monkeypatch.setattr(WebhookClient, "__init__", counting)
    sender = WebhookSender(pool, Settings(), SigningKeys(pool))
    assert await asyncio.gather(*(sender.send_due(uuid4(), "wh_unknown") for _ in range(4))) == [0] * 4
    await sender.close()
    assert len(made) == 1
