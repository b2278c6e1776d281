"""The verbs of fans, organizers and the clock on entries: join, change, leave, set_contact, verify, buy, move,
remove, expire, end, erase, prune.

A verb checks everything before its first change. A verb that raises a Problem has changed no data, so a whole
batch of verbs can share a transaction. A Problem about an entry carries the entry's row here; the engine turns it
into the entry that clients see. A verb only frees tickets; promotion gives them to the next in line.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID

from waiting_list.challenges import NO_PROOF, Proof, asked_bits
from waiting_list.database import sql
from waiting_list.keys import hold_id
from waiting_list.ledger import Ledger
from waiting_list.list_settings import AfterExpiry
from waiting_list.models import FAN, LeftReason, Status
from waiting_list.notices import NO_CONTACT, Contact
from waiting_list.problems import (
    AlreadyInList,
    AlreadyLeft,
    ChallengeRequired,
    HoldExpired,
    InvalidRequest,
    NotInList,
    NotReady,
    NotWaiting,
    TooManyTickets,
    WaitingListEnded,
    WaitingListFull,
    WaitingListNotOpen,
    WrongQuantity,
)
from waiting_list.ranks import rank_between
from waiting_list.rows import EntryRow


async def join(
    ledger: Ledger,
    *,
    user_id: str,
    tickets_wanted: int,
    tickets_minimum: int | None = None,
    contact: Contact = NO_CONTACT,
    quiet: bool = False,
    proof: Proof = NO_PROOF,
    network: str | None = None,
) -> EntryRow:
    """Give the user the last place.

    `tickets_minimum` defaults to `tickets_wanted`. `contact` says where e-mails about the entry go. With `quiet`,
    no e-mail repeats the answer: that the fan joined, and may buy at once. `proof` answers the list's challenge to
    fans. `network` is the public address that the fan joins from (`Limits.network`). A fan may join MOST_JOINS
    times within JOINS_WITHIN; an organizer may add users without that limit.

    Raises InvalidRequest, WaitingListEnded, WaitingListNotOpen, AlreadyInList, TooManyTickets,
    WaitingListFull, TooManyPlaces, RateLimited, AddressTaken, ChallengeRequired.
    """
    minimum = tickets_wanted if tickets_minimum is None else tickets_minimum
    _check_tickets(tickets_wanted, minimum)
    if ledger.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    if not ledger.list.waiting_list_open:
        raise WaitingListNotOpen(
            "The organizer has closed this list."
            if ledger.list.closed_by_hand
            else "Tickets are still on sale. The list opens when they are sold out."
        )
    entry = await ledger.latest(user_id)
    if entry and entry.status is not Status.LEFT:
        raise AlreadyInList("The user already has a place in this list.", entry=entry)
    _check_maximum(ledger, tickets_wanted)
    if ledger.list.max_waiting is not None and ledger.list.waiting >= ledger.list.max_waiting:
        raise WaitingListFull(f"The list is full: {ledger.list.waiting} fans are waiting.")
    ledger.other_places.check(user_id)
    if ledger.actor == FAN and entry is not None:
        await ledger.join_limit.check(user_id)
    if contact.verified_email is not None:
        await ledger.contacts.check_mailbox(contact.verified_email)
    # Last, so that no device works for a place that the list would refuse.
    bits = 0 if proof.solved or ledger.actor != FAN else asked_bits(ledger.list.join_challenge, proof.pressing)
    if bits:
        raise ChallengeRequired("Solve the challenge, then repeat the request with the solution.", bits=bits)
    joined = ledger.join(
        user_id=user_id,
        tickets_wanted=tickets_wanted,
        tickets_minimum=minimum,
        unverified=contact.is_unverified,
    )
    ledger.contacts.add(joined.number, contact, network=network, quiet=quiet)
    return joined


async def change(
    ledger: Ledger,
    *,
    user_id: str,
    number: int | None = None,
    tickets_wanted: int | None = None,
    tickets_minimum: int | None = None,
) -> EntryRow:
    """Change how many tickets a waiting user wants. Fewer keep the place; more move the entry last, as a `move`.

    With `number`, the verb changes only that entry. Without a new minimum, an entry that takes all or no tickets
    still does. Any other minimum shrinks to the new wish.

    Raises NotInList, AlreadyLeft, NotWaiting, InvalidRequest, TooManyTickets, WaitingListEnded.
    """
    entry = _waiting(await ledger.latest(user_id), number)
    if ledger.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    wanted = entry.tickets_wanted if tickets_wanted is None else tickets_wanted
    minimum = tickets_minimum
    if minimum is None:
        all_or_nothing = entry.tickets_minimum == entry.tickets_wanted
        minimum = wanted if all_or_nothing else min(entry.tickets_minimum, wanted)
    _check_tickets(wanted, minimum)
    if wanted > entry.tickets_wanted:
        _check_maximum(ledger, wanted)
        if entry.rank != ledger.list.last_rank:
            ledger.apply("move", entry, rank=ledger.list.last_rank + 1)
    ledger.apply("change", entry, tickets_wanted=wanted, tickets_minimum=minimum)
    return entry


async def leave(ledger: Ledger, *, user_id: str, number: int | None = None) -> EntryRow:
    """Give up the user's place, or hold; with `number`, only that of this entry. Raises NotInList, AlreadyLeft."""
    entry = _active(await ledger.latest(user_id), number)
    take_out(ledger, "leave", entry, LeftReason.CANCELLED)
    return entry


