"""Export and erase all data about a person: the rights of access and of erasure (GDPR, articles 15 and 17).

docs/personal-data.md says where the data are, why, and for how long. A person is a user of one organization. A
visitor who asks to sign in by e-mail becomes one, without an entry. The export then has the sign-in requests for
addresses that are known to be theirs.
"""

from collections.abc import Iterable
from uuid import UUID

from waiting_list.access.email_sign_in import fan_id
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.lists import verbs
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.models import Entry, ListKey, organization_list_id
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.why_waiting import NamedList
from waiting_list.lists.queries.wishes import wishes_of
from waiting_list.notifications.suppressions import suppressed
from waiting_list.personal_data.models import (
    Erasure,
    KeptAlert,
    KeptNotice,
    KeptPhone,
    KeptPush,
    KeptSharedLink,
    KeptSignIn,
    KeptSuppression,
    KeptTransfer,
    KeptWish,
    UserExport,
    UserHistory,
)
from waiting_list.postgres.pool import Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql


async def export_user(pool: Pool, signing_keys: SigningKeys, user_id: str, *, organization_id: str) -> UserExport:
    """Return all data about a person; empty for an unknown person. Raises Unavailable."""
    who = user_id, organization_id
    async with snapshot(pool) as acquired:
        contacts = await acquired.fetch(sql("read_contacts_of_user"), *who)
        history = await acquired.fetch(sql("read_history_of_user"), *who)
        notices = await acquired.fetch(sql("read_notices_of_user"), *who)
        pushes = await acquired.fetch(sql("read_pushes_of_user"), *who)
        phones = await acquired.fetch(sql("read_phones_of_user"), *who)
        shared = await acquired.fetch(sql("read_shared_links_of_user"), *who)
        emails = {one["email"] for one in contacts if one["email"]}
        silent = await suppressed(acquired, await signing_keys.derived_secret(), organization_id, emails)
    verified = (one["email"] for one in contacts if one["email_verified"])
    known = sorted({mailbox(one["email"]) for one in contacts if one["email_verified"]})
    sign_ins = await _sign_ins(pool, signing_keys, user_id, organization_id, verified)
    async with snapshot(pool) as acquired:
        alerts = await acquired.fetch(sql("read_alerts_of_person"), organization_id, user_id, known)
        transfers = await acquired.fetch(sql("read_transfers_of_person"), organization_id, user_id, known)
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
        pushes=tuple(KeptPush.from_record(record) for record in pushes),
        phones=tuple(KeptPhone.from_record(record) for record in phones),
        suppressions=tuple(KeptSuppression(email=email, suppressed_at=at) for email, at in sorted(silent.items())),
        alerts=tuple(KeptAlert.from_record(record) for record in alerts),
        wishes=tuple(
            KeptWish(
                wish_id=one.wish_id,
                choice=one.choice,
                created_at=one.created_at,
                lists=tuple(NamedList(**key._asdict()) for key in one.lists),
            )
            for one in await wishes_of(pool, organization_id=organization_id, user_id=user_id)
        ),
        transfers=tuple(KeptTransfer.from_record(record) for record in transfers),
        shared_links=tuple(KeptSharedLink.from_record(record) for record in shared),
    )


async def erase_user(
    pool: Pool, engine: Engine, signing_keys: SigningKeys, sign_outs: SignOuts, caller: Caller, user_id: str
) -> Erasure:
    """Erase a person of the caller's organization: end their tokens, remove their entries, and keep only numbers
    in the history.

    It goes list by list, so that a repeated call completes an interrupted one. Raises Unavailable.
    """
    organization_id = caller.organization_id
    assert organization_id is not None, "a person is a user of one organization"
    # First, so that an old token cannot join a list again that is already erased.
    await sign_outs.sign_out(organization_id, user_id)
    async with snapshot(pool) as acquired:
        contacts = await acquired.fetch(sql("read_contacts_of_user"), user_id, organization_id)
        keys = await acquired.fetch(sql("read_lists_of_user"), user_id, organization_id)
    # Also those of an unverified address: its owner can ask for another link.
    given = [one["email"] for one in contacts if one["email"]]
    async with connection(pool) as acquired:
        mailboxes = sorted(set(map(mailbox, given)))
        await acquired.execute(sql("delete_alerts_of_person"), organization_id, user_id, mailboxes)
        await acquired.execute(sql("delete_transfers_of_person"), organization_id, mailboxes)
    if asked := await _sign_ins(pool, signing_keys, user_id, organization_id, given):
        ids: list[UUID] = [one["sign_in_id"] for one in asked]
        async with connection(pool) as acquired:
            await acquired.execute(sql("delete_sign_ins"), organization_list_id(organization_id), ids)
    for key in keys:
        await engine.run(ListKey(*key), caller, verbs.erase, user_id=user_id)
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_wishes_of_user"), organization_id, user_id)
    return Erasure(user_id=user_id, waiting_lists=len(keys))


async def users_of(pool: Pool, signing_keys: SigningKeys, organization_id: str, email: str) -> list[str]:
    """Return the users who may be the person with this address.

    These are the user who signs in with it by e-mail, and the users who gave it, verified or not, in any letter
    case. Reads all contacts of the organization. Raises Unavailable.
    """
    made = fan_id(await signing_keys.derived_secret(), organization_id, email)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_users_of_address"), organization_id, email)
    return sorted({made, *(record["user_id"] for record in records)})


async def _entries(pool: Pool, user_id: str, organization_id: str) -> list[Entry]:
    found: list[Entry] = []
    cursor = None
    while True:
        page = await entry_queries.entries_of_user(
            pool, user_id, organization_id=organization_id, status=None, limit=500, cursor=cursor
        )
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def _sign_ins(
    pool: Pool, signing_keys: SigningKeys, user_id: str, organization_id: str, addresses: Iterable[str]
) -> list[Record]:
    """Return the sign-in requests for these addresses, or for the address that the user id comes from."""
    secret, known = await signing_keys.derived_secret(), {address.lower() for address in addresses}
    async with snapshot(pool) as acquired:
        asked = await acquired.fetch(sql("read_sign_ins"), organization_id)
    return [
        one
        for one in asked
        if one["email"].lower() in known or fan_id(secret, organization_id, one["email"]) == user_id
    ]
