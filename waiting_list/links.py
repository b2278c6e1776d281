"""The private link of an entry: whoever has it sees the place, and may act for it. Knows nothing of HTTP.

Its token is derived, not stored (keys.link_token): the same link is shown whenever it is asked for, and what the
database holds, a hash, opens nothing.
"""

from uuid import UUID

from waiting_list.database import Pool, connection, sql
from waiting_list.keys import link_hash, link_list, link_token
from waiting_list.models import ListKey
from waiting_list.page_addresses import PRIVATE_LINK, address
from waiting_list.places import EntryDetails, read_entry_details

_NOWHERE = UUID(int=0)


async def make_link(pool: Pool, secret: bytes, key: ListKey, number: int) -> str:
    """The path of an entry's private link, which is good from now on: the same whenever it is asked for, until it
    is revoked. `secret` is the deployment's `derived` one. Raises Unavailable."""
    async with connection(pool) as acquired:
        version = await acquired.fetchval(sql("read_link_version"), key.list_id, number)
        if version is None:
            # The table says which version is the first.
            await acquired.execute(sql("insert_contact"), key.list_id, number)
            version = await acquired.fetchval(sql("read_link_version"), key.list_id, number) or 1
        token = link_token(secret, key.list_id, number, version)
        # Nothing is made if it was revoked, or the person erased, in between: as if that had come right after.
        await acquired.execute(sql("make_link"), key.list_id, number, version, link_hash(token))
    return address(PRIVATE_LINK, token=token)


async def revoke_link(pool: Pool, key: ListKey, number: int) -> None:
    """An entry's private link is dead at once, and the next one that is made another. Safe to repeat. Raises
    Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("revoke_link"), key.list_id, number)


async def find(pool: Pool, token: str) -> EntryDetails | None:
    """What a private link leads to; None for one that is unknown, malformed or revoked, or whose person was
    erased: all of these take the same one look-up by a hash. Raises Unavailable."""
    list_id = link_list(token)
    named = (list_id, link_hash(token)) if list_id else (_NOWHERE, link_hash(""))
    async with connection(pool) as acquired:
        number = await acquired.fetchval(sql("read_linked_entry"), *named)
    return None if number is None else await read_entry_details(pool, named[0], number)
