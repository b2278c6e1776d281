"""An entry with all that its fan sees of it; and whether the fan gets e-mails about it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from waiting_list.lists.contact import KeptContact
from waiting_list.lists.models import Entry, LeftReason, ListKey, Status
from waiting_list.lists.phone_state import PhoneState
from waiting_list.lists.queries.why_waiting import Reason, reason_to_wait
from waiting_list.lists.setting_values import Order
from waiting_list.lists.settings_models import ListSettings, list_settings_of
from waiting_list.looks import Look
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """An entry with its show, its list's settings and free tickets, as of `now`, the database's clock.

    `rejoined` says that the same user has a later entry in this list. `requeued` is how often in a row the fan
    went to the end of the line before this entry. `address_failed` says that e-mails to it fail. `by_email`
    says that the fan is known by an unverified address alone. `offered_to` is the address to which the fan has
    offered the place, until `offered_until`; `transferred_at` is when such an offer was accepted. `shared_at` is
    when the fan made a link for another person, which was used last at `shared_used_at`.
    """

    organization_id: str
    entry: Entry
    contact: KeptContact
    phone: PhoneState
    settings: ListSettings
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    organizer_contact: str | None
    look: Look
    timezone: str
    max_quantity_per_order: int
    most_held: int
    max_places_per_person: int | None
    start_datetime: datetime
    end_datetime: datetime
    moved_from: datetime | None
    cancelled_at: datetime | None
    cancelled_reason: str | None
    ends_at: datetime
    free: int
    rejoined: bool
    requeued: int
    address_failed: bool
    by_email: bool
    offered_to: str | None
    offered_until: datetime | None
    transferred_at: datetime | None
    shared_at: datetime | None
    shared_used_at: datetime | None
    now: datetime

    @property
    def offer(self) -> str | None:
        """The address that can take the place now; None unless the fan has offered it to another person."""
        until = self.offered_until
        is_open = until is not None and self.now < until and self.transferred_at is None
        return self.offered_to if is_open else None

    @property
    def may_transfer(self) -> bool:
        """Whether the fan may offer the place to another person."""
        confirmed = self.contact.email is None or self.contact.email_verified
        own = self.transferred_at is None and self.entry.wish_id is None
        return self.settings.transfer and own and confirmed and self.why_over is None

    def for_other_reader(self) -> Self:
        """Return what a person sees with whom the fan shares the place: not who the fan is, nor how to reach them.

        An empty address stands for one that is hidden.
        """
        hidden = self.contact.email and ""
        return replace(
            self,
            contact=self.contact.model_copy(update={"email": hidden, "name": None}),
            phone=PhoneState.of(None),
            by_email=False,
            offered_to=None,
            shared_at=None,
            shared_used_at=None,
        )

    @property
    def key(self) -> ListKey:
        """The key of the list."""
        return ListKey(self.entry.offer_id, self.entry.representation_id)

    @property
    def user_id(self) -> str:
        """The fan's user id. It is always set, because an entry of an erased person is never found."""
        assert self.entry.user_id is not None
        return self.entry.user_id

    @property
    def why_over(self) -> LeftReason | None:
        """Why the entry is over, even before maintenance has run; None while it waits or is ready."""
        entry = self.entry
        if entry.status is Status.LEFT:
            return entry.left_reason
        if self.now >= self.ends_at:
            return LeftReason.ENDED
        if entry.ready_until is not None and self.now >= entry.ready_until:
            return LeftReason.EXPIRED
        return None

    @property
    def why_waiting(self) -> Reason | None:
        """Why this fan waits; None if the fan does not wait."""
        entry, rules, contact = self.entry, self.settings, self.contact
        return reason_to_wait(
            status=entry.status,
            paused=entry.paused_at is not None,
            set_aside=entry.set_aside_at is not None,
            position=entry.position,
            tickets_minimum=entry.tickets_minimum,
            unverified=contact.email is not None and not contact.email_verified,
            verify_email=rules.verify_email,
            address_failed=self.address_failed,
            skip_failed_addresses=rules.skip_failed_addresses,
            free=self.free,
            most_held=self.most_held,
            automatic=rules.automatic,
            policy=rules.policy,
            undrawn=rules.order is Order.DRAW and rules.drawn_at is None,
        )


async def read_entry_details(pool: Pool, list_id: UUID, number: int) -> EntryDetails | None:
    """Return the details of an entry; None if there is none, or its person was erased. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_place"), list_id, number)
    return _entry_details(record) if record else None


async def set_subscribed(pool: Pool, key: ListKey, number: int, *, subscribed: bool, now: datetime) -> None:
    """Set whether the fan of an entry gets e-mails from `now` on. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("set_subscribed"), key.list_id, number, subscribed, now)


def _entry_details(record: Record) -> EntryDetails:
    made = {"entry", "contact", "phone", "settings", "look"}
    return EntryDetails(
        entry=Entry.from_record(record),
        contact=KeptContact.from_record(record),
        phone=PhoneState.of(record),
        settings=list_settings_of(record.__getitem__),
        look=Look.of(record),
        **{name: record[name] for name in EntryDetails.__dataclass_fields__ if name not in made},
    )
