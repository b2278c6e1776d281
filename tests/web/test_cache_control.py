"""Caches may keep only declared public answers, and never an error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr

from tests.support.attacked import ENTRY, Scene
from tests.support.callers import credentials, path_of
from tests.support.shop import LIST, Shop, listening, problem
from waiting_list.app import create_app
from waiting_list.pages.static_files import static
from waiting_list.settings import Settings

PRIVATE = "private, no-store"
PUBLIC = {
    "get_queue": "public, max-age=1",
    "list_upcoming_events": "public, max-age=1",
    "get_waiting_list": "public, max-age=1",
    "get_checkpoint": "public, max-age=1",
    "get_ledger_keys": "public, max-age=1",
    "read_ledger": "public, max-age=1",
    "get_change_receipt": "public, max-age=1",
    "get_tile": "public, max-age=31536000, immutable",
    "get_jwks": "public, max-age=300",
    "get_openapi": "public, max-age=300",
    "show_docs": "public, max-age=300",
    "show_receipt_checker": "public, max-age=300",
    "get_ledger_script": "public, max-age=300",
    "get_static": "public, max-age=300",
    "get_favicon": "public, max-age=300",
    "get_robots": "public, max-age=300",
    "get_worker": "no-cache",
    "show_events": "public, max-age=2",
    "show_list": "public, max-age=2",
    "show_ledger": "public, max-age=2",
    "show_public_event": "public, max-age=2",
}
"""Each call whose good answer caches may keep, and for how long. A page is public for those who send no cookie."""
PAGES = {"show_events", "show_list", "show_ledger", "show_public_event"}


def one(answer: httpx.Response) -> str:
    """The only `Cache-Control` of an answer."""
    (found,) = answer.headers.get_list("cache-control")
    return found


async def test_every_answer_of_every_route_is_private_unless_it_is_declared_public(fresh: Scene) -> None:
    await fresh.shop.join("dora")
    link = (await fresh.shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link"))["url"].rpartition("/")[2]
    routes = [route for route in fresh.app.routes if isinstance(route, APIRoute)]
    assert len(routes) == len(fresh.app.routes), "a route that is none of ours says nothing of caches"
    callers = await credentials(fresh)
    public: dict[str, str] = {}
    statuses: set[int] = set()
    async with listening(fresh.app) as url, httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
        # What ends something comes last, so that the others find what they are about.
        order = ("GET", "HEAD", "OPTIONS", "PATCH", "PUT", "POST", "DELETE")
        for method in order:
            for route in routes:
                if method not in (*route.methods, "OPTIONS"):
                    continue
                for who, headers in callers.items():
                    async with http.stream(method, path_of(route, link), headers=headers) as answer:
                        said = f"{method} {route.path} by {who}: {answer.status_code}"
                        kept = one(answer)
                        statuses.add(answer.status_code)
                        if kept != PRIVATE:
                            name = route.operation_id or route.name
                            assert (answer.status_code, method in ("GET", "HEAD")) == (200, True), said
                            assert kept == PUBLIC.get(name), said
                            assert name not in PAGES or "Cookie" not in headers, said
                            assert "set-cookie" not in answer.headers, said
                            public[name] = kept
                http.cookies.clear()
    assert public == PUBLIC
    assert {200, 201, 303, 401, 403, 404, 405, 422} <= statuses


async def test_what_is_not_done_again_is_as_private_as_before(shop: Shop) -> None:
    await shop.stock()
    for _ in range(2):
        joined = await shop.user("ada", "POST", body={"tickets_wanted": 2}, headers={"Idempotency-Key": "k1"})
        assert (joined.status_code, one(joined)) == (201, PRIVATE)


async def test_what_has_not_changed_may_be_kept_as_long_as_before(shop: Shop) -> None:
    await shop.stock()
    queue = f"/v1/user/waiting-lists/{LIST}/queue"
    for path in (queue, "/openapi.json", "/docs", static("style.css")):
        answer = await shop.http.get(path)
        again = await shop.http.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert one(again) == one(answer)
        assert one(again).startswith("public, max-age=")


async def too_large(shop: Shop) -> httpx.Response:
    return await shop.http.post(f"/v1/user{ENTRY}", content=b"0" * 70_000)


async def no_json(shop: Shop) -> httpx.Response:
    return await shop.http.post(f"/v1/user{ENTRY}", data={"tickets_wanted": "1"})


async def not_utf8(shop: Shop) -> httpx.Response:
    return await shop.http.get("/v1/user/events?cursor=%FF")


async def nowhere(shop: Shop) -> httpx.Response:
    return await shop.http.get("/v1/nowhere")


async def no_list(shop: Shop) -> httpx.Response:
    return await shop.http.get("/v1/user/waiting-lists/no/list/queue")


async def no_file(shop: Shop) -> httpx.Response:
    return await shop.http.get("/static/nothing.css")


async def preflight(shop: Shop) -> httpx.Response:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    return await shop.http.options(f"/v1/user{ENTRY}", headers=asked)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (too_large, 413), (no_json, 415), (not_utf8, 422), (nowhere, 404), (no_list, 404), (no_file, 404),
        (preflight, 204),
    ],
)  # fmt: skip
async def test_what_is_answered_before_a_call_is_reached_is_private(
    shop: Shop, call: Callable[[Shop], Awaitable[httpx.Response]], status: int
) -> None:
    answer = await call(shop)
    assert (answer.status_code, one(answer)) == (status, PRIVATE)


@pytest.fixture
async def limited(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that lets an address make one request a minute."""
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, address_requests_per_minute=1))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


@pytest.mark.parametrize("path", ["/v1/user/events", "/openapi.json", "/docs", "/", "/static/style.css"])
async def test_a_refusal_by_a_limit_is_private_also_where_the_answer_is_public(
    limited: httpx.AsyncClient, path: str
) -> None:
    assert one(await limited.get(path)).startswith("public")
    refused = await limited.get(path)
    assert (refused.status_code, one(refused)) == (429, PRIVATE)


async def test_a_defect_and_an_outage_are_private(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("waiting_list.catalogue.queries.upcoming_events", broken)
    for path in ("/v1/user/events", "/"):
        defect = await shop.http.get(path)
        assert (defect.status_code, one(defect)) == (500, PRIVATE)
    monkeypatch.undo()
    app.state.service.draining.set()
    outage = await shop.http.get("/health/ready")
    problem(outage, 503, "unavailable")
    assert one(outage) == PRIVATE
    assert one(await asyncio.wait_for(shop.http.get("/v1/user/events"), 10)) == PUBLIC["list_upcoming_events"]
