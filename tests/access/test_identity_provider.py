"""The keys of an identity provider, from a real server that rotates them, fails, and recovers."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.access.test_authentication import PROVIDER, signed
from tests.support.credentials import credentials
from waiting_list.access.identity_provider import Provider
from waiting_list.access.user_tokens import User
from waiting_list.postgres.pool import Pool
from waiting_list.problems import Unauthenticated, Unavailable
from waiting_list.settings import Settings


def made() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def public(key: RSAPrivateKey, kid: str | None, **more: Any) -> dict[str, Any]:
    named = {} if kid is None else {"kid": kid}
    return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"use": "sig", "alg": "RS256"} | named | more


class Jwks:
    """The server of a provider, and its next answers."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.status = 200
        self.body: bytes | None = None
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = ""


@contextmanager
def serving() -> Iterator[Jwks]:
    jwks = Jwks()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            jwks.asked += 1
            jwks.may_answer.wait(10)
            body = jwks.body if jwks.body is not None else json.dumps({"keys": jwks.keys}).encode()
            self.send_response(jwks.status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    jwks.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    try:
        yield jwks
    finally:
        jwks.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class Clock:
    """A clock that the test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return made()


def of(jwks: Jwks, clock: Clock) -> Provider:
    return Provider(Settings(**PROVIDER, user_token_jwks_url=jwks.url), clock=clock)


def token(key: RSAPrivateKey, kid: str = "k1", **claims: Any) -> str:
    return signed(key, kid=kid, **claims).removeprefix("Bearer ")


async def loaded(provider: Provider) -> None:
    """Wait until the keys have been loaded in the background."""
    if loading := provider._loading:
        await asyncio.wait_for(asyncio.shield(loading), 10)


async def test_a_jwks_opens_the_users_calls(pool: Pool, key: RSAPrivateKey) -> None:
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        service = credentials(pool, Settings(**PROVIDER, user_token_jwks_url=jwks.url))
        assert await service.authenticator.user(signed(key)) == User("ada", "org_1")
        with pytest.raises(Unauthenticated):
            await service.authenticator.user(signed(made(), kid="k1"))


async def test_a_rotated_key_is_found_and_strangers_do_not_make_us_ask_all_the_time(key: RSAPrivateKey) -> None:
    clock, newer = Clock(), made()
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        provider = of(jwks, clock)
        for _ in range(3):
            assert (await provider.claims(token(key)))["sub"] == "ada"
        assert jwks.asked == 1
        for number in range(20):
            with pytest.raises(jwt.InvalidKeyError):
                await provider.claims(token(newer, f"stranger-{number}"))
        assert jwks.asked == 1
        jwks.keys = [public(newer, "k2")]
        clock.now += 6
        assert (await provider.claims(token(newer, "k2")))["sub"] == "ada"
        with pytest.raises(jwt.InvalidKeyError):  # it was withdrawn
            await provider.claims(token(key))
        assert jwks.asked == 2


async def test_known_keys_serve_while_they_are_asked_for_again(key: RSAPrivateKey) -> None:
    clock = Clock()
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        provider = of(jwks, clock)
        await provider.claims(token(key))
        clock.now += 301
        jwks.may_answer.clear()
        assert (await asyncio.wait_for(provider.claims(token(key)), 5))["sub"] == "ada"
        jwks.may_answer.set()
        await loaded(provider)
        assert jwks.asked == 2


async def test_an_outage_keeps_nobody_out_whose_key_is_known_for_a_day(key: RSAPrivateKey) -> None:
    clock = Clock()
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        provider = of(jwks, clock)
        await provider.claims(token(key))
    for _ in range(5):
        clock.now += 4 * 3600
        assert (await provider.claims(token(key)))["sub"] == "ada"
        await loaded(provider)
    with pytest.raises(Unavailable):  # it may be a new key's, who knows
        await provider.claims(token(key, "k2"))
    clock.now += 5 * 3600
    with pytest.raises(Unavailable):
        await provider.claims(token(key))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (302, None),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": 7}'),
        (200, b"\xff\xfe"),
        (200, b'{"keys": [' + b" " * 300_000 + b"]}"),
    ],
    ids=["500", "redirect", "html", "no object", "no keys", "a number", "no text", "too much"],
)
async def test_a_bad_answer_is_an_outage_and_its_end_is_seen(
    key: RSAPrivateKey, status: int, body: bytes | None
) -> None:
    clock = Clock()
    with serving() as jwks:
        jwks.keys, jwks.status, jwks.body = [public(key, "k1")], status, body
        provider = of(jwks, clock)
        with pytest.raises(Unavailable):
            await provider.claims(token(key))
        jwks.status, jwks.body = 200, None
        clock.now += 6
        assert (await provider.claims(token(key)))["sub"] == "ada"


async def test_many_tokens_at_once_ask_once_and_block_nobody(key: RSAPrivateKey) -> None:
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        jwks.may_answer.clear()
        provider = of(jwks, Clock())
        asked = [asyncio.create_task(provider.claims(token(key))) for _ in range(50)]
        # The loop goes on meanwhile.
        await asyncio.wait_for(asyncio.sleep(0), 1)
        asked[0].cancel()
        jwks.may_answer.set()
        answers = await asyncio.wait_for(asyncio.gather(*asked[1:]), 10)
        assert [one["sub"] for one in answers] == ["ada"] * 49
        assert jwks.asked == 1


async def test_only_keys_that_sign_count_and_a_single_one_need_no_name(key: RSAPrivateKey) -> None:
    other = made()
    with serving() as jwks:
        jwks.keys = ["nonsense", {"kty": "x"}, public(other, "k2", use="enc"), public(key, None)]
        provider = of(jwks, Clock())
        nameless = jwt.encode(jwt.decode(token(key), options={"verify_signature": False}), key, "RS256")
        assert (await provider.claims(nameless))["sub"] == "ada"
        with pytest.raises(jwt.PyJWTError):
            await provider.claims(token(other, "k2"))


@pytest.mark.parametrize("seconds", [-25, 25])
async def test_clocks_may_differ_by_half_a_minute(key: RSAPrivateKey, seconds: int) -> None:
    now = int(time.time())
    with serving() as jwks:
        jwks.keys = [public(key, "k1")]
        provider = of(jwks, Clock())
        claims = {"exp": now + seconds, "nbf": now + seconds, "iat": now + seconds}
        assert (await provider.claims(token(key, **claims)))["sub"] == "ada"
        for wrong in ({"exp": now - 40}, {"nbf": now + 40}):
            with pytest.raises(jwt.PyJWTError):
                await provider.claims(token(key, **wrong))
