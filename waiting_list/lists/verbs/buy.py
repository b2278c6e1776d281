"""The verb `buy`: turn a hold, or a part of it, into a purchase."""

from uuid import UUID

from waiting_list.lists.holds import hold_id
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_active, take_out
from waiting_list.problems import HoldExpired, InvalidRequest, NotReady, WaitingListEnded, WrongQuantity

_BY_THE_CLOCK = (LeftReason.EXPIRED, LeftReason.ENDED)
"""The reasons for which maintenance takes entries out."""


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

    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired, WrongQuantity, InvalidRequest.
    """
    latest = await locked.latest(user_id)
    # First, because the holder of a pass must learn only of its own hold and place.
    if hold is not None and latest and hold != _hold_of(locked, latest):
        _check_end(locked)
        raise HoldExpired("The purchase pass belongs to an earlier hold.")
    if latest and (latest.status is not Status.LEFT or latest.left_reason in _BY_THE_CLOCK):
        _check_end(locked)
    if latest and latest.left_reason is LeftReason.EXPIRED:
        raise HoldExpired(f"The hold expired at {locked.deadline(latest).isoformat()}.")
    entry = require_active(latest)
    if entry.status is Status.WAITING:
        raise NotReady("It is not this user's turn yet.", entry=entry)
    if locked.now >= locked.deadline(entry):
        raise HoldExpired(f"The hold expired at {locked.deadline(entry).isoformat()}.")
    bought = entry.tickets_held if quantity is None else quantity
    if bought < 1:
        raise InvalidRequest.of("quantity", "must be at least 1")
    if bought > entry.tickets_held:
        raise WrongQuantity(f"Only {entry.tickets_held} tickets are held.", held=entry.tickets_held)
    available = locked.list.available_stock - bought
    take_out(
        locked,
        "buy",
        entry,
        LeftReason.BOUGHT,
        on_list={"available_stock": available} | locked.list.opening(available),
    )
    return entry


def _check_end(locked: LockedList) -> None:
    if locked.ended:
        raise WaitingListEnded(f"The list ended at {locked.ends_at.isoformat()}.")


def _hold_of(locked: LockedList, entry: EntryRow) -> UUID | None:
    """Return the id of the hold that the entry has, or had when it left; None if there is none."""
    return hold_id(locked.list.list_id, entry.number, entry.ready_at) if entry.ready_at else None
