"""Cross-origin calls: the user router is open to pages of every origin, all other calls to none."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.support.shop import LIST, Shop, listening, problem

ORIGIN = {"Origin": "https://shop.example"}
ENTRY = f"/v1/user/waiting-lists/{LIST}/entry"
CORS = "access-control-"


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """What an answer says of other origins."""
    return {name.removeprefix(CORS): value for name, value in answer.headers.items() if name.startswith(CORS)}


def open_to_all(answer: httpx.Response) -> bool:
    """Whether any page may read the answer, with the headers that a client needs, and no cookie counts."""
    return headers_of(answer) == {
        "allow-origin": "*",
        "expose-headers": "Date, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, "
        "X-Request-Id",
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
async def test_a_preflight_is_answered_before_anybody_asks_who_calls(shop: Shop, method: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    answer = await shop.http.options(ENTRY, headers=ORIGIN | asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert headers_of(answer) == {
        "allow-origin": "*",
        "allow-methods": "GET, POST, PATCH, PUT, DELETE",
        "allow-headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
        "max-age": "7200",
    }


@pytest.mark.parametrize("headers", [{}, ORIGIN, {"Access-Control-Request-Method": "GET"}])
async def test_options_that_is_no_preflight_is_a_method_that_does_not_exist(
    shop: Shop, headers: dict[str, str]
) -> None:
    answer = await shop.http.options(ENTRY, headers=headers)
    problem(answer, 405, "method_not_allowed")
    assert open_to_all(answer)


async def test_every_answer_of_the_user_router_can_be_read_by_any_page(shop: Shop) -> None:
    await shop.stock()
    once = {"Idempotency-Key": "k1"}
    for _ in range(2):
        joined = await shop.user("ada", "POST", body={"tickets_wanted": 2}, headers=ORIGIN | once)
        assert joined.status_code == 201
        assert open_to_all(joined)
    assert joined.headers["idempotent-replayed"] == "true"
    assert open_to_all(await shop.http.get(f"/v1/user/waiting-lists/{LIST}", headers=ORIGIN))
    queue = await shop.http.get(f"/v1/user/waiting-lists/{LIST}/queue", headers=ORIGIN)
    assert open_to_all(queue)
    # A cache that answers for us must not keep an answer that only some may read.
    assert "origin" not in queue.headers.get("vary", "").lower()
    known = {"If-None-Match": queue.headers["etag"]}
    unchanged = await shop.http.get(f"/v1/user/waiting-lists/{LIST}/queue", headers=ORIGIN | known)
    assert (unchanged.status_code, open_to_all(unchanged)) == (304, True)
    assert open_to_all(await shop.http.get("/v1/user/events"))  # also where no Origin was sent


async def test_a_page_can_read_why_it_was_refused(shop: Shop) -> None:
    await shop.stock()
    signed_out = await shop.http.get(ENTRY, headers=ORIGIN)
    problem(signed_out, 401, "unauthenticated")
    absent = await shop.user("ada", "GET", headers=ORIGIN)
    problem(absent, 404, "not_in_list")
    nowhere = await shop.http.get("/v1/user/nowhere", headers=ORIGIN)
    problem(nowhere, 404, "not_found")
    form = await shop.http.post(ENTRY, data={"tickets_wanted": "1"}, headers=ORIGIN)
    problem(form, 415, "unsupported_media_type")
    large = await shop.http.post(ENTRY, content=b"0" * 70_000, headers=ORIGIN)
    problem(large, 413, "body_too_large")
    assert all(open_to_all(answer) for answer in (signed_out, absent, nowhere, form, large))


async def test_a_page_can_read_that_something_went_wrong(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await shop.token("ada")

    async def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app.state.service.reads, "own_entry", fails)
    answer = await shop.http.get(ENTRY, headers=ORIGIN | {"Authorization": f"Bearer {token}"})
    problem(answer, 500, "internal_error")
    assert open_to_all(answer)


async def test_a_stream_can_be_read_by_any_page(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    headers = ORIGIN | {"Authorization": f"Bearer {await shop.token('ada')}"}
    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        for _ in range(2):  # the headers of one stream are not the next one's, too
            async with client.stream("GET", f"{ENTRY}/live", headers=headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert open_to_all(answer)
                assert answer.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize(
    "path",
    [
        "/", "/dashboard", "/e/unknown", "/my-lists", "/metrics", "/health/ready", "/version", "/openapi.json",
        "/v1/organizer/events", "/v1/user", "/v1/users/", "/nowhere", "/static/style.css",
    ],
)  # fmt: skip
async def test_nothing_else_is_open_to_pages_of_others(shop: Shop, path: str) -> None:
    key = {"Authorization": f"Bearer {shop.key}"}
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for answer in (
        await shop.http.get(path, headers=ORIGIN | key),
        await shop.http.options(path, headers=ORIGIN | asked),
    ):
        assert headers_of(answer) == {}
