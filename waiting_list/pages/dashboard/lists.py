"""The dashboard's pages of lists, of one list and of one entry.

What changes something is in pages/dashboard/changes.py. Whatever belongs to another organization is not there.
"""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.fields import INT32_MAX
from waiting_list.lists.models import LeftReason, ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import history as history_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.lookalikes import read_lookalikes
from waiting_list.pages.dashboard.session import DashboardRoute, dashboard_page
from waiting_list.pages.forms import moment
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import InvalidRequest, NotFound
from waiting_list.web.csv_export import entries_as_csv
from waiting_list.web.parameters import path_id, path_key

_LISTS = 50
_ENTRIES = 100
_GROUPS = 50
_CHANGES_OF_ENTRY = 30
_ACTIVE = (Status.WAITING, Status.READY)

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)


@router.get(to.DASHBOARD)
async def show_lists(call: PageRequest) -> Response:
    """All lists: what is wanted against what there is."""
    asked = call.query_params
    events = await catalogue_queries.events(call.pool, call.organization_id, event_id=None, limit=500, cursor=None)
    found = await list_queries.overview(
        call.pool,
        call.organization_id,
        event_id=_text(asked.get("event_id")),
        text=_text(asked.get("text")),
        wanted_only="wanted" in asked,
        past="past" in asked,
        limit=_LISTS,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard.html",
        lists=found.items,
        more=next_page(call, found.next_cursor),
        events=events.items,
        asked=asked,
    )


@router.get(to.DASHBOARD_LIST)
async def show_list(call: PageRequest) -> Response:
    """One list: its stock, who is in it, and what can be done."""
    key = path_key(call)
    shown = await list_facts(call, key)
    only = _filter(call, key, shown["timezone"])
    found = await entry_queries.entries(
        call.pool, call.organization_id, only, limit=_ENTRIES, cursor=call.query_params.get("cursor") or None
    )
    return dashboard_page(
        call,
        "dashboard_list.html",
        **shown,
        entries=found.items,
        more=next_page(call, found.next_cursor),
        csv=f"{to.of_list(to.DASHBOARD_CSV, key)}?{call.query_params}",
        asked=call.query_params,
        reasons=list(LeftReason),
        done=call.query_params.get("done"),
    )


@router.get(to.DASHBOARD_CSV)
async def export_entries(call: PageRequest) -> Response:
    """The entries that the page of the list shows, all of them."""
    key = path_key(call)
    shown = await list_facts(call, key)
    answer = await entries_as_csv(call, _filter(call, key, shown["timezone"]))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@router.get(to.DASHBOARD_ENTRY)
async def show_entry(call: PageRequest) -> Response:
    """One fan's latest entry, what happened to it, and what can be done."""
    key, user_id = path_key(call), path_id(call, "user_id")
    shown = await list_facts(call, key)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    found = await history_queries.story(
        call.pool,
        key,
        organization_id=call.organization_id,
        number=entry.number,
        limit=_CHANGES_OF_ENTRY,
        cursor=None,
    )
    return dashboard_page(call, "dashboard_entry.html", **shown, entry=entry, changes=found.items)


@router.get(to.DASHBOARD_LOOKALIKES)
async def show_lookalikes(call: PageRequest) -> Response:
    """Entries that look like one person, to be removed together."""
    key = path_key(call)
    shown = await list_facts(call, key)
    asked = call.query_params
    found = await read_lookalikes(call.pool, key, limit=_GROUPS, cursor=asked.get("cursor") or None)
    return dashboard_page(
        call,
        "dashboard_lookalikes.html",
        **shown,
        groups=found.items,
        more=next_page(call, found.next_cursor),
        done=asked.get("done"),
        undo=_text(asked.get("undo")),
    )


@router.get(to.DASHBOARD_LIST + to.ANYTHING_ELSE)
async def show_list_again(call: PageRequest) -> Response:
    """For who reloads what a form has answered."""
    key = path_key(call)
    await list_facts(call, key)
    return go_to(to.of_list(to.DASHBOARD_LIST, key))


@router.get(to.DASHBOARD + to.ANYTHING_ELSE)
async def show_nothing(call: PageRequest) -> Response:  # noqa: ARG001 - as every page
    """For who follows an address that no page has: that is said on a page, too."""
    raise NotFound("This page does not exist.")


async def list_facts(call: PageRequest, key: ListKey) -> dict[str, Any]:
    """What every page of a list shows of it. Raises InventoryNotFound."""
    show, rules, stock = await list_queries.organizers_list(call.pool, key, organization_id=call.organization_id)
    return {
        "show": show,
        "rules": rules,
        "stock": stock,
        "timezone": show.timezone,
        "list_page": to.of_list(to.DASHBOARD_LIST, key),
        "most": INT32_MAX,
    }


def _filter(call: PageRequest, key: ListKey, timezone: str) -> entry_queries.EntryFilter:
    """Which entries a query asks for; those who wait or hold tickets, unless it says so. Raises InvalidRequest."""
    asked = call.query_params
    status: list[str] | None = [one for one in asked.getlist("status") if one]
    if status and not {*status} <= {"all", *Status}:
        raise InvalidRequest.of("query.status", "must be waiting, ready, left or all")
    reasons = [one for one in asked.getlist("left_reason") if one]
    if not {*reasons} <= {*LeftReason}:
        raise InvalidRequest.of("query.left_reason", "must be bought, cancelled, expired, removed or ended")
    if status and "all" in status:
        status = None
    elif not status:
        status = [Status.LEFT] if reasons else None if asked.get("user_id") else list(_ACTIVE)
    return entry_queries.EntryFilter(
        user_id=[user_id] if (user_id := _text(asked.get("user_id"))) else None,
        offer_id=[key.offer_id],
        representation_id=[key.representation_id],
        status=status,
        left_reason=reasons or None,
        joined_before=moment(asked, "joined_before", timezone),
        joined_after=moment(asked, "joined_after", timezone),
    )


def _text(value: str | None) -> str | None:
    # PostgreSQL takes no NUL; nothing has one.
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").strip() or None if value else None


def next_page(call: PageRequest, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    asked = [(name, value) for name, value in call.query_params.multi_items() if name not in ("cursor", "done")]
    return f"{call.page}?{urlencode([*asked, ('cursor', cursor)])}"
