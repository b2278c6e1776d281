"""Add the passkeys of members, and sign members in with them. This module knows no HTTP.

A passkey belongs to one member. The authenticator lists it by the member's address and organization. So the
sign-in page asks for no name, and the service tells a visitor nothing. A challenge proves by itself what it is for
and when it ends. The database stores the used ones alone: each works once, and asking for one writes nothing.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime

import structlog

from waiting_list.access import passkey_answers, passkey_challenges
from waiting_list.access.authentication import Organizer
from waiting_list.access.dashboard_sessions import MEMBER_SESSION, insert_session
from waiting_list.access.passkey_challenges import TO_SIGN_IN, PasskeyRefused, RelyingParty, new_challenge, to_add
from waiting_list.fields import Frozen
from waiting_list.postgres.pool import Connection, Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, NotFound

log = structlog.get_logger(__name__)

MOST_PASSKEYS = 20
"""The most passkeys of a member."""


class Passkey(Frozen):
    """A passkey of a member. `is_backed_up`: the member's other devices may have it, too. `used_at` is the last
    sign-in."""

    passkey_id: str
    name: str
    is_backed_up: bool
    created_at: datetime
    used_at: datetime | None


async def passkeys(pool: Pool, member_id: str) -> Sequence[Passkey]:
    """Return the passkeys of a member, the oldest first. Raises Unavailable."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_passkeys"), member_id)
    return [Passkey.from_record(one) for one in records]


async def options_to_add(pool: Pool, secret: bytes, party: RelyingParty, member: Organizer) -> str:
    """Return what a browser needs to make a passkey for a member, as JSON. Raises Unavailable."""
    assert member.member_id is not None, "only members have passkeys"
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_passkeys"), member.member_id)
    return await asyncio.to_thread(
        passkey_answers.options_to_add,
        party,
        new_challenge(secret, to_add(member.member_id)),
        [passkey_answers.Known(one["credential_id"], one["transports"]) for one in records],
        member_id=member.member_id,
        address=f"{member.email} · {member.organization_name or member.organization_id}",
        name=member.name,
    )


async def options_to_sign_in(secret: bytes, party: RelyingParty) -> str:
    """Return what a browser needs to sign in with a passkey, as JSON. But for the challenge it never differs."""
    return await asyncio.to_thread(passkey_answers.options_to_sign_in, party, new_challenge(secret, TO_SIGN_IN))


async def add_passkey(
    pool: Pool, secret: bytes, party: RelyingParty, member: Organizer, *, credential: str, name: str
) -> None:
    """Add the passkey that the member's browser made with `options_to_add`, under a name.

    Raises PasskeyRefused; InvalidRequest beyond MOST_PASSKEYS; Unavailable.
    """
    assert member.member_id is not None, "only members have passkeys"
    challenge = await asyncio.to_thread(passkey_answers.challenge_of_new, credential)
    ends = passkey_challenges.end_of(secret, to_add(member.member_id), challenge)
    made = await asyncio.to_thread(passkey_answers.verified_new, party, challenge, credential)
    async with transaction(pool) as acquired:
        # Otherwise the removal of the member could leave a passkey that is added at the same time.
        await acquired.execute(sql("lock_organization"), member.organization_id)
        if len(await acquired.fetch(sql("read_passkeys"), member.member_id)) >= MOST_PASSKEYS:
            raise InvalidRequest.of("credential", f"you have {MOST_PASSKEYS} passkeys already")
        await _use_challenge(acquired, challenge, ends)
        added = await acquired.fetchval(sql("insert_passkey"), member.member_id, secrets.token_hex(6), name, *made)
        if added is None:
            raise PasskeyRefused("the credential is known, or the member was removed")


async def remove_passkey(pool: Pool, member_id: str, passkey_id: str) -> None:
    """Remove a passkey of a member. Sessions that began with it go on. Raises NotFound, Unavailable."""
    async with connection(pool) as acquired:
        if await acquired.fetchval(sql("delete_passkeys"), member_id, passkey_id) is None:
            raise NotFound("There is no such passkey.")


async def sign_in_with_passkey(
    pool: Pool, secret: bytes, party: RelyingParty, *, credential: str, browser: str
) -> str:
    """Open a session for the member whose passkey answered `options_to_sign_in`; return its token for the browser.

    Raises PasskeyRefused, Unavailable.
    """
    credential_id, challenge = await asyncio.to_thread(passkey_answers.named, credential)
    ends = passkey_challenges.end_of(secret, TO_SIGN_IN, challenge)
    async with connection(pool) as acquired:
        known = await acquired.fetchrow(sql("read_passkey"), credential_id)
    if known is None:
        raise PasskeyRefused("the credential is unknown")
    member_id = known["member_id"]
    proved = await asyncio.to_thread(
        passkey_answers.verified_sign_in,
        party,
        challenge,
        credential,
        member_id=member_id,
        public_key=known["public_key"],
    )
    async with transaction(pool) as acquired:
        await _use_challenge(acquired, challenge, ends)
        used = await acquired.fetchval(sql("use_passkey"), credential_id, proved.sign_count, proved.is_backed_up)
        if used is None:
            # Its signature is right. So it is a copy, or the member removed it at this moment.
            log.warning("passkey_count_went_back", actor=f"member:{member_id}")
            raise PasskeyRefused("the sign count has not grown")
        return await insert_session(acquired, MEMBER_SESSION, member_id=member_id, browser=browser)


async def _use_challenge(acquired: Connection, challenge: bytes, ends: datetime) -> None:
    if await acquired.fetchval(sql("use_passkey_challenge"), challenge, ends) is None:
        raise PasskeyRefused("the challenge was used, or has expired")
