"""The verb `share`: a fan makes a link to the place for another person, who may act for it but never owns it.

A link changes no place, so the history has none of it. It is made under the list's lock, because the place may
pass to another user meanwhile, whom the former user must leave no link.
"""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_active
from waiting_list.postgres.statements import sql
from waiting_list.problems import NotFound


async def share(
    locked: LockedList, *, user_id: str, number: int, link_hash: bytes, by_link: bytes | None = None
) -> EntryRow:
    """Store the hash of the entry's shared link; a former one ends.

    `by_link` is the hash of the private link with which the caller came, which must be valid still. Raises
    NotInList, AlreadyLeft, NotFound.
    """
    list_id, connection = locked.list.list_id, locked.connection
    entry = require_active(await locked.latest(user_id), number)
    if by_link is not None and await connection.fetchval(sql("lock_link"), list_id, number, by_link) is None:
        raise NotFound("This page does not exist.")
    await connection.execute(sql("upsert_shared_link"), list_id, number, link_hash, locked.now)
    return entry
