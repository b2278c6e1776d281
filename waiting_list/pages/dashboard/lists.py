"""The dashboard pages of all lists, of one list and of look-alikes.

The changes are in pages/dashboard/changes.py. Data of another organization counts as absent.
"""

from typing import Any

from fastapi import APIRouter, Response
from starlette.datastructures import QueryParams

from waiting_list import page_addresses as to
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.lookalikes import read_lookalikes
from waiting_list.lists.queries.needs import needs
from waiting_list.lists.queries.people import People
from waiting_list.notifications.notices import count_failed
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts, next_page
from waiting_list.pages.dashboard.people import people_of, search_people
from waiting_list.pages.forms import moment, search_text
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.csv_export import entries_as_csv
from waiting_list.web.parameters import path_key
from waiting_list.web.server_sent_events import ListStream, StreamHeaders, StreamResponse
from waiting_list.web.shown_people import sees_people

_FIRST = 12
"""The number of rows of a first page without a filter, which is read on a phone in the night."""
_LISTS = 50
_ENTRIES = 100
_GROUPS = 50
_NAMED = 10
"""How many entries of a group of look-alikes the page names."""
_ACTIVE = (Status.WAITING, Status.READY)

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.DASHBOARD)
async def show_lists(call: PageRequest) -> Response:
    """Show all lists, with wanted and available tickets."""
    asked = call.query_params
    # First, so that the page asks for itself again after a change that it may have missed.
    version = await call.service.streams.lists.version(call.organization_id, None)
    events = await catalogue_queries.events(call.pool, call.organization_id, event_id=None, limit=500, cursor=None)
    found = await list_queries.overview(
        call.pool,
        call.organization_id,
        event_id=search_text(asked.get("event_id")),
        text=search_text(asked.get("text")),
        wanted_only="wanted" in asked,
        past="past" in asked,
        limit=_rows(call, _LISTS),
        cursor=asked.get("cursor") or None,
    )
    filtered = any(asked.get(name) for name in ("event_id", "text", "wanted", "past", "cursor"))
    needed, more_needed = ([], False) if filtered else await needs(call.pool, call.organization_id)
    return dashboard_page(
        call,
        "dashboard.html",
        changes_page=to.DASHBOARD_CHANGES,
        version=version,
        filtered=filtered,
        needs=needed,
        more_needs=more_needed,
        failed=0 if filtered else await count_failed(call.pool, call.organization_id),
        lists=found.items,
        more=next_page(call, found.next_cursor),
        events=events.items,
        asked=asked,
        mails_dead_links=call.service.settings.mails_dead_links,
    )


@router.get(to.DASHBOARD_LIST)
async def show_list(call: PageRequest) -> Response:
    """Show one list: its stock, its entries and its actions."""
    key = path_key(call)
    version = await call.service.streams.lists.version(call.organization_id, key)
    shown = await list_facts(call, key)
    return dashboard_page(
        call,
        "dashboard_list.html",
        **shown,
        **await _entries(call, key, shown["timezone"]),
        sees_people=sees_people(call),
        changes_page=to.of_list(to.DASHBOARD_LIST_CHANGES, key),
        version=version,
        failed_addresses=await list_queries.count_failed_addresses(call.pool, key),
        too_many=await list_queries.count_too_many(call.pool, key, most_held=shown["most_held"]),
        asked=call.query_params,
        reasons=list(LeftReason),
        done=call.query_params.get("done"),
    )


async def _entries(call: PageRequest, key: ListKey, timezone: str) -> dict[str, Any]:
    """Return the entries that the query asks for: by a text, or else by the filter, a page at a time."""
    asked = call.query_params
    only = entry_filter(asked, key, timezone)
    if text := search_text(asked.get("text")):
        found = await search_people(call, text, key)
        wanted = only.status if asked.get("status") else None
        items = [
            one
            for one in found.items
            if (wanted is None or one.entry.status in wanted) and (one.entry.paused_at or not only.paused)
        ]
        return {
            "entries": [one.entry for one in items],
            "people": People({one.entry.number: one.person for one in items if one.person}, {}),
            "has_more": found.has_more,
            "more": None,
            "csv": None,
        }
    page = await entry_queries.entries(
        call.pool,
        call.organization_id,
        only,
        limit=_rows(call, _ENTRIES),
        cursor=asked.get("cursor") or None,
    )
    return {
        "entries": page.items,
        "people": await people_of(call, key, [one.number for one in page.items], shown_in="list"),
        "has_more": False,
        "more": next_page(call, page.next_cursor),
        "csv": f"{to.of_list(to.DASHBOARD_CSV, key)}?{asked}",
    }


