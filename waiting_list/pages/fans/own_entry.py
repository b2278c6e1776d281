"""The pages of the entry of the signed-in fan."""

from fastapi import APIRouter, Response

from waiting_list.lists.queries.entry_details import EntryDetails, read_entry_details
from waiting_list.page_addresses import LIST, PLACE, of_list
from waiting_list.pages.fans.calendar import add_entry_calendar
from waiting_list.pages.fans.confirmation import add_confirmation_pages
from waiting_list.pages.fans.entry import EntryPageRequest, EntryPageRoute, add_entry_pages
from waiting_list.pages.fans.live import add_live
from waiting_list.pages.fans.page import admit_fan
from waiting_list.pages.fans.phone import add_phone_forms
from waiting_list.pages.fans.push import add_push_forms
from waiting_list.pages.fans.receipts import add_receipts
from waiting_list.pages.fans.served import add_served_page
from waiting_list.pages.fans.sharing import add_sharing_forms
from waiting_list.pages.fans.transfers import add_transfer_forms
from waiting_list.pages.fans.wish import add_wish_pages
from waiting_list.pages.page import go_to
from waiting_list.problems import NotInList, Problem
from waiting_list.web.parameters import path_key


class OwnEntryRoute(EntryPageRoute):
    """A page about the entry of the signed-in fan. Without an entry or a fan, it redirects to the list's page."""

    async def admit(self, call: EntryPageRequest) -> Response | None:
        self.locate(call)
        await admit_fan(call)
        the_list = of_list(LIST, path_key(call))
        if call.who is None:
            return go_to(the_list)
        try:
            return await super().admit(call)
        except NotInList:
            return go_to(the_list)

    async def refused(self, call: EntryPageRequest, problem: Problem) -> Response:
        return self.without_entry(call, problem) if call.who is None else await super().refused(call, problem)

    def address(self, call: EntryPageRequest) -> str:
        return of_list(PLACE, path_key(call))

    async def find(self, call: EntryPageRequest) -> EntryDetails:
        key = path_key(call)
        entry = await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
        place = await read_entry_details(call.pool, key.list_id, entry.number)
        if place is None:
            raise NotInList("This user has never joined this list.")
        return place


router = APIRouter(route_class=OwnEntryRoute, include_in_schema=False)
add_entry_pages(router, PLACE)
add_live(router, PLACE)
add_confirmation_pages(router, PLACE)
add_entry_calendar(router, PLACE)
add_push_forms(router, PLACE)
add_receipts(router, PLACE)
add_served_page(router, PLACE)
add_transfer_forms(router, PLACE)
add_sharing_forms(router, PLACE)
add_wish_pages(router, PLACE)
add_phone_forms(router, PLACE)
