"""The verbs `remove_lookalikes` and `restore`: remove look-alike entries together, and undo that.

A removal writes one `remove` into the history for each entry. An undo writes a `join` and a `move` for each. The
handle of an undo names the removal's range in the history.
"""

import re
from collections.abc import Sequence
from datetime import timedelta

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Several, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import take_out
from waiting_list.lists.verbs.move import rank_before
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, WaitingListEnded

AT_MOST = 500
"""The most entries that one call removes."""
UNDONE_WITHIN = timedelta(hours=24)
"""How long after a removal it can be undone."""


async def remove_lookalikes(locked: LockedList, *, numbers: Sequence[int], reason: str | None = None) -> Several:
    """Take these entries out, as `remove` does; the history keeps the `reason`.

    The verb skips entries that have left or never existed. Raises InvalidRequest unless 1 to 500 are given.
    """
    wanted = set(numbers)
    if not 1 <= len(wanted) <= AT_MOST:
        raise InvalidRequest.of("numbers", f"must be 1 to {AT_MOST} numbers")
    first = locked.list.last_sequence + 1
    removed = []
    for entry in await locked.read("read_entries_by_number", sorted(wanted)):
        if entry.status is not Status.LEFT:
            take_out(locked, "remove", entry, LeftReason.REMOVED, why=reason)
            removed.append(entry.number)
    undo = f"{first}-{locked.list.last_sequence}" if removed else None
    return Several(numbers=tuple(removed), skipped=tuple(sorted(wanted - {*removed})), undo=undo)


async def restore(locked: LockedList, *, undo: str) -> Several:
    """Give removed users their old places back. Safe to repeat.

    Each user joins with a new entry and number, and moves to the old place. Before a draw, no entry moves. After
    it, a removal before the draw cannot be undone. The verb skips users who have joined again or were erased, and
    users whose mailbox has another place by now. Raises WaitingListEnded; raises InvalidRequest for a handle that
    is unknown, or whose removal is more than 24 hours old.
    """
    named = re.fullmatch(r"(\d{1,18})-(\d{1,18})", undo, re.ASCII)
    first, last = (int(named[1]), int(named[2])) if named else (0, 0)
    if not 1 <= first <= last < first + AT_MOST:
        raise InvalidRequest.of("undo", "must be the undo value that a removal answered")
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    # Across a draw, their ranks say nothing any more.
    since = max(locked.now - UNDONE_WITHIN, locked.list.drawn_at or locked.now - UNDONE_WITHIN)
    removed = await locked.read("read_removed", first, last, since)
    if not removed:
        raise InvalidRequest.of("undo", "does not belong to a removal of the last 24 hours, and since the draw")
    await locked.load_latest(entry.user_id for entry in removed if entry.user_id is not None)
    taken = await of_taken_mailboxes(locked, removed)
    back: list[tuple[EntryRow, int]] = []
    for entry in removed:
        if entry.user_id is None or entry.number in taken or await locked.latest(entry.user_id) is not entry:
            continue
        back.append((locked.requeue(entry), entry.rank))
    if not locked.list.undrawn:
        await _move_back(locked, back)
    restored = {entry.number for entry in removed} & locked.contacts.requeued.keys()
    return Several(
        numbers=tuple(entry.number for entry, _ in back),
        skipped=tuple(entry.number for entry in removed if entry.number not in restored),
        undo=None,
    )


async def of_taken_mailboxes(locked: LockedList, removed: Sequence[EntryRow]) -> set[int]:
    """Return the numbers of entries whose verified mailbox has another place by now; empty without the rule."""
    if not locked.list.has_one_place:
        return set()
    numbers = [entry.number for entry in removed]
    records = await locked.connection.fetch(sql("read_verified"), locked.list.list_id, numbers)
    await locked.contacts.load_mailboxes(record["email"] for record in records)
    taken = {record["number"] for record in records if locked.contacts.mailboxes.is_taken(record["email"])}
    for record in records:
        if record["number"] not in taken:
            locked.contacts.mailboxes.add(record["number"], record["email"])
    return taken


async def _move_back(locked: LockedList, back: Sequence[tuple[EntryRow, int]]) -> None:
    """Move each entry to its given rank, or right before an entry that was moved to that rank."""
    there = (
        {one.rank: one for one in await locked.read("read_active_at", [rank for _, rank in back])} if back else {}
    )
    for entry, rank in back:
        if rank not in there:
            locked.record("move", entry, rank=rank)
    for entry, rank in back:
        if rank in there:
            locked.record("move", entry, rank=await rank_before(locked, there[rank], entry))
