"""The dashboard page of all events: their state, next date and waiting fans."""

from typing import cast, get_args

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue.overview import Show, event_overview
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, next_page
from waiting_list.pages.forms import search_text
from waiting_list.pages.page import PageRequest

_EVENTS = 50
router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.DASHBOARD_EVENTS)
async def show_events(call: PageRequest) -> Response:
    """Show the organization's events, the next one first; a text or a state filters them."""
    asked = call.query_params
    text = search_text(asked.get("text"))
    # A search looks at all events, unless it names a state: an organizer who knows the title wants to find it.
    show = asked.get("show") or ("all" if text else "coming")
    found = await event_overview(
        call.pool,
        call.organization_id,
        text=text,
        show=cast(Show, show) if show in get_args(Show) else "coming",
        limit=_EVENTS,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_events.html",
        events=found.items,
        more=next_page(call, found.next_cursor),
        text=text,
        shown=show,
        is_first=not asked.get("cursor"),
        has_events=bool(found.items) or await _has_events(call),
    )


async def _has_events(call: PageRequest) -> bool:
    any_of_them = await event_overview(call.pool, call.organization_id, limit=1, cursor=None)
    return bool(any_of_them.items)
