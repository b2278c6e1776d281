"""The verb `buy`: turn a hold, or a part of it, into a purchase."""

from uuid import UUID

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_held, require_hold, take_out


async def buy(
    locked: LockedList, *, user_id: str, quantity: int | None = None, hold: UUID | None = None
) -> EntryRow:
    """Record that the ready user has bought `quantity` tickets, by default all held ones.

    `hold` is the id of the hold in a purchase pass; the user's latest entry must have that hold. The tickets leave
    the stock: available and held shrink together, so no other fan moves. The other tickets of the hold become
    free. The verb compares the deadline with the instant read under the lock, so a late worker changes no
    outcome.

    A purchase that comes too late has one code, whether or not maintenance has taken the entry out. After the end
    of the list, that is WaitingListEnded; before, HoldExpired.

    A fan who keeps waiting for the rest, and buys all that is held, waits for the rest at the same place.

    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired, WrongQuantity, InvalidRequest.
    """
    entry = require_hold(locked, await locked.latest(user_id), hold=hold)
    bought = entry.tickets_held if quantity is None else quantity
    check_held(entry, bought)
    available = locked.list.available_stock - bought
    stock = {"available_stock": available} | locked.list.opening(available)
    if not entry.is_rest or bought < entry.tickets_held:
        take_out(locked, "buy", entry, LeftReason.BOUGHT, on_list=stock)
        return entry
    locked.record(
        "buy",
        entry,
        on_list={"held": locked.list.held - bought} | stock,
        status=Status.WAITING,
        tickets_wanted=entry.tickets_missing,
        # The fan has got what had to come together.
        tickets_minimum=1,
        tickets_held=0,
        ready_at=None,
        ready_until=None,
        requeued=0,
    )
    return entry
