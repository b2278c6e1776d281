"""Define the organizer's calls about private links of entries."""

from fastapi import Response

from waiting_list import problems
from waiting_list.access import private_links
from waiting_list.api.organizer.lists import LIST
from waiting_list.fields import Frozen
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.why_waiting import OrganizersEntry
from waiting_list.web.openapi import WITH_BODY, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Private links")
LINK = LIST + "/entries/{user_id}/link"


class PrivateLink(Frozen):
    """The address of a fan's private page. Anyone with this link can act for the fan."""

    url: str


@router.post(
    LINK,
    operation_id="make_link",
    response_model=PrivateLink,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList]),
)
async def make_link(call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """Create or show the private link of a user's latest entry. Give it only to that user."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    secret = await call.service.signing_keys.derived_secret()
    path = await private_links.make_link(call.pool, secret, key, entry.number)
    return answer(PrivateLink(url=call.service.settings.public_url + path))


@router.delete(
    LINK,
    operation_id="revoke_link",
    response_model=OrganizersEntry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList]),
)
async def revoke_link(call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """Revoke the private link of a user's latest entry at once. The next link is a different one."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.explained_entry(key, user_id, organization_id=call.organization_id)
    await private_links.revoke_link(call.pool, key, entry.number)
    return answer(await call.with_pass(entry))
