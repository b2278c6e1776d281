"""Open, read and end the sessions of organizers on the dashboard. This module knows no HTTP.

A session belongs to a member or to an API key. It ends at sign-out, after its time, when a member ends it, and
when the member is removed or the key revoked. The browser never keeps the key.
"""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from waiting_list.access.authentication import Organizer
from waiting_list.access.roles import SCOPES, Role
from waiting_list.fields import Frozen
from waiting_list.postgres.pool import Connection, Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import NotFound, Unavailable

KEY_SESSION = timedelta(hours=12)
"""How long the holder of an API key stays signed in."""
MEMBER_SESSION = timedelta(days=14)
"""How long a member stays signed in."""


class Session(Frozen):
    """A session, without its token. `seen_at` is accurate to the minute. `browser` is a short name."""

    session_id: str
    key_id: str | None
    member_id: str | None
    name: str | None
    browser: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


async def open_session(pool: Pool, organizer: Organizer, *, browser: str) -> str:
    """Open a session for the holder of an API key; return the token for the browser. Raises Unavailable."""
    async with connection(pool) as acquired:
        return await insert_session(acquired, KEY_SESSION, key_id=organizer.key_id, browser=browser)


async def insert_session(
    acquired: Connection,
    lifetime: timedelta,
    *,
    key_id: str | None = None,
    member_id: str | None = None,
    browser: str,
) -> str:
    """Open a session of an API key or of a member, who has joined with it. The database stores a hash alone."""
    token = secrets.token_urlsafe(32)
    await acquired.execute(sql("insert_session"), _hash(token), key_id, member_id, browser, lifetime)
    if member_id is not None:
        await acquired.execute(sql("note_member"), member_id)
    return token


async def organizer_of(pool: Pool, token: str) -> Organizer | None:
    """Return the organizer of a session; None if it is over, or its holder was removed or revoked. Raises
    Unavailable."""
    hashed = _hash(token)
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_session"), hashed)
    if record is None:
        return None
    if record["unnoted"]:
        await _note(pool, hashed, record["member_id"])
    return _organizer(record)


async def sessions(pool: Pool, organization_id: str, *, member_id: str | None) -> Sequence[Session]:
    """Return the sessions of an organization, or of one member, the latest use first. Raises Unavailable."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_sessions"), organization_id, member_id)
    return [Session.from_record(one, session_id=_id(one["session_hash"])) for one in records]


async def end_sessions(
    pool: Pool,
    organization_id: str,
    *,
    member_id: str | None,
    session_id: str | None = None,
    but: str | None = None,
) -> int:
    """End the sessions of an organization, or of one member; return how many.

    With `session_id` end this one alone. `but` is the token of a session that stays. Raises NotFound if the
    session is not among them, Unavailable.
    """
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_sessions"), organization_id, member_id)
        kept = _hash(but) if but else None
        hashes = [
            one["session_hash"]
            for one in records
            if one["session_hash"] != kept and session_id in (None, _id(one["session_hash"]))
        ]
        if session_id and not hashes:
            raise NotFound("There is no such session.")
        await acquired.execute(sql("delete_sessions"), hashes)
    return len(hashes)


async def close_session(pool: Pool, token: str) -> None:
    """End a session. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_sessions"), [_hash(token)])


def session_id_of(token: str) -> str:
    """Return the id of the session with this token."""
    return _id(_hash(token))


async def _note(pool: Pool, hashed: bytes, member_id: str | None) -> None:
    # A page that only shows something is shown, too, while the database takes no writes.
    with suppress(Unavailable):
        async with connection(pool) as acquired:
            await acquired.execute(sql("note_session"), hashed)
            if member_id is not None:
                await acquired.execute(sql("note_member"), member_id)


def _organizer(record: Record) -> Organizer:
    role = Role(record["role"]) if record["role"] else None
    return Organizer(
        record["organization_id"],
        record["key_id"],
        SCOPES[role] if role else record["scopes"],
        member_id=record["member_id"],
        role=role,
        name=record["name"] or "",
        email=record["email"],
        organization_name=record["organization_name"],
    )


def _id(hashed: bytes) -> str:
    # A part of the hash: it leads neither to the token nor to the whole hash.
    return hashed[:9].hex()


def _hash(token: str) -> bytes:
    """Return the stored hash of a session. A fast hash is enough, because the token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
