"""Make, revoke and resolve private links. No HTTP here.

The bearer of an entry's private link sees the entry, and may act for it.

The token is derived, so that each call returns the same link. The database stores only a hash, which opens no
entry.
"""

from uuid import UUID

from waiting_list.database import Pool, connection, sql
from waiting_list.keys import link_hash, link_list, link_token
from waiting_list.models import ListKey
from waiting_list.page_addresses import PRIVATE_LINK, address
from waiting_list.places import EntryDetails, read_entry_details

_NOWHERE = UUID(int=0)


async def make_link(pool: Pool, secret: bytes, key: ListKey, number: int) -> str:
    """Make an entry's private link valid, and return its path. Until it is revoked, each call returns the same.

    `secret` is the deployment's `derived` one. Raises Unavailable.
    """
    async with connection(pool) as acquired:
        version = await acquired.fetchval(sql("read_link_version"), key.list_id, number)
        if version is None:
            # Read it again, because the table defines the first version.
            await acquired.execute(sql("insert_contact"), key.list_id, number)
            version = await acquired.fetchval(sql("read_link_version"), key.list_id, number) or 1
        token = link_token(secret, key.list_id, number, version)
        # This changes no row if a revocation or erasure came in between, as if that had come right after.
        await acquired.execute(sql("make_link"), key.list_id, number, version, link_hash(token))
    return address(PRIVATE_LINK, token=token)


async def revoke_link(pool: Pool, key: ListKey, number: int) -> None:
    """End an entry's private link at once; the next call of `make_link` makes another. Safe to repeat.

    Raises Unavailable.
    """
    async with connection(pool) as acquired:
        await acquired.execute(sql("revoke_link"), key.list_id, number)


async def find(pool: Pool, token: str) -> EntryDetails | None:
    """Return the entry that a private link leads to, or None.

    None stands for a link that is unknown, malformed or revoked, or whose person was erased. All these cases take
    one look-up by a hash, so that they look alike from outside. Raises Unavailable.
    """
    list_id = link_list(token)
    named = (list_id, link_hash(token)) if list_id else (_NOWHERE, link_hash(""))
    async with connection(pool) as acquired:
        number = await acquired.fetchval(sql("read_linked_entry"), *named)
    return None if number is None else await read_entry_details(pool, named[0], number)
