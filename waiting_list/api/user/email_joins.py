"""Define the call with which a fan joins by an e-mail address alone, without a token."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from waiting_list import problems
from waiting_list.access.email_joins import Wish
from waiting_list.access.join_gate import ChallengeResponse
from waiting_list.api.user.lists import LIST
from waiting_list.fields import Email, Frozen, Quantity
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.models import Entry, KeepsRest, ListKey
from waiting_list.web.openapi import POSTED, declared
from waiting_list.web.parameters import ONCE, PathId
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import answer
from waiting_list.web.routes import PublicRoute

router = APIRouter(prefix="/v1/user", route_class=PublicRoute, tags=["My entries"])


class JoiningByEmail(ContactFields):
    """How many tickets the fan wants, and the e-mail address by which the fan is known.

    The other fields are as in the call `join`.
    """

    email: Email
    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: KeepsRest = False
    challenge: ChallengeSolution | ChallengeResponse | None = None


class PlaceByEmail(Frozen):
    """The new place, and what opens it in this browser.

    `mailed` is false if the limits of such e-mails kept the link back.
    """

    entry: Entry
    token: str = Field(description="A user token for this entry alone.")
    expires_at: datetime = Field(description="When the token expires.")
    link: str = Field(description="The address of the fan's private page. The e-mail has the same link.")
    mailed: bool = Field(description="Whether the service sends the link to the address.")


class LinkByEmail(Frozen):
    """The service has sent a link to the address, and shows no place here.

    The address has a place in this list already, or its fan must show first that it is theirs. The answer does not
    say which, nor whether a limit kept the e-mail back.
    """

    entry: None = Field(default=None, description="Always null.")
    token: None = Field(default=None, description="Always null.")
    expires_at: None = Field(default=None, description="Always null.")
    link: None = Field(default=None, description="Always null.")
    mailed: Literal[True] = Field(default=True, description="Always true.")


_ANSWERS: dict[int | str, dict[str, Any]] = {202: {"model": LinkByEmail}}


@router.post(
    LIST + "/join-by-email",
    operation_id="join_by_email",
    openapi_extra=ONCE,
    status_code=201,
    response_model=PlaceByEmail,
    responses=_ANSWERS
    | declared(
        [
            *(one for one in POSTED if one is not problems.Unauthenticated),
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.WaitingListNotOpen,
            problems.TooManyTickets,
            problems.WaitingListFull,
            problems.TooManyPlaces,
            problems.ChallengeRequired,
        ]
    ),
)
async def join_by_email(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: JoiningByEmail
) -> Response:
    """Join the list with an e-mail address alone, and verify it later.

    The fan has the place at once. A link in an e-mail verifies the address, and opens the place on other devices.
    If the address has a place already, or if many unverified fans of the same network wait, the answer is 202.
    """
    key, joins = ListKey(offer_id, representation_id), call.service.email_joins
    call.who = fan = await joins.fan(key, body)
    call.count()
    await call.count_join()
    # Without the challenge, because a repeated request may have another solution, or none.
    caller = await call.caller_once(but="challenge")
    wish = Wish(body.tickets_wanted, body.tickets_minimum, body.keep_waiting_for_rest)
    place = await joins.join(key, caller, fan, wish, address=call.address, given=body.challenge)
    if place is None:
        return answer(LinkByEmail(), status=202)
    return answer(
        PlaceByEmail(
            entry=await call.with_pass(place.entry),
            token=place.token,
            expires_at=place.expires_at,
            link=call.service.settings.public_url + place.link,
            mailed=place.mailed,
        ),
        status=201,
        replayed=place.replayed,
    )
