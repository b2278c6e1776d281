"""Contacts of fans: from a join or a token, who may see them, and their erasure."""

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi import FastAPI
from pydantic import SecretStr

from tests.access.test_authentication import PROVIDER, pem, signed
from tests.support.credentials import credentials
from tests.support.lists import ORGANIZATION
from tests.support.shop import LIST, Shop, problem
from tests.support.until import until
from tests.web.test_http import ENTRY_FIELDS, unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.user_tokens import User
from waiting_list.app import create_app
from waiting_list.lists.contact import Contact
from waiting_list.postgres.pool import Pool, connection
from waiting_list.settings import Settings

CONTACT = f"/waiting-lists/{LIST}/entry/contact"
ENTRY = f"/waiting-lists/{LIST}/entry"
LINK = f"/waiting-lists/{LIST}/entries/ada/link"
ADA = {"email": "ada@example.org", "name": "Ada", "locale": "fr"}
VOUCHED = ADA | {"email_verified": True}
BAD_EMAILS = (
    "", "ada", "ada@", "@example.org", "ada@example.org\n", "a b@example.org", "ada@localhost",
    "Ada <ada@example.org>", "ada@example.org, bob@example.org", "é" * 300 + "@example.org", 7,
)  # fmt: skip
BAD_TAGS = (
    "", "fr-", "-fr", "fr--CA", "fr CA", "français", "fr\n", "fr\x00", "fr;q=1", "en_US.UTF-8", "toolonglanguage",
    "f" * 101, 7,
)  # fmt: skip


async def acting(shop: Shop, method: str, path: str, body: Any = None, **said: Any) -> httpx.Response:
    """A call of ada's, with a token that says this of her."""
    token = (await shop.made("POST", "/user-tokens", {"user_id": "ada"} | said))["token"]
    options = {} if body is None else {"json": body}
    return await shop.http.request(
        method, f"/v1/user{path}", headers={"Authorization": f"Bearer {token}"}, **options
    )


async def kept(shop: Shop, user_id: str = "ada") -> dict[str, Any]:
    answer = await shop.user(user_id, "GET", CONTACT)
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in ("email", "name", "locale", "email_verified")}


async def test_a_fan_joins_with_an_address_that_counts_as_unverified(shop: Shop) -> None:
    await shop.stock()
    entry = await shop.join("ada", 2, **ADA)
    assert entry.keys() == ENTRY_FIELDS
    answer = await shop.user("ada", "GET", CONTACT)
    where = {"offer_id": "off_1", "representation_id": "rep_1", "number": entry["number"]}
    assert answer.json() == where | ADA | {"email_verified": False, "subscribed": True}


async def test_a_fan_who_said_nothing_has_an_empty_contact(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    assert await kept(shop) == {"email": None, "name": None, "locale": None, "email_verified": False}


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ({}, VOUCHED),
        ({"email": "ada@example.org"}, VOUCHED),
        ({"email": "ada@EXAMPLE.org"}, VOUCHED),
        ({"email": "other@example.org"}, VOUCHED | {"email": "other@example.org", "email_verified": False}),
        ({"email": None}, VOUCHED | {"email": None, "email_verified": False}),
        ({"name": "Countess"}, VOUCHED | {"name": "Countess"}),
        ({"locale": "en", "name": None}, VOUCHED | {"locale": "en", "name": None}),
    ],
    ids=str,
)
async def test_what_a_join_says_comes_before_what_the_token_says(
    shop: Shop, body: dict[str, Any], becomes: dict[str, Any]
) -> None:
    await shop.stock()
    answer = await acting(shop, "POST", ENTRY, {"tickets_wanted": 1} | body, **VOUCHED)
    assert answer.status_code == 201, answer.text
    assert await kept(shop) == becomes


async def test_a_token_that_does_not_vouch_for_its_address_leaves_it_unverified(shop: Shop) -> None:
    await shop.stock()
    await acting(shop, "POST", ENTRY, {"tickets_wanted": 1, "email": "ada@example.org"}, **ADA)
    assert await kept(shop) == ADA | {"email_verified": False}


async def test_a_minted_token_says_what_it_was_minted_with(pool: Pool) -> None:
    service = credentials(pool, Settings())
    for contact in (Contact(**VOUCHED), Contact(**ADA), Contact(email="a@example.org"), Contact()):
        user = User("ada", ORGANIZATION, contact)
        token, _ = await service.user_tokens.mint(user, expires_in=60)
        assert await service.authenticator.user(f"Bearer {token}") == user


