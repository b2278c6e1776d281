"""Sign organizers and fans in on the pages. No HTTP here.

An organizer signs in with an API key and gets a session. It ends at sign-out, when the key is revoked, or after
half a day. The browser never keeps the key.

A fan signs in with a link in an e-mail. The link works once, within half an hour. It makes a user token like those
of shops, for the user that follows from the address.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import NamedTuple, Self
from uuid import uuid4

from waiting_list.auth import Organizer
from waiting_list.database import Pool, Record, connection, sql
from waiting_list.fields import Locale
from waiting_list.i18n import known
from waiting_list.keys import derived, sign_in_id, sign_in_token
from waiting_list.models import organization_list_id
from waiting_list.notices import Contact
from waiting_list.signing_keys import SigningKeys
from waiting_list.user_tokens import User, UserTokens

SESSION = timedelta(hours=12)
"""How long an organizer stays signed in."""
SIGN_IN = timedelta(minutes=30)
"""How long a sign-in link is valid."""
FAN_SECONDS = 30 * 24 * 3600
"""How long a fan stays signed in."""


class SignIn(NamedTuple):
    """A request to sign in: the address that asked, and the page to go to afterwards."""

    organization_id: str
    email: str
    locale: Locale
    next: str

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the request from a row of `sign_ins`."""
        return cls(**dict(record) | {"locale": known(record["locale"])})


async def open_session(pool: Pool, organizer: Organizer) -> str:
    """Open a session for an organizer; return the token for the browser. The database stores only its hash.

    Raises Unavailable.
    """
    token = secrets.token_urlsafe(32)
    async with connection(pool) as acquired:
        await acquired.execute(sql("insert_session"), _hash(token), organizer.key_id, SESSION)
    return token


async def organizer_of(pool: Pool, token: str) -> Organizer | None:
    """Return the organizer of a session; None if it is over, or its API key was revoked. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_session"), _hash(token))
    return Organizer(**record) if record else None


async def close_session(pool: Pool, token: str) -> None:
    """End a session, whatever browser has it. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_session"), _hash(token))


async def ask_to_sign_in(pool: Pool, asked: SignIn) -> None:
    """Ask the worker to send a sign-in link to an address, known or not. The caller limits how many.

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
    return f"fan_{urlsafe_b64encode(name).decode()}"


async def organizations(pool: Pool) -> list[str]:
    """Return the organizations that have a future event. Raises Unavailable."""
    async with connection(pool) as acquired:
        return [record["organization_id"] for record in await acquired.fetch(sql("read_organizations"))]


async def _sign_in(pool: Pool, secret: bytes, token: str, statement: str) -> SignIn | None:
    named = sign_in_id(token)
    if named is None or not secrets.compare_digest(token, sign_in_token(secret, named)):
        return None
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql(statement), named)
    return SignIn.from_record(record) if record else None


def _hash(token: str) -> bytes:
    """Return the stored hash of a session. A fast hash is enough, because the token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
