"""The rows of a list and its entries inside a transaction, and the fields of them that the history records."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from waiting_list.lists.list_settings import COLUMNS, LATER_COLUMNS, STORED_DEFAULTS
from waiting_list.lists.list_state import ListState
from waiting_list.lists.models import Entry, Inventory, LeftReason, Status
from waiting_list.lists.setting_values import JoinChallenge, Order
from waiting_list.lists.settings_models import ListSettings, SettingColumns, list_settings_of, with_enums
from waiting_list.postgres.pool import Record


@dataclass(slots=True, kw_only=True)
class EntryRow:
    """A row of `entries` inside a transaction. The defaults are those of an entry that has just joined."""

    number: int
    user_id: str | None
    status: Status = Status.WAITING
    left_reason: LeftReason | None = None
    tickets_wanted: int
    tickets_minimum: int
    tickets_held: int = 0
    rank: int
    passed_over: int = 0
    unverified: bool = False
    joined_at: datetime
    ready_at: datetime | None = None
    ready_until: datetime | None = None
    left_at: datetime | None = None
    requeued: int = 0
    keep_waiting_for_rest: bool = False
    address_failed: bool = False
    paused_at: datetime | None = None
    wish_id: UUID | None = None
    set_aside_at: datetime | None = None

    @classmethod
    def from_record(cls, record: Record | Mapping[str, Any]) -> Self:
        """Make the row from a record with all of its columns."""
        row = cls(**{name: record[name] for name in ENTRY_COLUMNS})
        row.status = Status(row.status)
        row.left_reason = LeftReason(row.left_reason) if row.left_reason else None
        return row

    @property
    def tickets_missing(self) -> int:
        """How many more tickets the entry wants than are held for it."""
        return self.tickets_wanted - self.tickets_held

    @property
    def is_rest(self) -> bool:
        """Whether a part is held for the entry, and it keeps its place in line for the rest."""
        return self.status is Status.READY and self.keep_waiting_for_rest and self.tickets_missing > 0

    @property
    def in_line(self) -> bool:
        """Whether the entry has a place in line: it waits, or is a rest."""
        return self.status is Status.WAITING or self.is_rest


class EntryChange(NamedTuple):
    """One change of an entry, as the outbox and the metrics need it."""

    sequence: int
    verb: str
    actor: str
    entry: EntryRow
    promoted: bool
    """Whether the change has held tickets for the entry."""
    status: Status
    """The status of the entry after the change."""


class News(NamedTuple):
    """One change around the list, as its history has it now."""

    change_id: UUID
    verb: str
    sequence: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(slots=True)
class ListRow(SettingColumns):
    """A row of `inventory` inside a transaction: the columns of its settings, and these."""

    list_id: UUID
    organization_id: str
    event_id: str
    offer_id: str
    representation_id: str
    total_stock: int
    available_stock: int
    held: int
    waiting_list_open: bool
    closed_by_hand: bool
    order_limit: int | None
    waiting: int
    tickets_waiting: int
    last_number: int
    last_rank: int
    last_sequence: int
    version: int
    ended_at: datetime | None
    idle_until: datetime | None
    draw_commitment: str | None
    drawn_at: datetime | None
    drawn_through: int | None

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the row from a record with all of its columns."""
        return cls(**with_enums({name: record[name] for name in _LIST_COLUMNS}))

    @property
    def free(self) -> int:
        """The tickets that are available and not held."""
        return self.available_stock - self.held

    @property
    def undrawn(self) -> bool:
        """Whether lots decide the order, and are not drawn yet: then entries have no position."""
        return self.order is Order.DRAW and self.drawn_at is None

    def inventory(self, sellable: int, state: ListState | None = None) -> Inventory:
        """Return the stock, as clients see it."""
        names = {name: getattr(self, name) for name in _INVENTORY_FIELDS}
        return Inventory(free=self.free, sellable=sellable, **names, **(state._asdict() if state else {}))

    @property
    def settings(self) -> ListSettings:
        """The settings, as clients see them."""
        return list_settings_of(partial(getattr, self))

    @property
    def has_one_place(self) -> bool:
        """Whether a verified mailbox has at most one place; the default follows `verify_email`."""
        return self.verify_email if self.one_place_per_address is None else self.one_place_per_address

    @property
    def asks_email(self) -> bool:
        """Whether an entry must have an address: without one, no fan could be skipped until they verify it."""
        return self.email_required or self.verify_email

    def opening(self, available_stock: int) -> dict[str, bool]:
        """Return the change of `waiting_list_open` that a change of the available stock causes, if any.

        A list opens by itself when its last available ticket goes, and stays open. A list that an organizer has
        closed by hand stays closed until an organizer opens it.
        """
        sold_out = available_stock == 0 and self.available_stock > 0
        return {"waiting_list_open": True} if sold_out and not self.closed_by_hand else {}

    @property
    def leaves_traces(self) -> bool:
        """Whether the list keeps a trace of each join.

        A trace is one more row for each join, so only lists with a rule against programs keep them.
        """
        return self.has_one_place or self.join_challenge is not JoinChallenge.OFF

    @property
    def skips_addresses(self) -> bool:
        """Whether promotion passes over entries for their address: one that is unverified, or one that failed."""
        return self.verify_email or self.skip_failed_addresses

    @property
    def eligible(self) -> list[bool]:
        """The values of `unverified` with which an entry can be promoted."""
        return [False] if self.verify_email else [False, True]


