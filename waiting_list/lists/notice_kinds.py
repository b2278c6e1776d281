"""Define the kinds of notices: the events of webhooks, and the e-mails."""

from enum import StrEnum


class WebhookType(StrEnum):
    """The events that a webhook can receive."""

    ENTRY_JOINED = "entry.joined"
    """A fan joined."""
    ENTRY_CHANGED = "entry.changed"
    """An entry is still in the list, but its tickets, place, hold or verified address changed."""
    ENTRY_READY = "entry.ready"
    """Tickets are held for an entry."""
    ENTRY_GRANTED = "entry.granted"
    """An organizer gave tickets to an entry, past the line."""
    ENTRY_TRANSFERRED = "entry.transferred"
    """An entry belongs to another user now, at the same place."""
    ENTRY_LEFT = "entry.left"
    """An entry left the list, for its `left_reason`."""
    LIST_OPENED = "list.opened"
    """Fans can join now, also after an end was taken back."""
    LIST_CLOSED = "list.closed"
    """Fans can no longer join: an organizer closed the list, or it ended."""
    LIST_CHANGED = "list.changed"
    """The dates, the cancellation, the order limit or the end of a list changed."""
    EVENT_CHANGED = "event.changed"
    """The title, venue or timezone of an event changed."""
    STOCK_CHANGED = "stock.changed"
    """The stock of a list changed: total, available or held."""
    CHECKPOINT_PUBLISHED = "checkpoint.published"
    """The service signed a checkpoint of a list's ledger. Only webhooks that name it get it, every few seconds."""


class EmailKind(StrEnum):
    """The e-mails to fans, and two to people of an organization: `member_link` and `webhook_disabled`. These,
    `opened` and `sign_in` do not concern an entry."""

    JOINED = "joined"
    READY = "ready"
    REMINDER = "reminder"
    EXTENDED = "extended"
    REVOKED = "revoked"
    CHANGED = "changed"
    EXPIRED = "expired"
    ENDED = "ended"
    REMOVED = "removed"
    MESSAGE = "message"
    VERIFY = "verify"
    TRANSFER_OFFERED = "transfer_offered"
    TRANSFERRED = "transferred"
    OPENED = "opened"
    SIGN_IN = "sign_in"
    MEMBER_LINK = "member_link"
    WEBHOOK_DISABLED = "webhook_disabled"
