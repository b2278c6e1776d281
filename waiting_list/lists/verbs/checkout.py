"""The verb `checkout`: keep a hold alive while its fan pays."""

from datetime import timedelta
from uuid import UUID

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_hold
from waiting_list.postgres.statements import sql
from waiting_list.problems import CheckoutUsed


async def checkout(locked: LockedList, *, user_id: str, hold: UUID | None = None) -> EntryRow:
    """Let the hold live `hold_grace_seconds` beyond its deadline, but not beyond the end of the list. Once a hold.

    `hold` is the id of the hold in a purchase pass. A hold that lasts until the end of the list stays as it is. So
    does every hold where the list has no grace.

    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired, CheckoutUsed.
    """
    entry = require_hold(locked, await locked.latest(user_id), hold=hold)
    await locked.flush()
    if await locked.connection.fetchval(sql("read_checkout"), locked.list.list_id, entry.number, entry.ready_at):
        raise CheckoutUsed("The hold was already extended for a checkout.", entry=entry)
    deadline = locked.deadline(entry)
    later = min(deadline + timedelta(seconds=locked.list.hold_grace_seconds), locked.ends_at)
    if later > deadline:
        locked.record("checkout", entry, ready_until=later)
    return entry
