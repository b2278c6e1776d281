"""The verbs `expire`, `end` and `resume`: take out entries whose hold has lapsed, or whose list has ended."""

from datetime import timedelta

from waiting_list.lists.ending import take_back_end
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.setting_values import AfterExpiry
from waiting_list.lists.verbs.checks import take_out
from waiting_list.postgres.statements import sql


async def expire(locked: LockedList, *, at_most: int = 500) -> list[EntryRow]:
    """End the holds whose deadline has passed, the oldest first; return those entries.

    With `after_expiry` = requeue, each of those users waits again, last, with a new entry; but no user more than
    `requeue_limit` times in a row.
    """
    due = await locked.read("read_due_entries", locked.now, at_most)
    for entry in due:
        take_out(locked, "expire", entry, LeftReason.EXPIRED)
    if locked.list.after_expiry is AfterExpiry.REQUEUE and not locked.ended:
        limit = locked.list.requeue_limit
        for entry in due:
            if limit is None or entry.requeued < limit:
                locked.requeue(entry)
    return due


async def end(locked: LockedList, *, at_most: int = 500, grace: timedelta = timedelta(0)) -> list[EntryRow]:
    """Mark a list that has ended, and after the `grace` take its waiting and ready entries out; return those.

    From the end on, the clock refuses what needs a running list, whether or not the list is marked. During the
    grace, a date that is put right leaves all entries as they were (`resume`). The grace begins with the mark, so
    that it is as long for a date that was long ago. The verb changes no data before the end.
    """
    if not locked.ended:
        return []
    marked_at = locked.list.ended_at
    if marked_at is None or marked_at < locked.ends_at:
        locked.record("end", on_list={"ended_at": locked.now})
        marked_at = None
    has_people = locked.list.waiting or locked.list.held
    if has_people and locked.now < (marked_at or locked.now) + grace:
        return []
    active = await locked.read("read_active_entries", at_most) if has_people else []
    words = locked.of_representation["cancelled_reason"]
    why = None if locked.cancelled_at is None else f"cancelled: {words}" if words else "cancelled"
    for entry in active:
        take_out(locked, "end", entry, LeftReason.ENDED, why=why)
    if len(active) < at_most and (active or marked_at is None):
        await locked.connection.execute(sql("delete_traces_of_list"), locked.list.list_id)
        await locked.connection.execute(sql("delete_alerts_of_list"), locked.list.list_id)
    return active


async def resume(locked: LockedList) -> None:
    """Take back the mark of an end that lies ahead again, so that the list goes on with everybody in it.

    Holds whose deadline has passed meanwhile expire. It changes no data of a list that runs, or has ended.
    """
    take_back_end(locked)
