"""Find what an import changes: the objects that exist and differ, and the lists of a new order limit."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from waiting_list.catalogue.models import Event, Offer, Representation
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

M = TypeVar("M", Event, Representation, Offer)


async def differing_objects(
    acquired: Connection,
    events: Mapping[str, Event],
    representations: Mapping[str, Representation],
    offers: Mapping[str, Offer],
) -> dict[str, int]:
    """Return how many events, representations and offers their organizations have with other values.

    The limit of places of an event, its draft, and what no file says do not count, because an import keeps them.
    """
    organizations = sorted({event.organization_id for event in events.values()})
    differing = dict.fromkeys(("events", "representations", "offers"), 0)
    for organization_id in organizations:
        own = {key for key, event in events.items() if event.organization_id == organization_id}
        dates = [key for key, one in representations.items() if one.event_id in own]
        tickets = [key for key, one in offers.items() if one.event_id in own]
        read = acquired.fetch
        found = await read(sql("read_events"), organization_id, sorted(own), None, len(own))
        differing["events"] += _differing(events, (Event.from_record(one) for one in found), "event_id")
        found = await read(sql("read_representations"), organization_id, dates, None, None, len(dates))
        there = (Representation.from_record(one) for one in found)
        differing["representations"] += _differing(representations, there, "representation_id")
        found = await read(sql("read_offers"), organization_id, tickets, None, None, len(tickets))
        differing["offers"] += _differing(offers, (Offer.from_record(one) for one in found), "offer_id")
    return differing


async def lists_with_another_limit(acquired: Connection, offers: Mapping[str, Offer]) -> set[ListKey]:
    """Return the lists of these offers, as they are written now, that were last served by another order limit."""
    events = sorted({one.event_id for one in offers.values()})
    records = await acquired.fetch(sql("read_lists_with_another_limit"), events, sorted(offers))
    return {ListKey(*record) for record in records}


def _differing(wanted: Mapping[str, M], existing: Iterable[M], key: str) -> int:
    kept = {"max_places_per_person", "draft", "unlisted", "archived", "image_url"}
    kept |= {"moved_from", "cancelled_at", "cancelled_reason"}
    return sum(
        wanted[getattr(one, key)].model_dump(exclude=kept) != one.model_dump(exclude=kept) for one in existing
    )
