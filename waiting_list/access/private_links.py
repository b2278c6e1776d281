"""Make, revoke and follow the private link of an entry. This module knows no HTTP.

The holder of an entry's private link sees the entry, and may act for it. The token is derived, so that each call
returns the same link. The database stores only a hash, which opens no entry.
"""

import base64
import binascii
import hashlib
import secrets
from typing import NamedTuple
from uuid import UUID

from waiting_list.key_material import derived
from waiting_list.lists.contact import first_link_version
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.entry_details import EntryDetails, read_entry_details
from waiting_list.page_addresses import PRIVATE_LINK, address
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

_NOWHERE = UUID(int=0)
"""The key of no list."""


def link_token(secret: bytes, list_id: UUID, number: int, version: int) -> str:
    """Derive the private link of an entry: 54 characters, safe in a URL.

    It begins with the list's key, by which the service finds the list. The rest comes from the deployment's
    secret. The database stores only its hash.
    """
    opaque = derived(secret, "link", list_id, number, version)[:24]
    return base64.urlsafe_b64encode(list_id.bytes + opaque).decode().rstrip("=")


def _list_id_of(token: str) -> UUID | None:
    """Return the key of the list in a private link; None if it is not a link."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 40 else None


def link_hash(token: str) -> bytes:
    """Return the stored hash of a private link (SHA-256). A slow hash would add nothing, because the link has 192
    secret bits."""
    return hashlib.sha256(token.encode()).digest()


def verification_code(secret: bytes, list_id: UUID, number: int, email: str) -> str:
    """Derive the code that proves access to a mailbox, for this entry. Each address has another code."""
    return base64.urlsafe_b64encode(derived(secret, "verify", list_id, number, email)[:18]).decode()


async def make_link(pool: Pool, secret: bytes, key: ListKey, number: int) -> str:
    """Make an entry's private link valid, and return its path. Until it is revoked, each call returns the same.

    `secret` is the deployment's `derived` one. Raises Unavailable.
    """
    async with connection(pool) as acquired:
        version = await acquired.fetchval(sql("read_link_version"), key.list_id, number)
        if version is None:
            # Read it again, because another call may have been first.
            await acquired.execute(sql("insert_contact"), key.list_id, number, first_link_version())
            version = await acquired.fetchval(sql("read_link_version"), key.list_id, number) or 1
        token = link_token(secret, key.list_id, number, version)
        # This changes no row if a revocation or erasure came in between, as if that had come right after.
        await acquired.execute(sql("make_link"), key.list_id, number, version, link_hash(token))
    return address(PRIVATE_LINK, token=token)


def shared_link_token(key: ListKey) -> str:
    """Return a new link to an entry for another person: like a private link, but with 192 random bits."""
    return base64.urlsafe_b64encode(key.list_id.bytes + secrets.token_bytes(24)).decode().rstrip("=")


async def end_shared_link(pool: Pool, key: ListKey, number: int) -> None:
    """End the link to an entry that its fan made for another person. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_shared_links"), key.list_id, [number])


async def revoke_link(pool: Pool, key: ListKey, number: int) -> None:
    """End an entry's links at once, the shared one too, and forget the devices and the phone that came by it.

    Safe to repeat. The next call of `make_link` makes another link.

    Raises Unavailable.
    """
    async with connection(pool) as acquired:
        await acquired.execute(sql("revoke_link"), key.list_id, number)
        # After the above, so that nobody has made another with the former link (`share`).
        await acquired.execute(sql("delete_shared_links"), key.list_id, [number])
        await acquired.execute(sql("delete_linked_pushes"), key.list_id, number)
        await acquired.execute(sql("delete_linked_phone"), key.list_id, number)


class Linked(NamedTuple):
    """An entry that a private link leads to, and whether its fan made the link for another person."""

    place: EntryDetails
    shared: bool


async def find(pool: Pool, token: str) -> Linked | None:
    """Return the entry that a private or a shared link leads to, or None.

    None stands for a link that is unknown, malformed or revoked, or whose person was erased. All these cases take
    one look-up by a hash, so that they look alike from outside. Notes once a minute that a shared link is in
    use. Raises Unavailable.
    """
    list_id = _list_id_of(token)
    named = (list_id, link_hash(token)) if list_id else (_NOWHERE, link_hash(""))
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_linked_entry"), *named)
        if record is not None and record["unnoted"]:
            await acquired.execute(sql("note_shared_link"), *named)
    place = await read_entry_details(pool, named[0], record["number"]) if record else None
    return Linked(place, record["shared"]) if record and place else None
