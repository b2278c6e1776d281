"""What can be asked without changing anything. No lock, on any copy of the data."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from asyncpg import UndefinedColumnError, UndefinedTableError

from waiting_list.database import Pool, Record, connection, newest_migration, snapshot, sql
from waiting_list.list_settings import ListSettings, list_settings_of, shown_settings
from waiting_list.models import (
    Change,
    Entry,
    Event,
    EventSummary,
    Inventory,
    ListKey,
    ListSummary,
    Offer,
    Period,
    Representation,
    Statistics,
    WaitingList,
)
from waiting_list.notices import KeptContact
from waiting_list.paging import Page, decode, page_of
from waiting_list.problems import (
    EventNotFound,
    InventoryNotFound,
    NotInList,
    OfferNotFound,
    RepresentationNotFound,
)

_EXPORTED_AT_ONCE = 200
"""Entries, made in one go: others wait for that some milliseconds."""


class EntryFilter(NamedTuple):
    """Which entries to list: each given field must match, by any of its values."""

    user_id: Sequence[str] | None = None
    event_id: Sequence[str] | None = None
    offer_id: Sequence[str] | None = None
    representation_id: Sequence[str] | None = None
    status: Sequence[str] | None = None
    left_reason: Sequence[str] | None = None
    joined_before: datetime | None = None
    joined_after: datetime | None = None


async def entries_of_user(
    pool: Pool,
    user_id: str,
    *,
    organization_id: str,
    status: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Entry]:
    """A user's entries in all lists of an organization, the newest first."""
    after = decode(cursor, datetime, UUID, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_entries_of_caller"), user_id, organization_id, status, *after, limit + 1
        )
    return page_of(records, limit, Entry.from_record, "joined_at", "list_id", "number")


