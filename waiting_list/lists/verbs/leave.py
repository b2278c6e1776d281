"""The verbs `leave` and `remove`: take an entry out, for its fan or for an organizer."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_active, take_out


async def leave(locked: LockedList, *, user_id: str, number: int | None = None) -> EntryRow:
    """Give up the user's place, or hold; with `number`, only that of this entry. Raises NotInList, AlreadyLeft."""
    entry = require_active(await locked.latest(user_id), number)
    take_out(locked, "leave", entry, LeftReason.CANCELLED)
    return entry


async def remove(locked: LockedList, *, user_id: str) -> EntryRow:
    """Take the user out of the list, for the organizer. Raises NotInList, AlreadyLeft."""
    entry = require_active(await locked.latest(user_id))
    take_out(locked, "remove", entry, LeftReason.REMOVED)
    return entry
