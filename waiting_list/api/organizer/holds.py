"""Define the organizer's calls that steer holds: give back a part."""

from fastapi import Response

from waiting_list import problems
from waiting_list.api.organizer.entries import changed_entry
from waiting_list.api.organizer.lists import LIST
from waiting_list.lists import verbs
from waiting_list.lists.models import GivingBack, ListKey
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import ChangedEntry
from waiting_list.web.routes import EntriesRoute, organizer_router

router = organizer_router(EntriesRoute, "Entries")
_HOLD = LIST + "/entries/{user_id}"
_OF_A_HOLD = (
    problems.InventoryNotFound,
    problems.NotInList,
    problems.AlreadyLeft,
    problems.NotReady,
    problems.WaitingListEnded,
    problems.HoldExpired,
)


@router.post(
    _HOLD + "/give-back",
    operation_id="give_back_for_user",
    openapi_extra=ONCE,
    response_model=ChangedEntry,
    responses=declared([*POSTED, *_OF_A_HOLD, problems.WrongQuantity]),
)
async def give_back_for_user(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, user_id: PathId, body: GivingBack
) -> Response:
    """Give back held tickets of a ready user. They go to the next in line.

    The user then wants only the tickets that stay held. To give back all of them is to leave.
    """
    key = ListKey(offer_id, representation_id)
    caller = await call.caller_once()
    verb = call.engine.run(key, caller, verbs.give_back, user_id=user_id, quantity=body.quantity)
    return await changed_entry(call, verb)
