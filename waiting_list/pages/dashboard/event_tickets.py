"""The dashboard page of an event's tickets: for each date and ticket type the stock, where there is none yet.

The stock of a list that exists changes on the page of that list, which shows the effect before.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.catalogue.additions import add_lists
from waiting_list.catalogue.models import Event, InventoryFields, Offer, Representation
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.lists import Overview
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.pages.dashboard.events import EventRoute, dates_of, event_facts, event_of
from waiting_list.pages.dashboard.page import dashboard_page
from waiting_list.pages.dashboard.ticket_types import types_of
from waiting_list.pages.page import PageRequest, go_to

router = APIRouter(route_class=EventRoute, include_in_schema=False)
_MOST_CELLS = 400
"""The most lists that the page offers to make at once. Further ones come when these are made."""


class Cell(NamedTuple):
    """A ticket type on a date. `list` is None if it has no stock yet."""

    offer: Offer
    key: ListKey
    list: Overview | None

    @property
    def name(self) -> str:
        """The end of the names of its fields."""
        return self.key.list_id.hex


class Row(NamedTuple):
    """A coming date with its ticket types."""

    date: Representation
    cells: Sequence[Cell]


@router.get(to.DASHBOARD_EVENT_TICKETS)
async def show_tickets(call: PageRequest) -> Response:
    """Show the stock of each date and ticket type, with fields where there is none yet."""
    event = await event_of(call)
    rows, types = await _grid(call, event)
    return await _tickets_page(call, event, rows, types, {})


@router.post(to.DASHBOARD_EVENT_TICKETS)
async def set_tickets(call: PageRequest) -> Response:
    """Create the lists whose tickets were entered, and set the link to the shop. The button pressed twice acts
    once."""
    event, form = await event_of(call), call.sent
    rows, types = await _grid(call, event)
    errors: dict[str, str] = {}
    wanted = [(cell.key, stock) for cell in _missing(rows) if (stock := _stock(form, cell, errors))]
    link = _with_places(form.get("sale_link", "").strip())
    try:
        settings = SettingsChange.model_validate({"purchase_url": link or None})
    except ValidationError:
        errors["sale_link"] = "must be an address such as https://shop.example/buy"
    known = [cell.key for row in rows for cell in row.cells if cell.list]
    relinks = known if link != form.get("shown_link", "") else []
    if errors or not (wanted or relinks):
        return await _tickets_page(call, event, rows, types, errors, nothing=not errors)
    new = await add_lists(call.pool, call.caller, wanted)
    for key in [*sorted(new), *relinks] if link or relinks else []:
        await call.engine.run(key, call.caller, verbs.configure, settings=settings, end_lists=False)
    # Of a draft, the last step comes when no list is missing.
    finished = event.draft and len(new) == len(_missing(rows))
    pattern = to.DASHBOARD_EVENT_SHARE if finished else to.DASHBOARD_EVENT_TICKETS
    here = to.address(pattern, event_id=event.event_id)
    return go_to(f"{here}?done=tickets&count={len(wanted)}")


async def _grid(call: PageRequest, event: Event) -> tuple[list[Row], Sequence[Offer]]:
    types = await types_of(call, event)
    rows = []
    for date in await dates_of(call, event):
        about = date.representation
        if about.start_datetime <= datetime.now(UTC) or about.cancelled_at is not None:
            continue
        there = {one.offer_id: one for one in date.lists}
        cells = [
            Cell(one, ListKey(one.offer_id, about.representation_id), there.get(one.offer_id)) for one in types
        ]
        rows.append(Row(about, cells))
    return rows, types


def _missing(rows: Sequence[Row]) -> list[Cell]:
    return [cell for row in rows for cell in row.cells if cell.list is None][:_MOST_CELLS]


def all_dates(offer: Offer) -> str:
    """Return the end of the names of the fields that hold for all dates of a ticket type."""
    return ListKey(offer.offer_id, "").list_id.hex


def _stock(form: Mapping[str, str], cell: Cell, errors: dict[str, str]) -> InventoryFields | None:
    """Return the stock that a form gives a cell: its own, else that of all dates. None without any."""
    own, common = cell.name, all_dates(cell.offer)
    total_at, available_at = (
        own if form.get(f"{name}_{own}", "").strip() else common for name in ("total", "available")
    )
    if total_at == own and available_at == common:
        available_at = own  # empty means none: another total has another number on sale
    total, available = form.get(f"total_{total_at}", "").strip(), form.get(f"available_{available_at}", "").strip()
    if not total:
        if available:
            errors[f"total_{available_at}"] = "must be a whole number"
        return None
    numbers: dict[str, Any] = {}
    for name, where, text in (("total", total_at, total), ("available", available_at, available or "0")):
        if text.isascii() and text.isdecimal() and len(text) < 10:
            numbers[f"{name}_stock"] = int(text)
        else:
            errors[f"{name}_{where}"] = "must be a whole number"
    if len(numbers) < 2:
        return None
    try:
        return InventoryFields(**numbers)
    except ValidationError:
        errors[f"available_{available_at}"] = "must not be more than the total"
        return None


def _with_places(link: str) -> str:
    """Return a link to the shop with a place for the purchase pass: shops without the service ignore it."""
    if not link or "{pass}" in link:
        return link
    joint = "&" if "?" in link else "?"
    return f"{link}{joint}waiting_list_pass={{pass}}&tickets={{tickets}}"


async def _tickets_page(
    call: PageRequest,
    event: Event,
    rows: Sequence[Row],
    types: Sequence[Offer],
    errors: dict[str, str],
    *,
    nothing: bool = False,
) -> Response:
    known = next((cell.key for row in rows for cell in row.cells if cell.list), None)
    link = ""
    if known is not None:
        stored = await list_queries.list_settings(call.pool, known, organization_id=call.organization_id)
        link = stored.purchase_url or ""
    sent = dict(call.sent) if call.method == "POST" else {}
    missing = _missing(rows)
    return dashboard_page(
        call,
        "dashboard_event_tickets.html",
        status=422 if errors or nothing else 200,
        **event_facts(event),
        rows=rows,
        types=[(one, all_dates(one)) for one in types if any(cell.offer == one for cell in missing)],
        has_types=bool(types),
        missing={cell.name for cell in missing},
        form={"sale_link": link, "shown_link": link} | sent,
        errors=errors,
        nothing=nothing,
        done=call.query_params.get("done") if call.method == "GET" else None,
        count=call.query_params.get("count", ""),
    )
