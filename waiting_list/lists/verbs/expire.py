"""The verbs `expire` and `end`: take out entries whose hold has lapsed, or whose list has ended."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.setting_values import AfterExpiry
from waiting_list.lists.verbs.checks import take_out
from waiting_list.postgres.statements import sql


async def expire(locked: LockedList, *, at_most: int = 500) -> list[EntryRow]:
    """End the holds whose deadline has passed, the oldest first; return those entries.

    With `after_expiry` = requeue, each of those users waits again, last, with a new entry.
    """
    due = await locked.read("read_due_entries", locked.now, at_most)
    for entry in due:
        take_out(locked, "expire", entry, LeftReason.EXPIRED)
    if locked.list.after_expiry is AfterExpiry.REQUEUE and not locked.ended:
        for entry in due:
            locked.requeue(entry)
    return due


async def end(locked: LockedList, *, at_most: int = 500) -> list[EntryRow]:
    """Take the waiting and ready entries out of a list that has ended; return those entries.

    If no more entries are active, the verb marks the list as ended. It changes no data before the end.
    """
    if not locked.ended:
        return []
    done = locked.list.ended_at is not None and locked.list.ended_at >= locked.ends_at
    active = await locked.read("read_active_entries", at_most)
    for entry in active:
        take_out(locked, "end", entry, LeftReason.ENDED)
    if len(active) < at_most and (active or not done):
        locked.record("end", on_list={"ended_at": locked.now})
        await locked.connection.execute(sql("delete_traces_of_list"), locked.list.list_id)
    return active
