"""A plain call runs without FastAPI's dependencies, and takes and refuses exactly what FastAPI would."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from uvicorn.config import Config
from uvicorn.server import ServerState

from tests.support.shop import LIST, Shop
from waiting_list.app import ROUTERS
from waiting_list.lists.models import Entry
from waiting_list.pages.unknown import on_http_error, on_problem
from waiting_list.problems import Problem, Unavailable
from waiting_list.web.direct_calls import is_plain, plain_handler
from waiting_list.web.header_limits import HeaderLimits, write_answer
from waiting_list.web.problem_responses import on_invalid
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import DirectCalls, Route

CROWDED = {"join", "get_entry", "change", "leave", "get_queue", "get_waiting_list", "buy", "join_for_user"}
"""The calls that come by the thousand."""
BODIES = [
    b"",
    b"{}",
    b" {} ",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{",
    b'{"tickets_wanted": 1}',
    b'{"tickets_wanted": 1, "tickets_wanted": 2}',
    b'{"tickets_wanted": NaN}',
    b'{"tickets_wanted": "two"}',
    b'{"tickets_wanted": true}',
    b'{"tickets_wanted": 2, "unknown": 1}',
    b'{"tickets_wanted": 999999999999999999999}',
    b'{"quantity": -1}',
    b"\xff\xfe",
    b"[" * 5000,
    b'{"user_id": "\\ud800"}',
]
IDS = ["a", "%00", "x" * 201, "%20", "%C3%A4"]
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
PLAIN = [route for route in ROUTES if is_plain(route)]


class ByFastAPI(APIRoute):
    """Run by FastAPI, with the request that our handlers get."""

    def handler(self) -> Callable[[Any], Coroutine[Any, Any, Response]]:
        return super().get_route_handler()

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = self.handler()

        async def handle(request: Request) -> Response:
            return await handler(ApiRequest(request.scope, request.receive))

        return handle


class Directly(ByFastAPI):
    def handler(self) -> Callable[[Any], Coroutine[Any, Any, Response]]:
        return plain_handler(self)  # type: ignore[return-value]


def client(kind: type[APIRoute]) -> httpx.AsyncClient:
    """Every plain call, which answers what it was given."""

    def told(route: Route) -> APIRoute:
        @wraps(route.endpoint)
        async def tell(**given: Any) -> Response:
            names = {name: repr(value) for name, value in given.items() if not isinstance(value, Request)}
            return Response(str(sorted(names.items())))

        return kind(route.path, tell, methods=route.methods)

    handlers: dict[Any, Any] = {
        Problem: on_problem,
        RequestValidationError: on_invalid,
        HTTPException: on_http_error,
    }
    app = FastAPI(routes=[told(route) for route in PLAIN], exception_handlers=handlers)
    app.state.service = None
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service")


async def test_a_direct_call_takes_and_refuses_what_fastapi_does() -> None:
    seen = set()
    async with client(ByFastAPI) as fastapi, client(Directly) as direct:
        for route in PLAIN:
            (method,) = route.methods or ()
            names = list(route.param_convertors)
            paths = [route.path_format.format(**dict.fromkeys(names, one)) for one in (IDS if names else ["a"])]
            bodies = BODIES if route.dependant.body_params else [b"", b"{"]
            for path, body in [(paths[0], body) for body in bodies] + [(path, b"{}") for path in paths]:
                headers = {"Content-Type": "application/json"} if body else {}
                one, other = [
                    await http.request(method, path, content=body, headers=headers) for http in (fastapi, direct)
                ]
                case = f"{method} {path} {body[:40]!r}"
                assert (other.status_code, other.text) == (one.status_code, one.text), case
                seen.add(one.status_code)
    assert seen == {200, 422}


async def test_what_was_valid_once_is_what_it_says_again() -> None:
    async with client(Directly) as direct:

        async def told(offer_id: str, body: dict[str, Any]) -> str:
            return (await direct.post(f"/v1/user/waiting-lists/{offer_id}/r/entry", json=body)).text

        for offer_id in ("first", "second", "first"):
            for wanted in (1, 2, 1):
                text = await told(offer_id, {"tickets_wanted": wanted})
                assert f"tickets_wanted={wanted}," in text
                assert offer_id in text
        for name in ("Ada", "Bob"):
            assert name in await told("first", {"tickets_wanted": 1, "name": name})


def test_what_comes_by_the_thousand_runs_directly() -> None:
    """A query parameter, a header or a dependency would make FastAPI run the call."""
    assert {route.operation_id for route in PLAIN} >= CROWDED


def test_a_request_belongs_to_its_first_route_also_where_that_is_not_plain() -> None:
    calls = DirectCalls(ROUTES)
    for route in ROUTES:
        for method in route.methods or ():
            path = route.path_format.format(**dict.fromkeys(route.param_convertors, "a"))
            scope = {"type": "http", "method": method, "path": path}
            first = next(one for one in ROUTES if method in (one.methods or ()) and one.path_regex.match(path))
            assert calls.find(scope) is (first if is_plain(first) else None)


class Recorded(asyncio.Transport):
    """A connection that keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.has_written = asyncio.Event()

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.writes.append(data)
        self.has_written.set()

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


