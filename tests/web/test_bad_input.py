"""Bad input on every route: the answer is a clear problem, and no data changes.

The routes come from the OpenAPI document, so that a new one is covered at once. Every call of `shop.http` also
checks that its answer is declared for the route and is not a 500 (tests/support/shop.py).
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from tests.support.shop import NOTICE, WEBHOOK, Shop, add_webhook, problem
from tests.web.test_http import unchanged
from waiting_list.web.openapi_document import inlined

KNOWN = {
    "event_id": "ev_1",
    "offer_id": "off_1",
    "representation_id": "rep_1",
    "user_id": "ada",
    "key_id": "none",
    "webhook_id": WEBHOOK,
    "notice_id": NOTICE,
    "wish_id": "00000000-0000-4000-8000-000000000000",
    "alert_id": "00000000-0000-4000-8000-000000000000",
    "tile": "0/000.p/1",
    "sequence": "1",
}
JSON = {"Content-Type": "application/json"}


class Route(NamedTuple):
    method: str
    path: str
    operation: dict[str, Any]

    @property
    def router(self) -> str:
        return self.path.split("/")[2] if self.path.startswith("/v1/") else ""

    def parameters(self, where: str) -> list[dict[str, Any]]:
        return [one for one in self.operation.get("parameters", []) if one["in"] == where]

    def at(self, **odd: str) -> str:
        """The path, about what is there, but for what is odd."""
        return self.path.format(**KNOWN | odd)


class Caller:
    """Calls any route with the credentials that it asks for."""

    def __init__(self, app: FastAPI, shop: Shop, token: str) -> None:
        self.http = shop.http
        self.credentials = {"user": f"Bearer {token}", "organizer": f"Bearer {shop.key}", "": ""}
        self.document = inlined(app.openapi())
        self.routes = [
            Route(method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]

    async def call(self, route: Route, path: str | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": self.credentials[route.router]} | options.pop("headers", {})
        return await self.http.request(route.method, path or route.at(), headers=headers, **options)

    def body(self, route: Route) -> dict[str, Any] | None:
        """The schema of the route's body."""
        if "requestBody" not in route.operation:
            return None
        schema = route.operation["requestBody"]["content"]["application/json"]["schema"]
        # An optional body is anyOf its schema and null.
        (name,) = [one["$ref"] for one in chain([schema], schema.get("anyOf", [])) if "$ref" in one]
        found: dict[str, Any] = self.document["components"]["schemas"][name.rpartition("/")[2]]
        return found


@pytest.fixture
async def caller(app: FastAPI, shop: Shop) -> Caller:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.join("bob")
    await shop.made("POST", "/inventory/off_1/rep_1/add-stock", {"quantity": 2})
    await add_webhook(app.state.service.pool)
    return Caller(app, shop, await shop.token("ada"))


BAD_IDS = {
    "NUL": "%00",
    "a control character": "a%1Fb",
    "a C1 control character": "a%C2%85b",
    "a line break": "a%0D%0Ab",
    "201 characters": "x" * 201,
    "a lone surrogate": "%ED%A0%80",
    "a byte that is not UTF-8": "%FF",
    "an overlong slash": "%C0%AF",
}


async def test_a_bad_id_in_any_path_is_malformed(app: FastAPI, caller: Caller) -> None:
    tried = 0
    async with unchanged(app):
        for route in caller.routes:
            for parameter in route.parameters("path"):
                for what, bad in BAD_IDS.items():
                    answer = await caller.call(
                        route, route.at(**{parameter["name"]: bad}), **_lawful(caller, route)
                    )
                    assert answer.status_code == 422, (route.method, route.path, what, answer.text)
                    problem(answer, 422, "invalid_request")
                    tried += 1
    assert tried > 200


async def test_an_unknown_id_that_only_looks_odd_is_not_found(app: FastAPI, caller: Caller) -> None:
    odd = ("%E2%80%8Fada", "..%2F..", "%2E%2E", "a%2Fb", "%25", "'%20OR%201=1--", "😀", "%3Cscript%3E")
    async with unchanged(app):
        for route in caller.routes:
            for name in {one["name"] for one in route.parameters("path")} - {"user_id", "sequence"}:
                for one in odd if route.method in ("GET", "DELETE") else ():
                    answer = await caller.call(route, route.at(**{name: one}))
                    assert answer.status_code == 404, (route.method, route.path, one, answer.text)


def _lawful(caller: Caller, route: Route) -> dict[str, Any]:
    """A body that a route with one could take, so that nothing but the id is wrong."""
    schema = caller.body(route)
    if schema is None:
        return {}
    lawful = {"start_datetime": "2030-01-01T00:00:00Z", "end_datetime": "2030-01-02T00:00:00Z", "title": "x"} | {
        "timezone": "Europe/Paris", "event_id": "ev_1", "name": "x", "max_quantity_per_order": 2, "quantity": 1,
        "total_stock": 100, "available_stock": 2, "tickets_wanted": 1, "tickets": 1, "user_id": "zed",
        "to": "last", "policy": "skip", "url": "https://shop.example/hook",
    }  # fmt: skip
    return {"json": {name: lawful[name] for name in schema["properties"] if name in lawful}}


