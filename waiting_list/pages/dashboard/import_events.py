"""The dashboard page that imports events from one CSV sheet: choose, map the columns, preview, import.

The preview is the import itself, rolled back. Nothing is kept between the steps: the form has the text.
"""

from collections.abc import Mapping, Sized
from datetime import timedelta
from typing import Any, cast

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.authentication import Organizer
from waiting_list.access.scopes import Scope
from waiting_list.catalogue.csv_import import Catalogue, Loaded, load
from waiting_list.catalogue.sheet import FIELDS, MOST_ROWS, NEEDED, ORDERS, Options, guessed_order, read_sheet
from waiting_list.csv_files import Fault, ImportRefused, header_key
from waiting_list.pages.dashboard.event_form import usual_timezone
from waiting_list.pages.dashboard.events import EventRoute
from waiting_list.pages.dashboard.import_forms import (
    MOST_BYTES,
    Upload,
    digest_of,
    mapped,
    shown_faults,
    uploaded,
    wants_import,
)
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.forms import whole_number
from waiting_list.pages.page import HEADERS, PageRequest
from waiting_list.problems import InvalidRequest, Problem
from waiting_list.timezones import CITIES, TIMEZONES

router = APIRouter(route_class=EventRoute, include_in_schema=False)
_KNOWN = {header_key(one) for keys in FIELDS.values() for one in keys.split()}
_SHOWN = 10
"""How many of the lists a preview shows."""
_MOST_HOURS = 240
SAMPLE = """\
event,date,time,venue,ticket type,tickets,still on sale
Jazz on the Quay,2031-07-15,20:00,The Quay,Floor,500,0
Jazz on the Quay,2031-07-15,20:00,The Quay,Balcony,120,0
Jazz on the Quay,2031-07-16,20:00,The Quay,Floor,500,35
"""


@router.get(to.IMPORT_EVENTS)
async def show_import(call: PageRequest) -> Response:
    """Show the form that takes a file, or the sample file."""
    cast(Organizer, call.who).demand(Scope.STOCK)
    if "sample" in call.query_params:
        headers = {"Content-Disposition": 'attachment; filename="events.csv"'} | HEADERS
        return Response("\ufeff" + SAMPLE, media_type="text/csv; charset=utf-8", headers=headers)
    return await _page(call, None)


@router.post(to.IMPORT_EVENTS)
async def import_events(call: PageRequest) -> Response:
    """Take a file, preview its import, or import it: all of it or nothing. Sent twice, it acts once."""
    sent = uploaded(call, _KNOWN)
    if sent is None:
        return await _page(call, None, missing=True)
    if sent.file is None:
        return await _page(call, sent, sent.refusals.refused().faults)
    places = mapped(call, sent.file, FIELDS)
    if "order" not in call.sent or "file" in call.files:
        return await _page(call, sent, places=places)
    options, errors = _options(call, places)
    if errors:
        return await _page(call, sent, places=places, errors=errors)
    return await _run(call, sent, options)


async def _run(call: PageRequest, sent: Upload, options: Options) -> Response:
    assert sent.file is not None
    shown: dict[str, Any] = {"places": options.places}
    imports, keeps = wants_import(call), "set_stock" not in call.sent
    try:
        found = await read_sheet(call.pool, sent.file, options, sent.refusals)
        done = await load(call.pool, found, dry_run=not imports, keep_stock=keeps, actor=call.caller.actor)
    except ImportRefused as refusal:
        return await _page(call, sent, refusal.faults, **shown)
    except Problem as problem:
        return await _page(call, sent, problem=problem, **shown)
    return await _page(call, sent, found=found, loaded=done, imported=imports, **shown)


def _options(call: PageRequest, places: dict[str, int]) -> tuple[Options, dict[str, str]]:
    """Return the options of the form, and what is wrong with its fields."""
    form = call.sent
    errors = {f"map_{name}": "missing" for name in NEEDED if name not in places}
    timezone = form.get("timezone", "").strip()
    if timezone not in TIMEZONES and not (not timezone and "timezone" in places):
        errors["timezone"] = "invalid"
    numbers = {}
    for name, least, most in (("hours", 0, _MOST_HOURS), ("minutes", 0, 59), ("limit", 1, 999_999)):
        try:
            numbers[name] = whole_number(form, name)
        except InvalidRequest:
            numbers[name] = -1
        if not least <= numbers[name] <= most:
            errors[name] = f"must be a whole number from {least} to {most}"
    order = form.get("order", "")
    type_name = form.get("type_name", "").strip()
    if not 1 <= len(type_name) <= 100:
        errors["type_name"] = "missing"
    options = Options(
        organization_id=call.organization_id,
        places=places,
        timezone=timezone,
        order=order if order in ORDERS else "year",
        length=timedelta(hours=max(0, numbers["hours"]), minutes=max(0, numbers["minutes"])),
        type_name=type_name,
        limit=max(1, numbers["limit"]),
        draft="draft" in form,
    )
    return options, errors


async def _page(
    call: PageRequest,
    sent: Upload | None,
    faults: list[Fault] | None = None,
    *,
    places: Mapping[str, int] | None = None,
    errors: dict[str, str] | None = None,
    missing: bool = False,
    problem: Problem | None = None,
    found: Catalogue | None = None,
    loaded: Loaded | None = None,
    imported: bool = False,
) -> Response:
    places = places or {}
    file = sent.file if sent else None
    begun = call.method == "POST" and "order" in call.sent and "file" not in call.files
    dates = [places["start"]] if "start" in places else range(len(file.columns) if file else 0)
    cells = [row.cells[place] for row in (file.rows if file else ()) for place in dates]
    form = {
        "timezone": await usual_timezone(call),
        "order": guessed_order(cells),
        "hours": "2",
        "minutes": "0",
        "limit": "4",
        "type_name": "Ticket",
        "draft": "yes",
        "set_stock": "",
    }
    if begun:
        form |= {"draft": "", "set_stock": ""} | dict(call.sent)
    wrong = bool(faults or errors or missing or (file is None and sent is not None))
    return dashboard_page(
        call,
        "dashboard_import_events.html",
        status=problem.status if problem else 422 if wrong else 200,
        upload=sent,
        file=file,
        places=places,
        form=form,
        errors=errors or {},
        missing=missing,
        refusal=problem,
        most_kib=MOST_BYTES // 1024,
        most_rows=MOST_ROWS,
        timezones=CITIES,
        loaded=loaded,
        seen=digest_of(call) if loaded else None,
        imported=imported,
        is_guess=not begun and not form["timezone"],
        **shown_faults(faults or []),
        **(_effect(found, loaded) if found and loaded else {}),
    )


def _effect(found: Catalogue, loaded: Loaded) -> dict[str, Any]:
    """Return the counts and the first lists of a preview."""
    kinds: dict[str, Sized] = {
        "events": found.events,
        "representations": found.representations,
        "offers": found.offers,
        "inventory": found.inventory,
    }
    lists = []
    for key, stock in [*found.inventory.items()][:_SHOWN]:
        offer, date = found.offers[key.offer_id], found.representations[key.representation_id]
        lists.append({"event": found.events[date.event_id], "date": date, "offer": offer, "stock": stock})
    return {
        "counts": [
            (
                kind,
                loaded.made[kind],
                loaded.changed[kind],
                max(0, len(all_) - loaded.made[kind] - loaded.changed[kind]),
            )
            for kind, all_ in kinds.items()
        ],
        "lists": lists,
        "more_lists": len(found.inventory) - len(lists),
        "first_event": min(found.events) if len(found.events) == 1 else None,
    }
