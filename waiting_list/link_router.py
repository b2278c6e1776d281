"""The pages of a private link.

A link is a credential that stands in the address, so nothing else does: no cookie, hence no token against forged
forms, since whoever could forge one would have to know the address; no referrer, no copy in a cache.
"""

from fastapi import APIRouter, Response

from waiting_list import links
from waiting_list.links import PREFIX
from waiting_list.pages import PageCall
from waiting_list.place_pages import PlaceCall, PlaceRoute, add_place_pages
from waiting_list.places import Place
from waiting_list.problems import NotFound


class LinkRoute(PlaceRoute):
    """A page for whoever has its link."""

    depth = 2
    headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}  # noqa: RUF012 - as in PlaceRoute

    async def find(self, call: PlaceCall) -> Place:
        place = await links.find(call.pool, call.path_params.get("token", ""))
        if place is None:
            raise NotFound("This page does not exist.")
        return place


router = APIRouter(route_class=LinkRoute, include_in_schema=False)
add_place_pages(router, PREFIX + "{token}")


@router.api_route(PREFIX + "{anything:path}", methods=["GET", "POST"])
async def show_nothing(call: PageCall) -> Response:  # noqa: ARG001 - a handler is given its call
    """What is left: an address that was cut off, or has more than there is. No link is found by it."""
    raise NotFound("This page does not exist.")
