"""The HTTP side: the mission's cases by name, authentication, bad input, repeats, and the promises of OpenAPI."""

import asyncio
import base64
import csv
import io
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.lists import TABLES
from tests.support.shop import LIST, Shop, problem
from waiting_list.access.api_keys import Scope, create_api_key, revoke_api_key
from waiting_list.app import create_app
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings
from waiting_list.web.openapi_document import inlined

ENTRIES = f"/waiting-lists/{LIST}/entries"
NOWHERE = "/waiting-lists/unknown/unknown/entry"
DATES = ("start_datetime", "end_datetime")
ENTRY_FIELDS = {
    "offer_id",
    "representation_id",
    "event_id",
    "user_id",
    "status",
    "left_reason",
    "tickets_wanted",
    "tickets_minimum",
    "tickets_held",
    "number",
    "rank",
    "position",
    "tickets_ahead",
    "joined_at",
    "ready_at",
    "ready_until",
    "left_at",
    "keep_waiting_for_rest",
    "paused_at",
    "wish_id",
    "set_aside_at",
    "purchase_pass",
}


@asynccontextmanager
async def unchanged(app: FastAPI) -> AsyncIterator[None]:
    """What happens inside changes nothing in any table, but for when a key or a member was last here."""

    async def tables() -> list[list[str]]:
        async with connection(app.state.service.pool) as acquired:
            return [
                [
                    row["row"]
                    for row in await acquired.fetch(
                        f"SELECT to_jsonb(t) - 'last_used_at' - 'seen_at' AS row FROM {table} t ORDER BY 1"
                    )
                ]
                for table in TABLES
            ]

    before = await tables()
    yield
    assert await tables() == before


@pytest.mark.parametrize(
    ("case", "body", "path", "status", "code"),
    [
        ("twice", {"tickets_wanted": 1}, None, 409, "already_in_list"),
        ("that does not exist", {"tickets_wanted": 1}, NOWHERE, 404, "inventory_not_found"),
        ("with 0 tickets", {"tickets_wanted": 0}, None, 422, "invalid_request"),
        ("with more than the offer allows", {"tickets_wanted": 7}, None, 422, "too_many_tickets"),
        ("not open yet", {"tickets_wanted": 1}, "/waiting-lists/off_1/rep_2/entry", 409, "waiting_list_not_open"),
    ],
)
async def test_joining_a_list(
    app: FastAPI, shop: Shop, case: str, body: Any, path: str | None, status: int, code: str
) -> None:
    await shop.stock()
    await shop.stock(available=5, where="off_1/rep_2")
    await shop.join("ada")
    user_id = "ada" if case == "twice" else "bob"
    async with unchanged(app):
        answer = await shop.user(user_id, "POST", path or f"/waiting-lists/{LIST}/entry", body)
        refused = problem(answer, status, code)
    if code == "already_in_list":
        assert refused["entry"]["user_id"] == "ada"
    if code == "too_many_tickets":
        assert refused["maximum"] == 6


