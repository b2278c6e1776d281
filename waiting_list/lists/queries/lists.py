"""Queries for lists: the public view, settings and stock of one, and overviews of all."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from waiting_list.lists.list_state import ListStatus, list_state
from waiting_list.lists.models import Inventory, ListKey
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.lists.queries.models import Demand, ListSummary, WaitingList
from waiting_list.lists.settings_models import ListSettings, list_settings_of, shown_settings
from waiting_list.looks import Look
from waiting_list.page_addresses import sale_link
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound


class Show(NamedTuple):
    """The show and ticket type of a list, in words for people."""

    organization_id: str
    event_title: str
    offer_name: str
    venue_name: str
    venue_address: str
    timezone: str
    start_datetime: datetime
    end_datetime: datetime
    moved_from: datetime | None
    cancelled_at: datetime | None
    organizer_contact: str | None
    look: Look
    sale_link: str | None = None
    """Where anybody buys while tickets are on sale, if the list knows."""


async def waiting_list(pool: Pool, key: ListKey) -> WaitingList:
    """Return the public view of a list. Raises InventoryNotFound."""
    return _waiting_list(await find_list(pool, key, None))


class Owner(NamedTuple):
    """The organization of a list, whether some worker sends e-mails, and whether joins need a challenge."""

    organization_id: str
    sends_mail: bool
    join_challenge: str


async def owner(pool: Pool, key: ListKey) -> Owner:
    """Return the owner of a list. Raises InventoryNotFound, Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_owner"), key.list_id)
    if record is None:
        raise InventoryNotFound()
    return Owner(*record)


async def shown_list(pool: Pool, key: ListKey) -> tuple[Show, WaitingList]:
    """Return a list's show and its public view. Raises InventoryNotFound."""
    record = await find_list(pool, key, None)
    return _show(record), _waiting_list(record)


async def shown_list_with_stock(pool: Pool, key: ListKey) -> tuple[Show, WaitingList, Inventory]:
    """Return a list's show, its public view and its stock, as of one instant. Raises InventoryNotFound."""
    record = await find_list(pool, key, None)
    return _show(record), _waiting_list(record), _inventory(record)


async def shows(pool: Pool, keys: Iterable[ListKey]) -> dict[ListKey, Show]:
    """Return the shows of these lists, without lists that do not exist."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_shows"), [key.list_id for key in keys])
    return {ListKey(record["offer_id"], record["representation_id"]): _show(record) for record in records}


async def organizers_list(
    pool: Pool, key: ListKey, *, organization_id: str
) -> tuple[Show, WaitingList, Inventory]:
    """Return a list's show, public view and stock, as of one instant. Raises InventoryNotFound."""
    record = await find_list(pool, key, organization_id)
    return _show(record), _waiting_list(record), _inventory(record)


def _show(record: Record) -> Show:
    made: dict[str, Any] = {name: record[name] for name in Show._fields if name not in ("look", "sale_link")}
    return Show(**made, look=Look.of(record), sale_link=sale_link(record["purchase_url"]))


def _state(record: Record) -> dict[str, Any]:
    return list_state(record.__getitem__, record["now"])._asdict()


_CLOSED_REASONS: Mapping[ListStatus, str | None] = {
    ListStatus.NOT_OPEN: "not_opened",
    ListStatus.OPEN: None,
    ListStatus.FULL: "full",
    ListStatus.CLOSED: "closed",
    ListStatus.ENDED: "ended",
    ListStatus.CANCELLED: "ended",
}


def _waiting_list(record: Record) -> WaitingList:
    state = _state(record)
    reason = _CLOSED_REASONS[state["list_state"]]
    known = (
        dict(record)
        | shown_settings(record.__getitem__)
        | {"open": reason is None, "closed_reason": reason, "organizer": Look.of(record)}
    )
    return WaitingList(**{name: (known | state)[name] for name in WaitingList.model_fields})


def _inventory(record: Record) -> Inventory:
    return Inventory.from_record(record, **_state(record))


async def list_settings(pool: Pool, key: ListKey, *, organization_id: str) -> ListSettings:
    """Return the settings of a list. Raises InventoryNotFound."""
    record = await find_list(pool, key, organization_id)
    return list_settings_of(record.__getitem__).model_copy(update=_state(record))


async def inventory(pool: Pool, key: ListKey, *, organization_id: str) -> Inventory:
    """Return the stock of an offer at a representation. Raises InventoryNotFound."""
    return _inventory(await find_list(pool, key, organization_id))


async def count_too_many(pool: Pool, key: ListKey, *, most_held: int) -> int:
    """Return how many fans wait who accept only more tickets than one entry can be held; 0 without capacity."""
    if most_held == 0:
        return 0
    async with connection(pool) as acquired:
        count: int = await acquired.fetchval(sql("count_too_many"), key.list_id, most_held)
    return count


async def count_failed_addresses(pool: Pool, key: ListKey) -> int:
    """Return how many waiting or ready fans have an address to which e-mails fail."""
    async with connection(pool) as acquired:
        count: int = await acquired.fetchval(sql("count_failed_addresses"), key.list_id)
    return count


async def waiting_lists(
    pool: Pool, organization_id: str, only: EntryFilter, *, limit: int, cursor: str | None
) -> Page[ListSummary]:
    """Return one row for each list, with counts of the entries that match the filter."""
    after = decode(cursor, str, str)
    # Counts of all entries of a status are kept. Those of some users, reasons or times have to be counted.
    kept = only._replace(event_id=None, offer_id=None, representation_id=None, status=None) == EntryFilter()
    async with snapshot(pool) as acquired:
        if kept:
            lists = (only.event_id, only.offer_id, only.representation_id, only.status)
            records = await acquired.fetch(sql("read_waiting_lists"), organization_id, *lists, *after, limit + 1)
        else:
            records = await acquired.fetch(sql("read_lists_of_entries"), organization_id, *only, *after, limit + 1)
    return page_of(records, limit, _list_summary, "offer_id", "representation_id")


class Overview(NamedTuple):
    """One list in the organizer's overview."""

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
    cancelled: bool
    draft: bool
    tickets_bought: int
    ready: int

    @property
    def demand(self) -> Demand:
        """Wanted against released."""
        return Demand.of(waiting=self.tickets_waiting, held=self.held, bought=self.tickets_bought)


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


async def find_list(pool: Pool, key: ListKey, organization_id: str | None) -> Record:
    """Return the row of a list, of this organization if one is given. Raises InventoryNotFound."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_list"), key.list_id)
    if record is None or organization_id not in (None, record["organization_id"]):
        raise InventoryNotFound()
    return record


def _list_summary(record: Record) -> ListSummary:
    parts = ("entries", "tickets")
    counts = {name: json.loads(record[name]) for name in parts}
    return ListSummary.from_record(record, **counts, **_state(record))
