"""Define the fan's calls about wishes over several lists: any of these dates or ticket types will do."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Self
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from waiting_list import problems
from waiting_list.access.join_gate import ChallengeResponse
from waiting_list.access.wishes import WishRequest, leave_wish
from waiting_list.api.user.entries import ENTRY
from waiting_list.fields import Frozen, Id, Quantity
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import ContactFields
from waiting_list.lists.models import Entry, KeepsRest, ListKey
from waiting_list.lists.queries import wish_places as wish_queries
from waiting_list.lists.queries.wish_places import WishPlaces, WishState, state_of
from waiting_list.lists.queries.wishes import MOST_LISTS
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pagination import Page
from waiting_list.problems import Problem, WishNotFound
from waiting_list.web.openapi import AUTHENTICATED, POSTED, WITH_BODY, declared
from waiting_list.web.parameters import ONCE, Cursor, Limit, PathId
from waiting_list.web.problem_responses import ProblemDocument, document
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import Listing, answer, page
from waiting_list.web.routes import UserRoute

router = APIRouter(prefix="/v1/user", route_class=UserRoute, tags=["My entries"])
WISHES = "/wishes"
WISH = WISHES + "/{wish_id}"
CHOICE = Field(
    description="What becomes of the other places. `withdraw_when_bought`: while tickets are held in one list, "
    "the others wait at their places; once the user has bought, they leave. `keep_until_bought`: several lists "
    "may hold tickets at once; once the user has bought, the others leave. `withdraw_when_held`: as soon as "
    "tickets are held in one list, the others leave."
)
"""The field of wishes that says what becomes of the other places."""


class WantedList(Frozen):
    """A list of which the fan would take tickets."""

    offer_id: Id
    representation_id: Id


class Wishing(ContactFields):
    """The lists of which the fan would take tickets, the first choice first, and how many.

    The number of tickets and the contact details hold for each list, as in the call `join`. `challenge` is one
    solution for all lists.
    """

    lists: Annotated[
        list[WantedList],
        Field(
            min_length=2,
            max_length=MOST_LISTS,
            json_schema_extra={"uniqueItems": True},
            description="The lists, the first choice first.",
        ),
    ]
    tickets_wanted: Quantity
    tickets_minimum: Quantity | None = None
    keep_waiting_for_rest: KeepsRest = False
    choice: Annotated[Choice, CHOICE] = Choice.WITHDRAW_WHEN_BOUGHT
    challenge: ChallengeSolution | ChallengeResponse | None = None

    @property
    def keys(self) -> list[ListKey]:
        """The keys of the lists."""
        return [ListKey(one.offer_id, one.representation_id) for one in self.lists]

    @model_validator(mode="after")
    def _names_each_list_once(self) -> Self:
        if len(set(self.keys)) < len(self.lists):
            raise ValueError("lists names a list twice")
        return self


class WishedList(Frozen):
    """What became of a wish in one list: the fan's entry, or the problem with which the list refused.

    Only the answer to the call that makes a wish has problems.
    """

    offer_id: str
    representation_id: str
    entry: Entry | None = Field(description="The user's entry in this list; null if the list refused.")
    problem: ProblemDocument | None = Field(description="Why the list refused; null if it did not.")


class Wish(Frozen):
    """One person's wish over several lists: tickets of any of them.

    `lists` has the place in each list, the first choice first. A wish is `held` while at least one list holds
    tickets for it, and `fulfilled` once the fan has bought tickets. It is `withdrawn` if no list has a place for
    it any longer.
    """

    wish_id: UUID = Field(description="The id of the wish. Its entries have it, too.")
    choice: Annotated[Choice, CHOICE]
    state: WishState = Field(description="How far the wish has come.")
    created_at: datetime = Field(description="When the user made the wish.")
    lists: list[WishedList] = Field(description="The lists of the wish, the first choice first.")


@router.post(
    WISHES,
    operation_id="make_wish",
    openapi_extra=ONCE,
    status_code=201,
    response_model=Wish,
    responses=declared(
        [
            *POSTED,
            problems.InventoryNotFound,
            problems.WaitingListEnded,
            problems.WaitingListNotOpen,
            problems.AlreadyInList,
            problems.TooManyTickets,
            problems.WaitingListFull,
            problems.TooManyPlaces,
            problems.ChallengeRequired,
            problems.AddressTaken,
            problems.EmailRequired,
            problems.WishFulfilled,
        ]
    ),
)
async def make_wish(call: ApiRequest, body: Wishing) -> Response:
    """Join several lists with one wish: any of these dates or ticket types will do.

    Each list gives a place of its own. A place in which the user waits already becomes part of the wish. The first
    list that has tickets for the user holds them. `choice` says what becomes of the other places then. A list
    that refuses shows its problem in place of an entry, and the others take the user. If every list refuses, the
    answer is the problem of the first, and there is no wish.

    Each list counts as one join. Send an `Idempotency-Key`: after a broken connection, a repeat joins the lists
    that are missing.
    """
    for _ in body.lists:
        await call.count_join()
    # Without the challenge, because a repeated request may have another solution, or none.
    caller = await call.caller_once(but="challenge")
    contact = call.user.contact.changed_by(body)
    made = await call.service.wishes.make(
        WishRequest(body.keys, body.choice, body.tickets_wanted, body.tickets_minimum, body.keep_waiting_for_rest),
        caller,
        user_id=call.user.user_id,
        contact=contact,
        letter=call.letter(contact),
        network=call.service.limits.network(call.address),
        given=body.challenge,
    )
    if not made.entries:
        raise made.refusals[0]
    refused = {key: one for key, one in made.outcomes.items() if isinstance(one, Problem)}
    entries = {key: await call.with_pass(one) for key, one in made.outcomes.items() if isinstance(one, Entry)}
    for problem in refused.values():
        if "entry" in problem.extra:
            problem.extra["entry"] = await call.with_pass(problem.extra["entry"])
    wish = Wish(
        wish_id=made.wish_id,
        choice=made.choice,
        state=state_of(made.entries, is_done=False),
        created_at=made.created_at,
        lists=_lists(made.outcomes, entries),
    )
    return answer_with_problems(wish, refused, replayed=made.replayed)


@router.get(
    WISHES,
    operation_id="list_my_wishes",
    response_model=Listing[Wish],
    responses=declared(AUTHENTICATED),
)
async def list_my_wishes(call: ApiRequest, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the wishes of the user, the newest first."""
    found = await wish_queries.wishes_of_user(
        call.pool, call.user.user_id, organization_id=call.organization_id, limit=limit, cursor=cursor
    )
    return page(Page([await _shown(call, one) for one in found.items], found.next_cursor), Wish)


