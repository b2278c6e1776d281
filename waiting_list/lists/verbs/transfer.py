"""The verbs `offer_transfer`, `take_transfer_back` and `transfer`: a fan gives a place to another person.

The fan offers it to an address. Only a letter to that address has the link that takes the place. So the address of
the new user is verified, and no fan forces a place on a user. An offer changes no place, so the history has none
of it. A place is given on once at most: a place that passes from hand to hand would be a thing to trade.
"""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.contact import Contact
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.models import Status
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.lists.outbox_rows import notice_id, write_rows
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_active
from waiting_list.postgres.statements import sql
from waiting_list.problems import AddressTaken, AlreadyInList, NotFound, TransferNotAllowed, WaitingListEnded

OFFERED = timedelta(days=2)
"""How long an offer can be accepted."""


class TransferOffer(NamedTuple):
    """To whom a fan offers a place: an address, and the language of the letter."""

    transfer_id: UUID
    email: str
    locale: str


async def offer_transfer(
    locked: LockedList, *, user_id: str, offer: TransferOffer, number: int | None = None
) -> EntryRow:
    """Offer the user's place to an address for OFFERED, and write to it; an earlier offer ends.

    Raises NotInList, AlreadyLeft, WaitingListEnded, TransferNotAllowed, and AddressTaken if the place has this
    address already. It tells the fan nothing about other places of the address.
    """
    entry = require_active(await locked.latest(user_id), number)
    _check_allowed(locked, entry)
    if entry.unverified:
        raise TransferNotAllowed("Confirm your own address first.")
    known = await locked.contacts.read(entry.number)
    if known is not None and known["email"] is not None and mailbox(known["email"]) == mailbox(offer.email):
        raise AddressTaken("This is the address of the place already.")
    row = locked.list
    stored = await locked.connection.fetchval(
        sql("upsert_transfer"),
        row.list_id,
        entry.number,
        offer.transfer_id,
        row.organization_id,
        mailbox(offer.email),
        offer.email,
        offer.locale,
        locked.now,
        locked.now + OFFERED,
    )
    if stored is None:
        raise TransferNotAllowed("This place was given to another person before. That is possible once.")
    await _write_letter(locked, EmailKind.TRANSFER_OFFERED, offer.transfer_id)
    return entry


async def take_transfer_back(locked: LockedList, *, user_id: str, number: int | None = None) -> EntryRow:
    """End the offer of the user's place, if there is one. Safe to repeat. Raises NotInList, AlreadyLeft."""
    entry = require_active(await locked.latest(user_id), number)
    await locked.connection.execute(sql("delete_offered_transfer"), locked.list.list_id, entry.number)
    return entry


async def transfer(locked: LockedList, *, transfer_id: UUID, new_user_id: str, email: str) -> EntryRow:
    """Give an offered entry to `new_user_id`, who has shown that the offer's address is theirs.

    The entry keeps its number, rank and hold with its deadline. Its links, devices and phone number end.
    The former user is told. Raises NotFound if there is no such offer any more, AlreadyLeft, WaitingListEnded,
    TransferNotAllowed, and for the new user AlreadyInList, TooManyPlaces, AddressTaken.
    """
    list_id, connection = locked.list.list_id, locked.connection
    offer = await connection.fetchrow(sql("read_transfer"), list_id, transfer_id)
    if offer is None or offer["transferred_at"] or offer["email"] != email or locked.now >= offer["expires_at"]:
        raise NotFound("This offer has expired, or was taken back.")
    found = await locked.read("read_entries_by_number", [number := offer["number"]])
    entry = require_active(found[0] if found else None)
    _check_allowed(locked, entry)
    other = await locked.latest(new_user_id)
    if other is not None and other.status is not Status.LEFT:
        raise AlreadyInList("The user already has a place in this list.", entry=other)
    locked.other_places.check(new_user_id)
    await locked.contacts.check_mailbox(email, number)
    former = await locked.contacts.read(number)
    locked.hand_over(entry, new_user_id)
    await locked.contacts.change(
        entry, Contact(email=email, locale=offer["locale"] or None, email_verified=True), is_new=True
    )
    locked.contacts.unverified.verify(number)
    locked.record("transfer", entry, noted={"transferred": True}, unverified=False, address_failed=False)
    await locked.flush()  # so that a later verb of the batch reads whose entry it is
    for statement in ("delete_pushes", "delete_phones", "delete_shared_links"):
        await connection.execute(sql(statement), list_id, [number])
    tells = former is not None and former["email"] is not None and former["subscribed"]
    told = (mailbox(former["email"]), former["email"], former["locale"] or "") if former and tells else [None] * 3
    await connection.execute(sql("mark_transferred"), list_id, number, locked.now, *told)
    if tells:
        await _write_letter(locked, EmailKind.TRANSFERRED, transfer_id)
    return entry


def _check_allowed(locked: LockedList, entry: EntryRow) -> None:
    if not locked.list.transfer:
        raise TransferNotAllowed("The organizer does not let fans give their places to others.")
    if entry.wish_id is not None:  # a wish is one person's
        raise TransferNotAllowed("This place is part of a wish over several lists. Take it out of the wish first.")
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")


async def _write_letter(locked: LockedList, kind: EmailKind, transfer_id: UUID) -> None:
    row = locked.list
    name = notice_id(row.list_id, locked.now, row.last_sequence, f"{kind}/{transfer_id}", None)
    rows = [(name, str(kind), str(transfer_id))]
    await write_rows(locked, "insert_transfer_letters", rows, locked.now, row.last_sequence)
