"""Duplicate an event: a draft with the same details and ticket types, and its dates moved or left out."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from waiting_list.catalogue.additions import readable_id
from waiting_list.catalogue.changes import write_event, write_offer, write_representation
from waiting_list.catalogue.date_series import series
from waiting_list.catalogue.images import copy_event_image
from waiting_list.catalogue.models import Event, EventFields, OfferFields, RepresentationFields
from waiting_list.catalogue.queries import offers, representations
from waiting_list.lists.engine import Caller
from waiting_list.postgres.pool import Pool, transaction

_MOST = 500
"""The most dates, and the most ticket types, of a duplicate."""


async def duplicate(
    pool: Pool, caller: Caller, event: Event, fields: EventFields, unique: str, *, days_later: int | None
) -> str:
    """Create an event with these fields, and with the ticket types and the image of another; return its id.

    It is one transaction. `unique` ends all new ids, so a repeated call makes nothing new. The dates move by
    `days_later` on the clock of the event; without it, the new event has none. Cancelled dates stay out. It has no
    tickets, so it has no lists and no fans. Raises IdTaken, HasDependents.
    """
    organization_id = caller.organization_id
    assert organization_id is not None
    event_id = readable_id(fields.title, unique)
    of = [event.event_id]
    types = await offers(pool, organization_id, offer_id=None, event_id=of, limit=_MOST, cursor=None)
    dates = await representations(
        pool, organization_id, representation_id=None, event_id=of, limit=_MOST, cursor=None
    )
    async with transaction(pool) as acquired:
        await write_event(acquired, organization_id, event_id, fields, actor=caller.actor)
        await copy_event_image(acquired, organization_id, event.event_id, event_id)
        for number, one in enumerate(types.items):
            values = one.model_dump(include={*OfferFields.model_fields}) | {"event_id": event_id}
            offer_id = readable_id(f"{fields.title[:20]} {one.name}", unique, str(number))
            await write_offer(acquired, organization_id, offer_id, OfferFields(**values))
        for number, date in enumerate(dates.items):
            if days_later is None or date.cancelled_at is not None:
                continue
            first = date.start_datetime.astimezone(ZoneInfo(fields.timezone))
            length = date.end_datetime - date.start_datetime
            *_, moved = series(first + timedelta(days=days_later), length=length, every_days=1, count=1)
            await write_representation(
                acquired,
                organization_id,
                readable_id(fields.title, unique, str(number)),
                RepresentationFields(event_id=event_id, start_datetime=moved.start, end_datetime=moved.end),
                actor=caller.actor,
            )
    return event_id