@router.get(
    WISH,
    operation_id="get_wish",
    response_model=Wish,
    responses=declared([*AUTHENTICATED, WishNotFound]),
)
async def get_wish(call: ApiRequest, wish_id: PathId) -> Response:
    """Show one wish of the user, with the place in each list."""
    return answer(await _shown(call, await _own(call, wish_id)))


@router.delete(
    WISH,
    operation_id="withdraw_wish",
    response_model=Wish,
    responses=declared([*WITH_BODY, WishNotFound]),
)
async def withdraw_wish(call: ApiRequest, wish_id: PathId) -> Response:
    """Leave every list of the wish, and give up tickets that are held for it.

    The answer shows each entry as `left`. Tickets that were bought stay bought. Safe to repeat.
    """
    found = await _own(call, wish_id)
    await leave_wish(call.engine, found, call.caller)
    return answer(await _shown(call, await _own(call, wish_id)))


def answer_with_problems(wish: Frozen, refused: Mapping[ListKey, Problem], *, replayed: bool) -> Response:
    """Return the answer to a call that has made a wish, with the problems of the lists that refused."""
    shown = wish.model_dump(mode="json")
    for one in shown["lists"]:
        if problem := refused.get(key := ListKey(one["offer_id"], one["representation_id"])):
            # By hand, because a problem leaves out the fields that its code does not have.
            one["problem"] = document(problem, _join_path(key))
    return answer(json.dumps(shown, separators=(",", ":")).encode(), status=201, replayed=replayed)


def _join_path(key: ListKey) -> str:
    offer_id, representation_id = (quote(one, safe="") for one in key)
    return (router.prefix + ENTRY).format(offer_id=offer_id, representation_id=representation_id)


async def _own(call: ApiRequest, wish_id: str) -> WishPlaces:
    try:
        known = UUID(wish_id)
    except ValueError:
        raise WishNotFound("This user has no such wish.") from None
    found = await wish_queries.wish(call.pool, call.organization_id, known, user_id=call.user.user_id)
    if found is None:
        raise WishNotFound("This user has no such wish.")
    return found


async def _shown(call: ApiRequest, found: WishPlaces) -> Wish:
    entries = {one.key: await call.with_pass(one.entry) for one in found.places}
    return Wish(
        wish_id=found.wish_id,
        choice=found.choice,
        state=found.state,
        created_at=found.created_at,
        lists=_lists(entries, entries),
    )


def _lists(keys: Iterable[ListKey], entries: Mapping[ListKey, Entry]) -> list[WishedList]:
    return [WishedList(**key._asdict(), entry=entries.get(key), problem=None) for key in keys]
