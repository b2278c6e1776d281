"""The page that says who was served while an entry waited, by number and rule, each with its proof."""

import re

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.lists.queries.why_passed import why_passed
from waiting_list.pages.fans.entry import EntryPageRequest, show_page
from waiting_list.problems import NotFound

_OFFERS = 10
_SEQUENCE = re.compile(r"[1-9][0-9]{0,14}")


async def show_served(call: EntryPageRequest) -> Response:
    """Show the newest offers to other fans while this entry waited, or those before a change.

    Raises NotFound if the ledger of the list is not public.
    """
    place, before = call.place, call.query_params.get("before", "")
    if not place.settings.public_ledger:
        raise NotFound("This page does not exist.")
    found = await why_passed(
        call.pool,
        place.key,
        organization_id=place.organization_id,
        number=place.entry.number,
        limit=_OFFERS,
        before=int(before) if _SEQUENCE.fullmatch(before) else None,
        ahead=True,
    )
    return await show_page(call, "served.html", served=found, older=bool(before))


def add_served_page(router: APIRouter, path: str) -> None:
    """Add the page for the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.SERVED, show_served, methods=["GET"])
