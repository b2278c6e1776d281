"""The verbs `pause` and `unpause`: keep a place in line that gets no tickets for a while."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_running, require_waiting


async def pause(
    locked: LockedList, *, user_id: str, number: int | None = None, reason: str | None = None
) -> EntryRow:
    """Pause a waiting user's place; with `number`, only that of this entry. The history keeps the `reason`.

    The entry keeps its number, rank and position, and promotion passes over it. A pause has no end of its own: it
    lasts until `unpause`, or until the entry leaves or is granted tickets. Safe to repeat: the pause keeps its
    beginning. Raises NotInList, AlreadyLeft, NotWaiting, WaitingListEnded.
    """
    entry = require_waiting(await locked.latest(user_id), number)
    require_running(locked)
    locked.record("pause", entry, reason=reason, paused_at=entry.paused_at or locked.now)
    return entry


async def unpause(
    locked: LockedList, *, user_id: str, number: int | None = None, reason: str | None = None
) -> EntryRow:
    """End the pause of a waiting user's place; `settle` may then serve it at once. Otherwise as `pause`."""
    entry = require_waiting(await locked.latest(user_id), number)
    require_running(locked)
    locked.record("unpause", entry, reason=reason, paused_at=None)
    return entry
