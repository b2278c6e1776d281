"""The verb `join`: put a fan at the end of the list."""

from uuid import UUID

from waiting_list.lists.challenges import NO_PROOF, Proof, asked_bits
from waiting_list.lists.contact import NO_CONTACT, Contact
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import FAN, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.lists.verbs.checks import check_email, check_maximum, check_tickets, require_running
from waiting_list.problems import (
    AlreadyInList,
    ChallengeRequired,
    WaitingListFull,
    WaitingListNotOpen,
)


async def join(
    locked: LockedList,
    *,
    user_id: str,
    tickets_wanted: int,
    tickets_minimum: int | None = None,
    keep_waiting_for_rest: bool = False,
    contact: Contact = NO_CONTACT,
    quiet: bool = False,
    proof: Proof = NO_PROOF,
    network: str | None = None,
    by_email: ByEmail | None = None,
    wish_id: UUID | None = None,
) -> EntryRow | None:
    """Give the user the last place.

    `tickets_minimum` defaults to `tickets_wanted`. With `keep_waiting_for_rest`, a fan who is held fewer than
    wanted keeps the place in line for the rest. `contact` says where e-mails about the entry go. With `quiet`, no
    e-mail repeats the answer: that the fan joined, and may buy at once. `proof` answers the list's challenge to
    fans. `network` is the public address that the fan joins from (`Limits.network`). A fan may join MOST_JOINS
    times within JOINS_WITHIN; an organizer may add users without that limit.

    `by_email` is the network of a fan who is known by the unverified address of `contact` alone. If that network
    has as many unverified places in this list as it may have, the verb changes nothing and returns None: then the
    fan must show first that the address is theirs. The challenge comes before every answer that sends a letter to
    an address: None, AlreadyInList and AddressTaken.

    The entry belongs to the wish `wish_id` of the user, if one is given.

    Raises InvalidRequest, WaitingListEnded, WaitingListNotOpen, AlreadyInList, TooManyTickets,
    WaitingListFull, TooManyPlaces, RateLimited, AddressTaken, EmailRequired, ChallengeRequired, WishNotFound,
    WishFulfilled.
    """
    minimum = tickets_wanted if tickets_minimum is None else tickets_minimum
    check_tickets(tickets_wanted, minimum)
    require_running(locked)
    if locked.draft and locked.actor == FAN:
        raise WaitingListNotOpen("The organizer has not published this event yet.")
    if not locked.list.waiting_list_open:
        raise WaitingListNotOpen(
            "The organizer has closed this list."
            if locked.list.closed_by_hand
            else "Tickets are still on sale. The list opens when they are sold out."
        )
    entry = await locked.latest(user_id)
    if entry and entry.status is not Status.LEFT:
        if by_email is not None:
            _check_proof(locked, proof)
        raise AlreadyInList("The user already has a place in this list.", entry=entry)
    check_maximum(locked, tickets_wanted, minimum)
    check_email(locked, contact)
    if locked.list.max_waiting is not None and locked.list.waiting >= locked.list.max_waiting:
        raise WaitingListFull(f"The list is full: {locked.list.waiting} fans are waiting.")
    locked.other_places.check(user_id)
    if wish_id is not None:
        await locked.wishes.check(wish_id, user_id)
    if locked.actor == FAN and entry is not None:
        await locked.join_limit.check(user_id)
    # Last, so that no device works for a place that the list would refuse; but before a letter.
    if by_email is not None:
        _check_proof(locked, proof)
    if (email := contact.email if by_email else contact.verified_email) is not None:
        await locked.contacts.check_mailbox(email)
    if by_email is None:
        _check_proof(locked, proof)
    elif not await locked.contacts.unverified.has_room(by_email):
        return None
    joined = locked.join(
        user_id=user_id,
        tickets_wanted=tickets_wanted,
        tickets_minimum=minimum,
        unverified=contact.is_unverified,
        keep_waiting_for_rest=keep_waiting_for_rest,
        wish_id=wish_id,
    )
    locked.contacts.add(joined.number, contact, network=network, quiet=quiet, by_email=by_email)
    return joined


def _check_proof(locked: LockedList, proof: Proof) -> None:
    bits = 0 if proof.solved or locked.actor != FAN else asked_bits(locked.list.join_challenge, proof.pressing)
    if bits:
        raise ChallengeRequired("Solve the challenge, then repeat the request with the solution.", bits=bits)
