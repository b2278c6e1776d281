"""Open, read and close the sessions of organizers on the dashboard. This module knows no HTTP.

An organizer signs in with an API key and gets a session. It ends at sign-out, when the key is revoked, or after
half a day. The browser never keeps the key.
"""

import hashlib
import secrets
from datetime import timedelta

from waiting_list.access.authentication import Organizer
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

SESSION = timedelta(hours=12)
"""How long an organizer stays signed in."""


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
    """End a session. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_session"), _hash(token))


def _hash(token: str) -> bytes:
    """Return the stored hash of a session. A fast hash is enough, because the token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
