"""The forms with which a fan makes a second private link for a person whom they trust, and ends it."""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access.private_links import end_shared_link, link_hash, shared_link_token
from waiting_list.lists import verbs
from waiting_list.pages.fans.entry import EntryPageRequest, show, show_page
from waiting_list.pages.page import go_to


async def share(call: EntryPageRequest) -> Response:
    """Make another shared link, and show it this once: only its hash is stored."""
    token = shared_link_token(call.place.key)
    own = link_hash(call.path_params["token"]) if call.base.startswith(to.PRIVATE_LINKS) else None
    await call.run(verbs.share, link_hash=link_hash(token), by_link=own)
    call.place = await call.route.find(call)
    return await show_page(
        call, shared_link=call.service.settings.public_url + to.address(to.PRIVATE_LINK, token=token)
    )


async def end(call: EntryPageRequest) -> Response:
    """End the shared link at once. Safe to repeat."""
    await end_shared_link(call.pool, call.place.key, call.place.entry.number)
    return go_to(call.base, call.route.headers)


def add_sharing_forms(router: APIRouter, path: str) -> None:
    """Add the forms of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + to.SHARE, show, methods=["GET"])
    router.add_api_route(path + to.SHARE, share, methods=["POST"])
    router.add_api_route(path + to.SHARE_END, show, methods=["GET"])
    router.add_api_route(path + to.SHARE_END, end, methods=["POST"])
