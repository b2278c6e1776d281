"""Queries for the catalogue: organizations, events, representations, offers and inventories."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from waiting_list.catalogue.models import Event, EventSummary, Offer, Representation
from waiting_list.catalogue.search import EventSearch
from waiting_list.lists.list_state import ListStatus, list_state
from waiting_list.lists.models import Inventory, ListKey
from waiting_list.looks import Look, image_address
from waiting_list.postgres.outage import is_of_lost_node
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Pool, Record, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import EventNotFound, OfferNotFound, RepresentationNotFound, Unavailable


async def organizations(pool: Pool) -> dict[str, Look]:
    """Return the first fifty organizations that have a future event, by id, with their looks. Raises
    Unavailable."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_organizations"))
    return {record["organization_id"]: Look.of(record) for record in records}


async def upcoming_events(
    pool: Pool,
    organization_id: Sequence[str] | None,
    *,
    search: EventSearch = EventSearch(),  # noqa: B008 - an immutable value
    limit: int,
    cursor: str | None,
) -> Page[EventSummary]:
    """Return events that have not begun, the next one first, with their representations, offers and lists.

    With a search, the next date is the next that matches. While a node of a Citus cluster is lost, the events have
    no lists. Raises Unavailable.
    """
    after = decode(cursor, datetime, str)
    records, lists = [], []
    try:
        async with snapshot(pool) as acquired:
            if search.is_given:
                found = await acquired.fetch(
                    sql("find_upcoming_events"), organization_id, *after, limit + 1, *search.parameters
                )
                columns = ([one[name] for one in found] for name in ("event_id", "next_start"))
                records = await acquired.fetch(sql("read_found_events"), *columns)
            else:
                records = await acquired.fetch(sql("read_upcoming_events"), organization_id, *after, limit + 1)
        async with connection(pool) as acquired:
            lists = await acquired.fetch(sql("read_lists_of_events"), [one["event_id"] for one in records])
    except Unavailable as problem:
        if not is_of_lost_node(problem.__cause__):
            raise
    lists_of = {record["event_id"]: _states(record) for record in lists}
    return page_of(records, limit, partial(_event_summary, lists_of), "next_start", "event_id")


async def shown_event(pool: Pool, event_id: str) -> EventSummary:
    """Return one event as fans see it, with its coming dates and their lists. Raises EventNotFound.

    A draft does not exist for them. While a node of a Citus cluster is lost, the event has no lists.
    """
    async with snapshot(pool) as acquired:
        record = await acquired.fetchrow(sql("read_shown_event"), event_id)
    if record is None:
        raise EventNotFound("There is no such event.")
    lists = []
    try:
        async with connection(pool) as acquired:
            lists = await acquired.fetch(sql("read_lists_of_events"), [event_id])
    except Unavailable as problem:
        if not is_of_lost_node(problem.__cause__):
            raise
    return _event_summary({one["event_id"]: _states(one) for one in lists}, record)


class LinkedEvent(NamedTuple):
    """What a list's page says of its event. Fans cannot open the page of a draft."""

    event_id: str
    description: str
    draft: bool
    image: str | None

    @property
    def image_url(self) -> str | None:
        """Where pages find the image of the event."""
        return image_address(self.image)


async def linked_event(pool: Pool, key: ListKey) -> LinkedEvent:
    """Return the event of a list. Raises RepresentationNotFound if it was deleted meanwhile."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_linked_event"), key.representation_id)
    if record is None:
        raise RepresentationNotFound("There is no such representation.")
    return LinkedEvent(**record)


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
    return page_of(records, limit, _inventory, "offer_id", "representation_id")


def _inventory(record: Record) -> Inventory:
    return Inventory.from_record(record, **list_state(record.__getitem__, record["now"])._asdict())


def _states(record: Record) -> list[dict[str, Any]]:
    """Return the lists of an event with their states. No draft has one here."""
    found = []
    for one in json.loads(record["waiting_lists"]):
        known = one | {name: one[name] and datetime.fromisoformat(one[name]) for name in _INSTANTS}
        state = list_state((known | {"draft": False, "cancelled_reason": None}).__getitem__, record["now"])
        shown = {name: one[name] for name in ("offer_id", "representation_id", "waiting", "free")}
        found.append(shown | {"open": state.list_state is ListStatus.OPEN, "list_state": state.list_state})
    return found


_INSTANTS = ("closes_at", "start_datetime", "cancelled_at")


def _event_summary(lists_of: Mapping[str, Any], record: Record) -> EventSummary:
    parts = {name: json.loads(record[name]) for name in ("representations", "offers")}
    lists = lists_of.get(record["event_id"], [])
    return EventSummary.from_record(record, **parts, waiting_lists=lists, organizer=Look.of(record))
