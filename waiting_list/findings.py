"""What an audit can find, in words that a promoter understands."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from waiting_list.fields import Frozen
from waiting_list.models import ListKey


class Check(StrEnum):
    """What an audit checks. Whether instants go backwards is not: the clock of the database may be set
    back, or a standby's be behind, and no order depends on it; sequence and number tell who was first."""

    SEQUENCE = "sequence"
    """The changes of a list are numbered 1, 2, 3 … without gaps, as many as the list counts."""
    CREATION = "creation"
    """The first change, and no other, is the making of the list."""
    CONTENT = "content"
    """A change is of a known verb, and tells just what such a change touches: a rank changes by a `move`
    only, a purchase takes tickets out of the stock and one entry out of the list."""
    BEFORE = "before"
    """What a change says of the time before it is what the changes until then add up to."""
    NUMBER = "number"
    """Who joins gets the next number and the last place."""
    ORDER = "order"
    """Under `strict` whoever is made ready was the first in line."""
    STOCK = "stock"
    """Total, available and held move as the verb says, so that what is missing from the total was withdrawn
    elsewhere or bought; and 0 <= held <= available <= total after every change."""
    TRANSITION = "transition"
    """An entry goes only the ways of the state machine, for the reason that the verb gives."""
    INSTANT = "instant"
    """What happened to an entry carries the instant of its change."""
    DEADLINE = "deadline"
    """A hold buys before its deadline, and expires after it."""
    HOLDING = "holding"
    """Who is ready holds at least the minimum and at most the wish; nobody else holds anything."""
    LIST = "list"
    """Stock and settings are what the history adds up to."""
    ENTRY = "entry"
    """The entries are what the history adds up to: none missing, none besides, none different."""
    ERASED = "erased"
    """Who an entry belongs to is forgotten exactly if the person was erased."""
    HELD = "held"
    """Held is the sum of what ready entries hold."""
    COUNTER = "counter"
    """The list's counters are what its entries add up to."""
    SEGMENT = "segment"
    """The counts that positions are worked out from are what the entries add up to."""
    USER = "user"
    """Nobody has two active entries in one list."""
    PROMOTION = "promotion"
    """Nobody waits whose turn it is and whom the free tickets would serve."""


class Difference(Exception):
    """Where history and tables, or history and rules, part: the check, a sentence, and where it is.

    `sequence` is the change's, None where a table differs; `number` is the entry's, where it is about one.
    """

    def __init__(
        self,
        check: Check,
        sentence: str,
        *,
        sequence: int | None = None,
        number: int | None = None,
        expected: Any = None,
        found: Any = None,
    ) -> None:
        super().__init__(sentence)
        self.check = check
        self.sentence = sentence
        self.sequence = sequence
        self.number = number
        self.expected = expected
        self.found = found


class Finding(Frozen):
    """A Difference, as it is reported: as JSON with `model_dump_json()`."""

    check: Check
    sentence: str
    sequence: int | None
    number: int | None
    expected: Any
    found: Any

    @classmethod
    def of(cls, difference: Difference) -> "Finding":
        """What the difference says."""
        return cls(**{name: getattr(difference, name) for name in cls.model_fields})


class ListReport(Frozen):
    """What the audit of one list came to: how much was replayed, in how many seconds, and the first
    difference, by the order of the changes; None if there is none. As JSON with `model_dump_json()`."""

    offer_id: str
    representation_id: str
    changes: int
    entries: int
    seconds: float
    finding: Finding | None

    @property
    def key(self) -> ListKey:
        """The name of the list."""
        return ListKey(self.offer_id, self.representation_id)


def format_value(value: Any) -> str:
    """A value, in a sentence."""
    match value:
        case None:
            return "empty"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
