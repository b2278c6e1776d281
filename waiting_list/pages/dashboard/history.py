"""The dashboard page of a list's history."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.members import actor_names
from waiting_list.lists.events import VERBS
from waiting_list.lists.queries import history as history_queries
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, list_facts, next_page
from waiting_list.pages.dashboard.people import people_of
from waiting_list.pages.page import PageRequest
from waiting_list.web.parameters import path_key

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_CHANGES = 100


@router.get(to.DASHBOARD_HISTORY)
async def show_history(call: PageRequest) -> Response:
    """Show the history of a list, the newest change first unless the query asks for the oldest."""
    key = path_key(call)
    shown = await list_facts(call, key)
    verbs = [verb for verb in call.query_params.getlist("verb") if verb in VERBS]
    oldest_first = call.query_params.get("order") == "oldest"
    read = history_queries.history if oldest_first else history_queries.story
    found = await read(
        call.pool,
        key,
        organization_id=call.organization_id,
        verb=verbs or None,
        limit=_CHANGES,
        cursor=call.query_params.get("cursor") or None,
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
        chosen=verbs,
        oldest_first=oldest_first,
    )
