"""The verbs `set_contact` and `verify`: change the contact of an entry, and confirm its address."""

from waiting_list.lists.contact import Contact
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_email, require_active
from waiting_list.problems import InvalidRequest


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
