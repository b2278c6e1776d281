"""All that is kept of a person, given out or forgotten: the rights of access and of erasure (GDPR, articles 15 and
17). docs/personal-data.md says where each piece is, why, and how long.

A person is a user of one organization. Whoever asks to sign in by e-mail is one from then on, without an entry:
theirs is what was asked for an address that is known to be theirs.
"""

from collections.abc import Iterable
from uuid import UUID

from waiting_list import reading, verbs
from waiting_list.database import Pool, Record, connection, snapshot, sql
from waiting_list.engine import Caller, Engine
from waiting_list.models import (
    Entry,
    Erasure,
    KeptNotice,
    KeptSignIn,
    KeptSuppression,
    ListKey,
    UserExport,
    UserHistory,
    organization_list_id,
)
from waiting_list.notices import KeptContact
from waiting_list.sessions import fan_id
from waiting_list.sign_outs import SignOuts
from waiting_list.signing_keys import SigningKeys
from waiting_list.suppressions import suppressed


async def export_user(pool: Pool, signing_keys: SigningKeys, user_id: str, *, organization_id: str) -> UserExport:
    """All that is kept of a person. Empty for one who is not known. Raises Unavailable."""
    who = user_id, organization_id
    async with snapshot(pool) as acquired:
        contacts = await acquired.fetch(sql("read_contacts_of_user"), *who)
        history = await acquired.fetch(sql("read_history_of_user"), *who)
        notices = await acquired.fetch(sql("read_notices_of_user"), *who)
        emails = {one["email"] for one in contacts if one["email"]}
        silent = await suppressed(acquired, await signing_keys.derived_secret(), organization_id, emails)
    verified = (one["email"] for one in contacts if one["email_verified"])
    sign_ins = await _sign_ins(pool, signing_keys, user_id, organization_id, verified)
    return UserExport(
        user_id=user_id,
        entries=tuple(await _entries(pool, user_id, organization_id)),
        contacts=tuple(
            KeptContact.from_record(one, subscribed=one["subscribed"] and one["email"] not in silent)
            for one in contacts
        ),
        history=tuple(UserHistory.from_record(record) for record in history),
        notices=tuple(KeptNotice.from_record(record) for record in notices),
        sign_ins=tuple(KeptSignIn.from_record(record) for record in sign_ins),
        suppressions=tuple(KeptSuppression(email=email, suppressed_at=at) for email, at in sorted(silent.items())),
    )


async def erase_user(
    pool: Pool, engine: Engine, signing_keys: SigningKeys, sign_outs: SignOuts, caller: Caller, user_id: str
) -> Erasure:
    """Forgets a person of the caller's organization: their tokens end, they leave every list that they are in, and
    the history keeps numbers only. List by list: who is stopped in the middle goes on with a repeat. Raises
    Unavailable."""
    organization_id = caller.organization_id
    assert organization_id is not None, "a person is a user of one organization"
    # First, so that no token from before brings them back into a list that was done.
    await sign_outs.sign_out(organization_id, user_id)
    async with snapshot(pool) as acquired:
        contacts = await acquired.fetch(sql("read_contacts_of_user"), user_id, organization_id)
        keys = await acquired.fetch(sql("read_lists_of_user"), user_id, organization_id)
    # Also of an address that nobody has verified: whoever it belongs to asks for another link.
    given = (one["email"] for one in contacts if one["email"])
    if asked := await _sign_ins(pool, signing_keys, user_id, organization_id, given):
        ids: list[UUID] = [one["sign_in_id"] for one in asked]
        async with connection(pool) as acquired:
            await acquired.execute(sql("delete_sign_ins"), organization_list_id(organization_id), ids)
    for key in keys:
        await engine.run(ListKey(*key), caller, verbs.erase, user_id=user_id)
    return Erasure(user_id=user_id, waiting_lists=len(keys))


async def users_of(pool: Pool, signing_keys: SigningKeys, organization_id: str, email: str) -> list[str]:
    """Who may be the person with this address: the user that it makes where they sign in by e-mail, and whoever
    has given it, verified or not, in capitals or not. Reads all contacts of the organization. Raises
    Unavailable."""
    made = fan_id(await signing_keys.derived_secret(), organization_id, email)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_users_of_address"), organization_id, email)
    return sorted({made, *(record["user_id"] for record in records)})


async def _entries(pool: Pool, user_id: str, organization_id: str) -> list[Entry]:
    found: list[Entry] = []
    cursor = None
    while True:
        page = await reading.entries_of_user(
            pool, user_id, organization_id=organization_id, status=None, limit=500, cursor=cursor
        )
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def _sign_ins(
    pool: Pool, signing_keys: SigningKeys, user_id: str, organization_id: str, addresses: Iterable[str]
) -> list[Record]:
    """What was asked for these addresses, or for the one that the user's id was made from."""
    secret, known = await signing_keys.derived_secret(), {address.lower() for address in addresses}
    async with snapshot(pool) as acquired:
        asked = await acquired.fetch(sql("read_sign_ins"), organization_id)
    return [
        one
        for one in asked
        if one["email"].lower() in known or fan_id(secret, organization_id, one["email"]) == user_id
    ]
