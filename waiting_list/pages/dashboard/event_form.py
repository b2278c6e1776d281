"""The dashboard pages that make an event and change its details: title, venue, timezone and description.

A new event is a draft. Before a change that concerns fans in its lists, the page says what it does.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list import pictures
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.additions import readable_id
from waiting_list.catalogue.duplicate import duplicate
from waiting_list.catalogue.models import Event, EventFields
from waiting_list.pages.dashboard.events import EventRoute, dates_of, event_facts, event_of
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.forms import unique_part
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import Unavailable
from waiting_list.timezones import CITIES
from waiting_list.web.parameters import path_id

router = APIRouter(route_class=EventRoute, include_in_schema=False)
_TEXTS = ("title", "description", "venue_name", "venue_address", "timezone")
_LIMIT = "max_places_per_person"
_DAYS = re.compile(r"-?[0-9]{1,4}|")
_MOST_DAYS = 3650
_SHOWN = (*_TEXTS, _LIMIT, "unlisted")
_LETTERS = ("venue_name", "venue_address")
"""The facts of which fans get a letter when they change."""


@router.get(to.NEW_EVENT)
async def show_new_event(call: PageRequest) -> Response:
    """Show the form of a new event."""
    cast(Organizer, call.who).demand(Scope.STOCK)
    return await _form_page(call, None, {})


@router.post(to.NEW_EVENT)
async def make_event(call: PageRequest) -> Response:
    """Create a draft, with its image, and go on with its dates. The button pressed twice makes one event."""
    fields, errors = _read(call.sent, None)
    file, picture = call.files.get("file"), None
    if file and fields is None:
        errors["image"] = "again"
    elif file:
        try:
            picture = await pictures.event_image(file)
        except pictures.NoPicture as refusal:
            errors["image"] = refusal.why
    if fields is None or errors:
        return await _form_page(call, None, errors)
    try:
        kept = await call.service.images.keep(call.organization_id, picture)
    except Unavailable as outage:
        return await _form_page(call, None, {"image": outage.code}, outage.status)
    event_id = readable_id(fields.title, unique_part(call.sent))
    await catalogue_changes.put_event(call.pool, call.organization_id, event_id, fields, actor=call.caller.actor)
    if kept:
        await call.service.images.set_event_image(call.organization_id, event_id, kept)
    return go_to(to.address(to.DASHBOARD_EVENT_DATES, event_id=event_id))


@router.get(to.DASHBOARD_EVENT_DETAILS)
async def show_details(call: PageRequest) -> Response:
    """Show the details of an event, with the form to change them."""
    return await _form_page(call, await event_of(call), {})


@router.post(to.DASHBOARD_EVENT_DETAILS)
async def change_details(call: PageRequest) -> Response:
    """Change the details of an event; before, if fans are in its lists, say what that does."""
    event = await event_of(call)
    fields, errors = _read(call.sent, event)
    if fields is None:
        return await _form_page(call, event, errors)
    before, after = event.model_dump(), fields.model_dump()
    changed = {name: (before[name], after[name]) for name in _SHOWN if before[name] != after[name]}
    people = sum(date.waiting + date.ready for date in await dates_of(call, event)) if changed else 0
    if people and "confirmed" not in call.sent:
        return dashboard_page(
            call,
            "dashboard_event_details_confirm.html",
            **event_facts(event),
            changed=changed,
            concerned=people,
            letters=any(name in changed for name in _LETTERS),
            form={name: call.sent.get(name, "") for name in _SHOWN},
        )
    if changed:
        await catalogue_changes.put_event(
            call.pool, call.organization_id, event.event_id, fields, engine=call.engine, actor=call.caller.actor
        )
    done = "details" if changed else "nothing"
    return go_to(f"{to.address(to.DASHBOARD_EVENT_DETAILS, event_id=event.event_id)}?done={done}")


@router.post(to.DASHBOARD_EVENT_IMAGE)
async def change_image(call: PageRequest) -> Response:
    """Take an uploaded image of the event, or remove the present one."""
    event = await event_of(call)
    try:
        picture = None if "remove" in call.sent else await pictures.event_image(call.files.get("file", b""))
        kept = await call.service.images.keep(call.organization_id, picture)
    except pictures.NoPicture as refusal:
        return await _form_page(call, event, {"image": refusal.why})
    except Unavailable as outage:
        return await _form_page(call, event, {"image": outage.code}, outage.status)
    await call.service.images.set_event_image(call.organization_id, event.event_id, kept)
    done = "image" if picture else "no-image"
    return go_to(f"{to.address(to.DASHBOARD_EVENT_DETAILS, event_id=event.event_id)}?done={done}")


@router.get(to.DASHBOARD_EVENT_IMAGE)
async def show_details_again(call: PageRequest) -> Response:
    """Redirect a reload of a refused image to the details."""
    return go_to(to.address(to.DASHBOARD_EVENT_DETAILS, event_id=path_id(call, "event_id")))


@router.post(to.DASHBOARD_EVENT_DUPLICATE)
async def duplicate_event(call: PageRequest) -> Response:
    """Make a draft like this event. The button pressed twice makes one."""
    event, form = await event_of(call), call.sent
    title, days = form.get("copy_title", "").strip(), form.get("days", "").strip()
    errors = {}
    if not _DAYS.fullmatch(days) or abs(int(days or 0)) > _MOST_DAYS:
        errors["days"] = f"must be a whole number from {-_MOST_DAYS} to {_MOST_DAYS}"
    try:
        fields = EventFields.model_validate(
            {**event.model_dump(include={*EventFields.model_fields}), "title": title}
        )
    except ValidationError:
        errors["copy_title"] = "must have 1 to 500 characters"
    if errors:
        return await _form_page(call, event, errors)
    event_id = await duplicate(
        call.pool,
        call.caller,
        event,
        fields.model_copy(update={"draft": True, "archived": False}),
        unique_part(form),
        days_later=int(days) if days else None,
    )
    return go_to(to.address(to.DASHBOARD_EVENT, event_id=event_id))


def _read(form: Mapping[str, str], event: Event | None) -> tuple[EventFields | None, dict[str, str]]:
    """Return the fields of a form, or what is wrong with each. All else stays as the event has it."""
    kept: dict[str, Any] = event.model_dump(include={*EventFields.model_fields}) if event else {"draft": True}
    texts = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in _TEXTS}
    limit = form.get(_LIMIT, "").strip()
    number = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 10 else limit
    unlisted = {"yes": True, "no": False}.get(form.get("unlisted", ""), kept.get("unlisted"))
    try:
        asked = texts | {_LIMIT: number if limit else None, "unlisted": unlisted}
        return EventFields.model_validate(kept | asked), {}
    except ValidationError as error:
        return None, {str(one["loc"][0]): one["msg"] for one in error.errors()}


async def _form_page(
    call: PageRequest, event: Event | None, errors: dict[str, str], status: int = 422
) -> Response:
    stored: dict[str, Any] = event.model_dump() if event else {"timezone": await usual_timezone(call)}
    form = {name: stored.get(name) or "" for name in _SHOWN} | (dict(call.sent) if errors else {})
    return dashboard_page(
        call,
        "dashboard_event_form.html",
        status=status if errors else 200,
        **(event_facts(event) if event else {"event": None}),
        form=form,
        errors=errors,
        timezones=CITIES,
        is_guess=event is None and not errors and not form["timezone"],
        done=call.query_params.get("done") if call.method == "GET" else None,
        unique=call.sent.get("unique", "") if errors else secrets.token_hex(4),
    )


async def usual_timezone(call: PageRequest) -> str:
    """Return the timezone of an event of the organization; empty without one, so that the browser fills it."""
    found = await catalogue_queries.events(call.pool, call.organization_id, event_id=None, limit=1, cursor=None)
    return found.items[0].timezone if found.items else ""
