"""Define the public calls: upcoming events, a list, and its queue."""

from typing import Any

from fastapi import APIRouter, Response

from waiting_list import problems
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventSummary
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.models import Queue, WaitingList
from waiting_list.web.openapi import COMMON, declared, sent
from waiting_list.web.parameters import Cursor, Ids, Limit, PathId, Search, header
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page, takes_gzip
from waiting_list.web.routes import PublicRoute

router = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["Public lists"])
LIST = "/waiting-lists/{offer_id}/{representation_id}"
_SHARED = "public, max-age=1"
"""The `Cache-Control` of public data: a shared cache may keep it for a second."""
TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": sent("ETag", "Vary")},
    304: {
        "description": "The snapshot has not changed since the ETag that the caller sent.",
        "headers": sent("ETag", "Vary"),
    },
}


@router.get(
    "/events",
    operation_id="list_upcoming_events",
    response_model=Listing[EventSummary],
    responses=declared(COMMON),
)
async def list_upcoming_events(
    call: ApiRequest,
    search: Search,
    organization_id: Ids = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List upcoming events, the next one first, with their representations, offers and waiting lists.

    A search narrows them. Then the order is that of the next date that matches.
    """
    found = await catalogue_queries.upcoming_events(
        call.pool, organization_id, search=search, limit=limit, cursor=cursor
    )
    return _for_shared_caches(page(found.map(lambda one: one.at(call.service.settings.public_url)), EventSummary))


@router.get(
    LIST,
    operation_id="get_waiting_list",
    response_model=WaitingList,
    responses=declared([*COMMON, problems.InventoryNotFound]),
)
async def get_waiting_list(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the public view of a waiting list: whether it is open, how many fans wait, and its rules."""
    key = ListKey(offer_id, representation_id)
    return _for_shared_caches(
        answer((await list_queries.waiting_list(call.pool, key)).at(call.service.settings.public_url))
    )


@router.get(
    LIST + "/queue",
    operation_id="get_queue",
    openapi_extra=header("If-None-Match", "The `ETag` of the snapshot that the caller has."),
    response_model=Queue,
    responses=declared([*COMMON, problems.InventoryNotFound]) | TAGGED,
)
async def get_queue(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show a snapshot of the whole queue. A page can compute the position of an entry from it. Caches may keep it
    for a second."""
    snapshot = await call.reads.queue_snapshot(ListKey(offer_id, representation_id))
    zipped = takes_gzip(call.headers.get("accept-encoding", ""))
    # The gzipped form has a weak tag, because it is another form of the same snapshot (RFC 9110, 8.8.1).
    tag = f'W/"{snapshot.tag}"' if zipped else f'"{snapshot.tag}"'
    headers = {"ETag": tag, "Cache-Control": _SHARED, "Vary": "Accept-Encoding"}
    known = call.headers.get("if-none-match", "")
    if f'"{snapshot.tag}"' in known or known.strip() == "*":
        return Response(None, 304, headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(snapshot.gzipped if zipped else snapshot.body, 200, headers, media_type="application/json")


def _for_shared_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = _SHARED
    return response
