"""What makes fans' pages installable: the manifest of each, and the worker that shows a place without a network.

What a fan installs is the page that they look at. The manifest behind a private link names that link, so that the
installed page opens the place.
"""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from waiting_list import page_addresses as to
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.i18n import spoken_of
from waiting_list.lists.queries import lists as list_queries
from waiting_list.looks import OURS, Look
from waiting_list.pages.fans.entry import EntryPageRequest
from waiting_list.pages.page import PageRequest, PageRoute
from waiting_list.pages.static_files import static
from waiting_list.web.parameters import path_id, path_key

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MEDIA_TYPE = "application/manifest+json"
_GROUND = "#f3f1ec"
"""The ground of light pages in style.css."""


@router.get(to.MANIFEST)
async def show_manifest(call: PageRequest) -> Response:
    """Send the manifest of the list of events."""
    return _manifest(call, to.HOME, Look(), {})


@router.get(to.EVENT + to.MANIFEST)
async def show_event_manifest(call: PageRequest) -> Response:
    """Send the manifest of an event's page. Raises EventNotFound."""
    event = await catalogue_queries.shown_event(call.pool, path_id(call, "event_id"))
    return _manifest(call, to.address(to.EVENT, event_id=event.event_id), event.organizer, {})


@router.get(to.LIST + to.MANIFEST)
async def show_list_manifest(call: PageRequest) -> Response:
    """Send the manifest of a list's page, which leads a signed-in fan to their place. Raises InventoryNotFound."""
    key = path_key(call)
    show, _ = await list_queries.shown_list(call.pool, key)
    return _manifest(call, to.of_list(to.LIST, key), show.look, {})


async def show_link_manifest(call: EntryPageRequest) -> Response:
    """Send the manifest of the page behind a private link."""
    return _manifest(call, call.base, call.place.look, call.route.headers)


def add_link_manifest(router: APIRouter, path: str) -> None:
    """Add the manifest of the private link at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.MANIFEST, show_link_manifest, methods=["GET"])


def _manifest(call: PageRequest, start: str, look: Look, headers: dict[str, str]) -> Response:
    public_path = call.service.settings.public_path
    icons = [
        {"src": public_path + static(f"icon-{kind}{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        | {"purpose": "maskable" if kind else "any"}
        for kind in ("", "maskable-")
        for size in (192, 512)
    ]
    name = look.name or "Waiting List"
    manifest = {
        "id": public_path + start,
        "name": name,
        "short_name": name,
        "lang": call.locale(languages=spoken_of(look.languages)),
        "start_url": public_path + start,
        "scope": public_path + "/",
        "display": "standalone",
        "theme_color": (look.colors or OURS).light,
        "background_color": _GROUND,
        "icons": icons,
    }
    kept = {"Vary": "Accept-Language, Cookie", "X-Content-Type-Options": "nosniff"}
    return JSONResponse(manifest, 200, kept | headers, media_type=_MEDIA_TYPE)
