"""An entry with all that its fan sees of it; and whether the fan gets e-mails about it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waiting_list.lists.contact import KeptContact
from waiting_list.lists.models import Entry, LeftReason, ListKey, Status
from waiting_list.lists.setting_values import Policy
from waiting_list.lists.settings_models import ListSettings, list_settings_of
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """An entry with its show, its list's settings and free tickets, as of `now`, the database's clock.

    `rejoined` says that the same user has a later entry in this list.
    """

    organization_id: str
    entry: Entry
    contact: KeptContact
    settings: ListSettings
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    timezone: str
    max_quantity_per_order: int
    max_places_per_person: int | None
    start_datetime: datetime
    ends_at: datetime
    free: int
    rejoined: bool
    now: datetime

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
    def why_waiting(self) -> str | None:
        """The first reason why this fan waits; None if the fan does not wait.

        - `unverified`: the list passes over fans with an unverified address.
        - `nothing_free`: no ticket is free.
        - `by_hand`: the organizer releases free tickets.
        - `first`: the fan is next in line, and fewer tickets are free than the fan accepts.
        - `first_waits`: enough tickets are free, but the first in line was passed over often enough.
        - `ahead`: other fans are ahead.
        """
        entry, rules = self.entry, self.settings
        if entry.status is not Status.WAITING:
            return None
        if rules.verify_email and self.contact.email is not None and not self.contact.email_verified:
            return "unverified"
        if self.free == 0:
            return "nothing_free"
        if not rules.automatic:
            return "by_hand"
        if entry.position == 1:
            return "first"
        return "first_waits" if rules.policy is Policy.SKIP and self.free >= entry.tickets_minimum else "ahead"


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
    made = {"entry", "contact", "settings"}
    return EntryDetails(
        entry=Entry.from_record(record),
        contact=KeptContact.from_record(record),
        settings=list_settings_of(record.__getitem__),
        **{name: record[name] for name in EntryDetails.__dataclass_fields__ if name not in made},
    )
