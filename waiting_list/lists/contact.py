"""Define the contact of a fan: e-mail address, name and language."""

import secrets
from typing import Self

from waiting_list.fields import Email, Flag, Frozen, LanguageTag, Title


class ContactFields(Frozen):
    """The contact details that a fan can give."""

    email: Email | None = None
    name: Title | None = None
    locale: LanguageTag | None = None


class Contact(ContactFields):
    """The contact details of a fan for an entry.

    `email_verified` is true if the fan, or the organizer on their behalf, has confirmed the address.
    """

    email_verified: Flag = False

    @staticmethod
    def of(given: ContactFields, *, email_verified: bool) -> "Contact":
        """Make a contact from checked fields, without checking them again."""
        named = {name: getattr(given, name) for name in _CONTACT_FIELDS}
        return Contact.model_construct(**named, email_verified=email_verified)

    def vouches_for(self, given: "ContactFields | KeptContact") -> bool:
        """Return whether the given address is this contact's, and verified."""
        return self.email_verified and given.email is not None and given.email == self.email

    def changed_by(self, given: ContactFields) -> Self:
        """Return this contact with the given fields changed. A new address is unverified."""
        said = {name: getattr(given, name) for name in _CONTACT_FIELDS & given.model_fields_set}
        if not said:  # most joins say nothing, and should cost nothing
            return self
        if "email" in said:
            said["email_verified"] = self.vouches_for(given)
        return self.model_copy(update=said)

    @property
    def is_given(self) -> bool:
        """Whether the contact has any detail."""
        return self is not NO_CONTACT and self != NO_CONTACT

    @property
    def is_unverified(self) -> bool:
        """Whether the contact has an unverified address."""
        return self.email is not None and not self.email_verified

    @property
    def verified_email(self) -> str | None:
        """Its address, if that is verified."""
        return self.email if self.email_verified else None


_CONTACT_FIELDS = frozenset(ContactFields.model_fields)
NO_CONTACT = Contact()
"""A contact without any detail."""


class KeptContact(Frozen):
    """The stored contact details for an entry. `subscribed` is false after the fan has unsubscribed from
    e-mails."""

    offer_id: str
    representation_id: str
    number: int
    email: str | None
    name: str | None
    locale: str | None
    email_verified: bool
    subscribed: bool


def first_link_version() -> int:
    """Return a random version for an entry's first private link, so that a number given again has another link."""
    return secrets.randbelow(1_000_000_000)
