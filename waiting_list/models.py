"""Define the nouns of the product, as clients see them. Every model is frozen, and checked when it is made."""

import json
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from waiting_list.fields import (
    Address,
    Flag,
    Frozen,
    Id,
    Instant,
    Quantity,
    Row,
    Stock,
    Text,
    Timezone,
    Title,
)
from waiting_list.list_settings import AfterExpiry, HoldStep, JoinChallenge, ListSettings, Policy
from waiting_list.notices import KeptContact, Notice

CLOCK = "service"
"""The actor of what no person asked for."""
FAN = "user"
"""The actor of what a fan asked for."""
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
        return uuid.uuid5(_LIST_NAMESPACE, f"{self.offer_id}\x00{self.representation_id}")


def organization_list_id(organization_id: str) -> uuid.UUID:
    """Return the `list_id` of rows that belong to the organization itself, and not to one of its lists."""
    return uuid.uuid5(uuid.NAMESPACE_OID, organization_id)


class Status(StrEnum):
    """The state of an entry. ARCHITECTURE.md draws the transitions; `events.VERBS` lists them."""

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


class EventFields(Frozen):
    """The fields of an event that a caller sets."""

    title: Title
    description: Text = ""
    thumbnail_url: Address | None = None
    venue_name: Text = ""
    venue_address: Text = ""
    timezone: Timezone
    max_places_per_person: Quantity | None = Field(
        default=None,
        description="Maximum number of the event's lists on which one person may wait; null: no limit.",
    )


class Event(EventFields):
    """A show, owned by one organization."""

    event_id: Id
    organization_id: Id


class RepresentationFields(Frozen):
    """The fields of a representation that a caller sets."""

    event_id: Id
    start_datetime: Instant
    end_datetime: Instant

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end_datetime < self.start_datetime:
            raise ValueError("end_datetime must not be before start_datetime")
        return self


class Representation(RepresentationFields):
    """One date of an event."""

    representation_id: Id


class OfferFields(Frozen):
    """The fields of an offer that a caller sets."""

    event_id: Id
    name: Title
    type: Title = "ticket"
    max_quantity_per_order: Quantity
    description: Text = ""


class Offer(OfferFields):
    """A ticket type of an event."""

    offer_id: Id


class InventoryFields(Frozen):
    """The fields of an inventory that a caller sets.

    `waiting_list_open` opens or closes the list. Without it, an existing list keeps its state. A new list is open
    if no tickets are available.
    """

    total_stock: Stock
    available_stock: Stock
    waiting_list_open: Flag | None = None

    @model_validator(mode="after")
    def _available_is_part_of_total(self) -> Self:
        if self.available_stock > self.total_stock:
            raise ValueError("available_stock must not be more than total_stock")
        return self


class Inventory(Frozen):
    """The stock of one offer at one representation.

    0 <= held <= available_stock <= total_stock; free = available_stock - held.
    """

    offer_id: str
    representation_id: str
    event_id: str
    total_stock: int
    available_stock: int
    held: int
    free: int
    waiting_list_open: bool


class Entry(Frozen):
    """One user's place in one waiting list.

    `position` is 1 for the next in line. `tickets_ahead` counts the tickets that the fans in front want. Both are
    exact, and null unless the entry waits. `user_id` is null after the person was erased. `purchase_pass` is a
    signed token that a shop can check. It is set while the entry is ready, and valid until `ready_until`.
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
    purchase_pass: str | None = None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the entry of a row of `shown_entries`, without a purchase pass: no row has one."""
        given.setdefault("purchase_pass", None)
        return super().from_record(record, **given)


class WaitingList(Frozen):
    """The public view of a waiting list.

    `open` says whether a fan can join now. If not, `closed_reason` says why: `not_opened` (tickets are still on
    sale), `closed` (by an organizer), `ended` (the show began, or `closes_at` passed) or `full`. The other fields
    after `free` are the rules of this list.
    """

    offer_id: str
    representation_id: str
    event_id: str
    open: bool
    closed_reason: Literal["not_opened", "closed", "ended", "full"] | None
    waiting: int
    tickets_waiting: int
    free: int
    max_quantity_per_order: int
    max_places_per_person: int | None
    policy: Policy
    skip_limit: int
    hold_minutes: int | None
    hold_steps: tuple[HoldStep, ...]
    quiet_from: str | None
    quiet_until: str | None
    timezone: str
    after_expiry: AfterExpiry
    automatic: bool
    max_waiting: int | None
    verify_email: bool
    join_challenge: JoinChallenge
    one_place_per_address: bool
    closes_at: datetime | None
    ends_at: datetime


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


