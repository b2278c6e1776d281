"""People on the dashboard: their names on other pages, and the search in all lists."""

from collections.abc import Collection

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.people import NO_PEOPLE, People, read_people
from waiting_list.lists.queries.people_search import FoundPeople, find_people, is_too_short
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.forms import search_text
from waiting_list.pages.page import PageRequest
from waiting_list.web.request import ApiRequest
from waiting_list.web.shown_people import log_people, sees_people

router = APIRouter(route_class=DashboardRoute, include_in_schema=False)
_SHOWN = 50
"""The most entries that a search shows."""
_LONGEST = 200
"""The most characters of a text to search for."""


@router.get(to.DASHBOARD_PEOPLE)
async def show_people(call: PageRequest) -> Response:
    """Search for a fan in all lists of the organization, or show the empty search."""
    text = search_text(call.query_params.get("text"))
    return dashboard_page(
        call,
        "dashboard_people.html",
        text=text,
        sees_people=sees_people(call),
        too_short=text is not None and sees_people(call) and is_too_short(text),
        found=await search_people(call, text) if text else None,
    )


async def search_people(call: PageRequest, text: str, key: ListKey | None = None) -> FoundPeople:
    """Search for a fan in all lists of the organization or in one, and log how many names it showed."""
    names = sees_people(call)
    found = await find_people(call.pool, call.organization_id, text[:_LONGEST], names=names, limit=_SHOWN, key=key)
    shown = sum(1 for one in found.items if one.person and one.person.title)
    log_people(call, shown, shown_in="search")
    return found


async def people_of(
    call: ApiRequest, key: ListKey, numbers: Collection[int], users: Collection[str] = (), *, shown_in: str
) -> People:
    """Return the people of some entries of a list, and log that the organizer sees them in a place.

    Without the scope for that, the result is empty. Raises Unavailable.
    """
    if not sees_people(call):
        return NO_PEOPLE
    found = await read_people(call.pool, key, numbers, users)
    log_people(call, len(found), shown_in=shown_in)
    return found
