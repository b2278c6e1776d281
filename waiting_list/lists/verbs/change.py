"""The verb `change`: ask for more or fewer tickets."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_maximum, check_tickets, require_waiting
from waiting_list.lists.verbs.move import move_last
from waiting_list.problems import WaitingListEnded


async def change(
    locked: LockedList,
    *,
    user_id: str,
    number: int | None = None,
    tickets_wanted: int | None = None,
    tickets_minimum: int | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Change how many tickets a waiting user wants. Fewer keep the place; more move the entry last, as a `move`.

    With `number`, the verb changes only that entry. Without a new minimum, an entry that takes all or no tickets
    still does. Any other minimum shrinks to the new wish. The history keeps the `reason`.

    Raises NotInList, AlreadyLeft, NotWaiting, InvalidRequest, TooManyTickets, WaitingListEnded.
    """
    entry = require_waiting(await locked.latest(user_id), number)
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    wanted = entry.tickets_wanted if tickets_wanted is None else tickets_wanted
    minimum = tickets_minimum
    if minimum is None:
        all_or_nothing = entry.tickets_minimum == entry.tickets_wanted
        minimum = wanted if all_or_nothing else min(entry.tickets_minimum, wanted)
    check_tickets(wanted, minimum)
    if (wanted, minimum) != (entry.tickets_wanted, entry.tickets_minimum):
        # A wish from before the limit was lowered may stay, if only its minimum changes.
        check_maximum(locked, minimum if wanted == entry.tickets_wanted else wanted, minimum)
    if wanted > entry.tickets_wanted:
        move_last(locked, entry, reason=reason)
    locked.record("change", entry, reason=reason, tickets_wanted=wanted, tickets_minimum=minimum)
    return entry
