"""The dashboard pages of an event's ticket types: add, change and delete them.

Before a new order limit that concerns waiting fans, the page says what it does.
"""

import secrets
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import deletion
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.additions import readable_id
from waiting_list.catalogue.models import Event, Offer, OfferFields
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.lists import Overview
from waiting_list.pages.dashboard.events import EventRoute, event_facts, event_of, lists_of
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.forms import unique_part
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import HasDependents, OfferNotFound
from waiting_list.web.parameters import path_id

router = APIRouter(route_class=EventRoute, include_in_schema=False)
MOST_TYPES = 100
"""The most ticket types that the pages of an event show."""
_FIELDS = ("name", "max_quantity_per_order", "description")
_DEFAULTS = {"name": "", "max_quantity_per_order": "4", "description": ""}


async def types_of(call: PageRequest, event: Event) -> Sequence[Offer]:
    """Return the ticket types of an event, by name."""
    found = await catalogue_queries.offers(
        call.pool, call.organization_id, offer_id=None, event_id=[event.event_id], limit=MOST_TYPES, cursor=None
    )
    return sorted(found.items, key=lambda one: (one.name.casefold(), one.offer_id))


@router.get(to.DASHBOARD_EVENT_TYPES)
async def show_types(call: PageRequest) -> Response:
    """Show the ticket types of an event, with the form to add one."""
    return await _types_page(call, await event_of(call), {})


@router.post(to.DASHBOARD_EVENT_TYPES)
async def add_type(call: PageRequest) -> Response:
    """Add a ticket type. The button pressed twice adds one."""
    event, form = await event_of(call), call.sent
    fields, errors = _read(form, event, "ticket")
    if fields is None:
        return await _types_page(call, event, errors)
    offer_id = readable_id(f"{event.title[:20]} {fields.name}", unique_part(form))
    await catalogue_changes.put_offer(call.pool, call.engine, call.caller, offer_id, fields)
    here = to.address(to.DASHBOARD_EVENT_TYPES, event_id=event.event_id)
    return go_to(f"{here}?done=added")


@router.get(to.DASHBOARD_EVENT_TYPE)
async def show_type(call: PageRequest) -> Response:
    """Show one ticket type, with the forms to change and to delete it."""
    event = await event_of(call)
    return await _type_page(call, event, await _type_of(call, event))


@router.post(to.DASHBOARD_EVENT_TYPE)
async def change_type(call: PageRequest) -> Response:
    """Change or delete a ticket type; before a new limit concerns waiting fans, say what it does."""
    event, form = await event_of(call), call.sent
    offer = await _type_of(call, event)
    if form.get("do") == "delete":
        return await _delete(call, event, offer)
    fields, errors = _read(form, event, offer.type)
    if fields is None:
        return await _type_page(call, event, offer, errors)
    changed = fields != OfferFields(**offer.model_dump(include={*OfferFields.model_fields}))
    limited = fields.max_quantity_per_order != offer.max_quantity_per_order
    lists = [one for one in await lists_of(call, event) if one.offer_id == offer.offer_id]
    waiting = sum(one.waiting for one in lists)
    if limited and waiting and "confirmed" not in form:
        return await _type_page(call, event, offer, asks="change", fields=fields, lists=lists)
    if changed:
        await catalogue_changes.put_offer(call.pool, call.engine, call.caller, offer.offer_id, fields)
    here = to.address(to.DASHBOARD_EVENT_TYPES, event_id=event.event_id)
    return go_to(f"{here}?done={'changed' if changed else 'nothing'}")


async def _delete(call: PageRequest, event: Event, offer: Offer) -> Response:
    lists = [one for one in await lists_of(call, event) if one.offer_id == offer.offer_id]
    if "confirmed" not in call.sent:
        return await _type_page(call, event, offer, asks="delete", lists=lists)
    try:
        await deletion.delete_offer(call.pool, call.caller, offer.offer_id, with_entries=True)
    except HasDependents:
        return await _type_page(call, event, offer, asks="delete", lists=lists, status=409)
    return go_to(f"{to.address(to.DASHBOARD_EVENT_TYPES, event_id=event.event_id)}?done=deleted")


async def _type_of(call: PageRequest, event: Event) -> Offer:
    offer = await catalogue_queries.offer(
        call.pool, path_id(call, "offer_id"), organization_id=call.organization_id
    )
    if offer.event_id != event.event_id:
        raise OfferNotFound("There is no such offer.")
    return offer


def _read(form: Mapping[str, str], event: Event, kind: str) -> tuple[OfferFields | None, dict[str, str]]:
    """Return the fields of a form, or what is wrong with each."""
    limit = form.get("max_quantity_per_order", "").strip()
    number = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 10 else limit
    try:
        return OfferFields.model_validate(
            {
                "event_id": event.event_id,
                "name": form.get("name", "").strip(),
                "type": kind,
                "max_quantity_per_order": number,
                "description": form.get("description", "").replace("\r\n", "\n").strip(),
            }
        ), {}
    except ValidationError as error:
        return None, {str(one["loc"][0]): one["msg"] for one in error.errors()}


async def _types_page(call: PageRequest, event: Event, errors: dict[str, str]) -> Response:
    return dashboard_page(
        call,
        "dashboard_ticket_types.html",
        status=422 if errors else 200,
        **event_facts(event),
        types=await types_of(call, event),
        most=MOST_TYPES,
        form=_DEFAULTS | (dict(call.sent) if errors else {}),
        errors=errors,
        done=call.query_params.get("done") if call.method == "GET" else None,
        unique=unique_part(call.sent) if errors else secrets.token_hex(4),
    )


async def _type_page(
    call: PageRequest,
    event: Event,
    offer: Offer,
    errors: dict[str, str] | None = None,
    *,
    asks: str | None = None,
    fields: OfferFields | None = None,
    lists: Sequence[Overview] = (),
    status: int = 200,
) -> Response:
    too_many = 0
    if fields is not None and fields.max_quantity_per_order < offer.max_quantity_per_order:
        for one in lists:
            if one.waiting:
                key = ListKey(one.offer_id, one.representation_id)
                most = min(fields.max_quantity_per_order, one.total_stock)
                too_many += await list_queries.count_too_many(call.pool, key, most_held=most)
    stored = {name: str(getattr(offer, name)) for name in _FIELDS}
    return dashboard_page(
        call,
        "dashboard_ticket_type.html",
        status=422 if errors else status,
        **event_facts(event),
        offer=offer,
        form=stored | (dict(call.sent) if errors or asks == "change" else {}),
        errors=errors or {},
        asks=asks,
        fields=fields,
        lists=len(lists),
        waiting=sum(one.waiting for one in lists),
        too_many=too_many,
        refused=status == 409,
    )
