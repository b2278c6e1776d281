"""Sign fans in with a link in an e-mail. This module knows no HTTP.

The link works once, within half an hour. It makes a user token like those of shops, for the user id that follows
from the address.
"""

import base64
import binascii
import secrets
from datetime import timedelta
from typing import NamedTuple, Self
from uuid import UUID, uuid4

from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import User, UserTokens
from waiting_list.fields import Locale
from waiting_list.i18n import known
from waiting_list.key_material import derived
from waiting_list.lists.contact import Contact
from waiting_list.lists.models import organization_list_id
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql

SIGN_IN = timedelta(minutes=30)
"""How long a sign-in link is valid."""
FAN_SECONDS = 30 * 24 * 3600
"""How long a fan stays signed in."""


def sign_in_token(secret: bytes, sign_in_id: UUID) -> str:
    """Derive the token of a sign-in link: 46 characters, safe in a URL.

    It begins with the id of the request, by which the service finds it. The rest comes from the deployment's
    secret. The database does not store it.
    """
    opaque = derived(secret, "sign-in", sign_in_id)[:18]
    return base64.urlsafe_b64encode(sign_in_id.bytes + opaque).decode().rstrip("=")


def sign_in_id(token: str) -> UUID | None:
    """Return the id of the sign-in request in a token; None if it is not one."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 34 else None


class SignIn(NamedTuple):
    """A request to sign in: the address that asked, and the page to go to afterwards."""

    organization_id: str
    email: str
    locale: Locale
    next: str

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the request from a row of `sign_ins`."""
        return cls(record["organization_id"], record["email"], known(record["locale"]), record["next"])


async def ask_to_sign_in(pool: Pool, asked: SignIn) -> None:
    """Ask for a sign-in link to be sent to an address, known or not. The caller limits how many.

    Raises Unavailable.
    """
    async with connection(pool) as acquired:
        await acquired.execute(
            sql("insert_sign_in"), uuid4(), *asked, SIGN_IN, organization_list_id(asked.organization_id)
        )


async def sign_in_asked(pool: Pool, secret: bytes, token: str) -> SignIn | None:
    """Return the request behind a sign-in link; None if it is invalid, used or expired. Raises Unavailable."""
    return await _sign_in(pool, secret, token, "read_sign_in")


async def use_sign_in(pool: Pool, secret: bytes, token: str) -> SignIn | None:
    """Use up a sign-in link, and return its request; None if it is not valid any more. Raises Unavailable."""
    return await _sign_in(pool, secret, token, "use_sign_in")


async def fan_token(signing_keys: SigningKeys, user_tokens: UserTokens, who: SignIn) -> str:
    """Make the user token of a fan who has proved that an address is theirs. Raises Unavailable."""
    user_id = fan_id(await signing_keys.derived_secret(), who.organization_id, who.email)
    contact = Contact(email=who.email, email_verified=True, locale=who.locale)
    token, _ = await user_tokens.mint(User(user_id, who.organization_id, contact), expires_in=FAN_SECONDS)
    return token


def fan_id(secret: bytes, organization_id: str, email: str) -> str:
    """Return the user id of a fan who signs in with this address; it follows from `secret`, the derived one."""
    # A hash, because user ids stand in listings and addresses of pages. In lower case, because capitals make no
    # other fan; not casefold, because strasse.example and straße.example are domains of two owners.
    name = derived(secret, "fan", organization_id, email.lower())[:15]
    return f"fan_{base64.urlsafe_b64encode(name).decode()}"


async def _sign_in(pool: Pool, secret: bytes, token: str, statement: str) -> SignIn | None:
    named = sign_in_id(token)
    if named is None or not secrets.compare_digest(token, sign_in_token(secret, named)):
        return None
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql(statement), named)
    return SignIn.from_record(record) if record else None
