"""What queries return: lists, changes, look-alikes, queues, summaries and statistics."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field

from waiting_list.fields import Frozen, Row
from waiting_list.lists.draw_settings import DrawCommitment, DrawnAt
from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.setting_values import AfterExpiry, HoldStep, JoinChallenge, Order, Policy
from waiting_list.looks import Look


class WaitingList(Frozen):
    """The public view of a waiting list.

    `open` says whether a fan can join now. If not, `closed_reason` says why: `not_opened` (tickets are still on
    sale), `closed` (by an organizer), `ended` (the show began, or `closes_at` passed) or `full`. `granted`
    counts how often the organizer gave a fan tickets past the line. The fields after it are the rules of the list,
    and `organizer` is how its organizer presents itself.
    """

    offer_id: str
    representation_id: str
    event_id: str
    open: bool
    closed_reason: Literal["not_opened", "closed", "ended", "full"] | None
    list_state: ListStatus
    state_reason: str | None
    waiting: int
    tickets_waiting: int
    free: int
    granted: int
    max_quantity_per_order: int
    max_places_per_person: int | None
    policy: Policy
    skip_limit: int
    idle_minutes: int | None
    hold_minutes: int | None
    hold_steps: tuple[HoldStep, ...]
    quiet_from: str | None
    quiet_until: str | None
    timezone: str
    after_expiry: AfterExpiry
    requeue_limit: int | None
    automatic: bool
    max_waiting: int | None
    verify_email: bool
    join_challenge: JoinChallenge
    one_place_per_address: bool
    ignore_address_tags: bool
    email_required: bool
    skip_failed_addresses: bool
    public_ledger: bool
    transfer: bool
    order: Order
    draw_at: datetime | None
    draw_source: str | None
    draw_commitment: DrawCommitment
    drawn_at: DrawnAt
    draw_randomness: str | None = Field(description="The public value by which the lots were drawn.")
    start_datetime: datetime
    moved_from: datetime | None
    closes_at: datetime | None
    ends_at: datetime
    organizer: Look = Field(description="How the organizer of the list presents itself to fans.")

    def at(self, public_url: str) -> Self:
        """Return the view with a logo that programs elsewhere find."""
        return self.model_copy(update={"organizer": self.organizer.at(public_url)})


class Change(Frozen):
    """One row of a list's history.

    `number` is the number of the entry, or null for a change of the list itself. `before` and `after` hold the
    fields that changed. `reason` is the organizer's reason for a move or removal, until the person is erased.
    """

    sequence: int
    at: datetime
    actor: str
    verb: str
    number: int | None
    user_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any]
    reason: str | None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the change of a row of `history`."""
        before, after = record["before"], record["after"]
        changed = {"before": json.loads(before) if before else None, "after": json.loads(after)}
        return super().from_record(record, **changed | given)


class ListChange(Change):
    """One change of one of an organization's lists. It is named by its list and its `sequence` there."""

    offer_id: str
    representation_id: str
    event_id: str


class Signal(StrEnum):
    """Why several entries look like one person."""

    NETWORK = "network"
    """They come from one network: an IPv4 /24 or an IPv6 /64."""
    BURST = "burst"
    """Three or more of them joined within a minute."""
    ADDRESS_FAMILY = "address_family"
    """Their e-mail addresses have the same domain and the same shape."""


class Lookalikes(Frozen):
    """Active entries of one list that look like one person.

    `signals` says why. `numbers` has the numbers of at most 500 entries.
    """

    signals: tuple[Signal, ...]
    entries: int
    tickets: int
    first_joined_at: datetime
    last_joined_at: datetime
    numbers: tuple[int, ...]


class Queue(Frozen):
    """A snapshot of a whole queue, the same for all readers. `version` grows with every change of the list.

    A segment is a range of ranks (rank >> `segment_bits`). `segments` lists those with waiting entries. Each has
    four numbers: its own number; the entries that wait before it; the tickets that those want; and the version at
    which a place inside it last changed. The position of an entry is 1 + (entries before its segment) + (entries
    before it in its segment). The last part stays the same as long as the fourth number does.
    """

    offer_id: str
    representation_id: str
    event_id: str
    version: int
    waiting: int
    tickets_waiting: int
    free: int
    draws_at: datetime | None = Field(
        default=None,
        description="From when on the lots can be drawn, until they are: then `segments` is empty, because no "
        "entry has a position. Null with another order.",
    )
    segment_bits: int
    segments: list[Annotated[list[int], Field(min_length=4, max_length=4)]]


class ByStatus(Frozen):
    """A count for each status."""

    waiting: int
    ready: int
    left: int


class ListSummary(Frozen):
    """An organizer's view of one list.

    `entries` and `tickets` count by status. The tickets are those wanted; for `ready`, those held.
    """

    offer_id: str
    representation_id: str
    event_id: str
    open: bool
    list_state: ListStatus
    state_reason: str | None
    total_stock: int
    available_stock: int
    held: int
    free: int
    address_failed: int = Field(
        description="How many waiting or ready entries have an address to which e-mails fail."
    )
    entries: ByStatus
    tickets: ByStatus
    oldest_joined_at: datetime | None


class Period(Frozen):
    """What happened in one hour, day or week from `period_at`, in the event's timezone.

    `departures` counts users who left or were removed. `tickets_waiting` counts the tickets that waiting users
    wanted at the end of the period, and `tickets_held` those that were held for users then.
    """

    period_at: datetime
    joins: int
    promotions: int
    purchases: int
    tickets_bought: int
    expiries: int
    departures: int
    tickets_waiting: int
    tickets_held: int


class Statistics(Frozen):
    """What happened in a list, by period and in total.

    `promotions` includes grants; `grants` counts how often an organizer gave a user tickets past the line.
    `conversion` is the number of purchases for each promotion, or null before the first promotion.
    `median_wait_seconds` is the median time from joining to ready, to one percent.
    """

    period: Literal["hour", "day", "week"]
    periods: tuple[Period, ...]
    joins: int
    promotions: int
    purchases: int
    tickets_bought: int
    expiries: int
    departures: int
    grants: int
    conversion: float | None
    median_wait_seconds: float | None


class Demand(NamedTuple):
    """The tickets that fans want, against those that were released to them.

    Released tickets are those that fans of the line bought, and those that are held for them now. `wanted` counts
    them and those that waiting fans want.
    """

    wanted: int
    released: int

    @classmethod
    def of(cls, *, waiting: int, held: int, bought: int) -> "Demand":
        """Make it of the tickets that fans wait for, that are held, and that fans of the line bought."""
        return cls(waiting + held + bought, held + bought)

    @property
    def ratio(self) -> float | None:
        """How many tickets fans want for each one released; None before the first."""
        return self.wanted / self.released if self.released else None
