"""Join several lists with one wish: any of them will do. This module knows no HTTP.

Each list is joined in a transaction of its own. A list that refuses does not keep the others from taking the fan.
A request that was interrupted, and is repeated with its Idempotency-Key, joins the lists that are missing.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from waiting_list.access.email_limits import CountedEmail
from waiting_list.access.join_gate import ChallengeResponse, Gate
from waiting_list.fields import Frozen
from waiting_list.lists import verbs
from waiting_list.lists.challenges import ChallengeSolution
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import run_once, stored_response
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries.wish_places import WishPlaces
from waiting_list.lists.queries.wishes import make_wish
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import AlreadyInList, AlreadyLeft, IdempotencyKeyReused, NotInList, Problem, Unavailable


class WishRequest(NamedTuple):
    """What a fan wishes: tickets of any of these lists, in the order in which the fan named them."""

    keys: Sequence[ListKey]
    choice: Choice
    tickets_wanted: int
    tickets_minimum: int | None
    keep_waiting_for_rest: bool


class MadeWish(NamedTuple):
    """A wish, and what each list has answered: the entry, or why it refused. None means that the fan must show
    first that the address is theirs. Without any entry, there is no wish."""

    wish_id: UUID
    choice: Choice
    created_at: datetime
    outcomes: dict[ListKey, Entry | Problem | None]
    replayed: bool

    @property
    def entries(self) -> list[Entry]:
        """The entries of the lists that have taken the fan."""
        return [one for one in self.outcomes.values() if isinstance(one, Entry)]

    @property
    def refusals(self) -> list[Problem]:
        """Why lists refused."""
        return [one for one in self.outcomes.values() if isinstance(one, Problem)]


class _Refused(Frozen):
    list_id: UUID
    code: str
    detail: str


class _KeptWish(Frozen):
    """What a repeat needs besides the answers that each list keeps. It names no person."""

    wish_id: UUID
    created_at: datetime
    refused: tuple[_Refused, ...]


class Wishes:
    """Make wishes over several lists. Each process has one."""

    def __init__(self, pool: Pool, engine: Engine, gate: Gate) -> None:
        self._pool = pool
        self._engine = engine
        self._gate = gate

    async def make(
        self,
        asked: WishRequest,
        caller: Caller,
        *,
        user_id: str,
        contact: Contact,
        letter: CountedEmail,
        network: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
        by_email: ByEmail | None = None,
    ) -> MadeWish:
        """Join each list in turn, and return what became of that.

        A place in which the fan waits already becomes part of the wish, unless the fan comes `by_email`. If no
        list takes the fan, nothing is left of the wish. The fan solves one challenge for all lists. The caller
        counts the joins for the rate limits. Raises ChallengeRequired and IdempotencyKeyReused, and Unavailable
        if the request has an Idempotency-Key with which the client can go on.
        """
        organization_id, once = caller.organization_id, caller.idempotency
        assert organization_id is not None, "a wish is of one organization"
        kept: _KeptWish | None = None
        if once is not None:
            async with connection(self._pool) as acquired:
                kept = await stored_response(acquired, organization_id, once, _KeptWish)
        wish_id = kept.wish_id if kept else uuid5(NAMESPACE_OID, once.key_hash.hex()) if once else uuid4()
        if kept is None:
            created_at = await self._begin(asked, wish_id, organization_id, user_id, network=network, given=given)
        else:
            created_at = kept.created_at
        quiet = not await letter.may_go()  # after the challenge
        outcomes: dict[ListKey, Entry | Problem | None] = {}
        refused = {one.list_id: one for one in kept.refused} if kept else {}
        for key in asked.keys:
            if known := refused.get(key.list_id):
                outcomes[key] = _problem(known)
                continue
            try:
                try:
                    answer = await self._gate.join(
                        key,
                        caller,
                        user_id=user_id,
                        tickets_wanted=asked.tickets_wanted,
                        tickets_minimum=asked.tickets_minimum,
                        keep_waiting_for_rest=asked.keep_waiting_for_rest,
                        contact=contact,
                        quiet=quiet,
                        network=network,
                        given=None,
                        solved=True,
                        by_email=by_email,
                        wish_id=wish_id,
                    )
                except AlreadyInList as problem:
                    # Who has only typed an address gets nothing that the mailbox had before.
                    if by_email is not None or problem.extra["entry"].status is not Status.WAITING:
                        raise
                    answer = await self._engine.run(key, caller, verbs.link, user_id=user_id, wish_id=wish_id)
                outcomes[key] = answer.entry
            except IdempotencyKeyReused:
                raise
            except Problem as problem:
                if once is not None and isinstance(problem, Unavailable):
                    raise
                outcomes[key] = problem
        made = MadeWish(wish_id, asked.choice, created_at, outcomes, kept is not None)
        if not made.entries:
            await self._delete_unless_taken(wish_id, asked.keys)
        elif kept is None and once is not None:
            found = _KeptWish(
                wish_id=wish_id,
                created_at=created_at,
                refused=tuple(
                    _Refused(list_id=key.list_id, code=one.code, detail=one.detail)
                    for key, one in outcomes.items()
                    if isinstance(one, Problem)
                ),
            )

            async def store(_acquired: object, _at: object) -> _KeptWish:
                return found

            await run_once(self._pool, organization_id, once, _KeptWish, store, now=None)
        return made

    async def _delete_unless_taken(self, wish_id: UUID, keys: Sequence[ListKey]) -> None:
        async with connection(self._pool) as acquired:
            if not await acquired.fetchval(sql("read_wish_is_taken"), wish_id, [key.list_id for key in keys]):
                await acquired.execute(sql("delete_empty_wish"), wish_id)

    async def _begin(
        self,
        asked: WishRequest,
        wish_id: UUID,
        organization_id: str,
        user_id: str,
        *,
        network: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
    ) -> datetime:
        """Check the challenge, write the wish, and return when it was made."""
        ids = [key.list_id for key in asked.keys]
        async with connection(self._pool) as acquired:
            lists = await acquired.fetch(sql("read_wished_lists"), ids, organization_id)
        await self._gate.wish(
            {one["list_id"]: one["join_challenge"] for one in lists},
            organization_id,
            user_id,
            network=network,
            given=given,
        )
        await make_wish(
            self._pool,
            wish_id,
            organization_id=organization_id,
            user_id=user_id,
            choice=asked.choice,
            lists=asked.keys,
        )
        async with connection(self._pool) as acquired:
            (wish,) = await acquired.fetch(sql("read_shown_wishes"), organization_id, [wish_id])
        if (wish["user_id"], wish["choice"], wish["lists"]) != (user_id, asked.choice, ids):
            raise IdempotencyKeyReused("Use a new key for a new request.")
        created_at: datetime = wish["created_at"]
        return created_at


async def leave_wish(engine: Engine, found: WishPlaces, caller: Caller) -> None:
    """Leave every list of a wish in which the fan still has a place. Safe to repeat.

    Held tickets go last, so that no other list of the wish holds tickets in between. Raises Unavailable.
    """
    for place in sorted(found.active, key=lambda one: one.entry.status is Status.READY):
        user_id = place.entry.user_id
        assert user_id is not None, "an erased person has no wish"
        with suppress(AlreadyLeft, NotInList):
            await engine.run(place.key, caller, verbs.leave, user_id=user_id, number=place.entry.number)


def _problem(refused: _Refused) -> Problem:
    """Return the problem of an earlier answer, without what only that one showed."""
    kind = next(one for one in Problem.kinds() if one.code == refused.code)
    problem = kind.__new__(kind)
    Problem.__init__(problem, refused.detail)
    return problem
