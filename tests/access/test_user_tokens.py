"""User tokens of this service: the quick check accepts the minted ones, and none that PyJWT refuses."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.credentials import credentials
from waiting_list.access.user_tokens import OUR_HEADER, USER_AUDIENCE, User, checked_claims, minted_claims
from waiting_list.lists.contact import Contact
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

SECRET = b"k" * 32
NOW = 1_900_000_000
GOOD: dict[str, Any] = {
    "iss": "waiting-list",
    "aud": USER_AUDIENCE,
    "sub": "ada",
    "org": "org_1",
    "iat": NOW,
    "exp": NOW + 600,
}
CONTACT = Contact(email="ada@example.org", name="Ada Ñ", locale="fr-CA", email_verified=True)


class _Now(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.fromtimestamp(NOW, tz or UTC)


def base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def signed(payload: bytes, header: bytes | None = None, *, secret: bytes = SECRET) -> str:
    """Sign a payload as it is, which need not be JSON."""
    return sealed(base64url(payload), OUR_HEADER if header is None else base64url(header), secret=secret)


def sealed(payload: str, header: str, *, secret: bytes = SECRET) -> str:
    """Sign segments as they are, which need not be base64."""
    mac = hmac.new(secret, f"{header}.{payload}".encode(), hashlib.sha256).digest()
    return f"{header}.{payload}.{base64url(mac)}"


def claims_of_pyjwt(token: str) -> dict[str, Any] | None:
    """What PyJWT says, asked as the service asks it, at `NOW`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jwt.api_jwt.datetime", _Now)
        try:
            return checked_claims(token, SECRET)
        except jwt.PyJWTError:
            return None


def accepted(token: str) -> bool:
    """Return whether the quick check accepts a token. Fail if PyJWT would refuse it, or read it otherwise."""
    claims = minted_claims(token, SECRET, now=NOW)
    if claims is not None:
        assert json.dumps(claims) == json.dumps(claims_of_pyjwt(token))
    return claims is not None


numbers = st.one_of(
    st.sampled_from([NOW - 31, NOW - 30, NOW - 29, NOW + 29, NOW + 30, NOW + 31, 10**400, -1, 0, True, False]),
    st.integers(),
    st.floats(),
    st.integers().map(str),
)
values = st.one_of(
    numbers,
    st.none(),
    st.text(),
    st.lists(st.text(), max_size=2),
    st.just([USER_AUDIENCE]),
    st.just({}),
    st.sampled_from([USER_AUDIENCE, "waiting-list", "waiting-list/purchase", ""]),
)
names = st.one_of(
    st.sampled_from([*GOOD, "version", "nbf", "jti", "email", "name", "locale", "email_verified", "exp ", "EXP"]),
    st.text(max_size=5),
)


@given(st.dictionaries(names, values, max_size=3), st.sets(st.sampled_from(list(GOOD)), max_size=2))
def test_no_claim_is_accepted_that_pyjwt_refuses(odd: dict[str, Any], absent: set[str]) -> None:
    claims = {name: value for name, value in (GOOD | odd).items() if name not in absent}
    is_minted = accepted(signed(json.dumps(claims).encode()))
    assert not is_minted or (claims.keys() >= GOOD.keys() and claims.keys().isdisjoint({"nbf", "jti"}))


@given(st.integers(-40, 40), st.integers(-40, 40))
def test_a_minted_token_is_accepted_exactly_as_long_as_pyjwt_accepts_it(issued: int, expires: int) -> None:
    token = signed(json.dumps(GOOD | {"iat": NOW + issued, "exp": NOW + expires}).encode())
    assert accepted(token) is (claims_of_pyjwt(token) is not None) is (issued <= 30 and expires > -30)


@given(st.integers(0, 400), st.characters(), st.sampled_from(["replace", "insert", "delete", "cut"]))
def test_a_token_that_was_altered_in_one_character_is_not_accepted(at: int, other: str, how: str) -> None:
    token = jwt.encode(GOOD, SECRET, "HS256")
    assert accepted(token)
    at %= len(token)
    rest = {"replace": other + token[at + 1 :], "insert": other + token[at:], "delete": token[at + 1 :], "cut": ""}
    altered = token[:at] + rest[how]
    assert altered == token or not accepted(altered)


