"""The verb `move`: put an entry first, last, or right before another one."""

from operator import attrgetter

from waiting_list.fields import INT32_MAX
from waiting_list.lists.locked_list import BEFORE_ALL, LockedList
from waiting_list.lists.ranks import rank_between
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_waiting
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
        move_last(locked, entry, reason=reason)
        return entry
    if before is not None:
        following = require_waiting(await locked.latest(before))
    else:
        waiting = await locked.read("read_first_waiting", 1)
        rests = await locked.read("read_rests", BEFORE_ALL, INT32_MAX, 1, locked.now) if locked.rests else []
        following = min(waiting + rests, key=attrgetter("rank"))
    if following is entry:
        return entry
    rank = await rank_before(locked, following, entry)
    locked.record("move", entry, reason=reason, rank=rank)
    return entry


def move_last(locked: LockedList, entry: EntryRow, *, reason: str | None = None) -> None:
    """Move a waiting entry to the end of the line. How often it was passed over starts anew there."""
    if entry.rank != locked.list.last_rank:
        locked.record("move", entry, reason=reason, rank=locked.list.last_rank + 1, passed_over=0)


async def rank_before(locked: LockedList, following: EntryRow, mover: EntryRow) -> int:
    """Return a rank right before `following`, half-way to the entry in front; make room if there is no rank."""
    previous = await locked.read("read_active_before", following.rank, mover.number, 1)
    rank = rank_between(previous[0].rank if previous else None, following.rank)
    if rank is not None:
        return rank
    # After some twenty moves to the same place its ranks are consecutive. Shift that run down by one, from its
    # far end, so that no two entries ever share a rank. Each place stays, and the history records every step.
    run: list[EntryRow] = []
    at_most = 64
    while True:
        run = await locked.read("read_active_before", following.rank, mover.number, at_most)
        dense = next((i for i, e in enumerate(run) if e.rank != following.rank - 1 - i), len(run))
        if dense < at_most:
            break
        at_most *= 2
    # The mover steps aside first, because the run may shift into its rank.
    locked.record("move", mover, rank=locked.list.last_rank + 1)
    await locked.flush()
    for entry in reversed(run[:dense]):
        locked.record("move", entry, rank=entry.rank - 1)
        await locked.flush()
    return following.rank - 1
