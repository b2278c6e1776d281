"""Define the nouns of notifications: contacts, e-mails, webhooks, and the notices sent to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from waiting_list.fields import Email, Flag, Frozen, Id, Locale, Text, Title, WebAddress


class ContactFields(Frozen):
    """The contact details that a fan can give."""

    email: Email | None = None
    name: Title | None = None
    locale: Locale | None = None


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

    def vouches_for(self, given: ContactFields) -> bool:
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


class WebhookType(StrEnum):
    """The events that a webhook can receive."""

    ENTRY_JOINED = "entry.joined"
    """A fan joined."""
    ENTRY_CHANGED = "entry.changed"
    """An entry still waits, but its tickets, place, hold or verified address changed."""
    ENTRY_READY = "entry.ready"
    """Tickets are held for an entry."""
    ENTRY_LEFT = "entry.left"
    """An entry left the list, for its `left_reason`."""
    LIST_OPENED = "list.opened"
    """Fans can join now."""
    LIST_CLOSED = "list.closed"
    """Fans can no longer join: an organizer closed the list, or it ended."""
    STOCK_CHANGED = "stock.changed"
    """The stock of a list changed: total, available or held."""


class EmailKind(StrEnum):
    """The e-mails to fans, and `webhook_disabled`, an e-mail to the organizer. `sign_in` does not concern an
    entry."""

    JOINED = "joined"
    READY = "ready"
    REMINDER = "reminder"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ENDED = "ended"
    REMOVED = "removed"
    VERIFY = "verify"
    SIGN_IN = "sign_in"
    WEBHOOK_DISABLED = "webhook_disabled"


class NoticeStatus(StrEnum):
    """The state of a notice."""

    PENDING = "pending"
    """The worker sends or retries the notice at `due_at`."""
    SENT = "sent"
    """The receiver accepted the notice."""
    DEAD = "dead"
    """The last retry failed, or the receiver refused the notice for good. It can be resent."""
    DROPPED = "dropped"
    """The notice was not sent, because it was outdated or had no recipient any more."""


class Notice(Frozen):
    """One e-mail (`webhook_id` is null) or one delivery to a webhook.

    `answer_status` (SMTP or HTTP), `answer` and `latency_ms` describe the last try.
    """

    notice_id: str
    webhook_id: str | None
    type: str
    offer_id: str | None
    representation_id: str | None
    number: int | None
    status: NoticeStatus
    created_at: datetime
    due_at: datetime
    tries: int
    tried_at: datetime | None
    ended_at: datetime | None
    answer_status: int | None
    answer: str | None = None
    latency_ms: int | None


class Redelivery(Frozen):
    """The deliveries to send again: one notice in any state, or all dead ones."""

    notice_id: Id | None = None
    status: Literal["dead"] | None = None

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if (self.notice_id is None) == (self.status is None):
            raise ValueError("give either notice_id or status")
        return self


class Redelivered(Frozen):
    """How many notices will be sent again."""

    notices: int


class WebhookFields(Frozen):
    """The fields of a webhook that an organizer sets."""

    url: WebAddress
    description: Text = ""
    types: tuple[WebhookType, ...] = Field(
        default=(), max_length=20, description="Events that the webhook receives; empty: all."
    )
    notify_email: Email | None = Field(
        default=None, description="E-mail address for the notice that the webhook was disabled."
    )


class WebhookChange(WebhookFields):
    """The fields of a webhook that an organizer changes. Omitted fields keep their values."""

    # A default factory, because the field is optional but has no default to show in the OpenAPI document.
    url: WebAddress = Field(default_factory=str)
    disabled: Flag = Field(
        default=False, description="true: stop all deliveries; false: enable the webhook again."
    )

    @property
    def given(self) -> dict[str, Any]:
        """Return the fields that the client sent, and only those."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Webhook(WebhookFields):
    """An address that receives an organization's events. The service disables a webhook that has failed for
    days."""

    webhook_id: str
    created_at: datetime
    rotated_at: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


class CreatedWebhook(Webhook):
    """A webhook with the `secret` that signs its deliveries. The secret is shown only once."""

    secret: str
