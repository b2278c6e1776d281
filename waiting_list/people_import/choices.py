"""Define what the person who imports can choose. The help of the command needs this module alone."""

from enum import StrEnum


class Assigned(StrEnum):
    """What to do with fans of pretix who have a voucher that is still valid."""

    SKIP = "skip"
    FIRST = "first"


class Repeats(StrEnum):
    """What to do with a person in several rows."""

    REFUSE = "refuse"
    FIRST = "first"
    ADD = "add"


class InvalidAddresses(StrEnum):
    """What to do with people whose e-mail address the service does not accept."""

    REFUSE = "refuse"
    SKIP = "skip"
    DROP = "drop"
