"""A plain call runs without FastAPI's dependencies, and takes and refuses exactly what FastAPI would."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from waiting_list.app import ROUTERS
from waiting_list.pages.unknown import on_http_error, on_problem
from waiting_list.problems import Problem
from waiting_list.web.direct_calls import is_plain, plain_handler
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
            paths = [route.path.format(**dict.fromkeys(names, one)) for one in (IDS if names else ["a"])]
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


def test_what_comes_by_the_thousand_runs_directly() -> None:
    """A query parameter, a header or a dependency would make FastAPI run the call."""
    assert {route.operation_id for route in PLAIN} >= CROWDED


def test_a_request_belongs_to_its_first_route_also_where_that_is_not_plain() -> None:
    calls = DirectCalls(ROUTES)
    for route in ROUTES:
        for method in route.methods or ():
            path = route.path.format(**dict.fromkeys(route.param_convertors, "a"))
            scope = {"type": "http", "method": method, "path": path}
            first = next(one for one in ROUTES if method in (one.methods or ()) and one.path_regex.match(path))
            assert calls.find(scope) is (first if is_plain(first) else None)
