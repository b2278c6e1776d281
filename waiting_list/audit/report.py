"""Define the checks and findings of an audit, in words that a promoter understands."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from waiting_list.fields import Frozen
from waiting_list.lists.models import ListKey


class Check(StrEnum):
    """The checks of an audit.

    It does not check whether instants go backwards, because the clock of the database or a standby may be set
    back. The order depends only on sequence and number.
    """

    SEQUENCE = "sequence"
    """The changes of a list are numbered 1, 2, 3 … without gaps, up to the list's own count."""
    CREATION = "creation"
    """The first change, and only the first, creates the list."""
    CONTENT = "content"
    """A change has a known verb and only the fields that this verb changes. For example, only a `move` changes a
    rank."""
    BEFORE = "before"
    """The `before` values of a change match the sum of all earlier changes."""
    NUMBER = "number"
    """A user who joins gets the next number and the last place."""
    ORDER = "order"
    """With the policy `strict`, the user who became ready was the first in line."""
    STOCK = "stock"
    """Total, available and held change as the verb says, and 0 <= held <= available <= total after every
    change."""
    TRANSITION = "transition"
    """An entry follows the state machine, and has the reason that belongs to the verb."""
    INSTANT = "instant"
    """The times in an entry are the times of its changes."""
    DEADLINE = "deadline"
    """A hold buys before its deadline, and expires after it."""
    HOLDING = "holding"
    """A ready entry holds at least its minimum and at most the tickets wanted. Other entries hold no tickets."""
    LIST = "list"
    """Stock and settings match the history."""
    ENTRY = "entry"
    """The entries match the history: none is missing, extra or different."""
    ERASED = "erased"
    """An entry has no user exactly if the person was erased."""
    HELD = "held"
    """The held tickets of the list are the sum of those of ready entries."""
    COUNTER = "counter"
    """The list's counters match its entries."""
    DRAW = "draw"
    """A draw used the secret, the randomness and the fans that were announced, and came when it could."""
    SEGMENT = "segment"
    """The segment counts, from which positions are computed, match the entries."""
    USER = "user"
    """A user has at most one active entry in a list."""
    WISH = "wish"
    """A wish over several lists has one hold, which it names, unless the fan chose several. If it is fulfilled, no
    other list has an entry of it."""
    PROMOTION = "promotion"
    """The free tickets are not enough for the next fan in line."""
    LEAF = "leaf"
    """Each change has the leaf in the ledger that its public form gives, and the hash of its reason."""
    TREE = "tree"
    """The stored subtrees of the ledger are those that the changes add up to."""
    CHECKPOINT = "checkpoint"
    """The newest checkpoint covers no more changes than there are, has the root of their tree, and is signed."""


class Difference(Exception):
    """A difference between history and tables, or between history and rules.

    `sequence` is that of the change, or None if a table differs. `number` is that of the entry, if the difference
    is about one.
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
    """A Difference as the audit reports it; `model_dump_json()` gives its JSON."""

    check: Check
    sentence: str
    sequence: int | None
    number: int | None
    expected: Any
    found: Any

    @classmethod
    def of(cls, difference: Difference) -> "Finding":
        """Make the finding of a difference."""
        return cls(**{name: getattr(difference, name) for name in cls.model_fields})


class ListReport(Frozen):
    """The result of the audit of one list; `model_dump_json()` gives its JSON.

    It has the number of replayed changes and entries, the time in seconds, and the first difference in the order
    of the changes, or None.
    """

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
    """Format a value for a sentence."""
    match value:
        case None:
            return "empty"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
