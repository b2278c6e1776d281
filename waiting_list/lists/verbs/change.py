"""The verb `change`: ask for more or fewer tickets."""

from typing import Any

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import (
    check_maximum,
    check_tickets,
    require_active,
    require_running,
    require_waiting,
)
from waiting_list.lists.verbs.move import move_last


async def change(
    locked: LockedList,
    *,
    user_id: str,
    number: int | None = None,
    tickets_wanted: int | None = None,
    tickets_minimum: int | None = None,
    keep_waiting_for_rest: bool | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Change how many tickets a waiting user wants. Fewer keep the place; more move the entry last, as a `move`;
    before the draw, no place is lost, because there is none yet.

    With `number`, the verb changes only that entry. Without a new minimum, an entry that takes all or no tickets
    still does. Any other minimum shrinks to the new tickets wanted. The history keeps the `reason`.

    `keep_waiting_for_rest` says whether the fan keeps the place in line for the rest if fewer are held. To give
    that up is all that a ready user can change, because everybody behind knows their place by then.

    Raises NotInList, AlreadyLeft, NotWaiting, InvalidRequest, TooManyTickets, WaitingListEnded.
    """
    keeps, latest = keep_waiting_for_rest, await locked.latest(user_id)
    gives_up = keeps is False and tickets_wanted is tickets_minimum is None
    entry = require_active(latest, number) if gives_up else require_waiting(latest, number)
    require_running(locked)
    wanted = entry.tickets_wanted if tickets_wanted is None else tickets_wanted
    minimum = tickets_minimum
    if minimum is None:
        all_or_nothing = entry.tickets_minimum == entry.tickets_wanted
        minimum = wanted if all_or_nothing else min(entry.tickets_minimum, wanted)
    check_tickets(wanted, minimum)
    if (wanted, minimum) != (entry.tickets_wanted, entry.tickets_minimum):
        # Tickets wanted from before the limit was lowered may stay, if only its minimum changes.
        check_maximum(locked, minimum if wanted == entry.tickets_wanted else wanted, minimum)
    if wanted > entry.tickets_wanted and not locked.list.undrawn:
        move_last(locked, entry, reason=reason)
    keeps = entry.keep_waiting_for_rest if keeps is None else keeps
    wish: dict[str, Any] = {"tickets_wanted": wanted, "tickets_minimum": minimum, "keep_waiting_for_rest": keeps}
    locked.record("change", entry, reason=reason, **wish)
    return entry
