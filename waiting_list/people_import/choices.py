"""Define what the person who imports can choose. The help of the command needs this module alone."""

from enum import StrEnum

FIELDS: dict[str, str] = {
    "email": "email emailaddress mail mailaddress",
    "name": "name fullname",
    "tickets": "tickets ticketswanted quantity",
    "minimum": "minimum ticketsminimum",
    "joined": "joined joinedat joinedon date created createdat",
    "user_id": "userid",
    "locale": "locale language",
    "priority": "priority",
    "offer": "offer offerid",
    "representation": "representation representationid",
}
"""What an import takes from a row, with the keys of the columns that it recognises without being told."""


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