def bad_bodies(schema: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """What no route takes as its body, and for each of its fields what that cannot be."""
    yield from {
        "not JSON": b"{",
        "cut off": b'{"quantity": ',
        "nesting": b"[" * 30_000 + b"]" * 30_000,
        "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "not UTF-8": b'{"quantity": "\xff"}',
        "a byte order mark": b'\xef\xbb\xbf{"quantity": 1}',
        "UTF-16": '{"quantity": 1}'.encode("utf-16"),
        "an array": b"[]",
        "a string": b'"x"',
        "a number": b"1",
        "a field twice": b'{"x": 1, "x": 1}',
        "an unknown field": b'{"nobody_knows": 1}',
        "a name that is no text": b'{"\\ud800": 1}',
        "many digits": b'{"quantity": ' + b"9" * 20_000 + b"}",
        "two values": b"{} {}",
    }.items()
    for name, field in schema["properties"].items():
        field_name = json.dumps(name).encode()
        text = json.dumps(field)
        yield f"{name} twice", b"{" + field_name + b": 1, " + field_name + b": 1}"
        values = [
            b"[0]" if '"array"' in text else b"[]",
            b'{"a": 1}',
            b'"\\ud800"',
            b'"a\\u0000b"',
            b"NaN",
            b"Infinity",
            b"-Infinity",
        ]
        if '"integer"' in text:
            values += [b"1.5", b"true", b'"1"', b"-1", b"2147483648", b"9223372036854775808", b"1e400", b"1e2"]
        elif '"boolean"' in text:
            values += [b"1", b'"true"']
        else:
            values += [b"1", b"true"]
        yield from ((f"{name}: {value.decode()}", b"{" + field_name + b": " + value + b"}") for value in values)


async def test_a_bad_body_is_malformed_on_every_route_that_takes_one(app: FastAPI, caller: Caller) -> None:
    tried = 0
    async with unchanged(app):
        for route in caller.routes:
            for what, body in bad_bodies(schema) if (schema := caller.body(route)) else ():
                answer = await caller.call(route, content=body, headers=JSON)
                assert answer.status_code == 422, (route.method, route.path, what, answer.text)
                problem(answer, 422, "invalid_request")
                tried += 1
    assert tried > 500


async def test_a_body_of_another_kind_or_size_is_refused_on_every_changing_route(
    app: FastAPI, caller: Caller
) -> None:
    async with unchanged(app):
        for route in caller.routes:
            if route.method == "GET":
                continue
            for kind in (
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "json",
            ):
                answer = await caller.call(route, content=b"{}", headers={"Content-Type": kind})
                problem(answer, 415, "unsupported_media_type")
            problem(await caller.call(route, content=b"{}"), 415, "unsupported_media_type")
            for size in (64 * 1024 + 1, 1_000_000):
                problem(await caller.call(route, content=b" " * size, headers=JSON), 413, "body_too_large")


async def test_a_bad_query_is_malformed_on_every_route(app: FastAPI, caller: Caller) -> None:
    tried = 0
    async with unchanged(app):
        for route in caller.routes:
            if not route.router:
                continue
            bad = ["nobody_knows=1", "=", "%00=1", "%ED%A0%80=x", "x" * 60_000, "limit[]=1", "Limit=1"]
            for parameter in route.parameters("query"):
                name, text = parameter["name"], json.dumps(parameter["schema"])
                bad += [f"{name}={value}" for value in ("%00", "%FF", "%ED%A0%80", "x" * 60_000)]
                if '"integer"' in text:
                    bad += [f"{name}={value}" for value in ("0", "-1", "1.5", "1e2", "9" * 30, "", "%20", "0x10")]
                if '"date-time"' in text:
                    bad += [f"{name}={value}" for value in ("", "2026-01-01", "0001-01-01T00:00:00Z", "1")]
                if "enum" in text or "$ref" in text:
                    bad += [f"{name}={value}" for value in ("", "gone", "WAITING")]
            for query in bad:
                answer = await caller.call(route, f"{route.at()}?{query}")
                assert answer.status_code == 422, (route.method, route.path, query[:60], answer.text)
                problem(answer, 422, "invalid_request")
                tried += 1
    assert tried > 300


async def test_a_bad_idempotency_key_is_malformed_on_every_post(app: FastAPI, caller: Caller) -> None:
    async with unchanged(app):
        for route in caller.routes:
            if route.method == "POST" and route.parameters("header"):
                for key in (b"", b"x" * 256):
                    answer = await caller.call(
                        route, headers={"Idempotency-Key": key.decode()}, **_lawful(caller, route)
                    )
                    problem(answer, 422, "invalid_request")


async def test_bad_credentials_are_refused_on_every_route_that_asks_for_them(app: FastAPI, caller: Caller) -> None:
    async with unchanged(app):
        for route in caller.routes:
            if not route.operation["security"]:
                continue
            for bad in (
                b"",
                b"Bearer",
                b"Bearer \xe9",
                b"Bearer " + b"x" * 8_000,
                b"Bearer a b",
                b"bearer\tx",
                b"\xff",
            ):
                answer = await caller.http.request(route.method, route.at(), headers=[(b"Authorization", bad)])
                problem(answer, 401, "unauthenticated")
