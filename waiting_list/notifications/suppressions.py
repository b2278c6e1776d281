"""Store which mailboxes have unsubscribed from an organization's e-mails, under any of their aliases.

The service stores a keyed hash of the mailbox, so that it honours the objection after the person is erased. A
caller may decide for a mailbox if the address of their entry is verified, or with the code in an e-mail to the
mailbox. Otherwise a fan could give a stranger's address, and then unsubscribe or subscribe the stranger.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import datetime

from waiting_list.key_material import derived
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.mailboxes import mailbox
from waiting_list.postgres.pool import Connection, Pool, clock, connection
from waiting_list.postgres.statements import sql

_HASH_BYTES = 32
_PROOF_BYTES = 16


def mailbox_hash(secret: bytes, organization_id: str, email: str) -> bytes:
    """Return the hash of an address: 32 bytes, equal for all aliases, different for each organization.

    `secret` is the deployment's `derived` key.
    """
    return derived(secret, "suppression", organization_id, mailbox(email))


def unsubscribe_code(secret: bytes, organization_id: str, email: str) -> str:
    """Return the code for an e-mail to this address: 64 characters, safe in a URL.

    It lets the reader of the e-mail decide for the mailbox.
    """
    hashed = mailbox_hash(secret, organization_id, email)
    return base64.urlsafe_b64encode(hashed + _proof(secret, organization_id, hashed)).decode()


def code_hash(secret: bytes, organization_id: str, code: str) -> bytes | None:
    """Return the hash of a code's mailbox; None if the code was not made for this organization."""
    try:
        decoded = base64.b64decode(code, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    hashed, proof = decoded[:_HASH_BYTES], decoded[_HASH_BYTES:]
    return hashed if hmac.compare_digest(proof, _proof(secret, organization_id, hashed)) else None


async def suppress(pool: Pool, organization_id: str, hashed: bytes, *, now: datetime) -> None:
    """Unsubscribe a mailbox from the organization's e-mails. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("insert_suppression"), organization_id, hashed, now)


async def suppress_now(pool: Pool, organization_id: str, hashed: bytes) -> None:
    """Do `suppress` as of now. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("insert_suppression"), organization_id, hashed, await clock(acquired))


async def lift_suppression(pool: Pool, organization_id: str, hashed: bytes) -> None:
    """Subscribe a mailbox again. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_suppression"), organization_id, hashed)


async def suppressed(
    acquired: Connection, secret: bytes, organization_id: str, emails: Iterable[str]
) -> dict[str, datetime]:
    """Return which of these addresses get no e-mails of the organization, and since when."""
    hashes = {email: mailbox_hash(secret, organization_id, email) for email in emails}
    if not hashes:
        return {}
    records = await acquired.fetch(sql("read_suppressions"), organization_id, sorted(set(hashes.values())))
    since = {record["mailbox_hash"]: record["suppressed_at"] for record in records}
    return {email: since[hashed] for email, hashed in hashes.items() if hashed in since}


async def is_suppressed(pool: Pool, secret: bytes, organization_id: str, email: str) -> bool:
    """Return whether an address gets no e-mails of the organization. Raises Unavailable."""
    async with connection(pool) as acquired:
        return bool(await suppressed(acquired, secret, organization_id, [email]))


async def with_suppression(pool: Pool, secret: bytes, organization_id: str, contact: KeptContact) -> KeptContact:
    """Return a contact with `subscribed` false if its mailbox has unsubscribed. Raises Unavailable."""
    if contact.email is None or not contact.subscribed:
        return contact
    silent = await is_suppressed(pool, secret, organization_id, contact.email)
    return contact.model_copy(update={"subscribed": not silent})


def _proof(secret: bytes, organization_id: str, hashed: bytes) -> bytes:
    return derived(secret, "unsubscribe", organization_id, hashed.hex())[:_PROOF_BYTES]
