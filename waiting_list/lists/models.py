"""Define the nouns of a list: its key, entries, stock, and the answer of a verb.

The models are what clients see. Each is frozen, and checked when it is made.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field

from waiting_list.fields import Flag, Frozen, Quantity, Row
from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.settings_models import ListSettings

CLOCK = "service"
"""The actor of changes that no person has asked for."""
FAN = "user"
"""The actor of changes that a fan has asked for."""
_LIST_NAMESPACE = uuid.UUID("0b6ff0f7-9d0c-4b0a-9c3e-6f6f7ac0d1c5")


class ListKey(NamedTuple):
    """The name of a waiting list: its offer and its representation."""

    offer_id: str
    representation_id: str

    @property
    def list_id(self) -> uuid.UUID:
        """The list's key in every per-list table.

        It is a UUID version 5 (RFC 9562) of the pair, so that it needs no look-up, and the primary key of
        the inventory makes the pair unique also where the table is distributed by it. Ids hold no NUL.
        """
        return _list_id(*self)


@lru_cache(maxsize=4096)  # because each request needs the same few
def _list_id(offer_id: str, representation_id: str) -> uuid.UUID:
    return uuid.uuid5(_LIST_NAMESPACE, f"{offer_id}\x00{representation_id}")


def organization_list_id(organization_id: str) -> uuid.UUID:
    """Return the `list_id` of rows that belong to the organization itself, and not to one of its lists."""
    return uuid.uuid5(uuid.NAMESPACE_OID, organization_id)


class Status(StrEnum):
    """The state of an entry."""

    # ARCHITECTURE.md draws the transitions; `events.VERBS` lists them.

    WAITING = "waiting"
    """The fan is in line. The entry has a position and holds no tickets."""
    READY = "ready"
    """The fan can buy: `tickets_held` tickets are held until `ready_until`."""
    LEFT = "left"
    """The fan has left the list, for the `left_reason`. Joining again makes a new entry."""


class LeftReason(StrEnum):
    """Why an entry is `left`."""

    BOUGHT = "bought"
    """The ready user bought."""
    CANCELLED = "cancelled"
    """The user left the list."""
    EXPIRED = "expired"
    """The hold expired."""
    REMOVED = "removed"
    """An organizer removed the user, or the person was erased."""
    ENDED = "ended"
    """The show began, or the list ended at `closes_at`."""


class Inventory(Frozen):
    """The stock of one offer at one representation.

    0 <= held <= available_stock <= total_stock; free = available_stock - held. `version` is the sequence of the
    last change of these numbers or of `waiting_list_open`, so it only grows. `sellable` is what the shop may
    sell on open sale: the free tickets if no fan waits who can be held any, else 0. Both are 0 in a response that
    was stored before inventories had them, and
    `list_state` is null in one that was stored before it existed.
    """

    offer_id: str
    representation_id: str
    event_id: str
    total_stock: int
    available_stock: int
    held: int
    free: int
    waiting_list_open: bool
    version: int = 0
    sellable: int = 0
    list_state: ListStatus | None = None
    state_reason: str | None = None


_KEEPS_REST = Field(
    description="Whether a fan who is held fewer than wanted keeps the place in line for the rest."
)
KeepsRest = Annotated[Flag, _KEEPS_REST]
"""Whether an entry has a place for the rest of its tickets."""
ChangesRest = Annotated[Flag | None, _KEEPS_REST]
"""The same in a change that may leave it as it is."""


class Entry(Frozen):
    """One user's place in one waiting list.

    `position` is 1 for the next in line. `tickets_ahead` counts the tickets that the fans in front want. Both are
    exact, and null unless the entry has a place in line. It has one while it waits. With `keep_waiting_for_rest`,
    an entry that is ready with fewer tickets than wanted keeps its place for the rest. `user_id` is null after the
    person was erased. `purchase_pass` is a signed token that a shop can check. It is set while the entry is ready,
    and valid until `ready_until`.
    """

    offer_id: str
    representation_id: str
    event_id: str
    user_id: str | None
    status: Status
    left_reason: LeftReason | None
    tickets_wanted: int
    tickets_minimum: int
    tickets_held: int
    number: int
    rank: int
    position: int | None
    tickets_ahead: int | None
    joined_at: datetime
    ready_at: datetime | None
    ready_until: datetime | None
    left_at: datetime | None
    keep_waiting_for_rest: KeepsRest = False
    paused_at: datetime | None = Field(
        default=None,
        description="Since when the waiting entry is paused: it keeps its place, and free tickets go to the fans "
        "behind. Null unless it is paused.",
    )
    wish_id: uuid.UUID | None = Field(
        default=None, description="The wish over several lists to which the entry belongs; null without one."
    )
    set_aside_at: datetime | None = Field(
        default=None,
        description="Since when the entry waits at its place because another list holds tickets for its wish. "
        "Null unless it does.",
    )
    purchase_pass: str | None = None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the entry of a row of `shown_entries`, without a purchase pass: no row has one."""
        given.setdefault("purchase_pass", None)
        return super().from_record(record, **given)


class GivingBack(Frozen):
    """How many of the held tickets go back."""

    quantity: Quantity


class ActiveList(Frozen):
    """A list with people in it: how many fans wait, and how many are ready."""

    offer_id: str
    representation_id: str
    waiting: int
    ready: int


class Several(Frozen):
    """The numbers of several entries that a call changed or skipped. `undo` reverses the call while that is
    possible."""

    numbers: tuple[int, ...]
    skipped: tuple[int, ...]
    undo: str | None


class EmailCounts(Frozen):
    """How many letters a message makes in one list, and how many entries it leaves out, by cause: another entry of
    the same person gets it; the entry has no address; its address waits for verification; the fan has
    unsubscribed."""

    emails: int = 0
    same_person: int = 0
    without_address: int = 0
    unverified: int = 0
    unsubscribed: int = 0


class Answer(Frozen):
    """The answer of a verb.

    It has the `entry` or the `several` entries that the verb changed, the `emails` that it wrote, or the
    `inventory` and `settings` after it.
    `promoted` has the entries that became ready. `revoked` has the users who wait again because their holds were
    revoked, the newest hold first; it is not stored with an Idempotency-Key. `undo` takes the change
    back soon after (`verbs.take_back`). `replayed` is true for a stored answer: the verb did not run again.
    """

    entry: Entry | None
    inventory: Inventory | None
    settings: ListSettings | None
    several: Several | None = None
    emails: EmailCounts | None = None
    promoted: tuple[Entry, ...] = ()
    revoked: tuple[str, ...] = Field(default=(), exclude=True)
    undo: str | None = None
    replayed: bool = False
