"""The rows of a list and of its entries as a transaction sees them, and which fields the history tells of."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self
from uuid import UUID

from waiting_list.database import Record
from waiting_list.models import (
    AfterExpiry,
    HoldStep,
    Inventory,
    JoinChallenge,
    LeftReason,
    ListSettings,
    Policy,
    Status,
)


@dataclass(slots=True)
class EntryRow:
    """A row of `entries` as the transaction sees it."""

    number: int
    user_id: str | None
    status: Status
    left_reason: LeftReason | None
    tickets_wanted: int
    tickets_minimum: int
    tickets_held: int
    rank: int
    passed_over: int
    unverified: bool
    joined_at: datetime
    ready_at: datetime | None
    ready_until: datetime | None
    left_at: datetime | None

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The row that a statement returned with all of its columns."""
        row = cls(**{name: record[name] for name in ENTRY_COLUMNS})
        row.status = Status(row.status)
        row.left_reason = LeftReason(row.left_reason) if row.left_reason else None
        return row


@dataclass(slots=True)
class ListRow:
    """A row of `inventory` as the transaction sees it."""

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
    policy: Policy
    skip_limit: int
    hold_minutes: int | None
    after_expiry: AfterExpiry
    automatic: bool
    max_waiting: int | None
    closes_at: datetime | None
    hold_steps: list[list[int]]
    quiet_from: str | None
    quiet_until: str | None
    verify_email: bool
    reminder_minutes: int | None
    purchase_url: str | None
    join_challenge: JoinChallenge
    one_place_per_address: bool | None
    waiting: int
    tickets_waiting: int
    last_number: int
    last_rank: int
    last_sequence: int
    ended_at: datetime | None

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The row that a statement returned with all of its columns."""
        row = cls(**{name: record[name] for name in _LIST_COLUMNS})
        row.policy, row.after_expiry = Policy(row.policy), AfterExpiry(row.after_expiry)
        row.join_challenge = JoinChallenge(row.join_challenge)
        return row

    @property
    def free(self) -> int:
        """Tickets that nobody has a claim on."""
        return self.available_stock - self.held

    @property
    def inventory(self) -> Inventory:
        """The stock, as clients see it."""
        return Inventory(free=self.free, **{name: getattr(self, name) for name in _INVENTORY_FIELDS})

    @property
    def settings(self) -> ListSettings:
        """The settings, as clients see them."""
        return ListSettings(
            open=self.waiting_list_open,
            hold_steps=HoldStep.all(self.hold_steps),
            one_place_per_address=self.has_one_place,
            **{name: getattr(self, name) for name in _SETTINGS_FIELDS},
        )

    @property
    def has_one_place(self) -> bool:
        """Whether a verified mailbox has one place at most: unless it is set, as `verify_email`."""
        return self.verify_email if self.one_place_per_address is None else self.one_place_per_address

    @property
    def leaves_traces(self) -> bool:
        """Whether it is noted from where fans join: one more row for each join, which only a list that guards
        itself against programs pays for."""
        return self.has_one_place or self.join_challenge is not JoinChallenge.OFF

    @property
    def eligible(self) -> list[bool]:
        """Who can be promoted, by whether their address is unverified."""
        return [False] if self.verify_email else [False, True]


ENTRY_COLUMNS = tuple(field.name for field in fields(EntryRow))
_LIST_COLUMNS = tuple(field.name for field in fields(ListRow))
_INVENTORY_FIELDS = tuple(name for name in Inventory.model_fields if name != "free")
_WORKED_OUT = ("open", "hold_steps", "one_place_per_address")
_SETTINGS_FIELDS = tuple(name for name in ListSettings.model_fields if name not in _WORKED_OUT)

CREATED_WITH = (
    "total_stock",
    "available_stock",
    "held",
    "waiting_list_open",
    "closed_by_hand",
    "policy",
    "skip_limit",
    "hold_minutes",
    "after_expiry",
    "automatic",
    "max_waiting",
    "closes_at",
    "ended_at",
    "hold_steps",
    "quiet_from",
    "quiet_until",
    "verify_email",
    "reminder_minutes",
    "purchase_url",
    "join_challenge",
    "one_place_per_address",
)
"""The list's fields that the history tells; the counters follow from the entries."""
JOINED_WITH = ("status", "tickets_wanted", "tickets_minimum", "rank")
"""The entry's fields that the history tells of every join; `unverified` it tells where it is true. The others
start empty."""
