"""The pages with which a fan leaves every list of a wish at once."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.wishes import leave_wish
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import FAN
from waiting_list.lists.queries import wish_places as wish_queries
from waiting_list.lists.queries.wish_places import WishPlaces
from waiting_list.pages.fans.entry import EntryPageRequest, show_page
from waiting_list.pages.forms import read_form
from waiting_list.pages.page import go_to


async def ask_to_leave_all(call: EntryPageRequest) -> Response:
    """Ask the fan to confirm leaving every list of the wish, and show each place that this costs."""
    found = await _wish(call)
    asked = found is not None and found.active
    return await show_page(call, "leave_all.html" if asked else "link.html", all_shown=_state(found))


async def leave_all(call: EntryPageRequest) -> Response:
    """Leave every list of the wish, and release held tickets.

    If a place has changed since the question, for example became ready, ask again; also if the form does not say
    what it was made for.
    """
    found = await _wish(call)
    form = await read_form(call)
    if found is None or form.get("shown") != _state(found):
        return await ask_to_leave_all(call)
    await leave_wish(call.engine, found, Caller(call.place.organization_id, FAN))
    return go_to(call.base, call.route.headers)


def add_wish_pages(router: APIRouter, path: str) -> None:
    """Add these pages of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.LEAVE_ALL, ask_to_leave_all, methods=["GET"])
    router.add_api_route(path + to.LEAVE_ALL, leave_all, methods=["POST"])


async def _wish(call: EntryPageRequest) -> WishPlaces | None:
    wish_id, place = call.place.entry.wish_id, call.place
    return await wish_queries.wish(call.pool, place.organization_id, wish_id) if wish_id else None


def _state(found: WishPlaces | None) -> str:
    """Return the places and statuses that a form to leave all was made for."""
    active = found.active if found else []
    return " ".join(f"{one.list_id.hex[:8]}-{one.entry.number}-{one.entry.status}" for one in active)