@pytest.mark.parametrize(
    ("case", "path", "status", "code"),
    [
        ("one is not in", None, 404, "not_in_list"),
        ("that does not exist", NOWHERE, 404, "inventory_not_found"),
        ("that is not open", "/waiting-lists/off_1/rep_2/entry", 404, "not_in_list"),
        ("that has already been left", None, 409, "already_left"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_leaving_or_changing_in_a_list(
    app: FastAPI, shop: Shop, case: str, path: str | None, status: int, code: str, method: str
) -> None:
    await shop.stock()
    await shop.stock(available=5, where="off_1/rep_2")
    if code == "already_left":
        await shop.join("ada")
        assert (await shop.user("ada", "DELETE")).json()["left_reason"] == "cancelled"
    body = {"tickets_wanted": 1} if method == "PATCH" else None
    async with unchanged(app):
        problem(await shop.user("ada", method, path or f"/waiting-lists/{LIST}/entry", body), status, code)


async def test_a_fan_undoes_a_change_over_http(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    before = (await shop.join("ada", 2)) and (await shop.user("ada", "GET")).json()
    await shop.join("bob")
    entry, path = f"/waiting-lists/{LIST}/entry", f"/waiting-lists/{LIST}/entry/undo"
    would = await shop.user("ada", "PATCH", f"{entry}?preview=true", {"tickets_wanted": 3})
    assert (would.json()["position"], would.json()["undo"]) == (2, None)
    changed = (await shop.user("ada", "PATCH", body={"tickets_wanted": 3})).json()
    async with unchanged(app):
        for user, undo in (("bob", changed["undo"]), ("ada", "1-1"), ("ada", ""), ("ada", 7)):
            problem(await shop.user(user, "POST", path, {"undo": undo}), 422, "invalid_request")
        problem(await shop.user("eve", "POST", path, {"undo": changed["undo"]}), 404, "not_in_list")
    undone = await shop.user("ada", "POST", path, {"undo": changed["undo"]})
    assert undone.json() == {name: before[name] for name in undone.json()}
    async with unchanged(app):
        problem(await shop.user("ada", "POST", path, {"undo": changed["undo"]}), 422, "invalid_request")


async def test_the_status_of_an_unknown_user_or_event_is_not_found(shop: Shop) -> None:
    await shop.stock()
    problem(await shop.user("nobody", "GET"), 404, "not_in_list")
    problem(await shop.user("nobody", "GET", NOWHERE), 404, "inventory_not_found")
    problem(await shop.organizer("GET", f"{ENTRIES}/nobody"), 404, "not_in_list")
    problem(await shop.organizer("GET", "/events/unknown"), 404, "event_not_found")


@pytest.mark.parametrize(
    ("call", "quantity", "where", "status", "code", "carries"),
    [
        ("add-stock", -1, LIST, 422, "invalid_request", {}),
        ("add-stock", 1, "unknown/unknown", 404, "inventory_not_found", {}),
        ("add-stock", 98, LIST, 409, "exceeds_total_stock", {"maximum": 97}),
        ("remove-stock", 4, LIST, 409, "not_enough_stock", {"available": 3}),
        ("remove-stock", 2, LIST, 409, "stock_held", {"free": 1}),
        ("remove-stock", 1, "unknown/unknown", 404, "inventory_not_found", {}),
        ("remove-stock", 0, LIST, 422, "invalid_request", {}),
        ("remove-total-stock", 4, LIST, 409, "not_enough_stock", {"available": 3}),
        ("add-total-stock", 2**31 - 100, LIST, 422, "invalid_request", {}),
    ],
)
async def test_stock_that_cannot_change_like_that(
    app: FastAPI, shop: Shop, call: str, quantity: int, where: str, status: int, code: str, carries: Any
) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    async with unchanged(app):
        answer = await shop.organizer("POST", f"/inventory/{where}/{call}", {"quantity": quantity})
        assert carries.items() <= problem(answer, status, code).items()


async def test_buying_what_cannot_be_bought(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.join("bob", 1)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    async with unchanged(app):
        for user_id, body, status, code in (
            ("nobody", {}, 404, "not_in_list"),
            ("bob", {}, 409, "not_ready"),
            ("ada", {"quantity": 3}, 422, "wrong_quantity"),
            ("ada", {"quantity": 0}, 422, "invalid_request"),
            ("ada", {"quantity": "2"}, 422, "invalid_request"),
        ):
            problem(await shop.organizer("POST", f"{ENTRIES}/{user_id}/purchase", body), status, code)
        nowhere = await shop.organizer("POST", "/waiting-lists/unknown/unknown/entries/ada/purchase", {})
        problem(nowhere, 404, "inventory_not_found")


async def test_a_purchase_over_http_moves_nobody(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    bob = await shop.join("bob", 1)
    ready = await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    assert [entry["user_id"] for entry in ready["promoted"]] == ["ada"]
    claims = jwt.decode(ready["promoted"][0]["purchase_pass"], options={"verify_signature": False})
    assert (claims["sub"], claims["tickets"]) == ("ada", 2)
    bought = await shop.made("POST", f"{ENTRIES}/ada/purchase", {})
    assert (bought["status"], bought["left_reason"], bought["promoted"]) == ("left", "bought", [])
    after = (await shop.user("bob", "GET")).json()
    assert after.keys() == ENTRY_FIELDS | {"why", "estimate"}
    assert {name: after[name] for name in ENTRY_FIELDS} == bob | {"position": 1, "tickets_ahead": 0}
    problem(await shop.organizer("POST", f"{ENTRIES}/ada/purchase", {}), 409, "already_left")


async def test_filters_find_what_matches_and_refuse_what_is_malformed(shop: Shop) -> None:
    await shop.stock()
    for user_id in ("ada", "bob", "=cmd()"):
        await shop.join(user_id, 2)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})

    async def found(query: str) -> list[str]:
        return [entry["user_id"] for entry in (await shop.made("GET", f"/entries?{query}"))["items"]]

    assert await found("status=waiting") == ["bob", "=cmd()"]
    assert await found("status=waiting&status=ready") == ["ada", "bob", "=cmd()"]
    assert await found("user_id=ada&user_id=bob&event_id=ev_1&offer_id=off_1&representation_id=rep_1") == [
        "ada",
        "bob",
    ]
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/pause")
    assert await found("paused=true") == ["bob"]
    assert await found("event_id=unknown") == await found("left_reason=bought") == []
    assert await found("joined_after=2100-01-01T00:00:00Z") == []
    first = await shop.made("GET", "/entries?limit=2")
    rest = await shop.made("GET", "/entries", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [entry["number"] for entry in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next_cursor"] is None
    rows = list(csv.DictReader(io.StringIO((await shop.organizer("GET", "/entries.csv")).text)))
    assert [row["user_id"] for row in rows] == ["ada", "bob", "'=cmd()"]
    assert [row["position"] for row in rows] == ["", "1", "2"]
    for query in (
        "status=gone",
        "limit=0",
        "limit=501",
        "cursor=zzz",
        "joined_after=2026-01-01",
        "nonsense=1",
        "user_id=",
    ):
        problem(await shop.organizer("GET", f"/entries?{query}"), 422, "invalid_request")


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_a_cursor_beyond_the_calendar_is_malformed(shop: Shop, instant: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([instant, "x"]).encode()).decode()
    problem(await shop.organizer("GET", "/api-keys", params={"cursor": cursor}), 422, "invalid_request")


BAD_BODIES: list[tuple[bytes, str, int, str]] = [
    (b"{", "application/json", 422, "invalid_request"),
    (b"[" * 50_000, "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1e400}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": NaN}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": true}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1.5}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 99999999999999999999}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1, "admin": true}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1, "\\ud800": 1}', "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1, "a": "\xff"}', "application/json", 422, "invalid_request"),
    (b"null", "application/json", 422, "invalid_request"),
    (b"", "application/json", 422, "invalid_request"),
    (b'{"tickets_wanted": 1}', "text/plain", 415, "unsupported_media_type"),
    (b"tickets_wanted=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b" " * 70_000, "application/json", 413, "body_too_large"),
]


@pytest.mark.parametrize(("body", "kind", "status", "code"), BAD_BODIES, ids=range(len(BAD_BODIES)))
async def test_a_bad_body_is_a_clear_problem(
    app: FastAPI, shop: Shop, body: bytes, kind: str, status: int, code: str
) -> None:
    await shop.stock()
    async with unchanged(app):
        answer = await shop.user("ada", "POST", content=body, headers={"Content-Type": kind})
        problem(answer, status, code)


@pytest.mark.parametrize("user_id", ["", "x" * 201, "a\x00b", "a\x1fb", "\ud800"])
async def test_a_bad_id_is_refused_in_bodies_and_tokens(app: FastAPI, shop: Shop, user_id: str) -> None:
    await shop.stock()
    body = json.dumps({"user_id": user_id, "tickets_wanted": 1}).encode()
    headers = {"Content-Type": "application/json"}
    async with unchanged(app):
        problem(await shop.organizer("POST", ENTRIES, content=body, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("user_id", ["a/b", "a b", "ä%2F", "..", "u?x=1#y", "\u202eada"])
async def test_an_odd_id_works_everywhere(shop: Shop, user_id: str) -> None:
    from urllib.parse import quote

    await shop.stock()
    await shop.join(user_id)
    path = f"{ENTRIES}/{quote(user_id, safe='').replace('..', '%2E%2E')}"
    assert (await shop.made("GET", path))["user_id"] == user_id
    assert (await shop.made("POST", f"{path}/move", {"to": "last"}))["user_id"] == user_id


async def test_the_first_answer_is_given_again_to_a_repeated_post(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"policy": "skip"})
    for path, body in (
        (ENTRIES, {"user_id": "ada", "tickets_wanted": 2}),
        (f"/inventory/{LIST}/add-stock", {"quantity": 2}),
        (f"{ENTRIES}/ada/purchase", {"quantity": 1}),
        (f"/inventory/{LIST}/add-total-stock", {"quantity": 2}),
        (f"/inventory/{LIST}/remove-stock", {"quantity": 1}),
        (f"/inventory/{LIST}/remove-total-stock", {"quantity": 1}),
        (f"/waiting-lists/{LIST}/promote", {"tickets": 1}),
        ("/api-keys", {"name": "x"}),
    ):
        headers = {"Idempotency-Key": f"key of {path}"}
        first = await shop.organizer("POST", path, body, headers=headers)
        assert first.is_success, first.text
        async with unchanged(app):
            again = await shop.organizer("POST", path, body, headers=headers)
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert again.headers["idempotent-replayed"] == "true"
            assert "idempotent-replayed" not in first.headers
            other = {name: "y" if isinstance(value, str) else value + 1 for name, value in body.items()}
            refused = await shop.organizer("POST", path, other, headers=headers)
            problem(refused, 422, "idempotency_key_reused")


async def test_twenty_equal_requests_at_once_are_done_once(shop: Shop) -> None:
    await shop.stock()
    call = {"headers": {"Idempotency-Key": "one"}}
    path = f"/inventory/{LIST}/add-stock"
    answers = await asyncio.gather(*(shop.organizer("POST", path, {"quantity": 1}, **call) for _ in range(20)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19
    assert (await shop.made("GET", f"/inventory/{LIST}"))["available_stock"] == 1


def routes(app: FastAPI) -> list[tuple[str, str, str]]:
    return [
        (method.upper(), path, path.split("/")[2] if path.startswith("/v1/") else "operations")
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def test_every_reference_in_the_document_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    named = {f"#/components/{kind}/{name}" for kind, found in document["components"].items() for name in found}
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))
    assert len(references) == json.dumps(document).count('"$ref"') > 500
    assert set(references) == {one for one in named if "/securitySchemes/" not in one}


PUBLIC = {
    ("GET", "/v1/user/events"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/queue"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/checkpoint"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/ledger-keys"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/ledger"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/ledger/{sequence}/receipt"),
    ("GET", "/v1/user/waiting-lists/{offer_id}/{representation_id}/tile/{tile}"),
    ("POST", "/v1/user/waiting-lists/{offer_id}/{representation_id}/join-by-email"),
    ("POST", "/v1/user/wishes/join-by-email"),
    ("POST", "/v1/user/waiting-lists/{offer_id}/{representation_id}/alerts"),
    ("DELETE", "/v1/user/waiting-lists/{offer_id}/{representation_id}/alerts/{alert_id}"),
}


async def test_every_route_decides_who_may_call(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    service = app.state.service
    token = await shop.token("ada")
    secret = (await service.signing_keys.keys()).user_token
    good = jwt.decode(token, options={"verify_signature": False})

    def forged(key: Any = secret, algorithm: str = "HS256", **claims: Any) -> str:
        return jwt.encode(good | claims, key, algorithm)

    async def key(organization_id: str = "org_1", **options: Any) -> str:
        created, _ = await create_api_key(
            service.pool, organization_id, name="t", **({"scopes": [Scope.ADMIN]} | options)
        )
        return created.key

    revoked = await key()
    await revoke_api_key(service.pool, "org_1", revoked.split("_")[1])
    jwks = (await shop.http.get("/.well-known/jwks.json")).json()["keys"][0]
    nobody = [
        "", "Basic eDp5", "Bearer", "Bearer x", f"Bearer {token}x", f"Bearer {forged(exp=int(time.time()) - 31)}",
        f"Bearer {forged(aud='waiting-list/purchase')}", f"Bearer {forged(iss='else')}",
        f"Bearer {forged(b'k' * 32)}", f"Bearer {forged(None, 'none')}", f"Bearer {forged(sub='')}",
        f"Bearer {forged(jwks['x'].encode())}", f"Bearer {revoked}", f"Bearer {revoked[:-1]}0",
    ]  # fmt: skip
    read_only = f"Bearer {await key(scopes=[Scope.READ])}"
    user, organizer = f"Bearer {token}", f"Bearer {shop.key}"
    for method, template, kind in routes(app):
        path = template.format(
            offer_id="off_1",
            representation_id="rep_1",
            event_id="ev_9",
            user_id="zed",
            key_id="none",
            webhook_id="none",
            notice_id="none",
            alert_id="none",
            tile="0/000.p/1",
            sequence="1",
            wish_id="none",
        )

        async def call(authorization: str, method: str = method, path: str = path) -> httpx.Response:
            headers = {"Authorization": authorization} if authorization else {}
            return await shop.http.request(method, path, headers=headers, json={} if method != "GET" else None)

        if kind == "operations" or (method, template) in PUBLIC:
            statuses = {(await call(sent)).status_code for sent in ("", "Bearer x")}
            assert statuses == {200} if method == "GET" else statuses.isdisjoint({401, 403, 500}), path
            continue
        for authorization in nobody:
            refused = await call(authorization)
            problem(refused, 401, "unauthenticated")
            assert refused.headers["www-authenticate"].startswith("Bearer")
        wrong, right = (user, organizer) if kind == "organizer" else (organizer, user)
        problem(await call(wrong), 403, "forbidden")
        if kind == "organizer" and method != "GET":
            problem(await call(read_only), 403, "forbidden")
        assert (await call(right)).status_code not in (401, 403, 500), (method, path)


async def test_another_organizations_objects_answer_as_if_absent(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    created, _ = await create_api_key(app.state.service.pool, "org_2", name="t", scopes=[Scope.ADMIN])
    other = Shop(shop.http, created.key)
    token = await other.token("ada")
    for path in (f"/waiting-lists/{LIST}/entry",):
        answer = await shop.http.get(f"/v1/user{path}", headers={"Authorization": f"Bearer {token}"})
        problem(answer, 404, "inventory_not_found")
    assert (await other.made("GET", "/entries"))["items"] == []
    assert (await other.made("GET", "/events"))["items"] == []
    async with unchanged(app):
        for method, path, body, code in (
            ("GET", "/events/ev_1", None, "event_not_found"),
            ("DELETE", "/events/ev_1", None, "event_not_found"),
            ("GET", "/representations/rep_1", None, "representation_not_found"),
            ("GET", "/offers/off_1", None, "offer_not_found"),
            ("GET", f"/inventory/{LIST}", None, "inventory_not_found"),
            ("PUT", f"/inventory/{LIST}", {"total_stock": 1, "available_stock": 1}, "offer_not_found"),
            ("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1}, "inventory_not_found"),
            ("PATCH", f"/waiting-lists/{LIST}", {"open": False}, "inventory_not_found"),
            ("GET", f"{ENTRIES}/ada", None, "inventory_not_found"),
            ("DELETE", f"{ENTRIES}/ada", None, "inventory_not_found"),
            ("GET", f"/waiting-lists/{LIST}/history", None, "inventory_not_found"),
            ("GET", f"/waiting-lists/{LIST}/statistics", None, "inventory_not_found"),
        ):
            problem(await other.organizer(method, path, body), 404, code)
        event = {"title": "Mine now", "timezone": "UTC"}
        problem(await other.organizer("PUT", "/events/ev_1", event), 409, "id_taken")


async def test_the_catalogue_is_made_changed_listed_and_deleted(shop: Shop) -> None:
    await shop.stock()
    event = {"title": "Jazz", "timezone": "Asia/Kolkata"}
    assert (await shop.organizer("PUT", "/events/ev_2", event)).status_code == 201
    again = await shop.organizer("PUT", "/events/ev_2", event | {"venue_name": "Hall"})
    assert (again.status_code, again.json()["venue_name"]) == (200, "Hall")
    assert [one["event_id"] for one in (await shop.made("GET", "/events"))["items"]] == ["ev_1", "ev_2"]
    mixed = await shop.organizer(
        "PUT", "/offers/off_1", {"event_id": "ev_2", "name": "F", "max_quantity_per_order": 1}
    )
    problem(mixed, 409, "has_dependents")
    problem(await shop.organizer("DELETE", "/events/ev_1"), 409, "has_dependents")
    problem(await shop.organizer("DELETE", "/offers/off_1"), 409, "has_dependents")
    for method, path, body in (
        ("PUT", "/events/ev_3", {"title": "T", "timezone": "Mars/Olympus"}),
        ("PUT", "/events/ev_3", {"title": "", "timezone": "UTC"}),
        ("PUT", "/representations/rep_3", {"event_id": "ev_1"} | dict.fromkeys(DATES, "2030-01-01T00:00:00")),
        ("PUT", f"/inventory/{LIST}", {"total_stock": 1, "available_stock": 2}),
        ("PATCH", f"/waiting-lists/{LIST}", {"policy": "fifo"}),
        ("PATCH", f"/waiting-lists/{LIST}", {"closes_at": "2100-01-01T00:00:00Z"}),
        ("PATCH", f"/waiting-lists/{LIST}", {}),
    ):  # fmt: skip
        problem(await shop.organizer(method, path, body), 422, "invalid_request")
    for path in (f"/inventory/{LIST}", "/offers/off_1", "/representations/rep_1", "/events/ev_1"):
        assert (await shop.organizer("DELETE", path)).status_code == 200
        assert (await shop.organizer("DELETE", path)).status_code == 404


async def test_settings_are_read_and_changed(shop: Shop) -> None:
    await shop.stock()
    changes = {
        "policy": "skip",
        "skip_limit": 3,
        "hold_minutes": None,
        "after_expiry": "requeue",
        "max_waiting": 5,
    }
    changed = await shop.made("PATCH", f"/waiting-lists/{LIST}", changes | {"automatic": False, "open": False})
    assert changes.items() <= changed.items()
    assert changed.items() >= (await shop.made("GET", f"/waiting-lists/{LIST}")).items()
    seen = (await shop.http.get(f"/v1/user/waiting-lists/{LIST}")).json()
    assert (seen["open"], seen["closed_reason"], seen["policy"]) == (False, "closed", "skip")


async def test_a_person_is_exported_and_erased(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    export = await shop.made("GET", "/users/ada/export")
    assert ([entry["number"] for entry in export["entries"]], len(export["history"])) == ([1], 1)
    assert await shop.made("DELETE", "/users/ada") == {"user_id": "ada", "waiting_lists": 1}
    assert await shop.made("DELETE", "/users/ada") == {"user_id": "ada", "waiting_lists": 0}
    assert (await shop.made("GET", "/users/ada/export"))["entries"] == []
    assert "ada" not in json.dumps(await shop.made("GET", f"/waiting-lists/{LIST}/history"))


async def test_without_a_database_the_answer_is_unavailable_and_never_a_hang(dsn: str) -> None:
    away = create_app(Settings(database_url=SecretStr("postgresql://x@/x?host=/nowhere"), worker=True))
    async with away.router.lifespan_context(away):
        transport = httpx.ASGITransport(app=away, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            for path in ("/health/ready", "/v1/user/events", f"/v1/user/waiting-lists/{LIST}"):
                answer = await asyncio.wait_for(client.get(path), timeout=10)
                problem(answer, 503, "unavailable")
                assert answer.headers["retry-after"] == "1"
            assert (await client.get("/health/live")).status_code == 200


async def test_a_defect_shows_no_trace_to_the_client(app: FastAPI, shop: Shop, monkeypatch: Any) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("waiting_list.catalogue.queries.upcoming_events", broken)
    answer = await shop.http.get("/v1/user/events")
    problem(answer, 500, "internal_error")
    assert "secret" not in answer.text


async def test_unknown_paths_and_methods_are_problems(shop: Shop) -> None:
    problem(await shop.http.get("/v1/nothing"), 404, "not_found")
    refused = await shop.http.put("/v1/user/events", json={})
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


def test_openapi_declares_every_refusal_with_an_example(app: FastAPI) -> None:
    document = inlined(app.openapi())
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert {"join", "change", "leave", "buy", "add_stock", "promote", "move", "remove", "erase"} <= set(names)
    for operation in operations:
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            (content,) = answer["content"].items()
            assert content[0] == "application/problem+json"
            assert content[1]["schema"]["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"]
            for code, example in content[1]["examples"].items():
                assert example["value"]["code"] == code
                assert example["value"]["status"] == int(status)
        if operation["tags"] != ["Operations"]:
            assert {"422", "503"} <= operation["responses"].keys()


async def test_the_metrics_answer(shop: Shop) -> None:
    assert (await shop.http.get("/metrics")).text.startswith("# HELP")
