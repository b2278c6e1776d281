"""Define the states of a notice."""

from enum import StrEnum


class NoticeStatus(StrEnum):
    """The state of a notice."""

    PENDING = "pending"
    """The worker sends or retries the notice at `due_at`."""
    SENT = "sent"
    """The receiver accepted the notice."""
    DEAD = "dead"
    """The last retry failed, or the receiver refused the notice for good. It can be resent."""
    DROPPED = "dropped"
    """The notice was not sent, because it was outdated or no longer had a recipient."""
