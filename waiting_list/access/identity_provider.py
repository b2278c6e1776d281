"""Check tokens of the platform's identity provider with one public key, or with the JWKS that it serves.

The service caches the JWKS for a day, so that an outage of the provider does not lock out fans with a known key.
Keys can rotate at any time: the service fetches an unknown key, but only every few seconds.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import structlog

from waiting_list.problems import Unavailable
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

_ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
LEEWAY = timedelta(seconds=30)
"""How far the clocks of the token's issuer and of this machine may differ."""
_FRESH_SECONDS = 300
"""After how long the service fetches the keys again. Until then, and during the fetch, the known keys are used."""
_KEPT_SECONDS = 24 * 3600
_PAUSE_SECONDS = 5
"""The minimum time between two fetches, whatever tokens arrive."""
_TIMEOUT_SECONDS = 5
_MOST_BYTES = 256 * 1024


class Provider:
    """Check the tokens of an identity provider (RFC 7519, RFC 7517). Each process has one."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._loaded_at = self._asked_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None
        self._failing = False
        if settings.user_token_jwks_url:
            # Only then, because it would else delay each start by 80 ms; and already now, not with a fan's call.
            import aiohttp  # noqa: F401, PLC0415

    @property
    def is_configured(self) -> bool:
        """Whether the settings name an identity provider."""
        return bool(self._settings.user_token_jwks_url or self._settings.user_token_public_key)

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid token: issuer, audience and times must be right, with 30 s for clock
        differences.

        Raises jwt.PyJWTError for an invalid token; Unavailable if its key cannot be fetched.
        """
        settings = self._settings
        key = settings.user_token_public_key or await self._key(jwt.get_unverified_header(token).get("kid"))
        return jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            issuer=settings.user_token_issuer,
            audience=settings.user_token_audience,
            leeway=LEEWAY,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        now = self._clock()
        if now - self._loaded_at > _KEPT_SECONDS:
            self._keys = {}
        known = self._keys.get(kid)
        if known is None or now - self._loaded_at > _FRESH_SECONDS:
            loading = self._load()
            if known is None and loading is not None:
                await asyncio.shield(loading)
                known = self._keys.get(kid)
        if known is not None:
            return known
        if self._failing:
            raise Unavailable("The service cannot reach the identity provider. Try again in a moment.")
        raise jwt.InvalidKeyError("no key of the provider has this name")

    def _load(self) -> asyncio.Task[None] | None:
        if self._loading is None and self._clock() - self._asked_at > _PAUSE_SECONDS:
            self._asked_at = self._clock()
            self._loading = asyncio.create_task(self._fetch())
        return self._loading

    async def _fetch(self) -> None:
        try:
            found = _usable(await self._served())
        except Exception as error:  # because a foreign server may answer anything
            if not self._failing:
                log.warning("identity_provider_failing", error=repr(error))
            self._failing = True
        else:
            if self._failing:
                log.info("identity_provider_recovered")
            self._failing = False
            self._keys, self._loaded_at = found, self._clock()
        finally:
            self._loading = None

    async def _served(self) -> Any:
        import aiohttp  # noqa: PLC0415

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(str(self._settings.user_token_jwks_url), allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"answered {answer.status}")
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > _MOST_BYTES:
                    raise ValueError("answered too much")
            return jwt.PyJWKSet.from_json(body.decode()).keys


def _usable(keys: list[jwt.PyJWK]) -> dict[str | None, jwt.PyJWK]:
    """Return the signing keys by their ids. A provider with a single key need not give it an id."""
    signing = [key for key in keys if key.public_key_use in (None, "sig")]
    named: dict[str | None, jwt.PyJWK] = {key.key_id: key for key in signing if key.key_id is not None}
    if len(signing) == 1:
        named[None] = signing[0]
    return named