async def remove(ledger: Ledger, *, user_id: str) -> EntryRow:
    """Take the user out of the list, for the organizer. Raises NotInList, AlreadyLeft."""
    entry = _active(await ledger.latest(user_id))
    take_out(ledger, "remove", entry, LeftReason.REMOVED)
    return entry


async def set_contact(ledger: Ledger, *, user_id: str, contact: Contact) -> EntryRow:
    """Change the contact of the user's entry. A verified address stays verified; a new one must be verified again.

    Raises NotInList, AlreadyLeft, AddressTaken.
    """
    entry = _active(await ledger.latest(user_id))
    known = await ledger.contacts.read(entry.number)
    if known is not None and known["email_verified"] and known["email"] == contact.email:
        contact = contact.model_copy(update={"email_verified": True})
    elif contact.verified_email is not None:
        await ledger.contacts.check_mailbox(contact.verified_email, entry.number)
    await ledger.contacts.change(entry, contact)
    ledger.apply("set_contact", entry, unverified=contact.is_unverified)
    return entry


async def verify(ledger: Ledger, *, user_id: str, number: int, email: str) -> EntryRow:
    """Mark the entry's address as verified, because its owner reads this mailbox. Safe to repeat.

    From now on promotion no longer passes the entry over. Raises NotInList, AlreadyLeft, AddressTaken, and
    InvalidRequest if the entry has another address by now.
    """
    entry = _active(await ledger.latest(user_id), number)
    known = await ledger.contacts.read(number)
    if known is None or known["email"] != email:
        raise InvalidRequest.of("email", "is not the address of this entry")
    if not known["email_verified"]:
        await ledger.contacts.verify(number, email)
    ledger.apply("verify", entry, unverified=False)
    return entry


async def buy(ledger: Ledger, *, user_id: str, quantity: int | None = None, hold: UUID | None = None) -> EntryRow:
    """Record that the ready user has bought `quantity` tickets, by default all held ones.

    `hold` is a purchase pass's name for its hold; the user's latest entry must have that hold. The tickets leave
    the stock: available and held shrink together, so no other fan moves. The other tickets of the hold become
    free. The verb compares the deadline with the instant read under the lock, so a late worker changes no
    outcome.

    Raises NotInList, AlreadyLeft, NotReady, HoldExpired, WrongQuantity, InvalidRequest.
    """
    latest = await ledger.latest(user_id)
    # First, because a pass must learn only of its own hold and place.
    if hold is not None and latest and hold != _hold(ledger, latest):
        raise HoldExpired("The purchase pass belongs to an earlier hold.")
    if latest and latest.left_reason is LeftReason.EXPIRED:
        raise HoldExpired(f"The hold expired at {ledger.deadline(latest).isoformat()}.")
    entry = _active(latest)
    if entry.status is Status.WAITING:
        raise NotReady("It is not this user's turn yet.", entry=entry)
    if ledger.now >= ledger.deadline(entry):
        raise HoldExpired(f"The hold expired at {ledger.deadline(entry).isoformat()}.")
    bought = entry.tickets_held if quantity is None else quantity
    if bought < 1:
        raise InvalidRequest.of("quantity", "must be at least 1")
    if bought > entry.tickets_held:
        raise WrongQuantity(f"Only {entry.tickets_held} tickets are held.", held=entry.tickets_held)
    available = ledger.list.available_stock - bought
    take_out(
        ledger,
        "buy",
        entry,
        LeftReason.BOUGHT,
        on_list={"available_stock": available} | ledger.list.opening(available),
    )
    return entry


