"""Authenticate callers: organizers by API keys, fans by JSON Web Tokens (RFC 7519).

This service issues user tokens (access/user_tokens.py). The platform's identity provider can issue them, too, with
a public key or a JWKS; then its issuer and audience are required. User tokens and purchase passes have different
audiences, so that a token of one kind is never valid as another.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jwt
from pydantic import TypeAdapter, ValidationError

from waiting_list.access.api_keys import parse_api_key
from waiting_list.access.identity_provider import LEEWAY, Provider
from waiting_list.access.members import has_organizer
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.access.sign_outs import SignOuts, user_hash
from waiting_list.access.user_tokens import OUR_HEADER, OnlyEntry, User, UserTokens, contact_of
from waiting_list.batching import Batcher
from waiting_list.fields import Id
from waiting_list.postgres.outage import is_of_lost_node
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Forbidden, Unauthenticated, Unavailable
from waiting_list.settings import Settings

_TOKENS_KEPT = 50_000
_TOKEN_KEPT_SECONDS = 60
"""How long a checked token is not checked again, because fans poll. A key that the identity provider withdraws
stays valid for at most this long."""
_ID: TypeAdapter[str] = TypeAdapter(Id)


class Organizer(NamedTuple):
    """The holder of an API key, or a member of an organization on the dashboard, with their rights.

    One of `key_id` and `member_id` is set. A dashboard session also knows the `name` of the key or the member, the
    member's `role` and `email`, and how the organization calls itself.
    """

    organization_id: str
    key_id: str | None
    scopes: Sequence[str]
    member_id: str | None = None
    role: Role | None = None
    name: str = ""
    email: str | None = None
    organization_name: str | None = None

    @property
    def actor(self) -> str:
        """The actor that the history names."""
        return f"member:{self.member_id}" if self.member_id else f"organizer:{self.key_id}"

    def may(self, scope: str) -> bool:
        """Return whether the key or the role has a scope; `admin` includes all scopes."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def demand(self, scope: Scope) -> None:
        """Raise Forbidden if the key or the role lacks this scope."""
        if not self.may(scope):
            holder = "Your role" if self.member_id else "This API key"
            raise Forbidden(f"{holder} does not have the scope {scope}.", scope=scope)


class Authenticator:
    """Check credentials. Each process has one."""

    def __init__(self, pool: Pool, settings: Settings, user_tokens: UserTokens, sign_outs: SignOuts) -> None:
        self._pool = pool
        self._settings = settings
        self._user_tokens = user_tokens
        self._sign_outs = sign_outs
        self._api_keys: Batcher[str, None, Record | None] = Batcher(
            self._read_api_key, queue_limit=settings.list_queue_limit, batch_limit=settings.list_queue_limit
        )
        self._has_organizer = False
        self._users: OrderedDict[bytes, tuple[User, float, bytes]] = OrderedDict()
        self._provider = Provider(settings)

    async def organizer(self, authorization: str | None) -> Organizer:
        """Return the organizer with this API key. Raises Unauthenticated; Forbidden for a user token;
        Unavailable."""
        credentials = _bearer(authorization)
        key = parse_api_key(credentials)
        if key is None:
            await self.user(authorization)
            raise Forbidden("A user token cannot make organizer calls. Use an API key.")
        record = await self._api_keys.submit(key.key_id, None)
        if record is None or not key.matches(record["secret_hash"]):
            raise _unauthenticated("The API key is not valid. It may have expired or been revoked.")
        if record["unnoted"]:
            await self._note(key.key_id)
        return Organizer(record["organization_id"], key.key_id, record["scopes"])

    async def _note(self, key_id: str) -> None:
        try:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("note_api_key"), key_id)
        except Unavailable as problem:
            # Keys are on every node of a Citus cluster. Without one of them, the lists of the others work on.
            if not is_of_lost_node(problem.__cause__):
                raise

    async def user(self, authorization: str | None) -> User:
        """Return the user with this user token. Raises Unauthenticated, also after a sign-out; Forbidden for an
        API key, and for a token that is good for one entry alone; Unavailable."""
        user = await self.user_of_entry(authorization)
        if user.only is not None:
            raise Forbidden("This token is for one entry alone. Sign in to do more.")
        return user

    async def user_of_entry(self, authorization: str | None) -> User:
        """Return the user with this user token. It may be good for one entry alone: the caller checks which.

        Raises as `user`.
        """
        credentials = _bearer(authorization)
        if parse_api_key(credentials):
            await self.organizer(authorization)
            raise Forbidden("An API key cannot make user calls. Create a user token with it.")
        name, now = hashlib.sha256(credentials.encode()).digest(), time.time()
        known = self._users.get(name)
        if known and now < known[1] and not self._sign_outs.ends(known[2], known[0].version):
            return known[0]
        try:
            own = (
                not self._provider.is_configured
                or credentials.startswith(f"{OUR_HEADER}.")
                or jwt.get_unverified_header(credentials).get("alg") == "HS256"
            )
            claims = await (self._user_tokens.claims(credentials) if own else self._provider.claims(credentials))
            organization = claims.get("org" if own else self._settings.user_token_organization_claim)
            version = claims.get("version", 0) if own else _version(claims)
            user = User(
                _ID.validate_python(claims["sub"]),
                _ID.validate_python(organization),
                contact_of(claims),
                version,
                OnlyEntry.of(claims) if own else None,
            )
        except (jwt.PyJWTError, ValidationError, ValueError) as error:
            raise _unauthenticated("The token is not valid or has expired. Get a new token.") from error
        await self._sign_outs.load()
        self._users.pop(name, None)
        hashed = user_hash(user.organization_id, user.user_id)
        if self._sign_outs.ends(hashed, user.version):
            raise _unauthenticated("The user has signed out since this token was created. Get a new token.")
        if len(self._users) >= _TOKENS_KEPT:
            self._users.popitem(last=False)
        leeway = LEEWAY.total_seconds()
        # The sum comes last, because a float cannot hold every expiry.
        kept_until = min(int(claims["exp"]), now + _TOKEN_KEPT_SECONDS - leeway) + leeway
        self._users[name] = user, kept_until, hashed
        return user

    async def has_organizer(self) -> bool:
        """Return whether there is any API key or member, so that an organizer can sign in. Raises Unavailable.

        Neither is ever deleted, so that the database is asked only until there is one.
        """
        self._has_organizer = self._has_organizer or await has_organizer(self._pool)
        return self._has_organizer

    async def _read_api_key(self, key_id: str, take: Callable[[], Sequence[None]]) -> Sequence[Record | None]:
        # Read for every call, so that a revoked key is refused at once; concurrent calls share one query.
        async with connection(self._pool) as acquired:
            asked = take()
            return [await acquired.fetchrow(sql("read_api_key"), key_id)] * len(asked)


def _version(claims: Mapping[str, Any]) -> int:
    """Return the version of a provider's token: the time when it was issued.

    That time is in whole seconds, so the token does not outlive a sign-out in the same second. A token without
    this time outlives no sign-out.
    """
    return int(claims["iat"]) * 1_000_000 - 1 if "iat" in claims else 0


def _bearer(authorization: str | None) -> str:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise _unauthenticated("Send an Authorization header with Bearer and your API key or user token.")
    return credentials.strip()


def _unauthenticated(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, headers={"WWW-Authenticate": 'Bearer realm="waiting-list"'})