@pytest.mark.parametrize(
    ("claims", "contact"),
    [
        (VOUCHED, VOUCHED),
        (ADA | {"locale": "fr-CH"}, ADA | {"locale": "fr-CH"}),
        (ADA | {"locale": "FR_ca"}, ADA | {"locale": "FR-ca"}),
        (ADA | {"locale": "de"}, ADA | {"locale": "de"}),
        (ADA | {"locale": "en_US.UTF-8"}, ADA | {"locale": None}),
        ({"email": "ada"}, {}),
        ({"email": "ada", "email_verified": True}, {}),
        ({"email_verified": True}, {}),
        (ADA | {"email_verified": "true"}, ADA),
        (ADA | {"email_verified": 1}, ADA),
        ({"email": ["ada@example.org"], "name": {"first": "Ada"}, "locale": 7}, {}),
        ({"email": "a\x00@example.org", "name": "A\x00", "locale": "\x00"}, {}),
        ({"name": ""}, {}),
        ({"name": "x" * 501, "locale": "x" * 10_000}, {}),
        ({"email": "x" * 250 + "@example.org"}, {}),
    ],
    ids=str,
)
async def test_an_odd_claim_of_a_providers_token_counts_as_absent(
    pool: Pool, claims: dict[str, Any], contact: dict[str, Any]
) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    assert await service.authenticator.user(signed(key, **claims)) == User("ada", "org_1", Contact(**contact))


