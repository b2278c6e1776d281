"""The verbs `move` and `move_several`: put entries first, last, or right before or behind another one."""

from collections.abc import Sequence
from operator import attrgetter

from waiting_list.fields import INT32_MAX
from waiting_list.lists.locked_list import BEFORE_ALL, LockedList
from waiting_list.lists.models import Several, Status
from waiting_list.lists.ranks import RANK_STEP, rank_between
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_drawn, require_waiting
from waiting_list.problems import InvalidRequest


async def move(
    locked: LockedList,
    *,
    user_id: str,
    to: str | None = None,
    before: str | None = None,
    after: str | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Move a waiting user first, last, or right before or behind another waiting user.

    The history keeps the `reason`. Raises NotInList, AlreadyLeft, NotWaiting (of either user), InvalidRequest,
    NotDrawn.
    """
    if sum(one is not None for one in (to, before, after)) != 1 or to not in (None, "first", "last"):
        raise InvalidRequest.of("to", "give one of to (first or last), before and after (a user id)")
    check_drawn(locked)
    entry = require_waiting(await locked.latest(user_id))
    if to == "last":
        move_last(locked, entry, reason=reason)
        return entry
    if after is not None:
        await _move_behind(locked, entry, require_waiting(await locked.latest(after)), reason)
        return entry
    if before is not None:
        following = require_waiting(await locked.latest(before))
    else:
        (following,) = await _first_in_line(locked, 1)
    if following is entry:
        return entry
    rank = await rank_before(locked, following, entry)
    locked.record("move", entry, reason=reason, rank=rank)
    return entry


AT_MOST = 500
"""The most entries that `move_several` moves."""


async def move_several(
    locked: LockedList, *, numbers: Sequence[int], to: str, reason: str | None = None
) -> Several:
    """Move waiting entries first or last, in the order in which they stand. The history keeps the `reason`.

    The verb skips entries that do not wait. Raises NotDrawn; InvalidRequest unless 1 to 500 are given.
    """
    wanted = set(numbers)
    if not 1 <= len(wanted) <= AT_MOST:
        raise InvalidRequest.of("numbers", f"must be 1 to {AT_MOST} numbers")
    if to not in ("first", "last"):
        raise InvalidRequest.of("to", "must be first or last")
    check_drawn(locked)
    found = await locked.read("read_entries_by_number", sorted(wanted))
    chosen = sorted((one for one in found if one.status is Status.WAITING), key=attrgetter("rank"))
    if to == "last":
        for entry in chosen:
            move_last(locked, entry, reason=reason)
    elif chosen:
        await _move_first(locked, chosen, reason)
    moved = tuple(sorted(one.number for one in chosen))
    return Several(numbers=moved, skipped=tuple(sorted(wanted - {*moved})), undo=None)


async def _move_first(locked: LockedList, chosen: Sequence[EntryRow], reason: str | None) -> None:
    """Move waiting entries ahead of the first in line that is not one of them."""
    line = await _first_in_line(locked, len(chosen) + 1)
    following = next((one for one in line if one not in chosen), None)
    behind = [one for one in chosen if following is not None and one.rank > following.rank]
    if following is None or not behind:
        return
    previous = await locked.read("read_active_before", following.rank, behind[0].number, 1)
    lowest = previous[0].rank if previous else following.rank - RANK_STEP * (len(behind) + 1)
    step = (following.rank - lowest) // (len(behind) + 1)
    for place, entry in enumerate(behind, 1):
        # Step by step where there is no room for all, because that shifts the neighbours.
        rank = lowest + step * place if step else await rank_before(locked, following, entry)
        locked.record("move", entry, reason=reason, rank=rank)


async def _first_in_line(locked: LockedList, at_most: int) -> list[EntryRow]:
    """Return the first entries in line: those who wait, and those who keep their place for the rest."""
    waiting = await locked.read("read_first_waiting", at_most)
    rests = await locked.read("read_rests", BEFORE_ALL, INT32_MAX, at_most, locked.now) if locked.rests else []
    return sorted(waiting + rests, key=attrgetter("rank"))[:at_most]


async def _move_behind(locked: LockedList, entry: EntryRow, other: EntryRow, reason: str | None) -> None:
    if other is entry:
        return
    following = await locked.read("read_active_after", other.rank, entry.number)
    if following:
        rank = await rank_before(locked, following[0], entry)
        locked.record("move", entry, reason=reason, rank=rank)
    else:
        move_last(locked, entry, reason=reason)


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