ENTRY_COLUMNS = tuple(field.name for field in fields(EntryRow))
"""The columns of an entry, in the order of EntryRow."""
_LIST_COLUMNS = tuple(field.name for field in fields(ListRow))
_INVENTORY_FIELDS = tuple(
    name for name in Inventory.model_fields if name not in ("free", "sellable", "list_state", "state_reason")
)

DRAWN = ("draw_commitment", "drawn_at", "drawn_through")
"""The fields of a list that a draw has beside its settings: the commitment to the secret, when the lots were
drawn, and the last number among them."""
CREATED_WITH = (
    "total_stock",
    "available_stock",
    "held",
    "waiting_list_open",
    "closed_by_hand",
    "ended_at",
    "idle_until",
    "order_limit",
    *DRAWN,
    *COLUMNS,
)
"""The fields of a list that the history records; the counters follow from the entries."""
STOCK = frozenset({"total_stock", "available_stock", "held", "waiting_list_open"})
"""The fields of a list whose changes make a new `version` of its inventory."""
ADDED_LATER: Mapping[str, Any] = {name: STORED_DEFAULTS[name] for name in LATER_COLUMNS} | {
    "order_limit": None,
    "idle_until": None,
    **dict.fromkeys(DRAWN),
}
"""The fields that the first row of an older history lacks, with the values that they had then."""
NOTED: Mapping[str, Any] = {"to": list[str], "emails": int, "subject": str}
"""The fields that the history records of a message, with their types. No table has them."""
NOTED_OF_DRAW: Mapping[str, Any] = {
    "draw_secret": str,
    "draw_randomness": str,
    "draw_round": int,
    "draw_signature": str,
}
"""The fields that the history records of a draw, with their types: in hex, the secret and the signature of a drand
round. The lots follow from them."""
NOTED_OF_RESTORE: Mapping[str, Any] = {"lost_root": str | None, "lost_size": int | None, "why": str}
"""The fields that the history records of a restore to an earlier instant. Anybody may read them."""
NOTED_OF_ENTRY: Mapping[str, Any] = {"transferred": Literal[True], "undoes": int}
"""The fields that the history records of an entry beside those of its row, with their types."""
JOINED_WITH = ("status", "tickets_wanted", "tickets_minimum", "rank")
"""The fields of an entry that the history records for every join. It records `unverified` only if it is true, and
the others of JOINED_ALSO_WITH only if they are set; the others start empty."""


JOINED_ALSO_WITH = ("unverified", "requeued", "keep_waiting_for_rest", "address_failed", "wish_id")
"""The fields of an entry that the history records for a join only if they are set."""


def entry_view(row: ListRow, entry: EntryRow, *, until: datetime, place: tuple[int, int] | None) -> Entry:
    """Return an entry as clients see it. `place` has its position and the tickets ahead, if it is in line."""
    position, tickets_ahead = (None if row.undrawn else place) or (None, None)
    return Entry(
        offer_id=row.offer_id,
        representation_id=row.representation_id,
        event_id=row.event_id,
        user_id=entry.user_id,
        status=entry.status,
        left_reason=entry.left_reason,
        tickets_wanted=entry.tickets_wanted,
        tickets_minimum=entry.tickets_minimum,
        tickets_held=entry.tickets_held,
        number=entry.number,
        rank=entry.rank,
        position=position,
        tickets_ahead=tickets_ahead,
        joined_at=entry.joined_at,
        ready_at=entry.ready_at,
        ready_until=until if entry.ready_at else None,
        left_at=entry.left_at,
        keep_waiting_for_rest=entry.keep_waiting_for_rest,
        paused_at=entry.paused_at,
        wish_id=entry.wish_id,
        set_aside_at=entry.set_aside_at,
    )
