"""Create and read the user tokens of this service."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

import jwt
from pydantic import TypeAdapter, ValidationError

from waiting_list.access.identity_provider import LEEWAY
from waiting_list.access.sign_outs import KEPT, SignOuts, user_hash
from waiting_list.access.signing_keys import ISSUER, SigningKeys
from waiting_list.fields import Email, LanguageTag, Title
from waiting_list.lists.contact import NO_CONTACT, Contact

USER_AUDIENCE = "waiting-list/user"
"""The audience, in the claim `aud`."""
OUR_HEADER = jwt.encode({}, bytes(32), "HS256").partition(".")[0]
"""The first segment of each token of this service."""
_CLAIMS = {"iss", "aud", "sub", "org", "iat", "exp", "version", "entry", *Contact.model_fields}
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_LANGUAGE: TypeAdapter[str] = TypeAdapter(LanguageTag)
_NAME: TypeAdapter[str] = TypeAdapter(Title)


class OnlyEntry(NamedTuple):
    """The one entry that a token is good for: the key of its list, and its number."""

    list_id: UUID
    number: int

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Self | None:
        """Return the entry in a token of this service; None if the token is good for all entries. Raises
        ValueError."""
        if "entry" not in claims:
            return None
        list_id, _, number = str(claims["entry"]).partition("/")
        return cls(UUID(list_id), int(number))


class User(NamedTuple):
    """A fan. The same id in two organizations means two people.

    `contact` holds the contact details from the token. `version` is an instant in microseconds: the token outlives
    the sign-outs up to it (access/sign_outs.py). `only` is set if the token is good for one entry alone.
    """

    user_id: str
    organization_id: str
    contact: Contact = NO_CONTACT
    version: int = 0
    only: OnlyEntry | None = None

    @property
    def number(self) -> int | None:
        """The number of the entry that the token is good for; None if it is good for all."""
        return self.only and self.only.number


class UserTokens:
    """Create and read user tokens. Each process has one."""

    def __init__(self, signing_keys: SigningKeys, sign_outs: SignOuts) -> None:
        self._signing_keys = signing_keys
        self._sign_outs = sign_outs

    async def mint(self, user: User, *, expires_in: int, now: datetime | None = None) -> tuple[str, datetime]:
        """Create a token for a user, and return it with its expiry.

        It is valid for `expires_in` seconds, or until the user signs out. It carries the user's contact as claims
        of OpenID Connect (Core 1.0, 5.1). Raises Unavailable.
        """
        assert expires_in <= KEPT.total_seconds(), "a sign-out must be known for as long as a token is good"
        version = await self._sign_outs.version(user.organization_id, user.user_id)
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
        if user.only is not None:
            claims["entry"] = f"{user.only.list_id}/{user.only.number}"
        if version:
            claims["version"] = version
        return jwt.encode(claims, (await self._signing_keys.keys()).user_token, "HS256"), expires_at

    def has_ended(self, user: User) -> bool:
        """Return whether a sign-out has ended the token of this user."""
        return self._sign_outs.ends(user_hash(user.organization_id, user.user_id), user.version)

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token of this service. Raises jwt.PyJWTError, Unavailable."""
        secret = (await self._signing_keys.keys()).user_token
        return minted_claims(token, secret, now=time.time()) or checked_claims(token, secret)


def checked_claims(token: str, secret: bytes) -> dict[str, Any]:
    """Return the claims of a token of this service, checked by PyJWT. Raises jwt.PyJWTError."""
    return jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        issuer=ISSUER,
        audience=USER_AUDIENCE,
        # Leeway, because another machine with another clock may have issued it.
        leeway=LEEWAY,
        options={"require": ["exp", "sub"]},
    )


def minted_claims(token: str, secret: bytes, *, now: float) -> dict[str, Any] | None:
    """Return the claims of a token that is to the last character as `UserTokens.mint` makes it, and valid now.

    Return None for any other token: then `checked_claims` decides, and names the problem. This check accepts no
    token that the other would refuse. PyJWT takes several times as long, for the first call of each fan.
    """
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    if header != OUR_HEADER or not token.isascii():
        return None
    if not hmac.compare_digest(_base64url(hmac.digest(secret, signed.encode(), "sha256")), signature):
        return None
    try:
        decoded = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = json.loads(decoded)
    except (ValueError, RecursionError):
        return None
    leeway = LEEWAY.total_seconds()
    is_minted = (
        _base64url(decoded) == payload
        and type(claims) is dict
        and claims.keys() <= _CLAIMS
        and claims.get("iss") == ISSUER
        and claims.get("aud") == USER_AUDIENCE
        and type(claims.get("sub")) is type(claims.get("org")) is str
        and type(claims.get("iat")) is type(claims.get("exp")) is type(claims.get("version", 0)) is int
        and claims["iat"] <= now + leeway
        and claims["exp"] > now - leeway
    )
    return claims if is_minted else None


def _base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def contact_of(claims: Mapping[str, Any]) -> Contact:
    """Return the contact details in a token (OpenID Connect Core 1.0, 5.1).

    An invalid claim counts as absent, so that an unusual name does not lock a fan out.
    """
    if claims.keys().isdisjoint(("email", "name", "locale")):
        return NO_CONTACT
    email = _valid(_EMAIL, claims.get("email"))
    return Contact.model_construct(
        email=email,
        name=_valid(_NAME, claims.get("name")),
        locale=_valid(_LANGUAGE, claims.get("locale")),
        email_verified=email is not None and claims.get("email_verified") is True,
    )


def _valid(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None
