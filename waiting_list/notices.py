"""The nouns of telling people: contacts, e-mails, webhooks, and the notices that are sent to either."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from waiting_list.fields import Email, Flag, Frozen, Id, Locale, Text, Title, WebAddress


class ContactFields(Frozen):
    """What a fan may say of how they are reached."""

    email: Email | None = None
    name: Title | None = None
    locale: Locale | None = None


class Contact(ContactFields):
    """How a fan is reached about an entry. `email_verified` is false until the fan, or whoever vouches for them,
    has shown that the address is theirs."""

    email_verified: Flag = False

    @staticmethod
    def of(given: ContactFields, *, email_verified: bool) -> "Contact":
        """What was given, without checking it once more."""
        named = {name: getattr(given, name) for name in _CONTACT_FIELDS}
        return Contact.model_construct(**named, email_verified=email_verified)

    def vouches_for(self, given: ContactFields) -> bool:
        """Whether the address given is this one, and verified."""
        return self.email_verified and given.email is not None and given.email == self.email

    def changed_by(self, given: ContactFields) -> Self:
        """This, but for what was given; another address has yet to be verified."""
        said = {name: getattr(given, name) for name in _CONTACT_FIELDS & given.model_fields_set}
        if not said:  # most joins say nothing, and should cost nothing
            return self
        if "email" in said:
            said["email_verified"] = self.vouches_for(given)
        return self.model_copy(update=said)

    @property
    def is_given(self) -> bool:
        """Whether it says anything."""
        return self is not NO_CONTACT and self != NO_CONTACT

    @property
    def is_unverified(self) -> bool:
        """Whether it has an address that nobody has verified."""
        return self.email is not None and not self.email_verified

    @property
    def verified_email(self) -> str | None:
        """Its address, if that is verified."""
        return self.email if self.email_verified else None


_CONTACT_FIELDS = frozenset(ContactFields.model_fields)
NO_CONTACT = Contact()
"""Says nothing."""


class KeptContact(Frozen):
    """How a fan is reached about an entry, as it is kept; `subscribed` is false once they want no more e-mails."""

    offer_id: str
    representation_id: str
    number: int
    email: str | None
    name: str | None
    locale: str | None
    email_verified: bool
    subscribed: bool


class WebhookType(StrEnum):
    """What a webhook can be told of."""

    ENTRY_JOINED = "entry.joined"
    """Somebody joined."""
    ENTRY_CHANGED = "entry.changed"
    """An entry that goes on waiting: another wish, another place, a hold that was revoked, an address verified."""
    ENTRY_READY = "entry.ready"
    """Tickets are held for an entry."""
    ENTRY_LEFT = "entry.left"
    """An entry is out of the list, for its `left_reason`."""
    LIST_OPENED = "list.opened"
    """Fans may join now."""
    LIST_CLOSED = "list.closed"
    """Fans may not join any more: an organizer closed the list, or it ended."""
    STOCK_CHANGED = "stock.changed"
    """The stock of a list is another: total, available or held."""


class EmailKind(StrEnum):
    """The e-mails that fans get, and `webhook_disabled`, which an organizer gets. `sign_in` is about no entry."""

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
    """Where a notice stands."""

    PENDING = "pending"
    """To be sent, or tried again, at `due_at`."""
    SENT = "sent"
    """The receiver took it."""
    DEAD = "dead"
    """Given up after the last try, or since the receiver refused it for good. It can be sent again."""
    DROPPED = "dropped"
    """No longer true when it was to be sent, or nobody is left to be told: it was not."""


class Notice(Frozen):
    """One e-mail (`webhook_id` is null) or one delivery to a webhook. `answer_status` (SMTP or HTTP), `answer` and
    `latency_ms` are those of the last try."""

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
    """What is sent again: one notice, whatever became of it, or all that are dead."""

    notice_id: Id | None = None
    status: Literal["dead"] | None = None

    @model_validator(mode="after")
    def _names_one_kind(self) -> Self:
        if (self.notice_id is None) == (self.status is None):
            raise ValueError("give either notice_id or status")
        return self


class Redelivered(Frozen):
    """How many notices are sent again."""

    notices: int


class WebhookFields(Frozen):
    """What an organizer says of a webhook."""

    url: WebAddress
    description: Text = ""
    types: tuple[WebhookType, ...] = Field(default=(), max_length=20, description="What it is told of; none: all.")
    notify_email: Email | None = Field(default=None, description="Who is told when it is disabled.")


class WebhookChange(WebhookFields):
    """What an organizer changes of a webhook; what is left out stays."""

    # It has no default that could be told to readers of the OpenAPI document, but may be left out.
    url: WebAddress = Field(default_factory=str)
    disabled: Flag = Field(
        default=False, description="Whether nothing is sent to it; false: it is given another chance."
    )

    @property
    def given(self) -> dict[str, Any]:
        """The fields that the client sent, and only those."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Webhook(WebhookFields):
    """Where an organization is told of changes. One that has failed for days is disabled."""

    webhook_id: str
    created_at: datetime
    rotated_at: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


class CreatedWebhook(Webhook):
    """A webhook with the `secret` that its deliveries are signed with: it is shown this once."""

    secret: str
