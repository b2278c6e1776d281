"""Who is signed in on the pages. Knows nothing of HTTP.

An organizer signs in with an API key and gets a session, which ends when they sign out, when the key is revoked,
or after half a day; the browser never keeps the key. A fan signs in with a link that is sent to their address: it
is good once, for half an hour, and makes a user token like those that shops mint, for the user that follows from
the address.
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
"""How long a link to sign in is good."""
FAN_SECONDS = 30 * 24 * 3600
"""How long a fan stays signed in."""


class SignIn(NamedTuple):
    """Who asked to sign in, and the page to go to afterwards."""

    organization_id: str
    email: str
    locale: Locale
    next: str

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make it of a row of `sign_ins`."""
        return cls(**dict(record) | {"locale": known(record["locale"])})


async def open_session(pool: Pool, organizer: Organizer) -> str:
    """A session of whoever has this API key: what their browser shows from now on. A hash of it is stored. Raises
    Unavailable."""
    token = secrets.token_urlsafe(32)
    async with connection(pool) as acquired:
        await acquired.execute(sql("insert_session"), _hash(token), organizer.key_id, SESSION)
    return token


async def organizer_of(pool: Pool, token: str) -> Organizer | None:
    """Whose session this is; None if it is over, or its API key was revoked. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_session"), _hash(token))
    return Organizer(**record) if record else None


async def close_session(pool: Pool, token: str) -> None:
    """Ends a session, in whichever browser it is. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_session"), _hash(token))


async def ask_to_sign_in(pool: Pool, asked: SignIn) -> None:
    """Have a link sent to the address, whether or not it is known: it need not be. The caller limits how many
    (mail_limits.py). Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(
            sql("insert_sign_in"), uuid4(), *asked, SIGN_IN, organization_list_id(asked.organization_id)
        )


async def sign_in_asked(pool: Pool, secret: bytes, token: str) -> SignIn | None:
    """Who asked for this link; None if it is not good, or not any more. Raises Unavailable."""
    return await _sign_in(pool, secret, token, "read_sign_in")


async def use_sign_in(pool: Pool, secret: bytes, token: str) -> SignIn | None:
    """The same, and the link is used up. Raises Unavailable."""
    return await _sign_in(pool, secret, token, "use_sign_in")


async def fan_token(signing_keys: SigningKeys, user_tokens: UserTokens, who: SignIn) -> str:
    """The user token of a fan who has shown that an address is theirs. Raises Unavailable."""
    user_id = fan_id(await signing_keys.derived_secret(), who.organization_id, who.email)
    contact = Contact(email=who.email, email_verified=True, locale=who.locale)
    token, _ = await user_tokens.mint(User(user_id, who.organization_id, contact), expires_in=FAN_SECONDS)
    return token


def fan_id(secret: bytes, organization_id: str, email: str) -> str:
    """The user whom an address makes, of those who sign in by e-mail. It follows from the deployment's derived
    secret."""
    # Not the address itself: user ids stand in histories, listings and addresses of pages. In capitals or not, it
    # is the same fan; not casefold, for strasse.example and straße.example are domains of two owners.
    name = derived(secret, "fan", organization_id, email.lower())[:15]
    return f"fan_{urlsafe_b64encode(name).decode()}"


async def organizations(pool: Pool) -> list[str]:
    """Those with an event to come. Raises Unavailable."""
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
    """What is stored of a session: it has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).digest()
