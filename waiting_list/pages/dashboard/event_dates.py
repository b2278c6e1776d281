"""The dashboard pages that add dates to an event, several at once, and that change or delete one.

Before anything changes, the organizer sees the dates that a series makes, and what a new time means for fans.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import deletion
from waiting_list.catalogue.additions import add_dates, readable_id
from waiting_list.catalogue.date_series import MOST_DATES, Span, series
from waiting_list.catalogue.models import Event, RepresentationFields
from waiting_list.pages.dashboard.events import Date, EventRoute, dates_of, event_facts, event_of
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.forms import moment, unique_part, whole_number
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import HasDependents, InvalidRequest, RepresentationNotFound, WouldEndList
from waiting_list.web.parameters import path_id

router = APIRouter(route_class=EventRoute, include_in_schema=False)
_EVERY = {"once": 1, "day": 1, "week": 7, "two_weeks": 14}
_DEFAULTS = {"starts": "", "hours": "2", "minutes": "0", "every": "once", "count": ""}


@router.get(to.DASHBOARD_EVENT_DATES)
async def show_new_dates(call: PageRequest) -> Response:
    """Show the form that adds dates."""
    return _dates_page(call, await event_of(call))


@router.post(to.DASHBOARD_EVENT_DATES)
async def make_dates(call: PageRequest) -> Response:
    """Add one date, or those of a series that are ticked. A series, and a date in the past, are shown before."""
    event, form = await event_of(call), call.sent
    made, errors = _series(form, event)
    chosen = [one for one in made if _name(one) in form]
    if len(made) == 1 and made[0].start > datetime.now(UTC):
        chosen = list(made)
    if errors or not chosen:
        return _dates_page(call, event, made, errors)
    unique = unique_part(form)
    dates = {
        readable_id(event.title, f"{one.start:%Y%m%d%H%M}", unique): RepresentationFields(
            event_id=event.event_id, start_datetime=one.start, end_datetime=one.end
        )
        for one in chosen
    }
    await add_dates(call.pool, call.caller, dates)
    return go_to(f"{to.address(to.DASHBOARD_EVENT, event_id=event.event_id)}?done=dates&count={len(dates)}")


@router.get(to.DASHBOARD_EVENT_DATE)
async def show_date(call: PageRequest) -> Response:
    """Show one date, with the forms to change and to delete it."""
    event = await event_of(call)
    return _date_page(call, event, await _date_of(call, event))


@router.post(to.DASHBOARD_EVENT_DATE)
async def change_date(call: PageRequest) -> Response:
    """Change or delete a date; before, if fans are in its lists, say what that does."""
    event, form = await event_of(call), call.sent
    date = await _date_of(call, event)
    if form.get("do") == "delete":
        return await _delete(call, event, date)
    fields, errors = _times(form, event, date)
    if fields is None:
        return _date_page(call, event, date, errors)
    same = (fields.start_datetime, fields.end_datetime) == (
        date.representation.start_datetime,
        date.representation.end_datetime,
    )
    would_end = bool(date.waiting + date.ready) and fields.start_datetime <= datetime.now(UTC)
    if not same and (date.waiting or date.ready) and "confirmed" not in form:
        return _date_page(call, event, date, {}, fields=fields, asks="change", would_end=would_end)
    if not same:
        try:
            await catalogue_changes.put_representation(
                call.pool,
                call.engine,
                call.caller,
                date.representation.representation_id,
                fields,
                end_lists="end_lists" in form,
            )
        except WouldEndList:
            return _date_page(call, event, date, {}, fields=fields, asks="change", would_end=True, status=409)
    done = "nothing" if same else "date"
    return go_to(f"{to.address(to.DASHBOARD_EVENT, event_id=event.event_id)}?done={done}")


async def _delete(call: PageRequest, event: Event, date: Date) -> Response:
    """Delete a date, and its lists if fans have never joined them or the event is a draft of tests."""
    if "confirmed" not in call.sent:
        return _date_page(call, event, date, {}, asks="delete")
    representation_id = date.representation.representation_id
    try:
        await deletion.delete_representation(call.pool, call.caller, representation_id, with_entries=True)
    except HasDependents:
        return _date_page(call, event, date, {}, asks="delete", status=409)
    return go_to(f"{to.address(to.DASHBOARD_EVENT, event_id=event.event_id)}?done=deleted")


async def _date_of(call: PageRequest, event: Event) -> Date:
    wanted = path_id(call, "representation_id")
    for one in await dates_of(call, event):
        if one.representation.representation_id == wanted:
            return one
    raise RepresentationNotFound("There is no such representation.")


def _series(form: Mapping[str, str], event: Event) -> tuple[Sequence[Span], dict[str, str]]:
    """Return the dates that a form describes, or what is wrong with its fields."""
    errors: dict[str, str] = {}
    first = _moment(form, "starts", event, errors)
    hours, minutes = _number(form, "hours", 0, 999, errors), _number(form, "minutes", 0, 59, errors)
    every = form.get("every", "once")
    count = 1 if every not in _EVERY or every == "once" else _number(form, "count", 1, MOST_DATES, errors)
    if every not in _EVERY:
        errors["every"] = "must be once, day, week or two_weeks"
    if errors or first is None:
        return [], errors
    length = timedelta(hours=hours, minutes=minutes)
    return series(first, length=length, every_days=_EVERY[every], count=count), {}


def _number(form: Mapping[str, str], name: str, least: int, most: int, errors: dict[str, str]) -> int:
    try:
        number = whole_number(form, name)
    except InvalidRequest:
        number = -1
    if not least <= number <= most:
        errors[name] = f"must be a whole number from {least} to {most}"
    return number


def _moment(form: Mapping[str, str], name: str, event: Event, errors: dict[str, str]) -> datetime | None:
    try:
        found = moment(form, name, event.timezone)
    except InvalidRequest:
        found = None
    if found is None:
        errors[name] = "must be a date and a time"
    return found


def _times(
    form: Mapping[str, str], event: Event, date: Date
) -> tuple[RepresentationFields | None, dict[str, str]]:
    """Return the times of a form, or what is wrong with its fields.

    A field that was not touched keeps its instant, also one that the clocks show twice.
    """
    errors: dict[str, str] = {}
    shown, stored = _fields_of(date, event), date.representation
    kept = {"starts": stored.start_datetime, "ends": stored.end_datetime}
    start, end = (
        kept[name] if form.get(name) == shown[name] else _moment(form, name, event, errors) for name in kept
    )
    if start is None or end is None:
        return None, errors
    try:
        return RepresentationFields(event_id=event.event_id, start_datetime=start, end_datetime=end), {}
    except ValidationError:
        return None, {"ends": "must not be before the start"}


def _fields_of(date: Date, event: Event) -> dict[str, str]:
    """Return what the fields of a date show: its times on the clock of the event."""
    about, zone = date.representation, ZoneInfo(event.timezone)
    times = {"starts": about.start_datetime, "ends": about.end_datetime}
    return {
        name: time.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")
        for name, time in times.items()
    }


def _name(one: Span) -> str:
    return f"date_{one.start:%Y%m%d%H%M}"


def _dates_page(
    call: PageRequest, event: Event, made: Sequence[Span] = (), errors: dict[str, str] | None = None
) -> Response:
    form = call.sent if call.method == "POST" else _DEFAULTS
    return dashboard_page(
        call,
        "dashboard_event_dates.html",
        status=422 if errors else 200,
        **event_facts(event),
        form=_DEFAULTS | dict(form),
        errors=errors or {},
        made=[(_name(one), one) for one in made],
        none_chosen="seen" in form and not any(name.startswith("date_") for name in form),
        now=datetime.now(UTC),
        most=MOST_DATES,
        unique=unique_part(form) if "unique" in form else secrets.token_hex(4),
    )


def _date_page(
    call: PageRequest,
    event: Event,
    date: Date,
    errors: dict[str, str] | None = None,
    *,
    fields: RepresentationFields | None = None,
    asks: str | None = None,
    would_end: bool = False,
    status: int = 200,
) -> Response:
    about: Any = date.representation
    return dashboard_page(
        call,
        "dashboard_event_date.html",
        status=422 if errors else status,
        **event_facts(event),
        date=date,
        form=_fields_of(date, event) | (dict(call.sent) if call.method == "POST" else {}),
        errors=errors or {},
        fields=fields or about,
        asks=asks,
        would_end=would_end,
        refused=status == 409,
    )
