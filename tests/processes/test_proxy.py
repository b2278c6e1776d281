"""The service behind the proxies of ops/proxy, as real processes: which requests reach it, and which do not."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.below_path import PATH, walk
from tests.support.ports import free_port
from tests.support.proxies import (
    CONFIGURATIONS,
    PROGRAMS,
    STRIPPING,
    Proxy,
    Recorder,
    program,
    proxied,
    recording,
)
from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.demo.data import load_demo
from waiting_list.page_addresses import PRIVATE_LINKS
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

STRANGER = "127.0.0.9"
SECRET = "Gh7secretGh7"


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    """Each proxy that is here: `make check-proxies` installs all three, and sets TEST_PROXIES."""
    if program(request.param) is None:
        assert not os.environ.get("TEST_PROXIES"), f"there is no {request.param}"
        pytest.skip(f"there is no {request.param}: make check-proxies installs it")
    return str(request.param)


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[Recorder]:
    async with recording() as recorder:
        yield recorder


@pytest_asyncio.fixture
async def proxy(name: str, recorder: Recorder, tmp_path: Path) -> AsyncIterator[Proxy]:
    """In front of the recorder."""
    async with proxied(name, tmp_path, recorder.port) as proxy:
        yield proxy


async def test_the_proxy_alone_says_where_a_request_comes_from(proxy: Proxy, recorder: Recorder) -> None:
    forged = [
        ("X-Forwarded-For", "8.8.8.8"),
        ("X-Forwarded-For", "9.9.9.9"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Host", "stranger.example"),
        ("Forwarded", "for=8.8.8.8;host=stranger.example"),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
        ("X-Request-Id", "theirs"),
    ]
    async with proxy.client(local_address=STRANGER, headers=forged) as client:
        answer = await client.post("/v1/user/x", json={"tickets_wanted": 1})
    assert answer.status_code == 200
    said = recorder.headers()
    values = {name: [value for other, value in said if other == name] for name, _ in said}
    assert values["x-forwarded-for"] == [STRANGER]
    assert values["x-forwarded-proto"] == ["https"]
    assert values["host"] == [f"localhost:{proxy.port}"]
    assert values["x-request-id"] != ["theirs"]
    assert len(values["x-request-id"]) == 1
    assert not values.keys() & {"forwarded", "x-forwarded-host", "upgrade"}
    assert "upgrade" not in " ".join(values.get("connection", [])).lower()
    assert recorder.requests[-1].endswith(b'{"tickets_wanted":1}')


async def test_connections_to_the_service_stay_open(proxy: Proxy, recorder: Recorder) -> None:
    async with proxy.client() as client:
        for number in range(10):
            assert (await client.get(f"/{number}")).status_code == 200
    assert len(recorder.requests) == 10
    assert recorder.connections <= 2


@pytest.mark.parametrize(
    "path", ["/v1/user/waiting-lists/o/r/entry/live", "/waiting-lists/o/r/place/live", "/e/x/live"]
)
async def test_an_event_is_handed_on_at_once_and_who_leaves_a_stream_leaves_the_service(
    proxy: Proxy, recorder: Recorder, path: str
) -> None:
    # HAProxy notices as it writes: with the next comment.
    recorder.talks = proxy.name == "haproxy"
    async with proxy.client() as client, asyncio.timeout(10):
        async with client.stream("GET", path) as stream:
            assert await anext(stream.aiter_lines()) == "data: 1"
        await recorder.left.wait()


async def test_what_has_been_sent_is_sent_once(proxy: Proxy, recorder: Recorder) -> None:
    for method in ("POST", "PATCH"):
        async with proxy.client() as client:
            assert (await client.request(method, "/drop", json={})).status_code == 502
    assert recorder.asked() == ["POST /drop", "PATCH /drop"]


def posted(path: str, body: bytes, length: int | str) -> bytes:
    """A request whose body may be only a part of it."""
    how = f"Content-Length: {length}" if isinstance(length, int) else f"Transfer-Encoding: {length}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{how}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("length", "parts"), [(15, (b'{"quan', b'tity": 1}')), ("chunked", (b"2\r\n{}\r\n", b"0\r\n\r\n"))]
)
async def test_a_request_reaches_the_service_once_it_has_come_whole(
    proxy: Proxy, recorder: Recorder, length: int | str, parts: tuple[bytes, bytes]
) -> None:
    _, cut = await proxy.connect()
    cut.write(posted("/cut", parts[0], length))
    await cut.drain()
    cut.close()
    reader, slow = await proxy.connect()
    slow.write(posted("/slow", parts[0], length))
    await slow.drain()
    async with proxy.client() as client:
        for _ in range(3):
            assert (await client.get("/other")).status_code == 200
        assert recorder.asked() == ["GET /other"] * 3
        # Caddy passes on what comes as it comes: the service sees the cut.
        assert recorder.begun == 3 or proxy.name == "caddy"
        slow.write(parts[1])
        assert b" 200 " in await asyncio.wait_for(reader.readline(), 20)
        slow.close()
        assert (await client.get("/other")).status_code == 200
    assert recorder.asked() == ["GET /other"] * 3 + ["POST /slow", "GET /other"]


async def test_a_body_that_stalls_reaches_the_service_never_and_is_not_acknowledged(
    name: str, tmp_path: Path, recorder: Recorder
) -> None:
    async with proxied(name, tmp_path, recorder.port, seconds=1) as proxy:
        for length, part in ((15, b'{"quan'), ("chunked", b"4\r\na=12\r\n")):
            reader, stalled = await proxy.connect()
            stalled.write(posted("/stalled", part, length))
            # Caddy waits for as long as the service does.
            with contextlib.suppress(TimeoutError):
                assert b" 200 " not in await asyncio.wait_for(reader.readline(), 3)
            stalled.close()
        assert recorder.requests == []
        assert recorder.begun == 0 or name == "caddy"


async def test_a_body_without_a_length_is_bounded_too(proxy: Proxy, recorder: Recorder) -> None:
    _, writer = await proxy.connect()
    body = b"".join(b"2710\r\n%b\r\n" % (b"x" * 10_000) for _ in range(30))
    with contextlib.suppress(ConnectionError):
        writer.write(posted("/huge", body + b"0\r\n\r\n", "chunked"))
        await writer.drain()
        writer.close()
    async with proxy.client() as client:
        await client.get("/other")
    assert recorder.asked() == ["GET /other"]


async def test_the_same_is_true_of_http_2(proxy: Proxy, recorder: Recorder) -> None:
    async def curl(*options: str) -> asyncio.subprocess.Process:
        certificate = ("--cacert", str(proxy.folder / "certificate.pem"))
        command = ["curl", "--silent", "--http2", "--max-time", "20", *certificate, *options]
        return await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    forged = ("--header", "X-Forwarded-For: 8.8.8.8", "--header", "Forwarded: for=8.8.8.8")
    asked = await curl(*forged, "--data", "{}", "--write-out", " %{http_version}", f"{proxy.url}/first")
    assert (await asked.communicate())[0] == b"{} 2"
    values = [value for header, value in recorder.headers() if header in ("x-forwarded-for", "forwarded")]
    assert values == ["127.0.0.1"]
    # It sends what it reads, and the end never comes.
    cut = await curl("--request", "POST", "--upload-file", ".", f"{proxy.url}/cut")
    assert cut.stdin
    cut.stdin.write(b"quantity=12")
    await cut.stdin.drain()
    stream = await curl("--no-buffer", f"{proxy.url}/e/x/live")
    assert stream.stdout
    assert await asyncio.wait_for(stream.stdout.readline(), 20) == b"data: 1\n"
    for process in (cut, stream):
        process.kill()
        await process.wait()
    await asyncio.wait_for((await curl(f"{proxy.url}/last")).communicate(), 20)
    assert recorder.asked() == ["POST /first", "GET /e/x/live", "GET /last"]
    assert recorder.begun == 3 or proxy.name == "caddy"


def secret_paths() -> list[str]:
    """Every path of the service with a secret in it, and ways to write it that lead to the same page."""
    paths = [getattr(route, "path", "") for route in create_app(Settings()).routes]
    secret = [
        re.sub(r"{\w+}", "x", re.sub(r"{(?:token|code|user_id|anything:path)}", SECRET, path))
        for path in paths
        if re.search(r"{(?:token|code|user_id)}", path) or path.startswith((PRIVATE_LINKS, "/sign-in/"))
    ]
    assert len(secret) > 20
    assert all(SECRET in path for path in secret if path != "/sign-in/with-token")
    return [
        *secret,
        f"//e/{SECRET}",
        f"/%65/{SECRET}",
        f"/e%2f{SECRET}",
        f"/e/..%2fe/{SECRET}",
        f"/./e/{SECRET}",
        f"/%73ign-in/{SECRET}",
        f"{PATH}/e/{SECRET}",
        f"{PATH}/sign-in/{SECRET}",
        f"/?next=/e/{SECRET}",
        f"/v1/user/events?access_token={SECRET}",
        f"/v1/organizer/%75sers/{SECRET}/export",
        f'/"\\/sign-in/{SECRET}',
    ]


async def test_no_private_link_gets_into_a_log(proxy: Proxy, recorder: Recorder) -> None:
    paths = secret_paths()
    head = f"Host: localhost\r\nReferer: https://localhost/e/{SECRET}\r\nConnection: close\r\n"
    for path in paths:
        assert await proxy.status(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()) < 500, path
    odd = [
        f"GET /e/{SECRET}/drop HTTP/1.1\r\n{head}\r\n",  # the service fails
        f"GET {PATH}/e/{SECRET}/drop HTTP/1.1\r\n{head}\r\n",
        f"GET {PATH}/e/{SECRET}/live/drop HTTP/1.1\r\n{head}\r\n",
        f"GET /sign-in/{SECRET}?/drop HTTP/1.1\r\n{head}\r\n",
        f"POST /e/{SECRET}/leave HTTP/1.1\r\n{head}Content-Length: 10000000\r\n\r\n"
        + "x" * 100_000,  # more than is taken
        f"GET /e/{SECRET} HTTP/9.1\r\n{head}\r\n",
        f"GET /e/{SECRET} {SECRET} HTTP/1.1\r\n{head}\r\n",
        f"GET /e/{SECRET} HTTP/1.1\r\n{head}Bad header {SECRET}\r\n\r\n",
    ]
    for raw in odd:
        assert await proxy.status(raw.encode()), raw
    async with proxy.client() as client:
        await client.get("/last-of-all")

    async def is_logged() -> bool:
        return "/last-of-all" in proxy.logs()

    await until(is_logged)
    logs = proxy.logs()
    assert logs.count("/sign-in/") >= 2
    lines = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    assert len(lines) > len(paths)
    assert "/v1/organizer/" in logs
    assert not [line for line in logs.splitlines() if SECRET in line]
    assert sum(SECRET.encode() in one for one in recorder.requests) >= len(paths) - 2


async def test_what_is_for_who_runs_the_service_is_not_for_strangers(proxy: Proxy, recorder: Recorder) -> None:
    for path in ("/metrics", "/metrics/", "/metrics?x", "/%6detrics", "/health/live", "/health/ready", "/health"):
        assert await proxy.status(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) == 404, path
    assert recorder.requests == []


async def test_strangers_are_sent_to_tls_and_other_names_are_refused(proxy: Proxy, recorder: Recorder) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{proxy.plain_url}/my-lists?a=b")
        assert answer.status_code == 308
        location = answer.headers["Location"].replace(f":{proxy.port}", "")
        assert location == "https://localhost/my-lists?a=b"
    reader, writer = await proxy.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: stranger.example\r\nConnection: close\r\n\r\n")
    line = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    assert not line or line.split()[1] in (b"421", b"200")
    assert recorder.requests == []


async def test_the_picture_of_a_queue_is_asked_for_once_and_no_other_answer_is_kept(
    tmp_path: Path, recorder: Recorder
) -> None:
    if program("nginx") is None:
        pytest.skip("there is no nginx: make check-proxies installs it")
    async with proxied("nginx", tmp_path, recorder.port) as proxy, proxy.client() as client:
        place = f"/v1/user/waiting-lists/{LIST}"
        await asyncio.gather(*(client.get(f"{place}/queue") for _ in range(20)))
        # Once, or once more where a second has gone by.
        assert 1 <= len(recorder.requests) <= 3
        recorder.requests.clear()
        await asyncio.gather(*(client.get(f"{place}/entry") for _ in range(20)))
        assert len(recorder.requests) == 20


@contextlib.asynccontextmanager
async def served(dsn: str, port: int, public_url: str, **more: str) -> AsyncIterator[None]:
    """The service as a process of its own, with `more` in its environment."""
    command = [sys.executable, "-m", "waiting_list", "serve", "--port", str(port)]
    environment = {"DATABASE_URL": dsn, "WAITING_LIST_PUBLIC_URL": public_url, "WAITING_LIST_DRAIN_SECONDS": "0"}
    process = subprocess.Popen(command, env=os.environ | environment | more, stdout=subprocess.DEVNULL)

    async def is_ready() -> bool:
        assert process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
        return False

    try:
        await until(is_ready, seconds=30)
        yield
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


async def buy_without_body(proxy: Proxy, key: str) -> None:
    """Sends the headers of a purchase, and hangs up."""
    path = f"/v1/organizer/waiting-lists/{LIST}/entries/ada/purchase"
    _, cut = await proxy.connect()
    cut.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost:{proxy.port}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n".encode()
    )
    await cut.drain()
    cut.close()


async def test_the_service_behind_each_proxy(name: str, tmp_path: Path, dsn: str, pool: Pool) -> None:
    key, _ = await create_api_key(pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
    upstream, front = free_port(), free_port()
    async with (
        served(dsn, upstream, f"https://localhost:{front}"),
        proxied(name, tmp_path, upstream, front) as proxy,
        proxy.client() as client,
    ):
        shop = Shop(client, key.key)
        await shop.stock()
        await shop.join("ada", 2)
        stream = f"/v1/user/waiting-lists/{LIST}/entry/live"
        headers = {"Authorization": f"Bearer {await shop.token('ada')}"}
        async with asyncio.timeout(10), client.stream("GET", stream, headers=headers) as live:
            # Each event comes while the answer goes on.
            events = (json.loads(line[6:]) async for line in live.aiter_lines() if line.startswith("data: "))
            assert (await anext(events))["status"] == "waiting"
            await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
            assert (await anext(events))["status"] == "ready"

        # Caddy passes the cut on, and the service drops it.
        await buy_without_body(proxy, key.key)
        link = (await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
        pages = [link, "/", f"/waiting-lists/{LIST}", "/dashboard/sign-in", "/nowhere", "/metrics"]
        answers = [await client.get(page) for page in pages]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 404]
        sent = await client.post("/sign-in", data={"email": "x"}, headers={"Origin": f"https://localhost:{front}"})
        assert sent.status_code == 422, "a form of ours is taken as one"
        large = await shop.organizer("PUT", "/events/ev_2", {"title": "x" * 70_000})
        problem(large, 413, "body_too_large")
        huge = await shop.organizer("PUT", "/events/ev_2", {"title": "x" * 1_000_000})
        assert huge.status_code == 413
        origin = {"Origin": f"https://localhost:{front}"}
        file = await client.post("/dashboard/events/import", data={"text": "x" * 900_000}, headers=origin)
        assert file.status_code == 303, "a form with a file passes, here to the page that asks to sign in"
        for answer in (*answers, sent, large, huge, file):
            assert answer.headers["Strict-Transport-Security"] == "max-age=63072000", answer.url
        assert (await shop.entry("ada"))["status"] == "ready"
        token = link.rpartition("/")[2]
        assert token not in proxy.logs()


@pytest.mark.parametrize("strips", [False, True], ids=["passed on", "stripped"])
async def test_every_address_answers_below_a_path_behind_each_proxy(
    name: str, strips: bool, tmp_path: Path, dsn: str, pool: Pool
) -> None:
    upstream, front = free_port(), free_port()
    url = f"https://localhost:{front}{PATH}"
    settings = {"WAITING_LIST_DEMO": "true", "WAITING_LIST_MAIL_FOLDER": str(tmp_path / "mails")}
    printed = await load_demo(pool, Settings(demo=True, public_url=url), url)
    key, link = re.findall(r"wl_\w+|http\S+/e/\S+", printed)[:2]
    async with (
        served(dsn, upstream, url, **settings),
        proxied(name, tmp_path, upstream, front, strips=strips) as proxy,
        proxy.client() as client,
    ):
        starts = ["/", "/demo/shop?fan=ines", "/docs", "/mails", "/dashboard", link.removeprefix(url)]
        reached = await walk(client, url, starts)
        assert {"/static/*", "/openapi.json", "/demo/checkout", "/e/*/live", "/dashboard/sign-in"} <= reached
        answer = await client.post(f"{url}/dashboard/sign-in", data={"api_key": key})
        assert answer.headers["location"] == f"{PATH}/dashboard"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Secure-waiting_list_organizer=")
        assert f"; Path={PATH};" in cookie
        reached = await walk(client, url, ["/dashboard", "/dashboard/webhooks"])
        assert {"/dashboard/waiting-lists/*/*/settings", "/dashboard/notices"} <= reached
        # The page without the last slash; and what is beside the path reaches the service as something unknown.
        assert (await client.get(url, follow_redirects=True)).status_code == 200
        if strips:
            assert (await client.get(f"{url}/metrics")).status_code == 404
        if name != "nginx" or not strips:  # nginx decodes what it rewrites
            slashed = await client.get(f"{url}/v1/user/waiting-lists/a%2Fb/c")
            assert slashed.json()["code"] == "inventory_not_found"


def test_the_documentation_has_the_lines_that_remove_a_path() -> None:
    page = (CONFIGURATIONS.parent.parent / "docs" / "how-to" / "put-a-proxy-in-front.md").read_text()
    for line in STRIPPING.values():
        assert f"`{line}`" in page
