"""Mailboxes that want no more e-mails of an organization, under any of their aliases.

What is kept is a keyed hash of the mailbox, so that the objection is honoured after everything else of the person
is erased. Two things show that a caller reads a mailbox, and so may speak for it: the address of their entry is
verified, or they have the code that stands at the end of a letter to it. Without that, a fan could give a
stranger's address and silence the stranger, or have letters sent to them again.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import datetime

from waiting_list.key_material import derived
from waiting_list.lists.contact import KeptContact
from waiting_list.lists.mailboxes import mailbox
from waiting_list.postgres.pool import Connection, Pool, connection
from waiting_list.postgres.statements import sql

_HASH_BYTES = 32
_PROOF_BYTES = 16


def mailbox_hash(secret: bytes, organization_id: str, email: str) -> bytes:
    """Return what is kept of an address: 32 bytes, the same for all aliases, another for each organization.
    `secret` is the deployment's `derived` one."""
    return derived(secret, "suppression", organization_id, mailbox(email))


def unsubscribe_code(secret: bytes, organization_id: str, email: str) -> str:
    """Return the code that lets the reader of a letter to this address speak for its mailbox: 64 characters, safe
    in a URL."""
    hashed = mailbox_hash(secret, organization_id, email)
    return base64.urlsafe_b64encode(hashed + _proof(secret, organization_id, hashed)).decode()


def code_hash(secret: bytes, organization_id: str, code: str) -> bytes | None:
    """Return the hash of the mailbox that a code speaks for; None if it was not made for this organization."""
    try:
        decoded = base64.b64decode(code, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    hashed, proof = decoded[:_HASH_BYTES], decoded[_HASH_BYTES:]
    return hashed if hmac.compare_digest(proof, _proof(secret, organization_id, hashed)) else None


async def suppress(pool: Pool, organization_id: str, hashed: bytes, *, now: datetime) -> None:
    """Send no more e-mails of the organization to a mailbox. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("insert_suppression"), organization_id, hashed, now)


async def lift(pool: Pool, organization_id: str, hashed: bytes) -> None:
    """Send them again. Safe to repeat. Raises Unavailable."""
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
