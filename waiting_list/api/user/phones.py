"""Define the fan's calls about the phone number that gets a text message when it is their turn."""

from fastapi import APIRouter, Response

from waiting_list import problems
from waiting_list.access.private_links import make_link
from waiting_list.api.user.entries import ENTRY
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.phone_state import PhoneState
from waiting_list.notifications import phones
from waiting_list.notifications.phones import PhoneCode, PhoneNumber
from waiting_list.problems import AlreadyLeft
from waiting_list.web.openapi import AUTHENTICATED, WITH_BODY, declared
from waiting_list.web.parameters import PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import UserRoute

router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["My contact details"])
PHONE = ENTRY + "/phone"
_OWN = (problems.InventoryNotFound, problems.NotInList)


@router.get(
    PHONE,
    operation_id="get_phone",
    response_model=PhoneState,
    responses=declared([*AUTHENTICATED, *_OWN]),
)
async def get_phone(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show the phone number of the user's latest entry, and whether the organizer sends text messages."""
    key, entry = await _entry(call, offer_id, representation_id)
    return answer(await phones.phone_of(call.pool, key, entry.number))


@router.put(
    PHONE,
    operation_id="set_phone",
    response_model=PhoneState,
    responses=declared([*WITH_BODY, *_OWN, problems.AlreadyLeft]),
)
async def set_phone(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: PhoneNumber) -> Response:
    """Give a phone number that gets a text message when it is the user's turn.

    The number gets a code by text message first, and nothing else until `verify_phone` has that code. It replaces
    the former number. How many codes go out in an hour is limited for a number, an entry, a network and an
    organization.
    """
    key, entry = await _entry(call, offer_id, representation_id)
    if entry.status is Status.LEFT:
        raise AlreadyLeft("The user has left this list.", entry=entry.model_dump(mode="json"))
    # What is written to fans is read from the row of their contact, which this makes where there is none.
    await make_link(call.pool, await call.service.signing_keys.derived_secret(), key, entry.number)
    state = await phones.set_phone(
        call.pool, call.service.mail_limits, key, entry.number, body, by_link=False, address=call.address
    )
    call.engine.wake.set()
    return answer(state)


@router.put(
    PHONE + "/code",
    operation_id="verify_phone",
    response_model=PhoneState,
    responses=declared([*WITH_BODY, *_OWN]),
)
async def verify_phone(call: ApiRequest, offer_id: PathId, representation_id: PathId, body: PhoneCode) -> Response:
    """Verify the phone number with the code that it got, within ten minutes. After five wrong codes ask for
    another one. Safe to repeat."""
    key, entry = await _entry(call, offer_id, representation_id)
    secret = await call.service.signing_keys.derived_secret()
    return answer(await phones.verify_phone(call.pool, secret, key, entry.number, body.code))


@router.delete(
    PHONE,
    operation_id="remove_phone",
    response_model=PhoneState,
    responses=declared([*WITH_BODY, *_OWN]),
)
async def remove_phone(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Forget the phone number. Safe to repeat."""
    key, entry = await _entry(call, offer_id, representation_id)
    return answer(await phones.remove_phone(call.pool, key, entry.number))


async def _entry(call: ApiRequest, offer_id: str, representation_id: str) -> tuple[ListKey, Entry]:
    key = ListKey(offer_id, representation_id)
    return key, await call.reads.entry(key, call.user.user_id, organization_id=call.organization_id)