def _loaded(app: FastAPI) -> Config:
    config = Config(app, log_config=None)
    config.load()
    return config


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_answer_is_one_write(app: FastAPI, method: str) -> None:
    protocol, transport = HeaderLimits(config=_loaded(app), server_state=ServerState(), app_state={}), Recorded()
    protocol.connection_made(transport)
    path = "/v1/user/waiting-lists/none/none"
    protocol.data_received(f"{method} {path} HTTP/1.1\r\nHost: service\r\nX-Request-Id: mine\r\n\r\n".encode())
    await asyncio.wait_for(transport.has_written.wait(), 10)
    (written,) = transport.writes
    head, _, body = written.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 404 Not Found"
    assert {"x-request-id: mine", "access-control-allow-origin: *", "cache-control: private, no-store"} <= {*lines}
    told = next(int(line.partition(": ")[2]) for line in lines if line.startswith("content-length: "))
    assert len(body) == (told if method == "GET" else 0) < told + 1
    assert protocol.cycle.response_complete
    protocol.connection_lost(None)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_stream_that_does_not_begin_leaves_no_watcher(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Its reader leaves while the entry is read, or there is an outage at the first event."""
    await shop.stock()
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", {"user_id": "ada", "tickets_wanted": 1})
    token, service = await shop.token("ada"), app.state.service

    async def unavailable(_: Entry) -> Entry:
        raise Unavailable("There is no database.")

    if fails:
        monkeypatch.setattr(service.streams, "with_pass", unavailable)
    server = ServerState()
    protocol, transport = HeaderLimits(config=_loaded(app), server_state=server, app_state={}), Recorded()
    protocol.connection_made(transport)
    head = f"GET /v1/user/waiting-lists/{LIST}/entry/live HTTP/1.1\r\nHost: service\r\n"
    protocol.data_received(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
    tasks = [*server.tasks]
    assert len(tasks) == 1
    if not fails:
        protocol.connection_lost(None)
    await asyncio.wait_for(asyncio.wait(tasks), 10)
    assert not service.live._watchers
    if fails:
        protocol.connection_lost(None)


async def test_a_header_never_begins_another_one(app: FastAPI) -> None:
    protocol, transport = HeaderLimits(config=_loaded(app), server_state=ServerState(), app_state={}), Recorded()
    protocol.connection_made(transport)
    protocol.data_received(b"GET /version HTTP/1.1\r\nHost: service\r\n\r\n")
    for value in (b"a\r\nset-cookie: b", b"a\nb", b"\x00"):
        with pytest.raises(ValueError, match="control character"):
            await write_answer(protocol.cycle, 200, [(b"etag", value)], b"")
    assert transport.writes == []
    protocol.connection_lost(None)
