"""The nouns of the product, as clients see them. Everything here is frozen and checked when made."""

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
    """The name of a waiting list: the pair of an offer and a representation."""

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
    """What stands in per-list tables for an organization, where something is its own and of none of its lists."""
    return uuid.uuid5(uuid.NAMESPACE_OID, organization_id)


class Status(StrEnum):
    """Where an entry stands. ARCHITECTURE.md draws the transitions; `events.VERBS` lists them."""

    WAITING = "waiting"
    """In line. Has a position; holds no ticket."""
    READY = "ready"
    """At its turn: `tickets_held` tickets are set aside until `ready_until`."""
    LEFT = "left"
    """Out of the list for good, for its `left_reason`. Joining again makes a new entry."""


class LeftReason(StrEnum):
    """Why an entry is `left`."""

    BOUGHT = "bought"
    """The ready user bought."""
    CANCELLED = "cancelled"
    """The user left by their own will."""
    EXPIRED = "expired"
    """The hold ran out."""
    REMOVED = "removed"
    """An organizer took the user out, or the person was erased."""
    ENDED = "ended"
    """The show began, or the list closed for good."""


class EventFields(Frozen):
    """What a client says of an event."""

    title: Title
    description: Text = ""
    thumbnail_url: Address | None = None
    venue_name: Text = ""
    venue_address: Text = ""
    timezone: Timezone
    max_places_per_person: Quantity | None = Field(
        default=None, description="On how many lists of the event one person may wait; null: on all."
    )


class Event(EventFields):
    """A show, owned by one organization."""

    event_id: Id
    organization_id: Id


class RepresentationFields(Frozen):
    """What a client says of a representation."""

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
    """What a client says of an offer."""

    event_id: Id
    name: Title
    type: Title = "ticket"
    max_quantity_per_order: Quantity
    description: Text = ""


class Offer(OfferFields):
    """A ticket type of an event."""

    offer_id: Id


class InventoryFields(Frozen):
    """What a client says of an inventory. `waiting_list_open` is optional: left out, the list keeps its
    state, and a new one is open if nothing is available."""

    total_stock: Stock
    available_stock: Stock
    waiting_list_open: Flag | None = None

    @model_validator(mode="after")
    def _available_is_part_of_total(self) -> Self:
        if self.available_stock > self.total_stock:
            raise ValueError("available_stock must not be more than total_stock")
        return self


class Inventory(Frozen):
    """The stock of one offer at one representation. 0 <= held <= available_stock <= total_stock;
    free = available_stock - held."""

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

    `position` is 1 for the next in line and `tickets_ahead` the tickets wanted before it; both are exact,
    and null unless waiting. `user_id` is null once the person was erased. `purchase_pass` is a signed
    token that a shop can check, set while ready, good until `ready_until`.
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
    """A waiting list as anyone may see it.

    `open` says whether a fan can join now; if not, `closed_reason` says why: `not_opened` (tickets are still
    on sale), `closed` (by hand), `ended` (the show began, or `closes_at` passed) or `full`. The other fields
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
    """One row of a list's history. `number` is the entry's, null for a change of the list itself;
    `before` and `after` hold the fields that changed; `reason` is what was given for a move, until the person is
    erased."""

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
    """In what entries look like one person's."""

    NETWORK = "network"
    """They were made from one network: a /24 of IPv4, a /64 of IPv6."""
    BURST = "burst"
    """Three or more of them within a minute."""
    ADDRESS_FAMILY = "address_family"
    """Their e-mail addresses are of one domain and one shape."""


class Lookalikes(Frozen):
    """Active entries of one list that look like one person's, and in what (`signals`). `numbers` are those of
    the entries, 500 at most."""

    signals: tuple[Signal, ...]
    entries: int
    tickets: int
    first_joined_at: datetime
    last_joined_at: datetime
    numbers: tuple[int, ...]


class Several(Frozen):
    """What was done to several entries, by their numbers; `undo` undoes it, as long as that can be."""

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
    """The picture of a whole queue, the same for everybody. `version` grows with every change of the list.

    Each of `segments` is a stretch of ranks (rank >> `segment_bits`) where somebody waits: its number, how many
    wait before it, how many tickets those want, and the version at which a place within it last moved. Who
    waits at a rank therefore stands at 1 + (waiting before its segment) + (its place within the segment), and
    that place stays while the last number does: docs/queue.md.
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
    """One list as its organizer sees it: entries and tickets by status (wanted; held, for `ready`)."""

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
    """Whether a fan can join a list now, and how many are in line."""

    offer_id: str
    representation_id: str
    open: bool
    waiting: int
    free: int


class EventSummary(Event):
    """An upcoming event, with what a fan can wait for."""

    representations: tuple[Representation, ...]
    offers: tuple[Offer, ...]
    waiting_lists: tuple[ListState, ...]


class Period(Frozen):
    """What happened in one hour, day or week of the event's timezone, from `period_at` on. `departures` are users
    who left or were removed; `tickets_waiting` is how many tickets all who waited at its end wanted."""

    period_at: datetime
    joins: int
    promotions: int
    purchases: int
    tickets_bought: int
    expiries: int
    departures: int
    tickets_waiting: int


class Statistics(Frozen):
    """What happened in a list: by period and in all. `conversion` is purchases for each promotion, null
    before the first; `median_wait_seconds` is from joining to ready, of those who were."""

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
    """One row of the history of an entry of one user, with the list that it is in."""

    offer_id: str
    representation_id: str


class KeptNotice(Notice):
    """A notice, with the `body` that a webhook gets; an e-mail has none, for it is written when it is sent."""

    body: str | None


class KeptSignIn(Frozen):
    """That somebody has asked to sign in with an address, and the page (`next`) that they came from."""

    email: str
    locale: str
    next: str
    created_at: datetime
    expires_at: datetime


class KeptSuppression(Frozen):
    """An address of the person's that wants no more e-mails of the organization. What is kept is a hash of its
    mailbox; it stays when the person is erased, so that it goes on being honoured."""

    email: str
    suppressed_at: datetime


class UserExport(Frozen):
    """All that is kept of a person in one organization's lists."""

    user_id: str
    entries: tuple[Entry, ...]
    contacts: tuple[KeptContact, ...]
    history: tuple[UserHistory, ...]
    notices: tuple[KeptNotice, ...]
    sign_ins: tuple[KeptSignIn, ...]
    suppressions: tuple[KeptSuppression, ...]


class SignedOut(Frozen):
    """Whose tokens were ended, and when: all that the user had by then."""

    user_id: str
    signed_out_at: datetime


class Erasure(Frozen):
    """Who was forgotten, and in how many waiting lists."""

    user_id: str
    waiting_lists: int
