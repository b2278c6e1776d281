"""Methods: every GET answers HEAD, and every refusal of a method names the others. These tests walk all routes."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr

from tests.support.attacked import Scene, wire
from tests.support.callers import credentials, path_of
from tests.support.shop import LIST, Shop, listening, problem
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.settings import Settings

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
OF_THE_CONNECTION = {"date", "server", "transfer-encoding", "connection"}
OF_THE_CALL = {"x-request-id", "ratelimit", "content-length"}


def routes(app: FastAPI) -> Iterator[APIRoute]:
    for route in app.routes:
        assert isinstance(route, APIRoute)
        yield route


def lasting(answer: httpx.Response) -> dict[str, str]:
    """The headers that two answers to the same call share."""
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_CONNECTION | OF_THE_CALL}


async def test_every_get_answers_head_with_the_same_status_and_headers_and_no_body(fresh: Scene) -> None:
    link = (await fresh.shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link"))["url"].rpartition("/")[2]
    callers = await credentials(fresh)
    statuses: dict[int, int] = {}
    async with listening(fresh.app) as url, httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
        for route in routes(fresh.app):
            if "GET" not in route.methods:
                continue
            for who, headers in callers.items():
                path = path_of(route, link)
                async with http.stream("GET", path, headers=headers) as got:
                    pass
                head = await http.head(path, headers=headers)
                said = f"HEAD {route.path} by {who}: {head.status_code}"
                assert (head.status_code, head.content) == (got.status_code, b""), said
                assert lasting(head) == lasting(got), said
                if route.path != "/metrics":  # it counts this very call
                    assert head.headers.get("content-length") == got.headers.get("content-length"), said
                statuses[head.status_code] = statuses.get(head.status_code, 0) + 1
            http.cookies.clear()
    assert {200, 303, 401, 403, 404} <= statuses.keys()
    assert statuses[200] > 100


async def test_a_server_sends_no_byte_after_the_headers_of_a_head(app: FastAPI) -> None:
    async with wire(app) as raw:
        for path in (b"/", b"/version", b"/v1/user/events", b"/unknown", b"/%FF"):
            answer = await raw.said(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 "), path
            assert answer.endswith(b"\r\n\r\n"), path
            assert answer.count(b"\r\n\r\n") == 1, path
            assert re.search(rb"content-length: [1-9]", answer), path


async def test_head_opens_no_stream_and_no_export(fresh: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    link = (await fresh.shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link"))["url"].rpartition("/")[2]
    callers = await credentials(fresh)

    async def opens(*_: Any, **__: Any) -> None:
        pytest.fail("HEAD does the work of a GET")

    monkeypatch.setattr(fresh.service.live, "watch", opens)
    monkeypatch.setattr(fresh.service.exports, "open", opens)
    key, kind = f"/waiting-lists/{LIST}", "content-type"
    for path, who, streamed in (
        (f"/v1/user{key}/entry/live", "a fan", "text/event-stream; charset=utf-8"),
        (f"/e/{link}/live", "nobody", "text/event-stream; charset=utf-8"),
        (f"{key}/place/live", "a fan's browser", "text/event-stream; charset=utf-8"),
        ("/v1/organizer/entries.csv", "an organizer", "text/csv; charset=utf-8"),
        (f"/dashboard{key}/entries.csv", "an organizer's browser", "text/csv; charset=utf-8"),
    ):
        answer = await fresh.http.head(path, headers=callers[who])
        assert (answer.status_code, answer.headers[kind], answer.content) == (200, streamed, b""), path
        assert "content-length" not in answer.headers, path
        fresh.http.cookies.clear()
    absent = await fresh.shop.user("zed", "HEAD", f"{key}/entry/live")
    assert (absent.status_code, absent.content) == (404, b"")


async def test_head_counts_for_the_limits_like_any_call(dsn: str) -> None:
    limited = create_app(Settings(database_url=SecretStr(dsn), worker=False, key_requests_per_minute=60))
    async with limited.router.lifespan_context(limited):
        transport = httpx.ASGITransport(app=limited)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            key, _ = await create_api_key(limited.state.service.pool, "org_1", name="x", scopes=[Scope.READ])
            headers = {"Authorization": f"Bearer {key.key}"}
            answers = [await http.head("/v1/organizer/events", headers=headers) for _ in range(70)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert answers[-1].content == b""
    assert "retry-after" in answers[-1].headers


async def test_a_refused_method_names_all_methods_that_the_path_supports(app: FastAPI, shop: Shop) -> None:
    paths = sorted({path_of(route, "x") for route in routes(app)})
    assert len(paths) > 80
    for path in paths:
        answers = {method: await shop.http.request(method, path) for method in METHODS}
        refused = {method: answer for method, answer in answers.items() if answer.status_code == 405}
        assert {"OPTIONS", "TRACE", "BREW"} <= refused.keys(), path
        for method, answer in refused.items():
            named = answer.headers["allow"].split(", ")
            assert named == sorted(set(METHODS) - refused.keys()), (method, path)
            assert ("HEAD" in named) is ("GET" in named), path
            if method != "HEAD":
                problem(answer, 405, "method_not_allowed")
            as_page = await shop.http.request(method, path, headers=HTML)
            assert (as_page.status_code, as_page.headers["allow"]) == (405, answer.headers["allow"])
            kind = "application/problem+json" if path.startswith("/v1/") else "text/html; charset=utf-8"
            assert as_page.headers["content-type"] == kind, path
