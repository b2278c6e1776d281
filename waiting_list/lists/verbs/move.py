"""The verb `move`: put an entry first, last, or right before another one."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import rank_before, require_waiting
from waiting_list.problems import InvalidRequest


async def move(
    locked: LockedList,
    *,
    user_id: str,
    to: str | None = None,
    before: str | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Move a waiting user first, last, or right before another waiting user. The history keeps the `reason`.

    Raises NotInList, AlreadyLeft, NotWaiting (of either user), InvalidRequest.
    """
    if (to is None) == (before is None) or to not in (None, "first", "last"):
        raise InvalidRequest.of("to", "give either to (first or last) or before (a user id)")
    entry = require_waiting(await locked.latest(user_id))
    if to == "last":
        if entry.rank != locked.list.last_rank:
            locked.record("move", entry, reason=reason, rank=locked.list.last_rank + 1)
        return entry
    if before is not None:
        following = require_waiting(await locked.latest(before))
    else:
        (following,) = await locked.read("read_first_waiting", 1)
    if following is entry:
        return entry
    rank = await rank_before(locked, following, entry)
    locked.record("move", entry, reason=reason, rank=rank)
    return entry
