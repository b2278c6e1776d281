"""Define the fan's calls that give a place to another person: offer it, see the offer, and take it back."""

from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import Field

from waiting_list import problems
from waiting_list.api.user.entries import ENTRY
from waiting_list.fields import Email, Frozen, LanguageTag
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.transfers import PlaceTransfer, read_place_transfer
from waiting_list.problems import Forbidden, TransferNotAllowed
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import EntryRoute

router = APIRouter(prefix="/v1/user", route_class=EntryRoute, tags=["My entries"])
TRANSFER = ENTRY + "/transfer"


class TransferTo(Frozen):
    """To whom a fan offers a place."""

    email: Email = Field(description="Address that gets the e-mail with the link to take the place.")
    locale: LanguageTag | None = Field(default=None, description="Language of that e-mail; null: the list's own.")


@router.post(
    TRANSFER,
    operation_id="offer_transfer",
    openapi_extra=ONCE,
    response_model=PlaceTransfer,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.NotInList,
            problems.AlreadyLeft,
            problems.WaitingListEnded,
            problems.TransferNotAllowed,
            problems.AddressTaken,
        ]
    ),
)
async def offer_transfer(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: TransferTo
) -> Response:
    """Offer the user's place to the owner of an e-mail address, who has two days to take it.

    The list must have `transfer`. The address gets an e-mail with a link. There its owner takes the place, with
    its number, rank and hold. The user of this call then has no place, and gets an e-mail. A place can be given on
    once. A new offer ends an earlier one. The number of offers in an hour is limited.
    """
    key, user, service = ListKey(offer_id, representation_id), call.user, call.service
    if not service.engine.sends_mail:
        raise TransferNotAllowed("This service sends no e-mails, so no place can be offered.")
    caller = await call.caller_once()
    await service.mail_limits.count_given(user.organization_id, user.user_id, body.email, call.address)
    offer = verbs.TransferOffer(uuid4(), body.email, body.locale or "")
    done = await call.done(
        service.engine.run(
            key, caller, verbs.offer_transfer, user_id=user.user_id, number=user.number, offer=offer
        )
    )
    assert done.entry is not None
    found = await read_place_transfer(call.pool, key, done.entry.number)
    return answer(found, replayed=done.replayed)


@router.get(
    TRANSFER,
    operation_id="get_transfer",
    response_model=PlaceTransfer,
    responses=declared([*AUTHENTICATED, problems.InventoryNotFound, problems.NotInList]),
)
async def get_transfer(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Show to whom the user's place is offered, and whether another fan gave it to the user."""
    key, user = ListKey(offer_id, representation_id), call.user
    entry = await call.reads.entry(key, user.user_id, organization_id=call.organization_id)
    if user.number not in (None, entry.number):
        raise Forbidden("This token is for an earlier entry of the user.")
    return answer(await read_place_transfer(call.pool, key, entry.number))


@router.delete(
    TRANSFER,
    operation_id="take_transfer_back",
    response_model=PlaceTransfer,
    responses=declared([*WITH_BODY, problems.InventoryNotFound, problems.NotInList, problems.AlreadyLeft]),
)
async def take_transfer_back(call: ApiRequest, offer_id: PathId, representation_id: PathId) -> Response:
    """Take the offer of the user's place back: its link ends at once. Safe to repeat."""
    key, user = ListKey(offer_id, representation_id), call.user
    done = await call.done(
        call.engine.run(key, call.caller, verbs.take_transfer_back, user_id=user.user_id, number=user.number)
    )
    assert done.entry is not None
    return answer(await read_place_transfer(call.pool, key, done.entry.number))
