"""Authentication: tokens of a provider and our own, which tokens are kept, and revoked API keys."""

import asyncio
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tests.support.credentials import credentials
from tests.support.shop import LIST, Shop, problem
from waiting_list.access import authentication
from waiting_list.access.identity_provider import LEEWAY
from waiting_list.access.user_tokens import User
from waiting_list.postgres.pool import Pool
from waiting_list.problems import Unauthenticated
from waiting_list.settings import Settings
from waiting_list.web.routes import Route

LONG_AGO, IN_AGES = 1_577_836_800, 4_102_444_800
PROVIDER = {"user_token_issuer": "https://id.example", "user_token_audience": "shop"}


class _Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(seconds=32)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signed(key: Any, algorithm: str = "RS256", kid: str = "k1", **claims: Any) -> str:
    good = {"iss": "https://id.example", "aud": "shop", "sub": "ada", "org": "org_1", "exp": int(time.time()) + 60}
    given = {name: value for name, value in (good | claims).items() if value is not None}
    return "Bearer " + jwt.encode(given, key, algorithm, headers={"kid": kid})


async def test_a_providers_token_opens_the_users_calls(pool: Pool, key: RSAPrivateKey) -> None:
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    assert await service.authenticator.user(signed(key)) == User("ada", "org_1")
    token, _ = await service.user_tokens.mint(User("bob", "org_2"), expires_in=60)
    assert await service.authenticator.user(f"Bearer {token}") == User("bob", "org_2")


@pytest.mark.parametrize("seconds", [-25, 25])
async def test_our_own_tokens_may_come_from_a_machine_whose_clock_differs(pool: Pool, seconds: int) -> None:
    service, here = credentials(pool, Settings()), datetime.now(UTC)
    there = here + timedelta(seconds=seconds)
    # Issued this instant by that clock, and ended this instant by that clock.
    for started_at in (there, there - timedelta(minutes=1)):
        token, _ = await service.user_tokens.mint(User("ada", "org_1"), expires_in=60, now=started_at)
        assert await service.authenticator.user(f"Bearer {token}") == User("ada", "org_1")
    for wrong in (here + timedelta(seconds=40), here - timedelta(seconds=100)):
        token, _ = await service.user_tokens.mint(User("ada", "org_1"), expires_in=60, now=wrong)
        with pytest.raises(Unauthenticated):
            await service.authenticator.user(f"Bearer {token}")


async def test_a_token_that_was_checked_is_kept_until_its_end_and_the_leeway_at_most(pool: Pool) -> None:
    service = credentials(pool, Settings())
    token, expires_at = await service.user_tokens.mint(User("ada", "org_1"), expires_in=5)
    await service.authenticator.user(f"Bearer {token}")
    ((_, kept_until, _),) = service.authenticator._users.values()
    assert kept_until == (expires_at + LEEWAY).timestamp()


async def test_an_end_may_be_further_away_than_any_float(pool: Pool, key: RSAPrivateKey) -> None:
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    assert await service.authenticator.user(signed(key, exp=10**400)) == User("ada", "org_1")


async def test_an_end_that_is_written_as_text_is_an_end(pool: Pool, key: RSAPrivateKey) -> None:
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    assert await service.authenticator.user(signed(key, exp=str(int(time.time()) + 60))) == User("ada", "org_1")


async def test_the_organization_is_in_the_claim_that_the_settings_name(pool: Pool, key: RSAPrivateKey) -> None:
    settings = Settings(**PROVIDER, user_token_public_key=pem(key), user_token_organization_claim="tenant")
    service = credentials(pool, settings)
    assert await service.authenticator.user(signed(key, tenant="org_9")) == User("ada", "org_9")
    with pytest.raises(Unauthenticated):
        await service.authenticator.user(signed(key))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://else.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"exp": LONG_AGO},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": 7},
        {"org": None},
        {"org": ["org_1"]},
        {"nbf": IN_AGES},
    ],
    ids=str,
)
async def test_a_providers_token_with_a_wrong_claim_is_refused(
    pool: Pool, key: RSAPrivateKey, claims: dict[str, Any]
) -> None:
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    token = signed(key, **claims)
    with pytest.raises(Unauthenticated):
        await service.authenticator.user(token)


async def test_other_keys_and_algorithms_are_refused(pool: Pool, key: RSAPrivateKey) -> None:
    service = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    own = (await service.signing_keys.keys()).user_token
    # Signed with the public key as if it were a secret: PyJWT will not make it, so it is made by hand.
    header, payload, _ = signed(b"x" * 32, "HS256").removeprefix("Bearer ").split(".")
    mac = hmac.new(pem(key).encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest()
    confused = f"Bearer {header}.{payload}.{jwt.utils.base64url_encode(mac).decode()}"
    for token in (signed(stranger), signed(own, "HS256"), signed(None, "none"), confused):
        with pytest.raises(Unauthenticated):
            await service.authenticator.user(token)


async def test_without_a_provider_only_our_own_tokens_are_taken(pool: Pool, key: RSAPrivateKey) -> None:
    with pytest.raises(Unauthenticated):
        await credentials(pool, Settings()).authenticator.user(signed(key))


def test_a_provider_without_issuer_or_audience_is_refused(key: RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="needs WAITING_LIST_USER_TOKEN_ISSUER and"):
        Settings(user_token_public_key=pem(key), user_token_issuer="https://id.example")


async def test_a_known_token_is_refused_once_it_has_expired(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.stock()
    token = (await shop.made("POST", "/user-tokens", {"user_id": "ada", "expires_in": 1}))["token"]
    path, headers = f"/v1/user/waiting-lists/{LIST}/entry", {"Authorization": f"Bearer {token}"}
    problem(await shop.http.get(path, headers=headers), 404, "not_in_list")
    problem(await shop.http.get(path, headers=headers), 404, "not_in_list")
    real = authentication.time.time
    monkeypatch.setattr(authentication.time, "time", lambda: real() + 32)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    problem(await shop.http.get(path, headers=headers), 401, "unauthenticated")


async def test_only_so_many_tokens_are_kept(shop: Shop, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_TOKENS_KEPT", 3)
    for n in range(10):
        await shop.user(f"u{n}", "GET")
    assert len(app.state.service.authenticator._users) == 3


async def test_a_revoked_key_is_refused_also_among_calls_in_flight(shop: Shop) -> None:
    created = await shop.made("POST", "/api-keys", {"name": "second"})
    before = await asyncio.gather(*(shop.organizer("GET", "/events", key=created["key"]) for _ in range(20)))
    assert {answer.status_code for answer in before} == {200}
    assert (await shop.organizer("DELETE", f"/api-keys/{created['key_id']}")).status_code == 200
    after = await asyncio.gather(*(shop.organizer("GET", "/events", key=created["key"]) for _ in range(20)))
    assert {answer.status_code for answer in after} == {401}
    # The same id with another secret is refused.
    wrong = created["key"][:-4] + ("aaaa" if not created["key"].endswith("aaaa") else "bbbb")
    problem(await shop.organizer("GET", "/events", key=wrong), 401, "unauthenticated")


def test_a_route_that_does_not_decide_who_may_call_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="authenticate"):
        Route("/x", lambda: None)  # type: ignore[abstract]