@router.get(to.DASHBOARD_CSV)
async def export_entries(call: PageRequest) -> Response:
    """Export all entries that match the filter of the list's page, as CSV for a spreadsheet."""
    key = path_key(call)
    shown = await list_facts(call, key)
    only = entry_filter(call.query_params, key, shown["timezone"])
    answer = await entries_as_csv(call, only, spreadsheet=call.locale(), contacts=sees_people(call))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@router.get(to.DASHBOARD_CHANGES)
async def watch_all(call: PageRequest) -> Response:
    """Stream that a list of the organization has changed (web/server_sent_events.py)."""
    return _changes(call, None)


@router.get(to.DASHBOARD_LIST_CHANGES)
async def watch_list(call: PageRequest) -> Response:
    """Stream that the list has changed."""
    key = path_key(call)
    await list_facts(call, key)
    return _changes(call, key)


def _changes(call: PageRequest, key: ListKey | None) -> Response:
    if call.method == "HEAD":
        return StreamHeaders()
    streams = call.service.streams
    return StreamResponse(ListStream(streams, streams.lists.watch(call.organization_id, key)))


@router.get(to.DASHBOARD_LOOKALIKES)
async def show_lookalikes(call: PageRequest) -> Response:
    """Show groups of entries that look like one person, so that the organizer can remove them."""
    key = path_key(call)
    shown = await list_facts(call, key)
    asked = call.query_params
    found = await read_lookalikes(call.pool, key, limit=_GROUPS, cursor=asked.get("cursor") or None)
    numbers = {number for group in found.items for number in group.numbers[:_NAMED]}
    return dashboard_page(
        call,
        "dashboard_lookalikes.html",
        **shown,
        groups=found.items,
        at_most=_NAMED,
        people=await people_of(call, key, numbers, shown_in="lookalikes"),
        more=next_page(call, found.next_cursor),
        done=asked.get("done"),
        undo=search_text(asked.get("undo")),
    )


@router.get(to.DASHBOARD_LIST + to.ANYTHING_ELSE)
async def show_list_again(call: PageRequest) -> Response:
    """Redirect a reload of the answer to a form to the list's page."""
    key = path_key(call)
    await list_facts(call, key)
    return go_to(to.of_list(to.DASHBOARD_LIST, key))


@router.get(to.DASHBOARD + to.ANYTHING_ELSE)
async def show_nothing(call: PageRequest) -> Response:  # noqa: ARG001 - the signature of a handler
    """Answer an unknown address below the dashboard with a page. Raises NotFound."""
    raise NotFound("This page does not exist.")


def _rows(call: PageRequest, most: int) -> int:
    asked = {name for name, value in call.query_params.items() if value} - {"done", "undo"}
    return most if asked else _FIRST


def entry_filter(asked: QueryParams, key: ListKey, timezone: str) -> entry_queries.EntryFilter:
    """Return the filter that a query asks for; by default waiting and ready entries. Raises InvalidRequest."""
    status: list[str] | None = [one for one in asked.getlist("status") if one]
    if status and not {*status} <= {"all", "paused", *Status}:
        raise InvalidRequest.of("query.status", "must be waiting, paused, ready, left or all")
    reasons = [one for one in asked.getlist("left_reason") if one]
    if not {*reasons} <= {*LeftReason}:
        raise InvalidRequest.of("query.left_reason", "must be bought, cancelled, expired, removed or ended")
    if paused := status == ["paused"]:
        status = [Status.WAITING]
    if status and "all" in status:
        status = None
    elif not status:
        status = [Status.LEFT] if reasons else None if asked.get("user_id") else list(_ACTIVE)
    return entry_queries.EntryFilter(
        user_id=[user_id] if (user_id := search_text(asked.get("user_id"))) else None,
        offer_id=[key.offer_id],
        representation_id=[key.representation_id],
        status=status,
        left_reason=reasons or None,
        joined_before=moment(asked, "joined_before", timezone),
        joined_after=moment(asked, "joined_after", timezone),
        paused=paused,
    )