async def move(
    ledger: Ledger,
    *,
    user_id: str,
    to: str | None = None,
    before: str | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Move a waiting user first, last, or right before another waiting user. The history keeps the `reason`.

    Raises NotInList, AlreadyLeft, NotWaiting (of either user), InvalidRequest.
    """
    if (to is None) == (before is None) or to not in (None, "first", "last"):
        raise InvalidRequest.of("to", "give either to (first or last) or before (a user id)")
    entry = _waiting(await ledger.latest(user_id))
    if to == "last":
        if entry.rank != ledger.list.last_rank:
            ledger.apply("move", entry, reason=reason, rank=ledger.list.last_rank + 1)
        return entry
    if before is not None:
        following = _waiting(await ledger.latest(before))
    else:
        (following,) = await ledger.read("read_first_waiting", 1)
    if following is entry:
        return entry
    rank = await rank_before(ledger, following, entry)
    ledger.apply("move", entry, reason=reason, rank=rank)
    return entry


async def rank_before(ledger: Ledger, following: EntryRow, mover: EntryRow) -> int:
    """Return a rank right before `following`, half-way to the entry in front; make room if there is no rank."""
    previous = await ledger.read("read_active_before", following.rank, mover.number, 1)
    rank = rank_between(previous[0].rank if previous else None, following.rank)
    if rank is not None:
        return rank
    # After some twenty moves to the same place its ranks are consecutive. Shift that run down by one, from its
    # far end, so that no two entries ever share a rank. Each place stays, and the history records every step.
    run: list[EntryRow] = []
    at_most = 64
    while True:
        run = await ledger.read("read_active_before", following.rank, mover.number, at_most)
        dense = next((i for i, e in enumerate(run) if e.rank != following.rank - 1 - i), len(run))
        if dense < at_most:
            break
        at_most *= 2
    # The mover steps aside first, because the run may shift into its rank.
    ledger.apply("move", mover, rank=ledger.list.last_rank + 1)
    await ledger.flush()
    for entry in reversed(run[:dense]):
        ledger.apply("move", entry, rank=entry.rank - 1)
        await ledger.flush()
    return following.rank - 1


async def expire(ledger: Ledger, *, at_most: int = 500) -> list[EntryRow]:
    """End the holds whose deadline has passed, the oldest first; return those entries.

    With `after_expiry` = requeue, each of those users waits again, last, with a new entry.
    """
    due = await ledger.read("read_due_entries", ledger.now, at_most)
    for entry in due:
        take_out(ledger, "expire", entry, LeftReason.EXPIRED)
    if ledger.list.after_expiry is AfterExpiry.REQUEUE and not ledger.ended:
        for entry in due:
            ledger.requeue(entry)
    return due


async def end(ledger: Ledger, *, at_most: int = 500) -> list[EntryRow]:
    """Take the waiting and ready entries out of a list that has ended; return those entries.

    If no more entries are active, the verb marks the list as ended. It changes no data before the end.
    """
    if not ledger.ended:
        return []
    done = ledger.list.ended_at is not None and ledger.list.ended_at >= ledger.ends_at
    active = await ledger.read("read_active_entries", at_most)
    for entry in active:
        take_out(ledger, "end", entry, LeftReason.ENDED)
    if len(active) < at_most and (active or not done):
        ledger.apply("end", on_list={"ended_at": ledger.now})
        await ledger.connection.execute(sql("delete_traces_of_list"), ledger.list.list_id)
    return active


async def erase(ledger: Ledger, *, user_id: str) -> list[EntryRow]:
    """Take the person out of the list, and forget the person; return their entries.

    The numbers and their history stay. Other places change only because the person leaves.
    """
    entries = await ledger.read("read_entries_of_user", user_id)
    for entry in entries:
        if entry.status is not Status.LEFT:
            take_out(ledger, "remove", entry, LeftReason.REMOVED)
        ledger.apply("erase", entry, user_id=None)
    await _forget(ledger, entries)
    ledger.forget(user_id)
    return entries


async def prune(ledger: Ledger, *, kept: timedelta, at_most: int = 500) -> list[EntryRow]:
    """Forget the persons of at most `at_most` entries, the oldest first, as `erase` does; return those entries.

    If no more entries are left, the verb marks the list as pruned. It changes no data unless the list is empty and
    ended at least `kept` ago. So it forgets no person if the show was put off after the worker looked for due
    work. A pruned list that takes entries again is pruned again after its next end.
    """
    ended_at = ledger.list.ended_at
    over = ended_at is not None and ended_at >= ledger.ends_at and not (ledger.list.waiting or ledger.list.held)
    if ended_at is None or not over or ledger.now < ended_at + kept:
        return []
    entries = await ledger.read("read_entries_to_prune", at_most)
    users = [entry.user_id for entry in entries if entry.user_id is not None]
    for entry in entries:
        ledger.apply("erase", entry, user_id=None)
    await _forget(ledger, entries)
    for user_id in users:
        ledger.forget(user_id)
    done = len(entries) < at_most
    until, at = (ledger.list.last_number, ledger.now) if done else (entries[-1].number, None)
    await ledger.connection.execute(sql("mark_pruned"), ledger.list.list_id, until, at)
    return entries


async def _forget(ledger: Ledger, entries: list[EntryRow]) -> None:
    """Delete the personal data beside these entries; the entries stay."""
    numbers, list_id = [entry.number for entry in entries], ledger.list.list_id
    await ledger.flush()  # first, so that the statements also find the pending rows
    for statement in ("forget_reasons", "delete_contacts", "delete_traces", "delete_notices_of_entries"):
        await ledger.connection.execute(sql(statement), list_id, numbers)


def take_out(
    ledger: Ledger,
    verb: str,
    entry: EntryRow,
    reason: LeftReason,
    *,
    why: str | None = None,
    on_list: Mapping[str, Any] | None = None,
) -> None:
    """Take an active entry, and the tickets that it holds, out of the list; the history keeps `why`."""
    ledger.apply(
        verb,
        entry,
        reason=why,
        on_list={"held": ledger.list.held - entry.tickets_held} | dict(on_list or {}),
        status=Status.LEFT,
        left_reason=reason,
        tickets_held=0,
        left_at=ledger.now,
    )


def _hold(ledger: Ledger, entry: EntryRow) -> UUID | None:
    """Return the name of the hold that the entry has, or had when it left; None if there is none."""
    return hold_id(ledger.list.list_id, entry.number, entry.ready_at) if entry.ready_at else None


def _active(entry: EntryRow | None, number: int | None = None) -> EntryRow:
    if entry is None:
        raise NotInList("This user has never joined this list.")
    if number not in (None, entry.number):
        raise AlreadyLeft("The user has left this entry, and has joined again since.", entry=entry)
    if entry.status is Status.LEFT:
        raise AlreadyLeft(f"The user has left this list ({entry.left_reason}).", entry=entry)
    return entry


def _waiting(entry: EntryRow | None, number: int | None = None) -> EntryRow:
    entry = _active(entry, number)
    match entry.status:
        case Status.WAITING:
            return entry
        case Status.READY:
            raise NotWaiting("It is this user's turn: the tickets are held.", entry=entry)
        case Status.LEFT:
            raise AssertionError("an active entry has not left")
        case _:
            assert_never(entry.status)


def _check_tickets(wanted: int, minimum: int) -> None:
    if wanted < 1:
        raise InvalidRequest.of("tickets_wanted", "must be at least 1")
    if not 1 <= minimum <= wanted:
        raise InvalidRequest.of("tickets_minimum", "must be between 1 and tickets_wanted")


def _check_maximum(ledger: Ledger, wanted: int) -> None:
    maximum = ledger.max_quantity_per_order
    if wanted > maximum:
        raise TooManyTickets(f"One order may have at most {maximum} tickets.", maximum=maximum)