async def entries(
    pool: Pool, organization_id: str, only: EntryFilter, *, limit: int, cursor: str | None
) -> Page[Entry]:
    """An organization's entries, list by list, each in queue order."""
    after = decode(cursor, UUID, int, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_entries"), organization_id, *only, *after, limit + 1)
    return page_of(records, limit, Entry.from_record, "list_id", "rank", "number")


Take: TypeAlias = Callable[[Sequence[Entry]], Awaitable[None]]


async def export_entries(pool: Pool, organization_id: str, only: EntryFilter, take: Take) -> None:
    """Give all of those entries, of one instant, to `take`, some at a time and at least once.

    The snapshot is open until `take` has had all of them, so `take` must not wait for a client.
    Raises Unavailable.
    """
    async with snapshot(pool) as acquired:
        cursor = await acquired.cursor(sql("export_entries"), organization_id, *only)
        while True:
            records = await cursor.fetch(_EXPORTED_AT_ONCE)
            await take([Entry.from_record(record) for record in records])
            if len(records) < _EXPORTED_AT_ONCE:
                return


class Show(NamedTuple):
    """What a list is about, for people."""

    organization_id: str
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    timezone: str
    start_datetime: datetime


async def waiting_list(pool: Pool, key: ListKey) -> WaitingList:
    """A list as anyone may see it. Raises InventoryNotFound."""
    return _waiting_list(await _list(pool, key, None))


async def shown_list(pool: Pool, key: ListKey) -> tuple[Show, WaitingList]:
    """The same, and what it is about. Raises InventoryNotFound."""
    record = await _list(pool, key, None)
    return _show(record), _waiting_list(record)


async def shows(pool: Pool, keys: Iterable[ListKey]) -> dict[ListKey, Show]:
    """What these lists are about, without those that do not exist."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_shows"), [key.list_id for key in keys])
    return {ListKey(record["offer_id"], record["representation_id"]): _show(record) for record in records}


async def organizers_list(
    pool: Pool, key: ListKey, *, organization_id: str
) -> tuple[Show, WaitingList, Inventory]:
    """The same with its stock, as of one instant. Raises InventoryNotFound."""
    record = await _list(pool, key, organization_id)
    return _show(record), _waiting_list(record), Inventory.from_record(record)


def _show(record: Record) -> Show:
    return Show(*(record[name] for name in Show._fields))


def _waiting_list(record: Record) -> WaitingList:
    full = record["max_waiting"] is not None and record["waiting"] >= record["max_waiting"]
    reason: Literal["not_opened", "closed", "ended", "full"] | None = None
    if record["ended"]:
        reason = "ended"
    elif not record["waiting_list_open"]:
        reason = "closed" if record["closed_by_hand"] else "not_opened"
    elif full:
        reason = "full"
    known = dict(record) | shown_settings(record.__getitem__) | {"open": reason is None, "closed_reason": reason}
    return WaitingList(**{name: known[name] for name in WaitingList.model_fields})


async def list_settings(pool: Pool, key: ListKey, *, organization_id: str) -> ListSettings:
    """The settings of a list. Raises InventoryNotFound."""
    record = await _list(pool, key, organization_id)
    return list_settings_of(record.__getitem__)


async def inventory(pool: Pool, key: ListKey, *, organization_id: str) -> Inventory:
    """The stock of an offer at a representation. Raises InventoryNotFound."""
    return Inventory.from_record(await _list(pool, key, organization_id))


async def waiting_lists(
    pool: Pool, organization_id: str, only: EntryFilter, *, limit: int, cursor: str | None
) -> Page[ListSummary]:
    """One row a list, counting the entries that the filter lets through."""
    after = decode(cursor, str, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_waiting_lists"), organization_id, *only, *after, limit + 1)
    return page_of(records, limit, _list_summary, "offer_id", "representation_id")


class Overview(NamedTuple):
    """One list as its organizer looks at all of them. `first_joined_at` is of the first in line."""

    offer_id: str
    representation_id: str
    event_id: str
    event_title: str
    offer_name: str
    start_datetime: datetime
    timezone: str
    waiting_list_open: bool
    closed_by_hand: bool
    is_full: bool
    automatic: bool
    total_stock: int
    available_stock: int
    held: int
    waiting: int
    tickets_waiting: int
    ended: bool
    ready: int
    first_joined_at: datetime | None


async def overview(
    pool: Pool,
    organization_id: str,
    *,
    event_id: str | None,
    text: str | None,
    wanted_only: bool,
    past: bool,
    limit: int,
    cursor: str | None,
) -> Page[Overview]:
    """An organization's lists, the next show first: those of an event, those whose show or ticket type has this
    `text`, only those where somebody waits or holds tickets; with `past` also those whose show has begun."""
    after = decode(cursor, datetime, str, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_overview"), organization_id, event_id, text, wanted_only, past, *after, limit + 1
        )
    keys = ("start_datetime", "offer_id", "representation_id")
    return page_of(records, limit, lambda record: Overview(**record), *keys)


async def upcoming_events(
    pool: Pool, organization_id: Sequence[str] | None, *, limit: int, cursor: str | None
) -> Page[EventSummary]:
    """Events that have not begun, the next one first, with their representations, offers and lists."""
    after = decode(cursor, datetime, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_upcoming_events"), organization_id, *after, limit + 1)
    return page_of(records, limit, _event_summary, "next_start", "event_id")


async def event(pool: Pool, event_id: str, *, organization_id: str) -> Event:
    """Raises EventNotFound."""
    page = await events(pool, organization_id, event_id=[event_id], limit=1, cursor=None)
    if not page.items:
        raise EventNotFound("There is no such event.")
    return page.items[0]


async def events(
    pool: Pool, organization_id: str, *, event_id: Sequence[str] | None, limit: int, cursor: str | None
) -> Page[Event]:
    """An organization's events, by id."""
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_events"), organization_id, event_id, *decode(cursor, str), limit + 1
        )
    return page_of(records, limit, Event.from_record, "event_id")


async def representation(pool: Pool, representation_id: str, *, organization_id: str) -> Representation:
    """Raises RepresentationNotFound."""
    page = await representations(
        pool, organization_id, representation_id=[representation_id], event_id=None, limit=1, cursor=None
    )
    if not page.items:
        raise RepresentationNotFound("There is no such representation.")
    return page.items[0]


async def representations(
    pool: Pool,
    organization_id: str,
    *,
    representation_id: Sequence[str] | None,
    event_id: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Representation]:
    """An organization's representations, by id."""
    after = decode(cursor, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_representations"), organization_id, representation_id, event_id, *after, limit + 1
        )
    return page_of(records, limit, Representation.from_record, "representation_id")


