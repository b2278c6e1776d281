"""Make, revoke and follow the private link of an entry. This module knows no HTTP.

The holder of an entry's private link sees the entry, and may act for it. The token is derived, so that each call
returns the same link. The database stores only a hash, which opens no entry.
"""

import base64
import binascii
import hashlib
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


async def revoke_link(pool: Pool, key: ListKey, number: int) -> None:
    """End an entry's private link at once, and forget the devices and the phone number that came by it.

    Safe to repeat. The next call of `make_link` makes another link.

    Raises Unavailable.
    """
    async with connection(pool) as acquired:
        await acquired.execute(sql("revoke_link"), key.list_id, number)
        await acquired.execute(sql("delete_linked_pushes"), key.list_id, number)
        await acquired.execute(sql("delete_linked_phone"), key.list_id, number)


async def find(pool: Pool, token: str) -> EntryDetails | None:
    """Return the entry that a private link leads to, or None.

    None stands for a link that is unknown, malformed or revoked, or whose person was erased. All these cases take
    one look-up by a hash, so that they look alike from outside. Raises Unavailable.
    """
    list_id = _list_id_of(token)
    named = (list_id, link_hash(token)) if list_id else (_NOWHERE, link_hash(""))
    async with connection(pool) as acquired:
        number = await acquired.fetchval(sql("read_linked_entry"), *named)
    return None if number is None else await read_entry_details(pool, named[0], number)
