"""Purchase passes: what a shop can check by itself, and buying once, from the hold of the pass."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from tests.support.lists import ORGANIZATION
from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.purchase_passes import PASS_AUDIENCE, PurchasePasses
from waiting_list.access.signing_keys import ISSUER, SigningKeys
from waiting_list.access.user_tokens import USER_AUDIENCE
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.holds import hold_id
from waiting_list.lists.models import ListKey

KEY = ListKey("off_1", "rep_1")
REVOKING = {"quantity": 2, "revoke_holds": True}


async def ready(shop: Shop, user_id: str = "ada", wanted: int = 2) -> dict[str, Any]:
    """The entry of a fan who is ready."""
    await shop.join(user_id, wanted)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": wanted})
    entry = await shop.entry(user_id)
    assert entry["status"] == "ready"
    return entry


async def buy(shop: Shop, purchase_pass: str, quantity: int | None = None, **options: Any) -> httpx.Response:
    body = {"purchase_pass": purchase_pass} | ({} if quantity is None else {"quantity": quantity})
    return await shop.organizer("POST", "/purchases", body, **options)


async def resigned(app: FastAPI, purchase_pass: str, *, key: Any = None, **claims: Any) -> str:
    """Return the pass with other claims (None: without), signed with our key or another one."""
    keys = await app.state.service.signing_keys.keys()
    said = jwt.decode(purchase_pass, options={"verify_signature": False}) | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key or keys.purchase_pass, "EdDSA", headers={"kid": keys.purchase_pass_id})


async def test_a_shop_checks_a_pass_with_nothing_but_the_public_keys(shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    (published,) = (await shop.http.get("/.well-known/jwks.json")).json()["keys"]
    assert jwt.get_unverified_header(entry["purchase_pass"])["kid"] == published["kid"]
    claims = jwt.decode(
        entry["purchase_pass"], jwt.PyJWK(published), algorithms=["EdDSA"], audience=PASS_AUDIENCE, issuer=ISSUER
    )
    ready_at = datetime.fromisoformat(entry["ready_at"])
    assert claims == {
        "iss": ISSUER,
        "aud": PASS_AUDIENCE,
        "sub": "ada",
        "offer_id": "off_1",
        "representation_id": "rep_1",
        "number": entry["number"],
        "tickets": 2,
        "jti": str(hold_id(KEY.list_id, entry["number"], ready_at)),
        "iat": int(ready_at.timestamp()),
        "exp": int(datetime.fromisoformat(entry["ready_until"]).timestamp()),
    }
    assert "d" not in published


async def test_a_hold_is_signed_once_and_another_hold_or_key_has_its_own_pass(
    shop: Shop, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock()
    await ready(shop)
    service = app.state.service
    entry = await service.reads.entry(KEY, "ada", organization_id=ORGANIZATION)
    sign, signed = jwt.encode, []

    def counted(claims: Any, *given: Any, **more: Any) -> str:
        signed.append(claims)
        return sign(claims, *given, **more)

    monkeypatch.setattr(jwt, "encode", counted)
    (first,) = {(await service.purchase_passes.with_pass(entry)).purchase_pass for _ in range(5)}
    assert len(signed) <= 1
    later = timedelta(seconds=1)
    others = [
        entry.model_copy(update={name: value})
        for name, value in (
            ("user_id", "bob"),
            ("offer_id", "off_2"),
            ("representation_id", "rep_2"),
            ("number", entry.number + 1),
            ("tickets_held", 1),
            ("ready_at", entry.ready_at + later),
            ("ready_until", entry.ready_until + later),
        )
    ]
    passes = {(await service.purchase_passes.with_pass(one)).purchase_pass for one in (entry, *others)}
    assert first in passes
    assert len(passes) == 8

    keys = await service.signing_keys.keys()
    monkeypatch.setattr(service.signing_keys, "_keys", replace(keys, purchase_pass=Ed25519PrivateKey.generate()))
    assert (await service.purchase_passes.with_pass(entry)).purchase_pass not in passes


async def test_whoever_asks_for_the_pass_of_a_hold_gets_the_same(shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    (listed,) = (await shop.user("ada", "GET", "/entries")).json()["items"]
    own = (await shop.user("ada", "GET")).json()
    assert own["purchase_pass"] == listed["purchase_pass"] == entry["purchase_pass"]


async def test_a_pass_buys_what_is_held_and_nobody_moves(shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    await shop.join("bob")
    answer = await buy(shop, entry["purchase_pass"])
    assert answer.status_code == 200
    bought = answer.json()
    assert (bought["user_id"], bought["left_reason"], bought["promoted"]) == ("ada", "bought", [])
    stock = await shop.made("GET", f"/inventory/{LIST}")
    assert (stock["available_stock"], stock["held"]) == (0, 0)


async def test_a_pass_buys_fewer_and_the_rest_goes_to_the_next(shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop, wanted=3)
    await shop.join("bob", 2)
    problem(await buy(shop, entry["purchase_pass"], 4), 422, "wrong_quantity")
    answer = await buy(shop, entry["purchase_pass"], 1)
    assert [one["user_id"] for one in answer.json()["promoted"]] == ["bob"]


async def test_a_pass_that_was_used_is_refused_the_second_time(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    assert (await buy(shop, entry["purchase_pass"], headers={"Idempotency-Key": "k"})).is_success
    async with unchanged(app):
        refused = problem(await buy(shop, entry["purchase_pass"]), 409, "already_left")
        assert refused["entry"]["left_reason"] == "bought"
        again = await buy(shop, entry["purchase_pass"], headers={"Idempotency-Key": "k"})
        assert again.headers["idempotent-replayed"] == "true"
        other = await buy(shop, entry["purchase_pass"], 1, headers={"Idempotency-Key": "k"})
        problem(other, 422, "idempotency_key_reused")


async def test_a_pass_keeps_its_hold_alive_while_the_fan_pays_once(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    body = {"purchase_pass": entry["purchase_pass"]}
    first = await shop.organizer("POST", "/checkouts", body, headers={"Idempotency-Key": "k"})
    longer = datetime.fromisoformat(first.json()["ready_until"]) - datetime.fromisoformat(entry["ready_until"])
    assert longer == timedelta(minutes=15)
    again = await shop.organizer("POST", "/checkouts", body, headers={"Idempotency-Key": "k"})
    assert (again.json()["ready_until"], again.headers["idempotent-replayed"]) == (
        first.json()["ready_until"],
        "true",
    )
    async with unchanged(app):
        used = await shop.organizer("POST", "/checkouts", body)
        problem(used, 409, "checkout_used")
        assert used.json()["entry"]["ready_until"] == first.json()["ready_until"]
        problem(await shop.organizer("POST", f"/waiting-lists/{LIST}/entries/ada/checkout"), 409, "checkout_used")
        forged = body | {"purchase_pass": entry["purchase_pass"][:-3] + "abc"}
        problem(await shop.organizer("POST", "/checkouts", forged), 422, "invalid_request")
    # Between the old and the new deadline the old pass still buys.
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"hold_grace_seconds": 0})
    assert (await buy(shop, entry["purchase_pass"])).is_success
    problem(await shop.organizer("POST", "/checkouts", body), 409, "already_left")


async def test_a_pass_whose_user_has_declined_or_is_gone_is_refused(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    await shop.user("ada", "DELETE")
    problem(await buy(shop, entry["purchase_pass"]), 409, "already_left")
    await shop.made("DELETE", "/users/ada")
    async with unchanged(app):
        problem(await buy(shop, entry["purchase_pass"]), 404, "not_in_list")


async def test_a_pass_of_a_revoked_hold_is_good_no_more_whatever_comes_after(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    first = await ready(shop)
    await shop.made("POST", f"/inventory/{LIST}/remove-stock", REVOKING)
    assert (await shop.entry("ada"))["status"] == "waiting"
    async with unchanged(app):
        problem(await buy(shop, first["purchase_pass"]), 409, "hold_expired")
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    second = await shop.entry("ada")
    assert second["number"] == first["number"]
    async with unchanged(app):
        problem(await buy(shop, first["purchase_pass"]), 409, "hold_expired")
    assert (await buy(shop, second["purchase_pass"])).is_success


@pytest.mark.parametrize("now", ["waiting", "ready", "left"])
async def test_a_pass_of_an_earlier_place_never_touches_a_later_one(app: FastAPI, shop: Shop, now: str) -> None:
    await shop.stock()
    first = await ready(shop)
    assert (await buy(shop, first["purchase_pass"])).is_success
    await shop.join("ada", 2)
    if now == "ready":
        await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    if now == "left":
        await shop.user("ada", "DELETE")
    assert (await shop.entry("ada"))["status"] == now
    async with unchanged(app):
        problem(await buy(shop, first["purchase_pass"]), 409, "hold_expired")


async def test_the_database_clock_decides_whether_a_pass_still_buys(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    engine, shown = (
        app.state.service.engine,
        await app.state.service.purchase_passes.read_pass(entry["purchase_pass"]),
    )
    # An expired pass can be read, because the engine checks the deadline with the clock of the database.
    stale = await resigned(app, entry["purchase_pass"], exp=1, iat=2**33)
    assert await app.state.service.purchase_passes.read_pass(stale) == shown
    await engine.at(datetime.now(UTC) + timedelta(days=2)).run(KEY, SERVICE, verbs.expire)
    async with unchanged(app):
        problem(await buy(shop, entry["purchase_pass"]), 409, "hold_expired")
        problem(await buy(shop, stale), 409, "hold_expired")


async def test_a_pass_that_was_forged_or_altered_is_malformed(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await ready(shop, "bob")
    good = (await ready(shop))["purchase_pass"]
    header, payload, signature = good.split(".")
    said = jwt.decode(good, options={"verify_signature": False})

    def encoded(value: Any) -> str:
        return jwt.utils.base64url_encode(json.dumps(value).encode()).decode()

    keys = await app.state.service.signing_keys.keys()
    raw_public = jwt.utils.base64url_decode((await shop.http.get("/.well-known/jwks.json")).json()["keys"][0]["x"])
    forged = {
        "another key": await resigned(app, good, key=Ed25519PrivateKey.generate()),
        "altered claims": f"{header}.{encoded(said | {'sub': 'bob'})}.{signature}",
        "no signature": f"{header}.{payload}.",
        "the algorithm none": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "the public key as a secret": jwt.encode(
            said, raw_public, "HS256", headers={"kid": keys.purchase_pass_id}
        ),
        "our other key": jwt.encode(said, keys.user_token, "HS256"),
        "another audience": await resigned(app, good, aud=USER_AUDIENCE),
        "no audience": await resigned(app, good, aud=None),
        "another issuer": await resigned(app, good, iss="https://else.example"),
        "without a hold": await resigned(app, good, jti=None),
        "a hold that has no such name": await resigned(app, good, jti="1"),
        "without a user": await resigned(app, good, sub=None),
        "a user's token": await shop.token("ada"),
        "cut off": good[:-1],
        "an API key": shop.key,
        "anything": "x",
        "dots": "..",
        "long": "a." * 10_000,
    }
    async with unchanged(app):
        for what, one in forged.items():
            refused = problem(await buy(shop, one), 422, "invalid_request")
            assert refused["errors"][0]["field"] == "body.purchase_pass", what
        for odd in ("", "x" * 20_001, "a\x00b", 7, None):
            problem(await shop.organizer("POST", "/purchases", {"purchase_pass": odd}), 422, "invalid_request")
    assert (await buy(shop, good)).is_success


async def test_a_pass_opens_no_users_calls(shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    headers = {"Authorization": f"Bearer {entry['purchase_pass']}"}
    answer = await shop.http.get(f"/v1/user/waiting-lists/{LIST}/entry", headers=headers)
    problem(answer, 401, "unauthenticated")


async def test_a_pass_of_another_deployment_is_malformed(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    entry = await ready(shop)
    signing_keys = SigningKeys(app.state.service.pool)
    known = await signing_keys.keys()
    signing_keys._keys = replace(known, purchase_pass=Ed25519PrivateKey.generate())
    shown = await app.state.service.reads.entry(KEY, "ada", organization_id=ORGANIZATION)
    foreign = (await PurchasePasses(signing_keys).with_pass(shown)).purchase_pass
    assert foreign is not None
    assert foreign != entry["purchase_pass"]
    problem(await buy(shop, foreign), 422, "invalid_request")


async def test_another_organization_cannot_buy_with_a_pass_nor_a_key_that_only_reads(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    entry = await ready(shop)
    pool = app.state.service.pool
    stranger, _ = await create_api_key(pool, "org_2", name="x", scopes=[Scope.ADMIN])
    reader, _ = await create_api_key(pool, ORGANIZATION, name="x", scopes=[Scope.READ])
    async with unchanged(app):
        problem(await buy(shop, entry["purchase_pass"], key=stranger.key), 404, "inventory_not_found")
        problem(await buy(shop, entry["purchase_pass"], key=reader.key), 403, "forbidden")