GOOD_JSON = json.dumps(GOOD).encode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        OUR_HEADER,
        f"{OUR_HEADER}.",
        signed(GOOD_JSON, secret=b"x" * 32),
        signed(GOOD_JSON, b'{"alg":"HS256"}'),
        signed(GOOD_JSON, b'{"typ":"JWT","alg":"HS256"}'),
        signed(GOOD_JSON, b'{"alg":"HS256","typ":"JWT","crit":["b64"],"b64":true}'),
        signed(GOOD_JSON, b'{"alg":"none","typ":"JWT"}'),
        signed(GOOD_JSON, b'{"alg":"HS512","typ":"JWT"}'),
        signed(GOOD_JSON) + "=",
        signed(GOOD_JSON) + ".",
        signed(GOOD_JSON) + "\n",
        " " + signed(GOOD_JSON),
        signed(GOOD_JSON).replace(".", "..", 1),
        signed(GOOD_JSON)[:-1] + "é",
        sealed(base64url(GOOD_JSON) + "=", OUR_HEADER),
        sealed(base64url(GOOD_JSON) + "==", OUR_HEADER),
        sealed("!" + base64url(GOOD_JSON), OUR_HEADER),
        sealed(base64url(GOOD_JSON) + "." + base64url(GOOD_JSON), OUR_HEADER),
        sealed(base64url(GOOD_JSON + b" ")[:-1] + "B", OUR_HEADER),
        sealed("A", OUR_HEADER),
        sealed("", OUR_HEADER),
        signed(b"\xff\xfe"),
        signed(b"null"),
        signed(b"[]"),
        signed(b'"text"'),
        signed(b"[" * 100_000),
        signed(GOOD_JSON[:-1]),
        signed(GOOD_JSON[:-1] + b',"exp":' + b"9" * 5000 + b"}"),
        signed(GOOD_JSON[:-1] + b',"exp":NaN}'),
        signed(GOOD_JSON[:-1] + b',"exp":1e999}'),
        signed(GOOD_JSON[:-1] + b',"exp":1900000600.5}'),
        signed(GOOD_JSON[:-1] + b',"exp":true}'),
        signed(GOOD_JSON[:-1] + b',"aud":["' + USER_AUDIENCE.encode() + b'"]}'),
        signed(GOOD_JSON[:-1] + b',"sub":null}'),
        signed(GOOD_JSON[:-1] + b',"version":1.0}'),
        signed(GOOD_JSON[:-1] + b',"nbf":0}'),
        signed(GOOD_JSON[:-1] + b',"jti":7}'),
    ],
    ids=lambda token: token[-12:] or "empty",
)
def test_a_token_that_the_service_does_not_mint_is_left_to_pyjwt(token: str) -> None:
    assert not accepted(token)


def test_of_a_claim_that_is_there_twice_the_last_counts_as_for_pyjwt() -> None:
    assert accepted(signed(b'{"sub":7,' + GOOD_JSON[1:]))
    assert not accepted(signed(GOOD_JSON[:-1] + b',"sub":7}'))


@pytest.mark.parametrize("contact", [Contact(), CONTACT])
@pytest.mark.parametrize("version", [0, 1_790_000_000_000_000])
async def test_a_minted_token_is_read_without_pyjwt(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, contact: Contact, version: int
) -> None:
    service = credentials(pool, Settings())

    async def signed_out_at(*_: object) -> int:
        return version

    monkeypatch.setattr(service.sign_outs, "version", signed_out_at)
    ada = User("ada", "org_1", contact, version)
    token, expires_at = await service.user_tokens.mint(ada, expires_in=60)
    assert token.startswith(OUR_HEADER)
    monkeypatch.delattr(jwt, "decode")
    claims = await service.user_tokens.claims(token)
    assert claims["exp"] == expires_at.timestamp() == pytest.approx(time.time() + 60, abs=30)
    assert await service.authenticator.user(f"Bearer {token}") == ada
