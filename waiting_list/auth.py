"""Check credentials: API keys of organizers, user tokens (JSON Web Tokens, RFC 7519), and purchase passes.

The service signs its own user tokens with HS256, because it alone checks them. The platform's identity provider
can issue user tokens, too, with a public key or a JWKS; then its issuer and audience are required. Purchase passes
use EdDSA, so that a shop can check them with the public key (GET /.well-known/jwks.json). Each kind has its own
audience, so that a token of one kind is never valid as another.
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

from waiting_list.batch import Batches
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
"""How long a checked token is not checked again, because fans poll. A key that the identity provider withdraws
stays valid for at most this long."""
_ID: TypeAdapter[str] = TypeAdapter(Id)
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(Title)


class Organizer(NamedTuple):
    """The holder of an API key, and the rights of the key."""

    organization_id: str
    key_id: str
    scopes: Sequence[str]

    def may(self, scope: str) -> bool:
        """Return whether the key has a scope; `admin` includes all scopes."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def demand(self, scope: Scope) -> None:
        """Raise Forbidden if the key lacks this scope."""
        if not self.may(scope):
            raise Forbidden(f"This API key does not have the scope {scope}.", scope=scope)


class User(NamedTuple):
    """A fan. The same id in two organizations means two people.

    `contact` holds the contact details from the token. `version` is an instant in microseconds: the token outlives
    the sign-outs up to it (sign_outs.py).
    """

    user_id: str
    organization_id: str
    contact: Contact = NO_CONTACT
    version: int = 0


class Pass(NamedTuple):
    """The content of a purchase pass: one hold of a user in a list."""

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
    """Check credentials, and sign tokens and passes. Each process has one."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._keys: _Keys | None = None
        self._api_keys: Batches[str, None, Record | None] = Batches(
            self._read_api_key, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )
        self._users: dict[bytes, tuple[User, float, bytes]] = {}
        self._provider = Provider(settings)
        self.sign_outs = SignOuts(pool, settings)

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
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("note_api_key"), key.key_id)
        return Organizer(record["organization_id"], key.key_id, record["scopes"])

    async def user(self, authorization: str | None) -> User:
        """Return the user with this user token. Raises Unauthenticated, also after a sign-out; Forbidden for an
        API key; Unavailable."""
        credentials = _bearer(authorization)
        if parse_api_key(credentials):
            await self.organizer(authorization)
            raise Forbidden("An API key cannot make user calls. Create a user token with it.")
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
            raise _unauthenticated("The token is not valid or has expired. Get a new token.") from error
        await self.sign_outs.load()
        self._users.pop(name, None)
        hashed = user_hash(user.organization_id, user.user_id)
        if self.sign_outs.ends(hashed, user.version):
            raise _unauthenticated("The user has signed out since this token was created. Get a new token.")
        if len(self._users) >= _TOKENS_KEPT:
            del self._users[next(iter(self._users))]
        kept_until = min(int(claims["exp"]) + LEEWAY.total_seconds(), now + _TOKEN_KEPT_SECONDS)
        self._users[name] = user, kept_until, hashed
        return user

    async def mint(self, user: User, *, expires_in: int, now: datetime | None = None) -> tuple[str, datetime]:
        """Create a token for a user, and return it with its expiry.

        It is valid for `expires_in` seconds, or until the user signs out. It carries the user's contact as claims
        of OpenID Connect (Core 1.0, 5.1). Raises Unavailable.
        """
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
        """Return whether a sign-out has ended the token of this user."""
        return self.sign_outs.ends(user_hash(user.organization_id, user.user_id), user.version)

    async def with_pass(self, entry: Entry) -> Entry:
        """Return the entry, with its purchase pass if it is ready.

        The same hold always gets the same pass. After the person was erased, a repeated answer has no pass.
        """
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
        """Return the content of a purchase pass.

        The engine checks the deadline of the hold with the database clock, so this method ignores that of the
        pass. Raises InvalidRequest if this deployment has not signed the pass; Unavailable.
        """
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
            raise InvalidRequest.of(
                "body.purchase_pass", "is not a valid purchase pass of this service"
            ) from error
        return Pass(key, claims["sub"], hold)

    async def jwks(self) -> dict[str, Any]:
        """Return the public key of purchase passes, as a JWKS (RFC 7517)."""
        keys = await self.keys()
        public = OKPAlgorithm.to_jwk(keys.purchase_pass.public_key(), as_dict=True)
        return {"keys": [public | {"kid": keys.purchase_pass_id, "alg": "EdDSA", "use": "sig"}]}

    async def derived_secret(self) -> bytes:
        """Return the secret from which private links and webhook secrets are derived (keys.py). Raises
        Unavailable."""
        return (await self.keys()).derived

    async def keys(self) -> _Keys:
        """Return the signing keys of this deployment, read once from its database. Raises Unavailable."""
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
        # Read for every call, so that a revoked key is refused at once; concurrent calls share one query.
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
            # Leeway, because another machine with another clock may have issued it.
            leeway=LEEWAY,
            options={"require": ["exp", "sub"]},
        )


def _contact(claims: Mapping[str, Any]) -> Contact:
    """Return the contact details in a token (OpenID Connect Core 1.0, 5.1).

    An invalid claim counts as absent, so that an unusual name does not lock a fan out.
    """
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
    """Return the version of a provider's token: the time when it was issued.

    That time is in whole seconds, so the token does not outlive a sign-out in the same second. A token without
    this time outlives no sign-out.
    """
    return int(claims["iat"]) * 1_000_000 - 1 if "iat" in claims else 0


def _valid(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _bearer(authorization: str | None) -> str:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise _unauthenticated("Send an Authorization header with Bearer and your API key or user token.")
    return credentials.strip()


def _unauthenticated(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, headers={"WWW-Authenticate": 'Bearer realm="waiting-list"'})
