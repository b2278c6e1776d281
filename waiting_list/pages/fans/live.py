"""The stream of an entry, with which its page stays live."""

from functools import partial

from fastapi import APIRouter, Response

from waiting_list.access.user_tokens import User
from waiting_list.page_addresses import LIVE
from waiting_list.pages.fans.entry import EntryPageRequest
from waiting_list.problems import NotFound
from waiting_list.web.server_sent_events import EntryStream, StreamHeaders, StreamResponse


async def watch(call: EntryPageRequest) -> Response:
    """Stream the entry on every change (web/server_sent_events.py).

    Raises NotFound if the fan has a later entry, so that a link never shows that entry or its purchase pass.
    """
    place = call.place
    if place.rejoined:
        raise NotFound("This entry has ended: the fan has a newer one.")
    if call.method == "HEAD":
        return StreamHeaders()
    who = call.who if isinstance(call.who, User) else None  # a private link works without signing in
    watcher = await call.live.watch(
        place.key,
        place.user_id,
        organization_id=place.organization_id,
        has_ended=who and partial(call.service.user_tokens.has_ended, who),
    )
    return StreamResponse(
        EntryStream(
            call.service.streams,
            watcher,
            last_event_id=call.headers.get("last-event-id"),
            number=place.entry.number,
            admits=partial(_finds, call) if call.shared else None,
        )
    )


def add_live(router: APIRouter, path: str) -> None:
    """Add the stream of the entry at `path` to a router whose route is an EntryPageRoute."""
    router.add_api_route(path + LIVE, watch, methods=["GET"])


async def _finds(call: EntryPageRequest) -> bool:
    """Return whether the link of a stream is still valid."""
    try:
        await call.route.find(call)
    except NotFound:
        return False
    return True
