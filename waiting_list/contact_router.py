"""How fans are reached: what they say of it themselves, and the private links that organizers hand out."""

from fastapi import APIRouter, Response

from waiting_list import links, problems, reading, verbs
from waiting_list.answers import AUTHENTICATED, WITH_BODY, declared
from waiting_list.calls import Call, EntriesRoute, PathId, UserRoute, answer, organizer_calls
from waiting_list.fields import Frozen
from waiting_list.models import Entry, ListKey
from waiting_list.notices import Contact, ContactFields, KeptContact
from waiting_list.suppressions import as_it_is

router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["user"])
organizer = organizer_calls(EntriesRoute)
CONTACT = "/waiting-lists/{offer_id}/{representation_id}/entry/contact"
LINK = "/waiting-lists/{offer_id}/{representation_id}/entries/{user_id}/link"


class PrivateLink(Frozen):
    """The address of a fan's own page. Whoever has it may act for that place."""

    url: str


@router.get(
    CONTACT,
    operation_id="get_contact",
    response_model=KeptContact,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_contact(call: Call, offer_id: PathId, representation_id: PathId) -> Response:
    """How I am told of what happens to my latest entry in this list."""
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
        ]
    ),
)
async def set_contact(call: Call, offer_id: PathId, representation_id: PathId, body: ContactFields) -> Response:
    """Be told in this way from now on; what is left out is forgotten. An address that my token does not vouch for
    has to be verified, unless it is the one that was; so many of them in an hour are refused."""
    key = ListKey(offer_id, representation_id)
    contact = Contact.of(body, email_verified=call.user.contact.vouches_for(body))
    if contact.is_unverified:
        known = await reading.contact(call.pool, key, call.user.user_id, organization_id=call.organization_id)
        if not (known.email_verified and known.email == contact.email):
            await call.count_mail(contact)
    await call.engine.run(key, call.caller, verbs.set_contact, user_id=call.user.user_id, contact=contact)
    return await _own_contact(call, key)


@organizer.post(
    LINK,
    operation_id="make_link",
    response_model=PrivateLink,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList]),
)
async def make_link(call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """The private link of a user's latest entry, the same whenever it is asked for: only for that user's eyes."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    secret = await call.service.signing_keys.derived_secret()
    path = await links.make_link(call.pool, secret, key, entry.number)
    return answer(PrivateLink(url=call.service.settings.public_url + path))


@organizer.delete(
    LINK,
    operation_id="revoke_link",
    response_model=Entry,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList]),
)
async def revoke_link(call: Call, offer_id: PathId, representation_id: PathId, user_id: PathId) -> Response:
    """The private link of a user's latest entry is dead at once; the next one is another."""
    key = ListKey(offer_id, representation_id)
    entry = await call.reads.entry(key, user_id, organization_id=call.organization_id)
    await links.revoke_link(call.pool, key, entry.number)
    return answer(await call.with_pass(entry))


async def _own_contact(call: Call, key: ListKey) -> Response:
    user, secret = call.user, await call.service.signing_keys.derived_secret()
    contact = await reading.contact(call.pool, key, user.user_id, organization_id=user.organization_id)
    return answer(await as_it_is(call.pool, secret, user.organization_id, contact))
