"""The verbs `erase` and `prune`: remove personal data from a list."""

from datetime import timedelta

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import take_out
from waiting_list.postgres.statements import sql

_FORGETTING = (
    "forget_reasons",
    "delete_contacts",
    "delete_traces",
    "delete_pushes",
    "delete_phones",
    "delete_transfers",
    "delete_shared_links",
    "delete_notices_of_entries",
)


async def erase(locked: LockedList, *, user_id: str) -> list[EntryRow]:
    """Take the person out of the list, and forget the person; return their entries.

    The numbers and their history stay. Other places change only because the person leaves.
    """
    entries = await locked.read("read_entries_of_user", user_id)
    for entry in entries:
        if entry.status is not Status.LEFT:
            take_out(locked, "remove", entry, LeftReason.REMOVED)
        locked.record("erase", entry, user_id=None)
    await _forget(locked, entries)
    locked.forget(user_id)
    return entries


async def prune(locked: LockedList, *, kept: timedelta, at_most: int = 500) -> list[EntryRow]:
    """Forget the persons of at most `at_most` entries, the oldest first, as `erase` does; return those entries.

    If no more entries are left, the verb marks the list as pruned. It changes no data unless the list is empty and
    ended at least `kept` ago. So it forgets no person if the show was put off after maintenance looked for
    due work. A pruned list that takes entries again is pruned again after its next end.
    """
    ended_at = locked.list.ended_at
    over = ended_at is not None and ended_at >= locked.ends_at and not (locked.list.waiting or locked.list.held)
    if ended_at is None or not over or locked.now < ended_at + kept:
        return []
    entries = await locked.read("read_entries_to_prune", at_most)
    users = [entry.user_id for entry in entries if entry.user_id is not None]
    for entry in entries:
        locked.record("erase", entry, user_id=None)
    await _forget(locked, entries)
    for user_id in users:
        locked.forget(user_id)
    done = len(entries) < at_most
    until, at = (locked.list.last_number, locked.now) if done else (entries[-1].number, None)
    await locked.connection.execute(sql("mark_pruned"), locked.list.list_id, until, at)
    return entries


async def _forget(locked: LockedList, entries: list[EntryRow]) -> None:
    """Delete the personal data beside these entries; the entries stay."""
    numbers, list_id = [entry.number for entry in entries], locked.list.list_id
    await locked.flush()  # first, so that the statements also find the pending rows
    for statement in _FORGETTING:
        await locked.connection.execute(sql(statement), list_id, numbers)