async def offer(pool: Pool, offer_id: str, *, organization_id: str) -> Offer:
    """Raises OfferNotFound."""
    page = await offers(pool, organization_id, offer_id=[offer_id], event_id=None, limit=1, cursor=None)
    if not page.items:
        raise OfferNotFound("There is no such offer.")
    return page.items[0]


async def offers(
    pool: Pool,
    organization_id: str,
    *,
    offer_id: Sequence[str] | None,
    event_id: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Offer]:
    """An organization's offers, by id."""
    after = decode(cursor, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_offers"), organization_id, offer_id, event_id, *after, limit + 1)
    return page_of(records, limit, Offer.from_record, "offer_id")


async def inventories(
    pool: Pool,
    organization_id: str,
    *,
    event_id: Sequence[str] | None,
    offer_id: Sequence[str] | None,
    representation_id: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Inventory]:
    """An organization's stock, by offer and representation."""
    after = decode(cursor, str, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_inventories"), organization_id, event_id, offer_id, representation_id, *after, limit + 1
        )
    return page_of(records, limit, Inventory.from_record, "offer_id", "representation_id")


async def history(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    verb: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """Every change of a list, in order. Raises InventoryNotFound."""
    await _list(pool, key, organization_id)
    (after,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_history"), key.list_id, verb, after or 0, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def story(
    pool: Pool,
    key: ListKey,
    *,
    organization_id: str,
    verb: Sequence[str] | None = None,
    number: int | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Change]:
    """The same, the newest first, of one entry if its `number` is given. Raises InventoryNotFound."""
    await _list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_story"), key.list_id, verb, number, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def statistics(
    pool: Pool, key: ListKey, *, organization_id: str, period: Literal["hour", "day", "week"]
) -> Statistics:
    """What happened in a list over time. Raises InventoryNotFound."""
    await _list(pool, key, organization_id)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_statistics"), key.list_id, period)
        median_wait = await acquired.fetchval(sql("read_median_wait"), key.list_id)
    periods = [Period.from_record(record) for record in records]
    promotions = sum(one.promotions for one in periods)
    purchases = sum(one.purchases for one in periods)
    return Statistics(
        period=period,
        periods=periods,
        joins=sum(one.joins for one in periods),
        promotions=promotions,
        purchases=purchases,
        tickets_bought=sum(one.tickets_bought for one in periods),
        expiries=sum(one.expiries for one in periods),
        departures=sum(one.departures for one in periods),
        conversion=purchases / promotions if promotions else None,
        median_wait_seconds=median_wait,
    )


async def contact(pool: Pool, key: ListKey, user_id: str, *, organization_id: str) -> KeptContact:
    """How a user is reached about their newest entry in a list. Raises InventoryNotFound, NotInList."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_contact_of_user"), key.list_id, user_id)
    if record is None or record["organization_id"] != organization_id:
        raise InventoryNotFound()
    if record["number"] is None:
        raise NotInList("This user never joined this list.")
    return KeptContact.from_record(record)


async def is_migrated(pool: Pool) -> bool:
    """Whether the database has the schema of this version, or of a later one with which this one can work. Raises
    Unavailable."""
    async with connection(pool) as acquired:
        try:
            known = await acquired.fetchrow(sql("read_migrations"))
        except (UndefinedTableError, UndefinedColumnError):
            return False
    assert known is not None
    return bool(known["works_from"] <= newest_migration() <= known["newest"])


async def _list(pool: Pool, key: ListKey, organization_id: str | None) -> Record:
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_list"), key.list_id)
    if record is None or organization_id not in (None, record["organization_id"]):
        raise InventoryNotFound()
    return record


def _list_summary(record: Record) -> ListSummary:
    parts = ("entries", "tickets")
    return ListSummary.from_record(record, **{name: json.loads(record[name]) for name in parts})


def _event_summary(record: Record) -> EventSummary:
    parts = ("representations", "offers", "waiting_lists")
    return EventSummary.from_record(record, **{name: json.loads(record[name]) for name in parts})
