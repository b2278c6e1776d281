"""Read lists, entries, stock, catalogue and history, without a lock and from any copy of the data."""

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
"""How many entries to make at once; other requests wait some milliseconds for that."""


class EntryFilter(NamedTuple):
    """A filter of entries: each given field must match one of its values."""

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
    """Return a user's entries in all lists of an organization, the newest first."""
    after = decode(cursor, datetime, UUID, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_entries_of_caller"), user_id, organization_id, status, *after, limit + 1
        )
    return page_of(records, limit, Entry.from_record, "joined_at", "list_id", "number")


async def entries(
    pool: Pool, organization_id: str, only: EntryFilter, *, limit: int, cursor: str | None
) -> Page[Entry]:
    """Return an organization's entries, list by list, each list in queue order."""
    after = decode(cursor, UUID, int, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_entries"), organization_id, *only, *after, limit + 1)
    return page_of(records, limit, Entry.from_record, "list_id", "rank", "number")


Take: TypeAlias = Callable[[Sequence[Entry]], Awaitable[None]]


async def export_entries(pool: Pool, organization_id: str, only: EntryFilter, take: Take) -> None:
    """Give all entries of the filter, as of one instant, to `take`, some at a time and at least once.

    The snapshot stays open until `take` has all entries, so `take` must not wait for a client.
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
    """The show and ticket type of a list, in words for people."""

    organization_id: str
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    timezone: str
    start_datetime: datetime


async def waiting_list(pool: Pool, key: ListKey) -> WaitingList:
    """Return the public view of a list. Raises InventoryNotFound."""
    return _waiting_list(await _list(pool, key, None))


async def shown_list(pool: Pool, key: ListKey) -> tuple[Show, WaitingList]:
    """Return a list's show and its public view. Raises InventoryNotFound."""
    record = await _list(pool, key, None)
    return _show(record), _waiting_list(record)


async def shows(pool: Pool, keys: Iterable[ListKey]) -> dict[ListKey, Show]:
    """Return the shows of these lists, without lists that do not exist."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_shows"), [key.list_id for key in keys])
    return {ListKey(record["offer_id"], record["representation_id"]): _show(record) for record in records}


async def organizers_list(
    pool: Pool, key: ListKey, *, organization_id: str
) -> tuple[Show, WaitingList, Inventory]:
    """Return a list's show, public view and stock, as of one instant. Raises InventoryNotFound."""
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
    """Return the settings of a list. Raises InventoryNotFound."""
    record = await _list(pool, key, organization_id)
    return list_settings_of(record.__getitem__)


async def inventory(pool: Pool, key: ListKey, *, organization_id: str) -> Inventory:
    """Return the stock of an offer at a representation. Raises InventoryNotFound."""
    return Inventory.from_record(await _list(pool, key, organization_id))


async def waiting_lists(
    pool: Pool, organization_id: str, only: EntryFilter, *, limit: int, cursor: str | None
) -> Page[ListSummary]:
    """Return one row for each list, with counts of the entries that match the filter."""
    after = decode(cursor, str, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_waiting_lists"), organization_id, *only, *after, limit + 1)
    return page_of(records, limit, _list_summary, "offer_id", "representation_id")


class Overview(NamedTuple):
    """One list in the organizer's overview. `first_joined_at` is about the first in line."""

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
    """Return an organization's lists, the next show first.

    `event_id` selects the lists of one event, and `text` those whose show or ticket type contains it. With
    `wanted_only`, a fan must wait or hold tickets. With `past`, the result includes shows that have begun.
    """
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
    """Return events that have not begun, the next one first, with their representations, offers and lists."""
    after = decode(cursor, datetime, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_upcoming_events"), organization_id, *after, limit + 1)
    return page_of(records, limit, _event_summary, "next_start", "event_id")


async def event(pool: Pool, event_id: str, *, organization_id: str) -> Event:
    """Return one event of an organization. Raises EventNotFound."""
    page = await events(pool, organization_id, event_id=[event_id], limit=1, cursor=None)
    if not page.items:
        raise EventNotFound("There is no such event.")
    return page.items[0]


async def events(
    pool: Pool, organization_id: str, *, event_id: Sequence[str] | None, limit: int, cursor: str | None
) -> Page[Event]:
    """Return an organization's events, by id."""
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_events"), organization_id, event_id, *decode(cursor, str), limit + 1
        )
    return page_of(records, limit, Event.from_record, "event_id")


async def representation(pool: Pool, representation_id: str, *, organization_id: str) -> Representation:
    """Return one representation of an organization. Raises RepresentationNotFound."""
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
    """Return an organization's representations, by id."""
    after = decode(cursor, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(
            sql("read_representations"), organization_id, representation_id, event_id, *after, limit + 1
        )
    return page_of(records, limit, Representation.from_record, "representation_id")


async def offer(pool: Pool, offer_id: str, *, organization_id: str) -> Offer:
    """Return one offer of an organization. Raises OfferNotFound."""
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
    """Return an organization's offers, by id."""
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
    """Return an organization's stock, by offer and representation."""
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
    """Return every change of a list, in order. Raises InventoryNotFound."""
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
    """Return the changes of a list, or of its entry `number`, the newest first. Raises InventoryNotFound."""
    await _list(pool, key, organization_id)
    (before,) = decode(cursor, int)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_story"), key.list_id, verb, number, before, limit + 1)
    return page_of(records, limit, Change.from_record, "sequence")


async def statistics(
    pool: Pool, key: ListKey, *, organization_id: str, period: Literal["hour", "day", "week"]
) -> Statistics:
    """Return the numbers of a list for each hour, day or week, and their sums. Raises InventoryNotFound."""
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
    """Return the contact of a user's newest entry in a list. Raises InventoryNotFound, NotInList."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_contact_of_user"), key.list_id, user_id)
    if record is None or record["organization_id"] != organization_id:
        raise InventoryNotFound()
    if record["number"] is None:
        raise NotInList("This user has never joined this list.")
    return KeptContact.from_record(record)


async def is_migrated(pool: Pool) -> bool:
    """Return whether this version can work with the database's schema: its own, or a later compatible one.

    Raises Unavailable.
    """
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
