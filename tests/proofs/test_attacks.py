"""Attacks, by the OWASP API Security Top 10 of 2023. Each is tried on the whole service, and changes no data.

Attacks on pages are in proofs/test_page_attacks.py, those by addresses of webhooks in
notifications/test_public_address.py, those on limits in access/test_rate_limits.py, malformed input on every route
in web/test_bad_input.py, and random input by the schema in proofs/test_schemathesis.py.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections import Counter
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.attacked import ENTRY, Scene, statuses, wire
from tests.support.shop import LIST, NOTICE, ORGANIZATION, WEBHOOK, problem
from tests.support.until import until
from tests.web.test_http import PUBLIC, routes, unchanged
from waiting_list.access.api_keys import Scope, create_api_key, revoke_api_key
from waiting_list.access.purchase_passes import PASS_AUDIENCE
from waiting_list.access.user_tokens import USER_AUDIENCE
from waiting_list.app import create_app
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import live
from waiting_list.lists.queries.live import Watcher
from waiting_list.postgres.pool import connection
from waiting_list.problems import RateLimited
from waiting_list.settings import Settings
from waiting_list.web import body_guard, header_limits

# API1: broken object level authorization


def organizer_calls(app: FastAPI) -> list[tuple[str, str]]:
    return [(method, path) for method, path, kind in routes(app) if kind == "organizer" and "{" in path]


VICTIMS = {
    "offer_id": "off_1", "representation_id": "rep_1", "event_id": "ev_1", "user_id": "ada",
    "webhook_id": WEBHOOK, "notice_id": NOTICE, "alert_id": NOTICE,
    "wish_id": NOTICE,
}  # fmt: skip
ABSENT = dict.fromkeys(VICTIMS, "absent") | {"notice_id": "5a0b2b3c-0000-4000-8000-00000000ffff"}
MESSAGE = {"to": ["waiting"], "subject": {"en": "Doors"}, "text": {"en": "They open at 19:00."}}
WORDS = {"kind": "ready", "locale": "en", "subject": "Mine"}
BODIES = {
    "configure": {"hold_minutes": 1}, "join_for_user": {"user_id": "eve", "tickets_wanted": 1}, "buy": {},
    "move": {"to": "first"}, "promote": {"tickets": 1},
    "draw": {"randomness": "1 2 3"}, "rotate_api_key": {}, "redeliver": {"status": "dead"},
    "change_webhook": {"disabled": True}, "change_for_user": {"tickets_wanted": 1},
    "ask_for_alert": {"email": "eve@example.org"}, "offer_transfer": {"email": "eve@example.org"},
    "make_wish": {
        "lists": [{"offer_id": "off_1", "representation_id": one} for one in ("rep_1", "rep_2")],
        "tickets_wanted": 1,
    },
    "make_wish_by_email": {
        "lists": [{"offer_id": "off_1", "representation_id": one} for one in ("rep_1", "rep_2")],
        "tickets_wanted": 1, "email": "eve@example.org",
    },
    "message": MESSAGE, "message_event": MESSAGE, "preview_wording": WORDS,
    "change_wording": {"emails": [WORDS]}, "cancel_representation": {},
    "grant": {"tickets": 1}, "extend": {"minutes": 1}, "extend_all": {"minutes": 1}, "restore": {"undo": "1-1"},
    "undo": {"undo": "1-1"}, "pause_for_user": {"reason": "x"}, "unpause_for_user": {"reason": "x"},
    "remove_lookalikes": {"numbers": [1], "reason": "x"},
    "put_representation": {
        "event_id": "ev_1", "start_datetime": "2031-01-01T20:00:00Z", "end_datetime": "2031-01-01T22:00:00Z",
    },
    "put_offer": {"event_id": "ev_1", "name": "x", "max_quantity_per_order": 1},
    "put_event": {"title": "x", "timezone": "Europe/Paris"},
    "put_inventory": {"total_stock": 1, "available_stock": 1},
}  # fmt: skip
STOCK = ("add_stock", "remove_stock", "add_total_stock", "remove_total_stock", "give_back_for_user")


async def test_every_object_of_another_organization_by_every_route_is_as_if_absent(scene: Scene) -> None:
    document = scene.app.openapi()["paths"]
    own = (await scene.shop.made("GET", "/api-keys"))["items"][0]["key_id"]
    tried = 0
    async with unchanged(scene.app):
        for method, template in organizer_calls(scene.app):
            name = document[template][method.lower()]["operationId"]
            body = {"quantity": 1} if name in STOCK else BODIES.get(name)
            path = template.removeprefix("/v1/organizer")
            theirs = await scene.stranger.organizer(method, path.format(**VICTIMS | {"key_id": own}), body)
            if name.startswith("put_"):
                # An id that is taken cannot be put; that it is, is all that is told.
                told = (theirs.status_code, theirs.json()["code"])
                assert told in ((409, "id_taken"), (404, "event_not_found"), (404, "offer_not_found")), (
                    name,
                    told,
                )
                continue
            none = await scene.stranger.organizer(method, path.format(**ABSENT | {"key_id": "absent"}), body)
            if name in ("export_user", "erase"):
                # Of a user of the same name, who is the stranger's own.
                assert theirs.json() | {"user_id": ""} == none.json() | {"user_id": ""}
                continue
            if name == "sign_out_user":
                # The same; tests/access/test_sign_outs.py shows that the other organization's user stays signed
                # in.
                assert theirs.json().keys() == none.json().keys() == {"user_id", "signed_out_at"}
                continue
            shown = [json.dumps(one.json() | {"instance": ""}) for one in (theirs, none)]
            shown[1] = shown[1].replace(ABSENT["notice_id"], NOTICE)
            assert theirs.status_code == none.status_code == 404, (name, theirs.text)
            assert shown[0] == shown[1], name
            tried += 1
    assert tried > 30


async def test_listings_and_exports_of_another_organization_are_empty(scene: Scene) -> None:
    for method, path, kind in routes(scene.app):
        if kind != "organizer" or method != "GET" or "{" in path:
            continue
        for query in ("", "?event_id=ev_1", "?user_id=ada", f"?webhook_id={WEBHOOK}"):
            answer = await scene.stranger.organizer("GET", path.removeprefix("/v1/organizer") + query)
            if answer.status_code == 200:
                # A whole word: the id of a key may have the letters of a name in it.
                found = re.findall(rf"\b(?:ada|bob|ev_1|off_1|{WEBHOOK}|{NOTICE}|Jazz)\b", answer.text)
                assert not found, (path, query, found)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_the_same_user_id_of_another_organization_reaches_nothing(scene: Scene, method: str) -> None:
    token = await scene.stranger.token("ada")
    async with unchanged(scene.app):
        body = {"tickets_wanted": 1} if method in ("PATCH", "POST") else None
        headers = {"Authorization": f"Bearer {token}"}
        answer = await scene.http.request(method, f"/v1/user{ENTRY}", headers=headers, json=body)
        problem(answer, 404, "inventory_not_found")
    assert (await scene.get(token, "/entries")).json()["items"] == []


async def test_another_users_entry_cannot_be_named_in_a_fans_call(scene: Scene) -> None:
    token = await scene.shop.token("eve")
    async with unchanged(scene.app):
        for path in (f"{ENTRY}?user_id=ada", "/entries?user_id=ada", f"{ENTRY}/live?user_id=ada"):
            problem(await scene.get(token, path), 422, "invalid_request")
        for name in ("X-User-Id", "X-Forwarded-User", "X-Original-User", "Sub"):
            problem(await scene.get(token, ENTRY, **{name: "ada"}), 404, "not_in_list")


@pytest.mark.parametrize("suffix", ["", "/contact", "/live"])
async def test_who_never_joined_reads_nobodys_entry_contact_or_stream(scene: Scene, suffix: str) -> None:
    problem(await scene.get(await scene.shop.token("eve"), ENTRY + suffix), 404, "not_in_list")


@pytest.mark.parametrize(
    "spelling",
    ["Ada", "ADA", "ada ", " ada", "ada\u200b", "\uff41da", "a\u0301da", "\u0430da", "ada%00", "ada\u202e"],
)
async def test_another_spelling_of_a_user_is_another_user(scene: Scene, spelling: str) -> None:
    token = jwt.encode(await scene.claims(sub=spelling.replace("%00", "\x00")), await scene.secret(), "HS256")
    answer = await scene.get(token)
    assert answer.status_code in (401, 404)
    assert "number" not in answer.json()


@pytest.mark.parametrize("change", ["cut", "flip", "swap", "other list", "upper", "padding"])
async def test_a_private_link_that_was_altered_leads_nowhere(scene: Scene, change: str) -> None:
    link = (await scene.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"].rpartition("/")[2]
    other = (await scene.shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link"))["url"].rpartition("/")[2]
    altered = {
        "cut": link[:-1],
        "flip": link[:-2] + ("A" if link[-2] != "A" else "B") + link[-1],
        "swap": link[:30] + other[30:-2] + link[-2:],
        "other list": "A" * 22 + link[22:],
        "upper": link.upper(),
        "padding": link + "==",
    }[change]
    assert (await scene.http.get(f"/e/{link}")).status_code == 200
    async with unchanged(scene.app):
        assert (await scene.http.get(f"/e/{altered}")).status_code == 404


async def test_a_purchase_pass_of_another_organization_or_list_buys_nothing(scene: Scene) -> None:
    entry = (await scene.shop.user("ada", "GET")).json()
    async with unchanged(scene.app):
        body = {"purchase_pass": entry["purchase_pass"]}
        problem(await scene.stranger.organizer("POST", "/purchases", body), 404, "inventory_not_found")
        claims = jwt.decode(entry["purchase_pass"], options={"verify_signature": False})
        forged = jwt.encode(claims | {"sub": "bob"}, Ed25519PrivateKey.generate(), "EdDSA")
        problem(
            await scene.shop.organizer("POST", "/purchases", {"purchase_pass": forged}), 422, "invalid_request"
        )


async def test_a_purchase_pass_is_good_once(fresh: Scene) -> None:
    body = {"purchase_pass": (await fresh.shop.user("ada", "GET")).json()["purchase_pass"]}
    await fresh.shop.made("POST", "/purchases", body)
    async with unchanged(fresh.app):
        problem(await fresh.shop.organizer("POST", "/purchases", body), 409, "already_left")


# API2: broken authentication


async def forged(scene: Scene, name: str) -> str:
    """A token that must open nothing."""
    secret, claims = await scene.secret(), await scene.claims()
    public = (await scene.http.get("/.well-known/jwks.json")).json()["keys"][0]
    pass_of_ada = (await scene.shop.user("ada", "GET")).json()["purchase_pass"]

    def made(key: Any = secret, algorithm: str = "HS256", headers: Any = None, **other: Any) -> str:
        payload = {key: value for key, value in (claims | other).items() if value is not None}
        return jwt.encode(payload, key, algorithm, headers=headers)

    def by_hand(header: dict[str, Any], key: bytes = secret) -> str:
        parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
        mac = hmac.new(key, b".".join(parts), hashlib.sha256).digest()
        return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()

    good = made()
    header, payload, signature = good.split(".")
    link = (await scene.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"].rpartition("/")[2]
    now = int(time.time())
    return {
        "alg none": lambda: made(None, "none"),
        "alg None, in capitals": lambda: by_hand({"alg": "NONE", "typ": "JWT"}),
        "alg missing": lambda: by_hand({"typ": "JWT"}),
        "alg HS512 with the same secret": lambda: made(algorithm="HS512"),
        "signed with the public key as a secret": lambda: by_hand({"alg": "HS256"}, public["x"].encode()),
        "signed with nothing": lambda: by_hand({"alg": "HS256"}, b""),
        "signed with a key of its own in the header": lambda: made(
            b"k" * 32, headers={"jwk": {"kty": "oct", "k": "a2tr"}}
        ),
        "key fetched from elsewhere": lambda: made(b"k" * 32, headers={"jku": "http://127.0.0.1:1/keys"}),
        "certificate from elsewhere": lambda: made(b"k" * 32, headers={"x5u": "http://127.0.0.1:1/cert"}),
        "kid that is a path": lambda: by_hand({"alg": "HS256", "kid": "../../../../dev/null"}, b""),
        "kid that is SQL": lambda: made(b"k" * 32, headers={"kid": "x' UNION SELECT 'a"}),
        "critical extension": lambda: made(headers={"crit": ["exp"], "exp": 1}),
        "signature cut off": lambda: f"{header}.{payload}.",
        "signature of another token": lambda: f"{header}.{payload}.{made(sub='eve').split('.')[2]}",
        "payload changed": lambda: f"{header}.{made(sub='bob').split('.')[1]}.{signature}",
        "expired": lambda: made(exp=now - 31),
        "never expires": lambda: made(exp=None),
        "exp is text": lambda: by_hand_claims(secret, claims | {"exp": "tomorrow"}),
        "not yet good": lambda: made(nbf=now + 600),
        "issued in the future": lambda: made(iat=now + 600),
        "wrong issuer": lambda: made(iss="https://evil.example"),
        "no issuer": lambda: made(iss=None),
        "wrong audience": lambda: made(aud="shop"),
        "no audience": lambda: made(aud=None),
        "audience of passes": lambda: made(aud=PASS_AUDIENCE),
        "no subject": lambda: made(sub=None),
        "empty subject": lambda: made(sub=""),
        "subject too long": lambda: made(sub="a" * 201),
        "subject with a newline": lambda: made(sub="ada\n"),
        "subject is a number": lambda: by_hand_claims(secret, claims | {"sub": 7}),
        "subject is a list": lambda: by_hand_claims(secret, claims | {"sub": ["ada"]}),
        "no organization": lambda: made(org=None),
        "organization is a list": lambda: made(org=[ORGANIZATION]),
        "a purchase pass": lambda: pass_of_ada,
        "a private link": lambda: link,
        "a token of another deployment": lambda: made(b"another deployment's secret, 32 b"),
        "a hundred kilobytes": lambda: made(padding="a" * 60_000),
        "not a token": lambda: "a.b.c",
        "five parts": lambda: f"{good}.{signature}.x",
        "an API key's hash": lambda: hashlib.sha256(scene.shop.key.encode()).hexdigest(),
    }[name]()


def by_hand_claims(secret: bytes, claims: dict[str, Any]) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
    mac = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


TOKENS = [
    "alg none", "alg None, in capitals", "alg missing", "alg HS512 with the same secret",
    "signed with the public key as a secret", "signed with nothing", "signed with a key of its own in the header",
    "key fetched from elsewhere", "certificate from elsewhere", "kid that is a path", "kid that is SQL",
    "critical extension", "signature cut off", "signature of another token", "payload changed", "expired",
    "never expires", "exp is text", "not yet good", "issued in the future", "wrong issuer", "no issuer",
    "wrong audience", "no audience", "audience of passes", "no subject", "empty subject", "subject too long",
    "subject with a newline", "subject is a number", "subject is a list", "no organization",
    "organization is a list", "a purchase pass", "a private link", "a token of another deployment",
    "not a token", "five parts", "an API key's hash",
]  # fmt: skip


@pytest.mark.parametrize("name", TOKENS)
async def test_a_forged_token_opens_nothing(scene: Scene, name: str) -> None:
    token = await forged(scene, name)
    async with unchanged(scene.app):
        for path in (ENTRY, "/entries", f"{ENTRY}/live"):
            problem(await scene.get(token, path), 401, "unauthenticated")
        problem(await scene.shop.organizer("GET", "/events", key=token), 401, "unauthenticated")


@pytest.mark.parametrize(
    "name",
    [
        "revoked",
        "another secret",
        "another key's secret",
        "id only",
        "empty secret",
        "in capitals",
        "SQL",
        "wildcard",
    ],
)
async def test_a_forged_api_key_opens_nothing(scene: Scene, name: str) -> None:
    pool = scene.app.state.service.pool
    made, _ = await create_api_key(pool, ORGANIZATION, name="x", scopes=[Scope.ADMIN])
    prefix, key_id, secret = scene.shop.key.split("_")
    key = {
        "revoked": made.key,
        "another secret": f"{prefix}_{key_id}_{'0' * 64}",
        "another key's secret": f"{prefix}_{key_id}_{made.key.split('_')[2]}",
        "id only": f"{prefix}_{key_id}",
        "empty secret": f"{prefix}_{key_id}_",
        "in capitals": scene.shop.key.upper(),
        "SQL": f"{prefix}_' OR '1'='1_{secret}",
        "wildcard": f"{prefix}_%_{secret}",
    }[name]
    if name == "revoked":
        await revoke_api_key(pool, ORGANIZATION, made.key_id)
    async with unchanged(scene.app):
        problem(await scene.shop.organizer("GET", "/events", key=key), 401, "unauthenticated")


async def test_credentials_elsewhere_than_in_the_header_do_not_count(scene: Scene) -> None:
    token = await scene.shop.token("ada")
    for headers, query in (
        ({"Cookie": f"waiting_list_fan={token}"}, ""),
        ({"Cookie": f"Authorization=Bearer {token}"}, ""),
        ({"Proxy-Authorization": f"Bearer {token}"}, ""),
        ({"X-Authorization": f"Bearer {token}"}, ""),
        ({"Authorization": f"Basic {base64.b64encode(f'ada:{token}'.encode()).decode()}"}, ""),
        ({"Authorization": token}, ""),
        ({}, f"?access_token={token}"),
        ({}, f"?token={token}"),
    ):
        problem(await scene.http.get(f"/v1/user{ENTRY}{query}", headers=headers), 401, "unauthenticated")


async def test_an_unknown_key_and_a_wrong_secret_cannot_be_told_apart(scene: Scene) -> None:
    _, key_id, _ = scene.shop.key.split("_")
    answers = [
        await scene.shop.organizer("GET", "/events", key=f"wl_{one}_{'0' * 64}") for one in (key_id, "0" * 12)
    ]
    assert answers[0].json() == answers[1].json()
    ignored = {"x-request-id", "ratelimit", "date"}
    headers = [[one for one in answer.headers.items() if one[0] not in ignored] for answer in answers]
    assert headers[0] == headers[1]


async def test_guessing_a_key_takes_as_long_whether_its_id_exists_or_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By what is done, not by a clock: one statement either way, and a comparison that always takes the same time.
    _, key_id, secret = scene.shop.key.split("_")
    compared: list[int] = []
    real = hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append(len(one))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for wrong in ("0" * 64, secret[:-1] + ("0" if secret[-1] != "0" else "1"), "x"):
        await scene.shop.organizer("GET", "/events", key=f"wl_{key_id}_{wrong}")
    assert compared == [32] * 3


async def test_asking_to_sign_in_tells_nobody_which_addresses_are_known(fresh: Scene) -> None:
    form = {"organization_id": ORGANIZATION}
    body = {"user_id": "known", "tickets_wanted": 1, "email": "known@example.org"}
    await fresh.shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
    answers = [
        await fresh.http.post("/sign-in", data=form | {"email": one})
        for one in ("known@example.org", "other@example.org")
    ]
    texts = [answer.text.replace("known@", "@").replace("other@", "@") for answer in answers]
    assert answers[0].status_code == answers[1].status_code == 200
    assert texts[0] == texts[1]


# API3: broken object property level authorization


async def test_no_body_can_set_what_is_not_its_own(scene: Scene) -> None:
    document = scene.app.openapi()
    extra = {
        "organization_id": "org_2", "number": 1, "rank": 1, "status": "ready", "tickets_held": 2, "position": 1,
        "ready_until": "2031-01-01T00:00:00Z", "held": 0, "user_id": "eve", "key_id": "x", "secret": "x",
        "left_reason": None, "purchase_pass": "x", "list_id": "x", "__proto__": {}, "is_admin": True,
    }  # fmt: skip
    tried = 0
    async with unchanged(scene.app):
        for method, template, kind in routes(scene.app):
            operation = document["paths"][template][method.lower()]
            if "requestBody" not in operation:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            schema = next(iter(schema.get("anyOf", ())), schema)
            known = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
            body = BODIES.get(operation["operationId"]) or {"tickets_wanted": 1}
            path = template.format(**VICTIMS | {"key_id": "x"})
            key = scene.shop.key if kind == "organizer" else await scene.shop.token("eve")
            for field in extra.keys() - known.keys():
                answer = await scene.http.request(
                    method, path, headers={"Authorization": f"Bearer {key}"}, json=body | {field: extra[field]}
                )
                assert problem(answer, 422, "invalid_request")["errors"], (template, field)
                tried += 1
    assert tried > 200


async def test_what_anybody_may_see_names_nobody(scene: Scene) -> None:
    for path in (f"/waiting-lists/{LIST}", f"/waiting-lists/{LIST}/queue", "/events"):
        text = (await scene.http.get(f"/v1/user{path}")).text
        for word in ("ada", "bob", "cleo", ORGANIZATION + '"', "secret", "purchase_pass"):
            assert word not in text or (word == ORGANIZATION + '"' and path == "/events"), (path, word)


async def test_no_answer_shows_a_secret_twice(fresh: Scene) -> None:
    made = await fresh.shop.made("POST", "/api-keys", {"name": "x"})
    hook = await fresh.shop.made("POST", "/webhooks", {"url": "https://shop.example/"})
    for path in ("/api-keys", "/webhooks", f"/webhooks/{hook['webhook_id']}"):
        text = json.dumps(await fresh.shop.made("GET", path))
        assert made["key"].split("_")[2] not in text
        assert hook["secret"] not in text


@pytest.mark.parametrize(
    "user_id", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil")']
)
async def test_a_cell_of_an_export_is_no_formula(fresh: Scene, user_id: str) -> None:
    await fresh.shop.made("POST", f"/waiting-lists/{LIST}/entries", {"user_id": user_id, "tickets_wanted": 1})
    text = (await fresh.shop.organizer("GET", "/entries.csv")).text
    assert f"'{user_id[:3]}" in text
    assert not re.search(rf"(^|,)\"?{re.escape(user_id[:2])}", text, re.MULTILINE)


# API4: unrestricted resource consumption


async def test_a_page_of_a_listing_has_its_bounds(scene: Scene) -> None:
    for limit in ("0", "-1", "501", "1e9", "99999999999999999999", "1.5", "", "x"):
        answer = await scene.shop.organizer("GET", f"/entries?limit={limit}")
        problem(answer, 422, "invalid_request")


async def test_a_filter_that_is_repeated_thousands_of_times_is_refused(scene: Scene) -> None:
    query = "&".join(f"user_id=u{number}" for number in range(2500))
    problem(await scene.shop.organizer("GET", f"/entries?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("deep nesting", b"[" * 30_000 + b"]" * 30_000),
        ("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("a number of a thousand digits", b'{"tickets_wanted": ' + b"9" * 1000 + b"}"),
        ("a number of sixty thousand digits", b'{"tickets_wanted": ' + b"9" * 60_000 + b"}"),
        ("an exponent", b'{"tickets_wanted": 1e999999}'),
        ("not a number", b'{"tickets_wanted": NaN}'),
        ("a field twice", b'{"tickets_wanted": 1, "tickets_wanted": 6}'),
        ("UTF-16", '{"tickets_wanted": 1}'.encode("utf-16")),
        ("half a surrogate pair", b'{"email": "\\ud800", "tickets_wanted": 1}'),
        ("not UTF-8", b'{"email": "\xff", "tickets_wanted": 1}'),
        ("sixty thousand fields", b"{" + b",".join(b'"a%d":1' % n for n in range(6000)) + b"}"),
        ("a byte order mark", b'\xef\xbb\xbf{"tickets_wanted": 1}'),
        ("a comment", b'{"tickets_wanted": 1} // x'),
        ("two documents", b'{"tickets_wanted": 1}{"tickets_wanted": 2}'),
    ],
)
async def test_a_bomb_of_a_body_is_malformed_at_once(scene: Scene, name: str, body: bytes) -> None:
    token = await scene.shop.token("eve")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    began = time.monotonic()
    async with unchanged(scene.app):
        answer = await scene.http.post(f"/v1/user{ENTRY}", headers=headers, content=body)
        problem(answer, 422, "invalid_request")
    assert time.monotonic() - began < 5
    assert (await scene.http.get("/health/live")).status_code == 200


async def test_a_body_is_not_unpacked(scene: Scene) -> None:
    import gzip

    token = await scene.shop.token("eve")
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    bomb = gzip.compress(b" " * 10_000_000 + b'{"tickets_wanted": 1}')
    async with unchanged(scene.app):
        problem(await scene.http.post(f"/v1/user{ENTRY}", headers=headers, content=bomb), 422, "invalid_request")


async def test_an_idempotency_key_has_its_bounds_and_is_its_callers_own(fresh: Scene) -> None:
    body, path = {"quantity": 1}, f"/inventory/{LIST}/add-total-stock"
    async with unchanged(fresh.app):
        for key in ("", "k" * 256, "k" * 60_000):
            answer = await fresh.shop.organizer("POST", path, body, headers={"Idempotency-Key": key})
            problem(answer, 422, "invalid_request")
    first = await fresh.shop.organizer("POST", path, body, headers={"Idempotency-Key": "mine"})
    assert first.status_code == 200
    # The same key of another organization, or user, is another key: it shows nothing of the first answer.
    theirs = await fresh.stranger.organizer("POST", path, body, headers={"Idempotency-Key": "mine"})
    problem(theirs, 404, "inventory_not_found")
    joined = await fresh.shop.user("eve", "POST", body={"tickets_wanted": 1}, headers={"Idempotency-Key": "mine"})
    assert (joined.status_code, "Idempotent-Replayed" in joined.headers) == (201, False)


async def test_webhooks_have_a_bound(fresh: Scene) -> None:
    for number in range(40):
        answer = await fresh.shop.organizer("POST", "/webhooks", {"url": f"https://shop.example/{number}"})
        if answer.status_code != 201:
            break
    problem(answer, 409, "too_many_webhooks")


# API5: broken function level authorization


async def test_a_fan_reaches_no_call_of_organizers_and_an_organizer_none_of_fans(scene: Scene) -> None:
    token = await scene.shop.token("ada")
    async with unchanged(scene.app):
        for method, template, kind in routes(scene.app):
            if kind == "operations" or (method, template) in PUBLIC:
                continue
            path = template.format(**VICTIMS | {"key_id": "x"})
            wrong = token if kind == "organizer" else scene.shop.key
            body = None if method == "GET" else {}
            answer = await scene.http.request(
                method, path, headers={"Authorization": f"Bearer {wrong}"}, json=body
            )
            problem(answer, 403, "forbidden")


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"]
)
async def test_a_header_does_not_change_what_is_called(scene: Scene, name: str) -> None:
    reader, _ = await create_api_key(
        scene.app.state.service.pool, ORGANIZATION, name="reader", scopes=[Scope.READ]
    )
    value = "DELETE" if "Method" in name else f"/v1/organizer/inventory/{LIST}"
    async with unchanged(scene.app):
        for method in ("GET", "POST"):
            path = f"/v1/organizer/waiting-lists/{LIST}/entries/ada"
            headers = {"Authorization": f"Bearer {reader.key}", name: value}
            await scene.http.request(method, path, headers=headers)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT", "DELETE", "PATCH", "FOO"])
async def test_a_method_that_a_path_does_not_have_does_nothing(scene: Scene, method: str) -> None:
    async with unchanged(scene.app):
        answer = await scene.http.request(method, "/v1/user/events")
        assert answer.status_code in (405, 415, 422)


# API6: unrestricted access to sensitive business flows


async def test_leaving_and_joining_again_gains_nothing(fresh: Scene) -> None:
    for user in ("dan", "eve"):
        await fresh.shop.join(user)
    before = (await fresh.entry_of("dan"))["position"]
    for _ in range(3):
        await fresh.shop.user("dan", "DELETE")
        await fresh.shop.join("dan")
    after = await fresh.entry_of("dan")
    assert after["position"] > before
    assert (await fresh.entry_of("eve"))["position"] == before


async def test_fifty_joins_at_once_are_one_place(fresh: Scene) -> None:
    token = await fresh.shop.token("eve")
    headers = {"Authorization": f"Bearer {token}"}
    answers = await asyncio.gather(
        *(fresh.http.post(f"/v1/user{ENTRY}", headers=headers, json={"tickets_wanted": 1}) for _ in range(50))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}


async def test_fifty_purchases_at_once_are_one(fresh: Scene) -> None:
    path = f"/waiting-lists/{LIST}/entries/ada/purchase"
    answers = await asyncio.gather(*(fresh.shop.organizer("POST", path, {}) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    inventory = await fresh.shop.made("GET", f"/inventory/{LIST}")
    assert (inventory["available_stock"], inventory["held"]) == (0, 0)


async def test_wanting_more_or_buying_more_than_was_held_is_refused(scene: Scene) -> None:
    async with unchanged(scene.app):
        buy = f"/waiting-lists/{LIST}/entries/ada/purchase"
        problem(await scene.shop.organizer("POST", buy, {"quantity": 3}), 422, "wrong_quantity")
        for quantity in (0, -1, 2**31, 1.5, "2", True, [2]):
            answer = await scene.shop.organizer("POST", buy, {"quantity": quantity})
            problem(answer, 422, "invalid_request")
        for wanted in (0, -1, 7, 2**31, 2**63, 1.5, "2", True):
            answer = await scene.shop.user("eve", "POST", body={"tickets_wanted": wanted})
            assert answer.status_code == 422


# API7: server side request forgery (notifications/test_public_address.py has all of it)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://2130706433/", "https://0x7f.1/", "https://169.254.169.254/latest/meta-data/",
        "https://user:secret@shop.example/", "file:///etc/passwd", "gopher://shop.example/",
        "https://shop.example:0/", "https://shop.example\\@127.0.0.1/", "https://①②⑦.0.0.1/",
    ],
)  # fmt: skip
async def test_a_webhook_to_ourselves_is_not_made(scene: Scene, url: str) -> None:
    async with unchanged(scene.app):
        problem(await scene.shop.organizer("POST", "/webhooks", {"url": url}), 422, "invalid_request")


# API8: security misconfiguration


async def test_a_defect_tells_nothing_of_itself(fresh: Scene) -> None:
    async with connection(fresh.app.state.service.pool) as acquired:
        await acquired.execute("ALTER TABLE history RENAME TO gone")
    answer = await fresh.shop.user("eve", "POST", body={"tickets_wanted": 1})
    problem(answer, 500, "internal_error")
    for word in ("history", "asyncpg", "Traceback", "SELECT", "relation", ".py"):
        assert word not in answer.text
    page = await fresh.http.get(f"/dashboard/waiting-lists/{LIST}/history")
    assert "Traceback" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/.env", "/.git/config", "/admin", "/actuator/env", "/debug", "/server-status", "/static/../settings.py",
        "/static/..%2f..%2fsettings.py", "/static/%2e%2e/page.py", "/static/....//keys.py", "//etc/passwd",
        "/static/style.css%00.py", "/mails", "/demo/shop", "/v1", "/v1/organizer", "/v2/user/events",
    ],
)  # fmt: skip
async def test_there_is_nothing_at_a_path_that_was_not_made(scene: Scene, path: str) -> None:
    answer = await scene.http.get(path)
    assert answer.status_code in (404, 422), answer.text[:200]


async def test_every_answer_forbids_what_browsers_should_not_do(scene: Scene) -> None:
    for path in ("/", f"/waiting-lists/{LIST}", "/sign-in", "/dashboard/sign-in", "/e/unknown", "/my-lists"):
        headers = (await scene.http.get(path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "server" not in headers
    private = await scene.get(await scene.shop.token("ada"))
    assert private.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/v1/organizer/events", "/dashboard", "/metrics", "/version", "/sign-in"])
async def test_no_page_of_others_reads_what_is_not_for_it(scene: Scene, path: str) -> None:
    answer = await scene.http.get(path, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1@evil.example", "", "a b", "x" * 300]
)
async def test_links_that_are_sent_do_not_come_from_a_host_header(scene: Scene, host: str) -> None:
    path = f"/v1/organizer/waiting-lists/{LIST}/entries/ada/link"
    headers = {
        "Authorization": f"Bearer {scene.shop.key}",
        "Host": host,
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    made = await scene.http.post(path, headers=headers)
    assert made.json()["url"].startswith("http://127.0.0.1:8000/e/")
    assert "evil" not in (await scene.http.get("/", headers={"Host": host})).text


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "{{ 7 * 7 }}", "${7*7}", "%(x)s", "{% raw %}", "'\"><b>"]
)
async def test_a_title_is_text_and_no_template(fresh: Scene, title: str) -> None:
    await fresh.shop.made("PUT", "/events/ev_1", {"title": title, "timezone": "Europe/Paris"})
    text = (await fresh.http.get(f"/waiting-lists/{LIST}")).text
    assert "<script>alert" not in text
    assert (
        "49" not in re.sub(r"[0-9a-f]{12}", "", re.sub(r"\d{4}-\d\d-\d\d\S*|datetime=\S+", "", text))
        or "7 * 7" in text
    )


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "bnVsbA", "e30", "WzFd", "Iic", "A" * 2001, "../..", "WyInIE9SIDE9MS0tIl0", "\x00", "é"]
)
async def test_a_cursor_that_was_made_up_shows_nothing(scene: Scene, cursor: str) -> None:
    for path in ("/entries", "/events", "/api-keys", "/webhooks", "/notices", f"/waiting-lists/{LIST}/history"):
        answer = await scene.stranger.organizer("GET", path, params={"cursor": cursor})
        if answer.status_code == 422:
            problem(answer, 422, "invalid_request")
        else:  # of the right kind by chance: it says where to go on, and nothing of what is there
            assert all(item.get("organization_id", "org_2") == "org_2" for item in answer.json().get("items", ()))
            assert answer.status_code in (200, 404)


async def test_a_cursor_of_another_organization_or_list_shows_nothing_of_it(scene: Scene) -> None:
    cursor = (await scene.shop.made("GET", "/entries", params={"limit": 1}))["next_cursor"]
    assert (await scene.stranger.made("GET", "/entries", params={"cursor": cursor}))["items"] == []
    flipped = cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:]
    answer = await scene.stranger.organizer("GET", "/entries", params={"cursor": flipped})
    assert answer.status_code == 422 or answer.json()["items"] == []


INJECTIONS = [
    "' OR '1'='1",
    "1; DROP TABLE entries; --",
    "\\'; --",
    "$$",
    "%",
    "_",
    "*",
    "NULL",
    "${jndi:ldap://x}",
]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_a_value_is_never_a_part_of_a_statement(scene: Scene, text: str) -> None:
    async with unchanged(scene.app):
        for query in ("user_id", "event_id", "offer_id", "representation_id"):
            found = await scene.shop.made("GET", "/entries", params={query: text})
            assert found["items"] == []
        for name in ("status", "left_reason", "joined_before", "limit"):
            problem(await scene.shop.organizer("GET", "/entries", params={name: text}), 422, "invalid_request")


# API9: improper inventory management


async def test_every_route_is_in_the_document_or_is_a_page(scene: Scene) -> None:
    documented = {(method, path) for method, path, _ in routes(scene.app)}
    for route in scene.app.routes:
        path, methods = getattr(route, "path_format", ""), getattr(route, "methods", None) or ()
        if path.startswith(("/v1", "/health", "/metrics", "/version", "/.well-known")):
            assert {(method, path) for method in methods if method != "HEAD"} <= documented, path


async def test_what_is_for_trying_out_is_not_there_unless_asked_for(scene: Scene, tmp_path: Any) -> None:
    for path in ("/mails", "/mails/x", "/demo/shop", "/demo/checkout"):
        for method in ("GET", "POST"):
            assert (await scene.http.request(method, path)).status_code in (404, 405, 422), path


# API10: unsafe consumption of APIs, and the wire itself


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
JOIN = f"POST /v1/user{ENTRY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("two lengths", JOIN + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN),
        (
            "a length and chunks",
            JOIN + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        ),
        ("chunks in other words", JOIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("chunks twice", JOIN + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("chunks, then something else", JOIN + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("a space before the colon", JOIN + b"Content-Length : %d\r\n\r\n" % len(HIDDEN) + HIDDEN),
        ("a negative length", JOIN + b"Content-Length: -1\r\n\r\n" + HIDDEN),
        ("a length with a sign", JOIN + b"Content-Length: +%d\r\n\r\n" % len(HIDDEN) + HIDDEN),
        ("a length in hex", JOIN + b"Content-Length: 0x10\r\n\r\n" + HIDDEN),
        ("a folded header", JOIN + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\nabc" + HIDDEN),
        ("a bare line feed", JOIN + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("NUL in a header", JOIN + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n" + HIDDEN),
        (
            "a chunk's size that overflows",
            JOIN + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + HIDDEN,
        ),
    ],
)
async def test_no_request_hides_in_another(scene: Scene, name: str, request_: bytes) -> None:
    async with unchanged(scene.app), wire(scene.app) as raw:
        found = statuses(await raw.said(request_, seconds=2))
        # Either the whole is refused, or what follows is a request of its own, which says that there is nothing.
        assert len(found) <= 2
        assert found[0] in (400, 401, 408, 422) if found else True
        if len(found) == 2:
            assert found[0] == 400 or found == [401, 404], (name, found)
            assert name not in ("two lengths", "a length and chunks", "a folded header"), found
        assert await raw.lives()


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("no request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("HTTP/0.9", b"GET /version\r\n"),
        ("no host", b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n"),
        ("two hosts", b"GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"),
        ("another scheme", b"GET ftp://x/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        ("an asterisk", b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        ("an upgrade", b"GET /version HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        ("a path of 60 KB", b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        (
            "a header of 60 KB",
            b"GET /version HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n",
        ),
        (
            "3,000 headers",
            b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        ),
        ("percent and nothing", b"GET /%zz%%%2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        ("ANSI in the path", b"GET /%1b%5b2J%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ],
)
async def test_an_odd_request_harms_nobody(scene: Scene, name: str, request_: bytes) -> None:
    async with wire(scene.app) as raw:
        answer = await raw.said(request_, seconds=2)
        assert not [status for status in statuses(answer) if status >= 500]
        assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()
        assert b"Traceback" not in answer
        assert await raw.lives()


async def test_headers_without_end_are_cut_off(scene: Scene) -> None:
    async with wire(scene.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        sent = 0
        with pytest.raises(ConnectionError):  # noqa: PT012
            while sent < 50_000_000:
                writer.write(b"X-Padding: " + b"a" * 10_000 + b"\r\n")
                sent += 10_000
                await writer.drain()
                if reader.at_eof():
                    raise ConnectionResetError
        assert sent < 10_000_000
        writer.close()
        assert await raw.lives()


async def test_slow_headers_are_cut_off_and_hold_nobody_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_limits, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(header_limits, "_LOOK_SECONDS", 0.1)
    async with wire(scene.app) as raw:
        slow = [await asyncio.open_connection("127.0.0.1", raw.port) for _ in range(200)]
        for _, writer in slow:
            writer.write(b"GET / HTTP/1.1\r\nX: ")
        assert await raw.lives()
        for reader, writer in slow:
            answer = await asyncio.wait_for(reader.read(), 10)
            assert answer.startswith(b"HTTP/1.1 408")
            writer.close()


async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(header_limits, "_LOOK_SECONDS", 0.1)
    async with wire(scene.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 100\r\n\r\n{",
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a"',
        b"Content-Length: 65536\r\n\r\n",
    ],
    ids=["shorter than it says", "a chunk without end", "none at all"],
)
async def test_a_slow_body_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(body_guard, "BODY_SECONDS", 0.3)
    async with unchanged(scene.app), wire(scene.app) as raw:
        answer = await raw.said(JOIN + body)
        assert statuses(answer) == [408]
        assert b'"code":"request_timeout"' in answer
        assert await raw.lives()


async def test_many_slow_bodies_hold_nobody_up(scene: Scene) -> None:
    async with wire(scene.app) as raw:
        slow = [await asyncio.open_connection("127.0.0.1", raw.port) for _ in range(200)]
        for _, writer in slow:
            writer.write(JOIN + b"Content-Length: 1000\r\n\r\n{")
        assert await raw.lives()
        for _, writer in slow:
            writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        JOIN + b"Content-Length: 100000\r\n\r\n{",
    ],
    ids=["a length", "chunks", "too large"],
)
async def test_what_was_answered_before_it_came_holds_no_connection(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    monkeypatch.setattr(header_limits, "LINGER_SECONDS", 0.3)
    async with wire(scene.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        writer.write(request_)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)).startswith(b"HTTP/1.1 ")
        writer.write(b"x")
        await asyncio.wait_for(reader.read(), 5)  # until it is closed
        writer.close()


async def test_what_came_after_its_answer_leaves_the_connection_open(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "LINGER_SECONDS", 0.3)
    asked = b"GET /version HTTP/1.1\r\nHost: x\r\n"
    async with wire(scene.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        writer.write(asked + b"Content-Length: 5\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        (length,) = re.findall(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length))
        writer.write(b"hello")
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began < 0.6:  # one request after the other, for as long as that
            writer.write(asked + b"\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(length))
        writer.close()


async def test_a_connection_serves_one_request_after_the_other(scene: Scene) -> None:
    async with wire(scene.app) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", raw.port)
        asked = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        token = await scene.shop.token("eve")
        body = b'{"tickets_wanted": 0}'
        for part in (
            asked,
            JOIN + b"Authorization: Bearer %s\r\nContent-Length: 21\r\n\r\n" % token.encode() + body,
        ):
            for _ in range(3):
                writer.write(part)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                (length,) = re.findall(rb"content-length: (\d+)", head.lower())
                await reader.readexactly(int(length))
        writer.write(asked * 5)  # all at once
        for _ in range(5):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            (length,) = re.findall(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length))
        writer.close()


async def test_one_user_cannot_open_streams_without_end(fresh: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_SCREENS", 3)
    service, key = fresh.app.state.service, ListKey("off_1", "rep_1")

    async def watch() -> Watcher:
        return await service.live.watch(key, "bob", organization_id=ORGANIZATION)

    opened = await asyncio.gather(*(watch() for _ in range(10)), return_exceptions=True)
    watchers = [one for one in opened if isinstance(one, Watcher)]
    assert len(watchers) == 3
    assert {type(one) for one in opened} == {Watcher, RateLimited}
    problem(await fresh.get(await fresh.shop.token("bob"), f"{ENTRY}/live"), 429, "rate_limited")
    for one in watchers:
        service.live.leave(one)
    service.live.leave(await watch())
    assert not service.live._screens


async def test_a_key_that_may_not_act_for_a_fan_sees_no_pass_to_buy_with(fresh: Scene) -> None:
    pool = fresh.app.state.service.pool
    keys = {
        scope: (await create_api_key(pool, ORGANIZATION, name="x", scopes=[scope, Scope.READ]))[0].key
        for scope in Scope
    }
    for scope, key in keys.items():
        items = (await fresh.shop.made("GET", "/entries?status=ready", key=key))["items"]
        one = await fresh.shop.made("GET", f"/waiting-lists/{LIST}/entries/ada", key=key)
        passes = {items[0]["purchase_pass"] is not None, one["purchase_pass"] is not None}
        assert passes == {scope in (Scope.ENTRIES, Scope.ADMIN)}, scope
    path = f"/inventory/{LIST}/add-stock"
    promoted = await fresh.shop.made("POST", path, {"quantity": 2}, key=keys[Scope.STOCK])
    assert [entry["purchase_pass"] for entry in promoted["promoted"]] == [None]


async def test_streams_that_are_left_open_end_with_their_readers(fresh: Scene) -> None:
    token = await fresh.shop.token("bob")
    request = f"GET /v1/user{ENTRY}/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    watching = fresh.app.state.service.live
    async with wire(fresh.app) as raw:
        opened = [await asyncio.open_connection("127.0.0.1", raw.port) for _ in range(100)]
        for _, writer in opened:
            writer.write(request)

        async def all_watch() -> bool:
            return sum(map(len, watching._watchers.values())) == 100

        async def none_watches() -> bool:
            return not any(watching._watchers.values())

        await until(all_watch)
        assert await raw.lives()
        for _, writer in opened:
            writer.close()
        await until(none_watches)


async def test_production_settings_have_no_shop_and_no_mails(dsn: str) -> None:
    started = create_app(Settings(database_url=SecretStr(dsn), worker=False))
    async with started.router.lifespan_context(started):
        transport = httpx.ASGITransport(app=started)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            assert {(await http.get(path)).status_code for path in ("/mails", "/demo/shop")} == {404}
    assert USER_AUDIENCE != PASS_AUDIENCE
