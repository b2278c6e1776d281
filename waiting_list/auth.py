"""Who is calling: API keys for organizers, JSON Web Tokens (RFC 7519) for users; and purchase passes.

User tokens that this service mints are HS256: only it checks them. The platform's own identity provider may
mint them too, with a public key or a JWKS; its issuer and audience are then required. Purchase passes are
EdDSA, so that a shop can check them with the public half (GET /.well-known/jwks.json). Each kind has its own
audience: one never passes for another.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import OKPAlgorithm
from pydantic import TypeAdapter, ValidationError

from waiting_list.batch import Batcher
from waiting_list.database import Pool, Record, connection, sql
from waiting_list.fields import Email, Id, Title
from waiting_list.i18n import spoken
from waiting_list.keys import Scope, hold_id, parse_api_key
from waiting_list.models import Entry, ListKey, Status
from waiting_list.notices import NO_CONTACT, Contact
from waiting_list.problems import Forbidden, InvalidRequest, Unauthenticated
from waiting_list.provider import LEEWAY, Provider
from waiting_list.settings import Settings
from waiting_list.sign_outs import KEPT, SignOuts, user_hash

ISSUER = "waiting-list"
USER_AUDIENCE = "waiting-list/user"
PASS_AUDIENCE = "waiting-list/purchase"  # noqa: S105 - the name of an audience
_PASS_CLAIMS = ("sub", "offer_id", "representation_id", "jti")
_TOKENS_KEPT = 50_000
_TOKEN_KEPT_SECONDS = 60
"""A token that was checked is not checked again at once: fans poll. A key that the identity provider withdraws is
honoured that much longer, at most."""
_ID: TypeAdapter[str] = TypeAdapter(Id)
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(Title)


class Organizer(NamedTuple):
    """Whoever holds an API key, and what it may do."""

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


class User(NamedTuple):
    """A fan: the same id from two organizations is two people. `contact` is what the token says of how they are
    reached, `version` which sign-outs it outlives (sign_outs.py): those up to this instant, in microseconds."""

    user_id: str
    organization_id: str
    contact: Contact = NO_CONTACT
    version: int = 0


class Pass(NamedTuple):
    """What a purchase pass stands for: one hold of a user in a list."""

    key: ListKey
    user_id: str
    hold: UUID


@dataclass(frozen=True)
class _Keys:
    user_token: bytes
    derived: bytes
    purchase_pass: Ed25519PrivateKey
    purchase_pass_id: str


class Authority:
    """Checks credentials, and signs what this deployment signs. One for each process."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._keys: _Keys | None = None
        self._api_keys: Batcher[str, None, Record | None] = Batcher(
            self._read_api_key, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )
        self._users: dict[bytes, tuple[User, float, bytes]] = {}
        self._provider = Provider(settings)
        self.sign_outs = SignOuts(pool, settings)

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
        if known and now < known[1] and not self.sign_outs.ends(known[2], known[0].version):
            return known[0]
        try:
            own = not self._provider.is_configured or jwt.get_unverified_header(credentials).get("alg") == "HS256"
            claims = await (self._own(credentials) if own else self._provider.claims(credentials))
            organization = claims.get("org" if own else self._settings.user_token_organization_claim)
            version = claims.get("version", 0) if own else _version(claims)
            user = User(
                _ID.validate_python(claims["sub"]), _ID.validate_python(organization), _contact(claims), version
            )
        except (jwt.PyJWTError, ValidationError, ValueError) as error:
            raise _unauthenticated("The token is not valid, or has expired.") from error
        await self.sign_outs.load()
        self._users.pop(name, None)
        hashed = user_hash(user.organization_id, user.user_id)
        if self.sign_outs.ends(hashed, user.version):
            raise _unauthenticated("The user has signed out since this token was made.")
        if len(self._users) >= _TOKENS_KEPT:
            del self._users[next(iter(self._users))]
        kept_until = min(int(claims["exp"]) + LEEWAY.total_seconds(), now + _TOKEN_KEPT_SECONDS)
        self._users[name] = user, kept_until, hashed
        return user

    async def mint(self, user: User, *, expires_in: int, now: datetime | None = None) -> tuple[str, datetime]:
        """A token for a user, and until when it is good: `expires_in` seconds from now, unless the user signs out
        before. It carries the user's contact as the claims of OpenID Connect (Core 1.0, 5.1). Raises
        Unavailable."""
        assert expires_in <= KEPT.total_seconds(), "a sign-out must be known for as long as a token is good"
        version = await self.sign_outs.version(user.organization_id, user.user_id)
        issued_at = (now or datetime.now(UTC)).replace(microsecond=0)
        expires_at = issued_at + timedelta(seconds=expires_in)
        claims = {
            "iss": ISSUER,
            "aud": USER_AUDIENCE,
            "sub": user.user_id,
            "org": user.organization_id,
            "iat": issued_at,
            "exp": expires_at,
        } | user.contact.model_dump(exclude_defaults=True)
        if version:
            claims["version"] = version
        return jwt.encode(claims, (await self.keys()).user_token, "HS256"), expires_at

    def has_ended(self, user: User) -> bool:
        """Whether a sign-out has ended the token that this user was read from."""
        return self.sign_outs.ends(user_hash(user.organization_id, user.user_id), user.version)

    async def with_pass(self, entry: Entry) -> Entry:
        """The entry, with its purchase pass if it is ready. The same hold always gets the same pass. Nobody
        gets one, where the person was erased since the answer that is repeated."""
        if entry.status is not Status.READY or entry.ready_at is None or entry.ready_until is None:
            return entry
        if entry.user_id is None:
            return entry
        keys = await self.keys()
        list_id = ListKey(entry.offer_id, entry.representation_id).list_id
        claims = {
            "iss": ISSUER,
            "aud": PASS_AUDIENCE,
            "sub": entry.user_id,
            "offer_id": entry.offer_id,
            "representation_id": entry.representation_id,
            "number": entry.number,
            "tickets": entry.tickets_held,
            "jti": str(hold_id(list_id, entry.number, entry.ready_at)),
            "iat": int(entry.ready_at.timestamp()),
            "exp": int(entry.ready_until.timestamp()),
        }
        signed = jwt.encode(claims, keys.purchase_pass, "EdDSA", headers={"kid": keys.purchase_pass_id})
        return entry.model_copy(update={"purchase_pass": signed})

    async def read_pass(self, text: str) -> Pass:
        """What a purchase pass says. Its deadline is not looked at: the engine compares the hold's with the
        database clock. Raises InvalidRequest if this deployment has not signed it; Unavailable."""
        keys = await self.keys()
        try:
            claims = jwt.decode(
                text,
                keys.purchase_pass.public_key(),
                algorithms=["EdDSA"],
                issuer=ISSUER,
                audience=PASS_AUDIENCE,
                options={"require": list(_PASS_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
            key, hold = ListKey(claims["offer_id"], claims["representation_id"]), UUID(claims["jti"])
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidRequest.of("body.purchase_pass", "is not a purchase pass of this service") from error
        return Pass(key, claims["sub"], hold)

    async def jwks(self) -> dict[str, Any]:
        """The public half of what purchase passes are signed with (RFC 7517)."""
        keys = await self.keys()
        public = OKPAlgorithm.to_jwk(keys.purchase_pass.public_key(), as_dict=True)
        return {"keys": [public | {"kid": keys.purchase_pass_id, "alg": "EdDSA", "use": "sig"}]}

    async def derived_secret(self) -> bytes:
        """What private links and the secrets of webhooks are derived from (keys.py). Raises Unavailable."""
        return (await self.keys()).derived

    async def keys(self) -> _Keys:
        """What this deployment signs with, read once from its database. Raises Unavailable."""
        if self._keys is None:
            async with connection(self._pool) as acquired:
                records = await acquired.fetch(sql("read_signing_keys"))
            found = {record["purpose"]: record for record in records}
            private = load_pem_private_key(found["purchase_pass"]["secret"], password=None)
            assert isinstance(private, Ed25519PrivateKey)
            self._keys = _Keys(
                found["user_token"]["secret"],
                found["derived"]["secret"],
                private,
                found["purchase_pass"]["key_id"],
            )
        return self._keys

    async def _read_api_key(self, key_id: str, take: Callable[[], Sequence[None]]) -> Sequence[Record | None]:
        # Read for every call, so that a key is refused as soon as it is revoked; once for those who wait together.
        async with connection(self._pool) as acquired:
            asked = take()
            return [await acquired.fetchrow(sql("read_api_key"), key_id)] * len(asked)

    async def _own(self, token: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            (await self.keys()).user_token,
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=USER_AUDIENCE,
            # Another machine may have minted it.
            leeway=LEEWAY,
            options={"require": ["exp", "sub"]},
        )


def _contact(claims: Mapping[str, Any]) -> Contact:
    """What a token says of its user (OpenID Connect Core 1.0, 5.1). A claim that is not as it should be counts as
    absent: a fan must not be kept out because their name is odd."""
    if claims.keys().isdisjoint(("email", "name", "locale")):
        return NO_CONTACT
    email, name, locale = (
        _valid(_EMAIL, claims.get("email")),
        _valid(_NAME, claims.get("name")),
        claims.get("locale"),
    )
    return Contact.model_construct(
        email=email,
        name=name,
        locale=spoken(locale) if isinstance(locale, str) else None,
        email_verified=email is not None and claims.get("email_verified") is True,
    )


def _version(claims: Mapping[str, Any]) -> int:
    """The version of a provider's token, which knows of no sign-out: the instant at which it was issued. That is
    right to the second, so the token does not outlive a sign-out of the same second. One that does not say when it
    was issued outlives none."""
    return int(claims["iat"]) * 1_000_000 - 1 if "iat" in claims else 0


def _valid(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _bearer(authorization: str | None) -> str:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise _unauthenticated("Send an Authorization header: Bearer, and your key or token.")
    return credentials.strip()


def _unauthenticated(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, headers={"WWW-Authenticate": 'Bearer realm="waiting-list"'})
