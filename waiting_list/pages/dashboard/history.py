"""The dashboard page of a list's history."""

from typing import Any

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.members import actor_names
from waiting_list.lists.events import VERBS
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.history import HistoryFilter, filtered_history, last_audit
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts, next_page
from waiting_list.pages.dashboard.people import people_of, search_people
from waiting_list.pages.forms import moment, search_text
from waiting_list.pages.page import PageRequest
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_CHANGES = 100
_ACTORS = ("user", "service", "organizer")
_MOST_DIGITS = 18


@router.get(to.DASHBOARD_HISTORY)
async def show_history(call: PageRequest) -> Response:
    """Show the history of a list, or a part of it; the newest change first, or the oldest."""
    key, asked = path_key(call), call.query_params
    shown = await list_facts(call, key)
    only = await _filter(call, key, shown["timezone"])
    oldest_first = asked.get("order") == "oldest"
    found = await filtered_history(
        call.pool,
        key,
        organization_id=call.organization_id,
        only=only,
        oldest_first=oldest_first,
        limit=_CHANGES,
        cursor=asked.get("cursor") or None,
    )
    return dashboard_page(
        call,
        "dashboard_history.html",
        **shown,
        changes=found.items,
        actors=await actor_names(call.pool, call.organization_id, (one.actor for one in found.items)),
        people=await people_of(call, key, {one.number for one in found.items if one.number}, shown_in="history"),
        more=next_page(call, found.next_cursor),
        verbs=VERBS,
        kinds_of_actors=_ACTORS,
        chosen=only.verbs or (),
        only=only,
        asked=asked,
        oldest_first=oldest_first,
        audit=await last_audit(call.pool),
    )


async def _filter(call: PageRequest, key: ListKey, timezone: str) -> HistoryFilter:
    """Return the filter that the query asks for. Raises InvalidRequest."""
    asked = call.query_params
    actor: Any = asked.get("actor")
    return HistoryFilter(
        verbs=[verb for verb in asked.getlist("verb") if verb in VERBS] or None,
        actor=actor if actor in _ACTORS else None,
        numbers=await _numbers(call, key, search_text(asked.get("person"))),
        since=moment(asked, "from", timezone),
        until=moment(asked, "until", timezone),
    )


async def _numbers(call: PageRequest, key: ListKey, text: str | None) -> list[int] | None:
    """Return the numbers of the entries that a text names: a number, or people; None without a text."""
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return [int(text)]
    return [one.entry.number for one in (await search_people(call, text, key)).items]
