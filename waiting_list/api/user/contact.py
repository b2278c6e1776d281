"""Define the fan's calls about contact details."""

from fastapi import APIRouter, Response

from waiting_list import problems
from waiting_list.api.user.entries import ENTRY
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact, ContactFields, KeptContact
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.notifications.suppressions import with_suppression
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import UserRoute

router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["My contact details"])
CONTACT = ENTRY + "/contact"


@router.get(
    CONTACT,
    operation_id="get_contact",
    response_model=KeptContact,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_contact(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the contact details of the user's latest entry in this list."""
    return await _own_contact(call, ListKey(offer_id, representation_id))


@router.put(
    CONTACT,
    operation_id="set_contact",
    response_model=KeptContact,
    responses=declared(
        [
            *WITH_BODY,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.AddressTaken,
            problems.EmailRequired,
        ]
    ),
)
async def set_contact(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: ContactFields
) -> Response:
    """Replace the contact details of the user's latest entry. Omitted fields are deleted.

    The user must verify a new address, unless the user token says that it is verified. The number of new addresses
    in an hour is limited.
    """
    key = ListKey(offer_id, representation_id)
    contact = Contact.of(body, email_verified=call.user.contact.vouches_for(body))
    if contact.is_unverified:
        known = await entry_queries.contact(
            call.pool, key, call.user.user_id, organization_id=call.organization_id
        )
        if not (known.email_verified and known.email == contact.email):
            await call.count_mail(contact)
    await call.engine.run(key, call.caller, verbs.set_contact, user_id=call.user.user_id, contact=contact)
    return await _own_contact(call, key)


async def _own_contact(call: ApiRequest, key: ListKey) -> Response:
    user, secret = call.user, await call.service.signing_keys.derived_secret()
    contact = await entry_queries.contact(call.pool, key, user.user_id, organization_id=user.organization_id)
    return answer(await with_suppression(call.pool, secret, user.organization_id, contact))
