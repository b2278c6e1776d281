"""Define the calls with which a fan joins by an e-mail address alone, without a token."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from waiting_list import problems
from waiting_list.access.email_joins import Wish
from waiting_list.access.join_gate import ChallengeResponse
from waiting_list.access.wishes import WishRequest
from waiting_list.api.user.lists import LIST
from waiting_list.api.user.wishes import CHOICE, WISHES, WishedList, Wishing, answer_with_problems
from waiting_list.fields import Email, Frozen, Quantity
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.models import Entry, KeepsRest, ListKey
from waiting_list.lists.queries.wish_places import WishState, state_of
from waiting_list.lists.wishes import Choice
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


class WishingByEmail(Wishing):
    """The lists and tickets that the fan wants, and the e-mail address by which the fan is known.

    The other fields are as in the call `make_wish`.
    """

    email: Email


class ListByEmail(WishedList):
    """What became of a wish in one list: the fan's new place, or the problem with which the list refused.

    All fields are null if this list shows nothing. The address has a place there already, or its fan must show
    first that it is theirs.
    """

    token: str | None = Field(description="A user token for this entry alone; null without an entry.")
    expires_at: datetime | None = Field(description="When the token expires; null without an entry.")
    link: str | None = Field(description="The address of the private page of this place; null without an entry.")


class WishByEmail(Frozen):
    """The new wish, and what opens each of its places in this browser."""

    wish_id: UUID = Field(description="The id of the wish. Its entries have it, too.")
    choice: Annotated[Choice, CHOICE]
    state: WishState = Field(description="How far the wish has come.")
    created_at: datetime = Field(description="When the fan made the wish.")
    lists: list[ListByEmail] = Field(description="The lists of the wish, the first choice first.")
    mailed: bool = Field(description="Whether the service sends a link to the address. It is for all places.")


class WishLinkByEmail(Frozen):
    """The service has sent a link to the address, and shows no place here, as in the call `join_by_email`."""

    wish_id: None = Field(default=None, description="Always null.")
    lists: None = Field(default=None, description="Always null.")
    mailed: Literal[True] = Field(default=True, description="Always true.")


_ANSWERS: dict[int | str, dict[str, Any]] = {202: {"model": LinkByEmail}}
_ANSWERS_TO_WISH: dict[int | str, dict[str, Any]] = {202: {"model": WishLinkByEmail}}
_PROBLEMS = [
    *(one for one in POSTED if one is not problems.Unauthenticated),
    problems.InventoryNotFound,
    problems.WaitingListEnded,
    problems.WaitingListNotOpen,
    problems.TooManyTickets,
    problems.WaitingListFull,
    problems.TooManyPlaces,
    problems.ChallengeRequired,
]


@router.post(
    LIST + "/join-by-email",
    operation_id="join_by_email",
    openapi_extra=ONCE,
    status_code=201,
    response_model=PlaceByEmail,
    responses=_ANSWERS | declared(_PROBLEMS),
)
async def join_by_email(
    call: ApiRequest, offer_id: PathId, representation_id: PathId, body: JoiningByEmail
) -> Response:
    """Join the list with an e-mail address alone, and verify it later.

    The fan has the place at once. A link in an e-mail verifies the address, and opens the place on other devices.
    If the address has a place already, or if many unverified fans of the same network wait, the answer is 202.
    """
    key, joins = ListKey(offer_id, representation_id), call.service.email_joins
    fan, rule = await joins.fan(key, body)
    call.who = fan
    call.count()
    await call.count_join()
    # Without the challenge, because a repeated request may have another solution, or none.
    caller = await call.caller_once(but="challenge")
    wish = Wish(body.tickets_wanted, body.tickets_minimum, body.keep_waiting_for_rest)
    place = await joins.join(key, caller, fan, wish, rule=rule, address=call.address, given=body.challenge)
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


@router.post(
    WISHES + "/join-by-email",
    operation_id="make_wish_by_email",
    openapi_extra=ONCE,
    status_code=201,
    response_model=WishByEmail,
    responses=_ANSWERS_TO_WISH | declared([*_PROBLEMS, problems.WishFulfilled]),
)
async def make_wish_by_email(call: ApiRequest, body: WishingByEmail) -> Response:
    """Join several lists with one wish and an e-mail address alone, and verify it later.

    The fan has a place in each list at once, and one link in one e-mail verifies the address for all. What the
    calls `make_wish` and `join_by_email` say holds here, too. A list shows null in place of an entry if the
    address has a place there already. So does a list where many unverified fans of the same network wait. If no
    list has a new place, and at least one shows nothing, the answer is 202.
    """
    joins = call.service.email_joins
    fan, _ = await joins.fan(body.keys[0], body)
    call.who = fan
    call.count()
    for _ in body.lists:
        await call.count_join()
    # Without the challenge, because a repeated request may have another solution, or none.
    caller = await call.caller_once(but="challenge")
    asked = WishRequest(
        body.keys, body.choice, body.tickets_wanted, body.tickets_minimum, body.keep_waiting_for_rest
    )
    made = await joins.join_several(asked, caller, fan, address=call.address, given=body.challenge)
    if made is None:
        return answer(WishLinkByEmail(), status=202)
    shown = []
    for key in made.wish.outcomes:
        place = made.places.get(key)
        shown.append(
            ListByEmail(
                **key._asdict(),
                entry=await call.with_pass(place.entry) if place else None,
                problem=None,
                token=place.token if place else None,
                expires_at=place.expires_at if place else None,
                link=call.service.settings.public_url + place.link if place else None,
            )
        )
    wish = WishByEmail(
        wish_id=made.wish.wish_id,
        choice=made.wish.choice,
        state=state_of([one.entry for one in made.places.values()], is_done=False),
        created_at=made.wish.created_at,
        lists=shown,
        mailed=any(one.mailed for one in made.places.values()),
    )
    return answer_with_problems(wish, made.refusals, replayed=made.wish.replayed)