async def test_a_fan_is_told_in_another_way(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", **ADA)
    answer = await shop.user("ada", "PUT", CONTACT, {"email": "new@example.org"})
    assert answer.status_code == 200
    assert answer.json()["email"] == "new@example.org"
    expected = {"email": "new@example.org", "name": None, "locale": None, "email_verified": False}
    assert await kept(shop) == expected
    assert (await acting(shop, "PUT", CONTACT, ADA, **VOUCHED)).json()["email_verified"]
    # The address stays the verified one, even if the token has another.
    assert (await shop.user("ada", "PUT", CONTACT, {"email": "ada@example.org"})).json()["email_verified"]
    assert (await shop.user("ada", "PUT", CONTACT, {})).json()["email"] is None
    # Forgotten is forgotten: the same address has to be verified anew.
    assert not (await shop.user("ada", "PUT", CONTACT, {"email": "ada@example.org"})).json()["email_verified"]


async def test_whether_an_address_is_verified_is_not_the_fans_to_say(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", **ADA)
    async with unchanged(app):
        for path, body in ((ENTRY, {"tickets_wanted": 1}), (CONTACT, {})):
            method = "POST" if path == ENTRY else "PUT"
            answer = await shop.user("bob", method, path, body | VOUCHED)
            assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "body.email_verified"


async def test_a_bad_contact_is_malformed_wherever_one_is_taken(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    bad = [{"email": one} for one in BAD_EMAILS]
    bad += [{"name": ""}, {"name": "a\x00"}, {"name": "x" * 501}]
    bad += [{"locale": one} for one in BAD_TAGS]
    async with unchanged(app):
        for one in bad:
            problem(await shop.user("ada", "PUT", CONTACT, one), 422, "invalid_request")
            problem(await shop.user("bob", "POST", ENTRY, {"tickets_wanted": 1} | one), 422, "invalid_request")
            problem(await shop.organizer("POST", "/user-tokens", {"user_id": "bob"} | one), 422, "invalid_request")
            body = {"user_id": "bob", "tickets_wanted": 1} | one
            answer = await shop.organizer("POST", f"/waiting-lists/{LIST}/entries", body)
            problem(answer, 422, "invalid_request")


async def test_who_is_not_in_the_list_or_has_left_it_cannot_be_told_in_another_way(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    await shop.join("ada", **ADA)
    await shop.user("ada", "DELETE")
    nowhere = "/waiting-lists/unknown/unknown/entry/contact"
    async with unchanged(app):
        problem(await shop.user("ada", "PUT", CONTACT, {}), 409, "already_left")
        problem(await shop.user("bob", "PUT", CONTACT, {}), 404, "not_in_list")
        problem(await shop.user("bob", "GET", CONTACT), 404, "not_in_list")
        problem(await shop.user("ada", "GET", nowhere), 404, "inventory_not_found")
        problem(await shop.user("ada", "PUT", nowhere, {}), 404, "inventory_not_found")
    assert (await kept(shop))["email"] == "ada@example.org"


async def test_an_organizer_vouches_for_the_address_of_who_joins_through_them(shop: Shop) -> None:
    await shop.stock()
    body = {"user_id": "ada", "tickets_wanted": 1} | VOUCHED
    joined = await shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
    assert joined.keys() == ENTRY_FIELDS | {"promoted"}
    assert await kept(shop) == VOUCHED


async def test_an_unverified_address_is_passed_over_until_a_token_vouches_for_it(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": True})
    await shop.join("ada", **ADA)
    bob = {"user_id": "bob", "tickets_wanted": 1, "email": "bob@example.org", "email_verified": True}
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", bob)
    stock = await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    assert [one["user_id"] for one in stock["promoted"]] == ["bob"]
    assert (await shop.entry("ada"))["position"] == 1
    await acting(shop, "PUT", CONTACT, ADA, **VOUCHED)
    assert (await shop.entry("ada"))["status"] == "ready"


@pytest.mark.parametrize("rule", ["email_required", "verify_email"])
async def test_a_list_that_asks_for_an_address_takes_no_entry_without_one(
    app: FastAPI, shop: Shop, rule: str
) -> None:
    await shop.stock()
    await shop.join("eve")
    shown = await shop.made("PATCH", f"/waiting-lists/{LIST}", {rule: True})
    assert shown["email_required"] is True
    assert (await shop.http.get(f"/v1/user/waiting-lists/{LIST}")).json()["email_required"] is True
    async with unchanged(app):
        problem(await shop.user("ada", "POST", ENTRY, {"tickets_wanted": 1}), 422, "email_required")
        for_bob = {"user_id": "bob", "tickets_wanted": 1, "name": "Bob"}
        path = f"/waiting-lists/{LIST}/entries"
        problem(await shop.organizer("POST", path, for_bob), 422, "email_required")
        problem(await shop.user("eve", "PUT", CONTACT, {"name": "Eve"}), 422, "email_required")
    await shop.join("ada", **ADA)
    async with unchanged(app):
        problem(await shop.user("ada", "PUT", CONTACT, {}), 422, "email_required")
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"email_required": False, "verify_email": False})
    assert (await shop.user("ada", "PUT", CONTACT, {})).status_code == 200


async def test_no_listing_history_csv_or_webhook_shows_a_contact(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at)"
            " VALUES ('wh', $1, 'https://shop.example/', '', '{}', $2)",
            ORGANIZATION,
            datetime.now(UTC),
        )
    secrets = {"email": "secret-address@example.org", "name": "Secret Name", "locale": "fr"}
    await shop.join("ada", 2, **secrets)
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", {"user_id": "bob", "tickets_wanted": 1} | secrets)
    await shop.user("ada", "PUT", CONTACT, secrets | {"email": "secret-other@example.org"})
    await shop.made("POST", LINK)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    await shop.user("ada", "DELETE")
    seen = [
        await shop.organizer("GET", path)
        for path in (
            "/entries",
            "/entries.csv",
            "/waiting-lists",
            f"/waiting-lists/{LIST}",
            f"/waiting-lists/{LIST}/history?limit=500",
            f"/waiting-lists/{LIST}/statistics",
            f"/waiting-lists/{LIST}/entries/ada",
            f"/inventory/{LIST}",
            "/events/ev_1",
        )
    ]
    seen += [await shop.user("ada", "GET", path) for path in (ENTRY, "/entries", f"/waiting-lists/{LIST}/queue")]
    seen += [await shop.http.get(f"/v1/user/waiting-lists/{LIST}"), await shop.http.get("/metrics")]
    texts = [answer.text for answer in seen if answer.is_success]
    assert len(texts) == 14
    async with connection(app.state.service.pool) as acquired:
        for table in ("history", "outbox", "idempotency", "entries"):
            texts += [row["row"] for row in await acquired.fetch(f"SELECT t::text AS row FROM {table} t")]
        assert await acquired.fetchval("SELECT count(*) FROM outbox WHERE body IS NOT NULL") > 5
        assert await acquired.fetchval("SELECT count(*) FROM contacts") == 2
    marks = ("secret-address", "secret-other", "secret name")
    assert [text for text in texts if any(mark in text.lower() for mark in marks)] == []


async def test_a_persons_export_shows_their_contacts_and_their_erasure_forgets_them(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    await shop.join("ada", **ADA)
    url = (await shop.made("POST", LINK))["url"]
    await shop.user("ada", "DELETE")
    await shop.join("ada", email="later@example.org")
    shown = (await shop.made("GET", "/users/ada/export"))["contacts"]
    assert [(one["number"], one["email"]) for one in shown] == [(1, "ada@example.org"), (2, "later@example.org")]
    stranger, _ = await create_api_key(app.state.service.pool, "org_2", name="x", scopes=[Scope.ADMIN])
    assert (await shop.made("GET", "/users/ada/export", key=stranger.key))["contacts"] == []
    await shop.made("DELETE", "/users/ada")
    assert (await shop.made("GET", "/users/ada/export"))["contacts"] == []
    async with connection(app.state.service.pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM contacts") == 0
    assert (await shop.http.get(url.removeprefix("http://127.0.0.1:8000"))).status_code == 404


async def test_an_organizer_is_given_a_private_link_the_same_until_it_is_revoked(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.join("bob")
    first = (await shop.made("POST", LINK))["url"]
    assert first.startswith("http://127.0.0.1:8000/e/")
    assert (await shop.made("POST", LINK))["url"] == first
    other = f"/waiting-lists/{LIST}/entries/bob/link"
    assert (await shop.made("POST", other))["url"] != first
    for _ in range(2):
        assert await shop.made("DELETE", LINK) == await shop.entry("ada")
    second = (await shop.made("POST", LINK))["url"]
    assert second != first
    assert (await shop.made("POST", LINK))["url"] == second


async def test_a_private_link_is_only_for_those_who_may_write_for_the_organization(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    await shop.join("ada")
    pool = app.state.service.pool
    stranger, _ = await create_api_key(pool, "org_2", name="x", scopes=[Scope.ADMIN])
    reader, _ = await create_api_key(pool, ORGANIZATION, name="x", scopes=[Scope.READ])
    async with unchanged(app):
        for method in ("POST", "DELETE"):
            problem(await shop.organizer(method, LINK, key=stranger.key), 404, "inventory_not_found")
            problem(await shop.organizer(method, LINK, key=reader.key), 403, "forbidden")
            problem(await shop.organizer(method, LINK, key=await shop.token("ada")), 403, "forbidden")
            nobody = f"/waiting-lists/{LIST}/entries/nobody/link"
            problem(await shop.organizer(method, nobody), 404, "not_in_list")


async def test_another_organizations_user_of_the_same_name_sees_nothing(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", **ADA)
    stranger, _ = await create_api_key(app.state.service.pool, "org_2", name="x", scopes=[Scope.ADMIN])
    headers = {"Authorization": f"Bearer {await shop.token('ada', key=stranger.key)}"}
    async with unchanged(app):
        problem(await shop.http.get(f"/v1/user{CONTACT}", headers=headers), 404, "inventory_not_found")
        answer = await shop.http.put(f"/v1/user{CONTACT}", headers=headers, json={})
        problem(answer, 404, "inventory_not_found")


async def test_a_repeated_join_with_another_contact_is_another_request(shop: Shop) -> None:
    await shop.stock()
    options: dict[str, Any] = {"headers": {"Idempotency-Key": "k"}}
    body = {"tickets_wanted": 1} | ADA
    first = await shop.user("ada", "POST", body=body, **options)
    again = await shop.user("ada", "POST", body=body, **options)
    assert again.headers["idempotent-replayed"] == "true"
    assert json.loads(again.text) == first.json()
    other = await shop.user("ada", "POST", body=body | {"name": "Bob"}, **options)
    problem(other, 422, "idempotency_key_reused")


LANGUAGES = [
    ("fr-CA", "fr"), ("FR_ca", "fr"), ("fr-Latn-CA-x-quebec", "fr"), ("pt-BR", "en"), ("de-informal", "de"),
    ("i-klingon", "en"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "language"), LANGUAGES)
async def test_a_fan_of_any_language_joins_and_is_written_to_in_the_nearest(
    dsn: str, tmp_path: Path, tag: str, language: str
) -> None:
    stored = tag.replace("_", "-")
    started = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path))
    async with started.router.lifespan_context(started):
        created, _ = await create_api_key(started.state.service.pool, ORGANIZATION, name="x", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=started)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            shop = Shop(http, created.key)
            await shop.stock()
            await shop.join("ada", **ADA | {"locale": tag})
            assert (await kept(shop))["locale"] == stored
            # The organizer, a token, and a later change take the same tags.
            body = {"user_id": "bob", "tickets_wanted": 1, "email": "bob@example.org", "locale": tag}
            await shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
            answer = await acting(shop, "PUT", CONTACT, ADA | {"locale": tag}, locale=tag)
            assert (answer.status_code, answer.json()["locale"]) == (200, stored)
            joined = await shop.made("GET", "/users/bob/export")
            assert [one["locale"] for one in joined["contacts"]] == [stored]

        async def written() -> bool:
            return len([*tmp_path.glob("*.eml")]) >= 2

        await until(written)
    for file in tmp_path.glob("*.eml"):
        message = message_from_bytes(file.read_bytes(), policy=default)
        assert message["Content-Language"] == language
        text = message.get_body(("plain",))
        assert text is not None
        assert {"en": "Hello", "fr": "Bonjour", "de": "Hallo"}[language] in text.get_content()