class Several(Frozen):
    """The numbers of several entries that a call changed or skipped. `undo` reverses the call while that is
    possible."""

    numbers: tuple[int, ...]
    skipped: tuple[int, ...]
    undo: str | None


class Answer(Frozen):
    """What a verb changed: the entry or the several that it was about, or the stock and settings after it; and
    whom it made ready. `revoked` are the users who wait again because their holds were taken back, the newest
    hold first; it is not kept with an Idempotency-Key. `replayed` says that such a key found this answer: nothing
    was done."""

    entry: Entry | None
    inventory: Inventory | None
    settings: ListSettings | None
    several: Several | None = None
    promoted: tuple[Entry, ...] = ()
    revoked: tuple[str, ...] = Field(default=(), exclude=True)
    replayed: bool = False


class Queue(Frozen):
    """A snapshot of a whole queue, the same for all readers. `version` grows with every change of the list.

    A segment is a range of ranks (rank >> `segment_bits`). `segments` lists those with waiting entries. Each has
    four numbers: its own number; the entries that wait before it; the tickets that those want; and the version at
    which a place inside it last changed. The position of an entry is 1 + (entries before its segment) + (entries
    before it in its segment). The last part stays the same as long as the fourth number does: docs/queue.md.
    """

    offer_id: str
    representation_id: str
    event_id: str
    version: int
    waiting: int
    tickets_waiting: int
    free: int
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
    total_stock: int
    available_stock: int
    held: int
    free: int
    entries: ByStatus
    tickets: ByStatus
    oldest_joined_at: datetime | None


class ListState(Frozen):
    """Whether a fan can join a list now, and how many fans wait."""

    offer_id: str
    representation_id: str
    open: bool
    waiting: int
    free: int


class EventSummary(Event):
    """An upcoming event, with the waiting lists that a fan can join."""

    representations: tuple[Representation, ...]
    offers: tuple[Offer, ...]
    waiting_lists: tuple[ListState, ...]


class Period(Frozen):
    """What happened in one hour, day or week from `period_at`, in the event's timezone.

    `departures` counts users who left or were removed. `tickets_waiting` counts the tickets that waiting users
    wanted at the end of the period.
    """

    period_at: datetime
    joins: int
    promotions: int
    purchases: int
    tickets_bought: int
    expiries: int
    departures: int
    tickets_waiting: int


class Statistics(Frozen):
    """What happened in a list, by period and in total.

    `conversion` is the number of purchases for each promotion, or null before the first promotion.
    `median_wait_seconds` is the median time from joining to ready.
    """

    period: Literal["hour", "day", "week"]
    periods: tuple[Period, ...]
    joins: int
    promotions: int
    purchases: int
    tickets_bought: int
    expiries: int
    departures: int
    conversion: float | None
    median_wait_seconds: float | None


class UserHistory(Change):
    """One row of the history of a user's entry, with the name of its list."""

    offer_id: str
    representation_id: str


class KeptNotice(Notice):
    """A notice, with the `body` that a webhook receives. An e-mail has no stored body: it is written when it is
    sent."""

    body: str | None


class KeptSignIn(Frozen):
    """A request to sign in with an address, and the page (`next`) from which the fan came."""

    email: str
    locale: str
    next: str
    created_at: datetime
    expires_at: datetime


class KeptSuppression(Frozen):
    """An address of the person that has unsubscribed from the organization's e-mails.

    The service keeps a hash of the mailbox. The hash stays when the person is erased, so that the service still
    honours it.
    """

    email: str
    suppressed_at: datetime


class UserExport(Frozen):
    """All data that the service keeps about a person in the lists of one organization."""

    user_id: str
    entries: tuple[Entry, ...]
    contacts: tuple[KeptContact, ...]
    history: tuple[UserHistory, ...]
    notices: tuple[KeptNotice, ...]
    sign_ins: tuple[KeptSignIn, ...]
    suppressions: tuple[KeptSuppression, ...]


class SignedOut(Frozen):
    """The user whose tokens have ended, and when. All tokens from before that time are invalid."""

    user_id: str
    signed_out_at: datetime


class Erasure(Frozen):
    """The erased person, and the number of waiting lists that had data about them."""

    user_id: str
    waiting_lists: int
