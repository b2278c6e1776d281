"""The verb `give_back`: make a hold smaller without buying."""

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_held, require_hold, take_out


async def give_back(locked: LockedList, *, user_id: str, quantity: int, number: int | None = None) -> EntryRow:
    """Free this many of the tickets that are held for the user; with `number`, only those of this entry.

    The tickets wanted shrink to those that stay held, because the fan wants no more than these; a larger minimum
    shrinks with it. The hold keeps its deadline and its purchase pass. To give back all tickets is to `leave`.

    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired, InvalidRequest, WrongQuantity.
    """
    entry = require_hold(locked, await locked.latest(user_id), number)
    check_held(entry, quantity)
    if quantity == entry.tickets_held:
        take_out(locked, "leave", entry, LeftReason.CANCELLED)
        return entry
    kept = entry.tickets_held - quantity
    locked.record(
        "give_back",
        entry,
        {"held": locked.list.held - quantity},
        tickets_held=kept,
        tickets_wanted=kept,
        tickets_minimum=min(entry.tickets_minimum, kept),
    )
    return entry
