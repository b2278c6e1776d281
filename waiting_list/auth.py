"""Who is calling: organizers have API keys, users have JSON Web Tokens (RFC 7519).

This service mints user tokens (user_tokens.py). The platform's own identity provider may mint them too, with a
public key or a JWKS; its issuer and audience are then required. User tokens and purchase passes have different
audiences, so neither is accepted as the other.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jwt
from pydantic import TypeAdapter, ValidationError

from waiting_list.batch import Batcher
from waiting_list.database import Pool, Record, connection, sql
from waiting_list.fields import Id
from waiting_list.keys import Scope, parse_api_key
from waiting_list.problems import Forbidden, Unauthenticated
from waiting_list.provider import LEEWAY, Provider
from waiting_list.settings import Settings
from waiting_list.sign_outs import SignOuts, user_hash
from waiting_list.user_tokens import User, UserTokens, contact_of

_TOKENS_KEPT = 50_000
_TOKEN_KEPT_SECONDS = 60
"""A token that was checked is not checked again at once: fans poll. A key that the identity provider withdraws is
honoured that much longer, at most."""
_ID: TypeAdapter[str] = TypeAdapter(Id)


class Organizer(NamedTuple):
    """The holder of an API key, and what the key may do."""

    organization_id: str
    key_id: str
    scopes: Sequence[str]

    def may(self, scope: str) -> bool:
        """Whether the key has a scope; `admin` has them all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def demand(self, scope: Scope) -> None:
        """Raises Forbidden for a key without this scope."""
        if not self.may(scope):
            raise Forbidden(f"This API key has not the scope {scope}.", scope=scope)


class Authenticator:
    """Checks credentials. One for each process."""

    def __init__(self, pool: Pool, settings: Settings, user_tokens: UserTokens, sign_outs: SignOuts) -> None:
        self._pool = pool
        self._settings = settings
        self._user_tokens = user_tokens
        self._sign_outs = sign_outs
        self._api_keys: Batcher[str, None, Record | None] = Batcher(
            self._read_api_key, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )
        self._users: dict[bytes, tuple[User, float, bytes]] = {}
        self._provider = Provider(settings)

    async def organizer(self, authorization: str | None) -> Organizer:
        """Whose API key this is. Raises Unauthenticated; Forbidden for a user's token; Unavailable."""
        credentials = _bearer(authorization)
        key = parse_api_key(credentials)
        if key is None:
            await self.user(authorization)
            raise Forbidden("A user's token does not open the organizer's calls.")
        record = await self._api_keys.submit(key.key_id, None)
        if record is None or not key.matches(record["secret_hash"]):
            raise _unauthenticated("The API key is not valid.")
        if record["unnoted"]:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("note_api_key"), key.key_id)
        return Organizer(record["organization_id"], key.key_id, record["scopes"])

    async def user(self, authorization: str | None) -> User:
        """Whose user token this is. Raises Unauthenticated, also for one that a sign-out has ended; Forbidden for
        an API key; Unavailable."""
        credentials = _bearer(authorization)
        if parse_api_key(credentials):
            await self.organizer(authorization)
            raise Forbidden("An API key does not open a user's calls: mint a user token with it.")
        name, now = hashlib.sha256(credentials.encode()).digest(), time.time()
        known = self._users.get(name)
        if known and now < known[1] and not self._sign_outs.ends(known[2], known[0].version):
            return known[0]
        try:
            own = not self._provider.is_configured or jwt.get_unverified_header(credentials).get("alg") == "HS256"
            claims = await (self._user_tokens.claims(credentials) if own else self._provider.claims(credentials))
            organization = claims.get("org" if own else self._settings.user_token_organization_claim)
            version = claims.get("version", 0) if own else _version(claims)
            user = User(
                _ID.validate_python(claims["sub"]), _ID.validate_python(organization), contact_of(claims), version
            )
        except (jwt.PyJWTError, ValidationError, ValueError) as error:
            raise _unauthenticated("The token is not valid, or has expired.") from error
        await self._sign_outs.load()
        self._users.pop(name, None)
        hashed = user_hash(user.organization_id, user.user_id)
        if self._sign_outs.ends(hashed, user.version):
            raise _unauthenticated("The user has signed out since this token was made.")
        if len(self._users) >= _TOKENS_KEPT:
            del self._users[next(iter(self._users))]
        kept_until = min(int(claims["exp"]) + LEEWAY.total_seconds(), now + _TOKEN_KEPT_SECONDS)
        self._users[name] = user, kept_until, hashed
        return user

    async def _read_api_key(self, key_id: str, take: Callable[[], Sequence[None]]) -> Sequence[Record | None]:
        # Read for every call, so that a key is refused as soon as it is revoked; once for those who wait together.
        async with connection(self._pool) as acquired:
            asked = take()
            return [await acquired.fetchrow(sql("read_api_key"), key_id)] * len(asked)


def _version(claims: Mapping[str, Any]) -> int:
    """The version of a provider's token, which knows of no sign-out: the instant at which it was issued. That is
    right to the second, so the token does not outlive a sign-out of the same second. One that does not say when it
    was issued outlives none."""
    return int(claims["iat"]) * 1_000_000 - 1 if "iat" in claims else 0


def _bearer(authorization: str | None) -> str:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise _unauthenticated("Send an Authorization header: Bearer, and your key or token.")
    return credentials.strip()


def _unauthenticated(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, headers={"WWW-Authenticate": 'Bearer realm="waiting-list"'})
