"""The verbs `set_contact`, `correct_address` and `verify`: change or confirm the address of an entry."""

from waiting_list.lists.contact import Contact
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_email, require_active
from waiting_list.postgres.statements import sql
from waiting_list.problems import AddressTaken, InvalidRequest


async def set_contact(locked: LockedList, *, user_id: str, contact: Contact) -> EntryRow:
    """Change the contact of the user's entry. A verified address stays verified; a new one must be verified again.

    Another address ends the private link at once, because the e-mails to the former one have it. The new address
    gets the e-mail that the former one got: that the fan joined, or can buy.

    Raises NotInList, AlreadyLeft, AddressTaken, EmailRequired.
    """
    entry = require_active(await locked.latest(user_id))
    check_email(locked, contact)
    known = await locked.contacts.read(entry.number)
    if known is not None and known["email_verified"] and known["email"] == contact.email:
        contact = contact.model_copy(update={"email_verified": True})
    elif contact.verified_email is not None:
        await locked.contacts.check_mailbox(contact.verified_email, entry.number)
    is_new = known is None or known["email"] != contact.email
    await locked.contacts.change(entry, contact, is_new=is_new)
    failed = entry.address_failed and not is_new
    locked.record("set_contact", entry, unverified=contact.is_unverified, address_failed=failed)
    return entry


async def correct_address(
    locked: LockedList, *, user_id: str, number: int, new_user_id: str, contact: Contact
) -> EntryRow:
    """Correct the unverified address of an entry, or have the e-mail sent to the same one again.

    The entry keeps its place. With another address it belongs to `new_user_id`, the fan of that one, and its
    private link ends, because the mailbox of the former has it; the shared link ends, too.

    Raises NotInList, AlreadyLeft, AddressTaken, also if that fan has a place already, TooManyPlaces, and
    InvalidRequest if the address is verified by now.
    """
    entry = require_active(await locked.latest(user_id), number)
    known = await locked.contacts.read(number)
    if known is None or known["email_verified"] or contact.email is None:
        raise InvalidRequest.of("email", "is verified already")
    if new_user_id != user_id:
        other = await locked.latest(new_user_id)
        if other is not None and other.status is not Status.LEFT:
            raise AddressTaken("This mailbox already has a place in this list.")
        locked.other_places.check(new_user_id)
        await locked.contacts.check_mailbox(contact.email)
        locked.hand_over(entry, new_user_id)
        await locked.connection.execute(sql("delete_shared_links"), locked.list.list_id, [number])
    await locked.contacts.change(entry, contact, is_new=True)
    locked.record("set_contact", entry, unverified=True, address_failed=False)
    await locked.flush()
    return entry


async def verify(locked: LockedList, *, user_id: str, number: int, email: str) -> EntryRow:
    """Mark the entry's address as verified, because its owner reads this mailbox. Safe to repeat.

    The address does not count as failed any longer. From now on promotion no longer passes the entry over.
    Raises NotInList, AlreadyLeft, AddressTaken, and InvalidRequest if the entry has another address by now.
    """
    entry = require_active(await locked.latest(user_id), number)
    known = await locked.contacts.read(number)
    if known is None or known["email"] != email:
        raise InvalidRequest.of("email", "is not the address of this entry")
    if not known["email_verified"]:
        await locked.contacts.verify(number, email)
    locked.record("verify", entry, unverified=False, address_failed=False)
    return entry
