"""What several verbs share: checks, and taking an entry out.

A verb checks everything before its first change. A verb that raises a Problem has changed no data, so a whole
batch of verbs can share a transaction. A Problem about an entry carries the entry's row here; the engine turns it
into the entry that clients see. A verb only frees tickets; promotion gives them to the next in line.
"""

from collections.abc import Mapping
from typing import Any, assert_never
from uuid import UUID

from waiting_list.lists.contact import Contact
from waiting_list.lists.holds import hold_id
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.problems import (
    AlreadyLeft,
    EmailRequired,
    HoldExpired,
    InvalidRequest,
    NotDrawn,
    NotEnoughStock,
    NotInList,
    NotReady,
    NotWaiting,
    StockHeld,
    TooManyTickets,
    WaitingListEnded,
    WrongQuantity,
)

_BY_THE_CLOCK = (LeftReason.EXPIRED, LeftReason.ENDED)
"""The reasons for which maintenance takes entries out."""


def take_out(
    locked: LockedList,
    verb: str,
    entry: EntryRow,
    reason: LeftReason,
    *,
    why: str | None = None,
    on_list: Mapping[str, Any] | None = None,
) -> None:
    """Take an active entry, and the tickets that it holds, out of the list; the history keeps `why`.

    The deadline of its hold stays what it was at this moment, whatever becomes of the list's end.
    """
    until = locked.deadline(entry) if entry.status is Status.READY else entry.ready_until
    locked.record(
        verb,
        entry,
        reason=why,
        on_list={"held": locked.list.held - entry.tickets_held} | dict(on_list or {}),
        status=Status.LEFT,
        left_reason=reason,
        tickets_held=0,
        ready_until=until,
        left_at=locked.now,
        paused_at=None,
        set_aside_at=None,
    )


def require_running(locked: LockedList) -> None:
    """Raise WaitingListEnded once the list has ended."""
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")


def require_active(entry: EntryRow | None, number: int | None = None) -> EntryRow:
    """Return the entry if it is active, and has the number if one is given. Raises NotInList, AlreadyLeft."""
    if entry is None:
        raise NotInList("This user has never joined this list.")
    if number not in (None, entry.number):
        raise AlreadyLeft("The user has left this entry, and has joined again since.", entry=entry)
    if entry.status is Status.LEFT:
        raise AlreadyLeft(f"The user has left this list ({entry.left_reason}).", entry=entry)
    return entry


def require_waiting(entry: EntryRow | None, number: int | None = None) -> EntryRow:
    """Return the entry if it waits, and has the number if one is given.

    Raises NotInList, AlreadyLeft, NotWaiting.
    """
    entry = require_active(entry, number)
    match entry.status:
        case Status.WAITING:
            return entry
        case Status.READY:
            raise NotWaiting("It is this user's turn: the tickets are held.", entry=entry)
        case Status.LEFT:
            raise AssertionError("an active entry has not left")
        case _:
            assert_never(entry.status)


def require_hold(
    locked: LockedList, latest: EntryRow | None, number: int | None = None, *, hold: UUID | None = None
) -> EntryRow:
    """Return the entry if tickets are held for it, and has the number or the hold if one is given.

    The deadline is compared with the instant read under the lock. A call that comes too late has one code, whether
    or not maintenance has taken the entry out: after the end of the list WaitingListEnded, before it HoldExpired.
    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired.
    """
    # First, because the holder of a pass must learn only of its own hold and place.
    if hold is not None and latest and hold != _hold_of(locked, latest):
        _check_end(locked)
        raise HoldExpired("The purchase pass belongs to an earlier hold.")
    if latest and number in (None, latest.number):
        if latest.status is not Status.LEFT or latest.left_reason in _BY_THE_CLOCK:
            _check_end(locked)
        if latest.left_reason is LeftReason.EXPIRED:
            raise HoldExpired(f"The hold expired at {locked.deadline(latest).isoformat()}.")
    entry = require_active(latest, number)
    if entry.status is Status.WAITING:
        if entry.requeued:  # as before maintenance put the user at the end of the line
            raise HoldExpired("The hold expired, and the user waits again at the end of the line.")
        raise NotReady("It is not this user's turn yet.", entry=entry)
    if locked.now >= locked.deadline(entry):
        raise HoldExpired(f"The hold expired at {locked.deadline(entry).isoformat()}.")
    return entry


def _check_end(locked: LockedList) -> None:
    if locked.ended:
        raise WaitingListEnded(f"The list ended at {locked.ends_at.isoformat()}.")


def _hold_of(locked: LockedList, entry: EntryRow) -> UUID | None:
    """Return the id of the hold that the entry has, or had when it left; None if there is none."""
    return hold_id(locked.list.list_id, entry.number, entry.ready_at) if entry.ready_at else None


def check_tickets(wanted: int, minimum: int) -> None:
    """Raise InvalidRequest unless 1 <= minimum <= wanted."""
    if wanted < 1:
        raise InvalidRequest.of("tickets_wanted", "must be at least 1")
    if not 1 <= minimum <= wanted:
        raise InvalidRequest.of("tickets_minimum", "must be between 1 and tickets_wanted")


def check_maximum(locked: LockedList, wanted: int, minimum: int) -> None:
    """Raise TooManyTickets if one order may not have so many tickets, or if the minimum can never be held.

    While a list has no capacity at all, it is not known yet, and only the limit of an order counts.
    """
    maximum = locked.max_quantity_per_order
    most = min(maximum, locked.list.total_stock or maximum)
    if wanted > maximum:
        raise TooManyTickets(f"One order may have at most {maximum} tickets.", maximum=most)
    if minimum > most:
        raise TooManyTickets(f"One fan can be held at most {most} tickets here. Accept fewer.", maximum=most)


def check_email(locked: LockedList, contact: Contact) -> None:
    """Raise EmailRequired if the list takes no entry without an address, and the contact has none."""
    if locked.list.asks_email and contact.email is None:
        raise EmailRequired("This list takes only entries with an e-mail address.")


def check_drawn(locked: LockedList) -> None:
    """Raise NotDrawn if lots decide the order of the list, and are not drawn yet."""
    if locked.list.undrawn:
        at = locked.list.draw_at
        raise NotDrawn("The order of this list is drawn by lot, and the draw has not been held.", draw_at=at)


def check_quantity(field: str, quantity: int) -> None:
    """Raise InvalidRequest for a number of tickets below 1."""
    if quantity < 1:
        raise InvalidRequest.of(field, "must be at least 1")


def check_held(entry: EntryRow, quantity: int) -> None:
    """Raise InvalidRequest for a number of tickets below 1, and WrongQuantity for more than are held."""
    check_quantity("quantity", quantity)
    if quantity > entry.tickets_held:
        raise WrongQuantity(f"Only {entry.tickets_held} tickets are held.", held=entry.tickets_held)


def check_free(locked: LockedList, quantity: int, *, unless: bool = False) -> None:
    """Raise NotEnoughStock if fewer tickets are available, and StockHeld if fewer are free.

    With `unless`, held tickets count as well, because the caller can revoke their holds.
    """
    available, free = locked.list.available_stock, locked.list.free
    if quantity > available:
        raise NotEnoughStock(f"Only {available} tickets are available.", available=available)
    if quantity > free and not unless:
        raise StockHeld(f"Only {free} tickets are free. The others are held for ready users.", free=free)
