"""The pages of an entry that a private link names.

The address is the credential. So the pages use no cookie, and their forms need no token: an attacker who could
forge a form would have to know the address. The pages send no referrer, and caches keep no copy.
"""

from fastapi import APIRouter, Response

from waiting_list import page_addresses as to
from waiting_list.access import private_links
from waiting_list.lists.queries.entry_details import EntryDetails
from waiting_list.page_addresses import ANYTHING_ELSE, PRIVATE_LINK, PRIVATE_LINKS, address
from waiting_list.pages.fans.calendar import add_entry_calendar
from waiting_list.pages.fans.confirmation import add_confirmation_pages
from waiting_list.pages.fans.entry import EntryPageRequest, EntryPageRoute, add_entry_pages
from waiting_list.pages.fans.install import add_link_manifest
from waiting_list.pages.fans.live import add_live
from waiting_list.pages.fans.phone import add_phone_forms
from waiting_list.pages.fans.push import add_push_forms
from waiting_list.pages.fans.receipts import add_receipts
from waiting_list.pages.fans.served import add_served_page
from waiting_list.pages.fans.sharing import add_sharing_forms
from waiting_list.pages.fans.transfers import add_transfer_forms
from waiting_list.pages.fans.wish import add_wish_pages
from waiting_list.pages.page import PageRequest
from waiting_list.problems import NotFound

_SHARED = frozenset(
    PRIVATE_LINK + further
    for further in ("", to.LIVE, to.CALENDAR, to.CHANGE, to.UNDO, to.PAUSE, to.RESUME, to.LEAVE, to.GIVE_BACK)
)
"""The pages that a shared link opens. Every other page, also one that comes later, is none for its reader."""


class LinkRoute(EntryPageRoute):
    """A page for every reader who has its link."""

    headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}  # noqa: RUF012 - as in EntryPageRoute

    def address(self, call: EntryPageRequest) -> str:
        return address(PRIVATE_LINK, token=call.path_params.get("token", ""))

    async def find(self, call: EntryPageRequest) -> EntryDetails:
        found = await private_links.find(call.pool, call.path_params.get("token", ""))
        if found is None or (found.shared and self.path not in _SHARED):
            raise NotFound("This page does not exist.")
        call.shared = found.shared
        return found.place.for_other_reader() if found.shared else found.place


router = APIRouter(route_class=LinkRoute, include_in_schema=False)
add_entry_pages(router, PRIVATE_LINK)
add_live(router, PRIVATE_LINK)
add_confirmation_pages(router, PRIVATE_LINK)
add_entry_calendar(router, PRIVATE_LINK)
add_push_forms(router, PRIVATE_LINK)
add_receipts(router, PRIVATE_LINK)
add_served_page(router, PRIVATE_LINK)
add_transfer_forms(router, PRIVATE_LINK)
add_sharing_forms(router, PRIVATE_LINK)
add_wish_pages(router, PRIVATE_LINK)
add_phone_forms(router, PRIVATE_LINK)
add_link_manifest(router, PRIVATE_LINK)


@router.api_route(PRIVATE_LINKS.rstrip("/") + ANYTHING_ELSE, methods=["GET", "POST"])
async def show_nothing(call: PageRequest) -> Response:  # noqa: ARG001 - the signature of a handler
    """Answer all other addresses, for example a truncated one, without looking for a link. Raises NotFound."""
    raise NotFound("This page does not exist.")
