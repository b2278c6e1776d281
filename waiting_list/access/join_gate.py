"""Ask fans who join, or who want a sign-in link, for a challenge. This module knows no HTTP.

Checking a solution costs a signature and sixteen hashes, but no database query. `verbs.join` decides whether a
list requires a challenge, because that is known under the lock of the list. This module knows how hard an adaptive
one is now.
"""

import time
from collections.abc import Callable, Mapping
from uuid import UUID

from pydantic import Field

from waiting_list.access.challenge_service import Verifier
from waiting_list.access.email_limits import CountedEmail
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.fields import Frozen
from waiting_list.key_material import derived
from waiting_list.lists import verbs
from waiting_list.lists.challenges import (
    LIFE_SECONDS,
    Challenge,
    ChallengeSolution,
    Pressure,
    Proof,
    Subject,
    Visit,
    asked_bits,
    count,
    is_solved,
    new_challenge,
)
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.models import Answer, ListKey
from waiting_list.lists.unverified_places import ByEmail
from waiting_list.problems import ChallengeRequired
from waiting_list.settings import Settings


class ChallengeResponse(Frozen):
    """The response that the fan got from another challenge service, if the operator has configured one."""

    response: str = Field(min_length=1, max_length=8000)


class Gate:
    """The check of challenges. Each process has one. The clocks, which tests set, give seconds since 1970, and
    monotonic seconds."""

    def __init__(
        self,
        engine: Engine,
        signing_keys: SigningKeys,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._signing_keys = signing_keys
        self._clock = clock
        self._pressure = Pressure(steady)
        self._verifier = Verifier(settings)
        self._sign_in = settings.sign_in_challenge
        self._key: bytes | None = None

    async def join(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        tickets_wanted: int,
        tickets_minimum: int | None,
        keep_waiting_for_rest: bool = False,
        contact: Contact,
        quiet: bool = False,
        network: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
        solved: bool = False,
        by_email: ByEmail | None = None,
        letter: CountedEmail | None = None,
        rule: str = "off",
        wish_id: UUID | None = None,
    ) -> Answer:
        """Join a fan, from a network or None, with the solution or response that they have `given`.

        `solved` says that they have solved the challenge of the wish `wish_id` before. A `letter` is asked for, in
        place of `quiet`, unless the list's `rule`, read a moment before, requires a challenge that is not solved.
        Raises the problems of `verbs.join`. A ChallengeRequired then has the challenge to solve.
        """
        subject = ("join", caller.organization_id or "", *key, user_id)
        visit = Visit(self._pressure, f"join\x00{key.list_id}", network)
        has_come = False
        try:
            solved = solved or await self._is_good(subject, given)
            if letter is not None:
                is_asked = not solved and asked_bits(rule, visit.pressing) > 0
                quiet = is_asked or not await letter.may_go()
            answer = await self._engine.run(
                key,
                caller,
                verbs.join,
                user_id=user_id,
                tickets_wanted=tickets_wanted,
                tickets_minimum=tickets_minimum,
                keep_waiting_for_rest=keep_waiting_for_rest,
                contact=contact,
                quiet=quiet,
                proof=Proof(solved, visit.pressing),
                network=network,
                by_email=by_email,
                wish_id=wish_id,
            )
            has_come = not answer.replayed
        except ChallengeRequired as refusal:
            raise await self._refusal(subject, refusal.bits, given) from None
        finally:
            if not has_come:
                visit.take_back()
        return answer

    async def wish(
        self,
        lists: Mapping[UUID, str],
        organization_id: str,
        user_id: str,
        *,
        network: str | None,
        given: ChallengeSolution | ChallengeResponse | None,
    ) -> None:
        """Check the challenge of a wish over several `lists`, each with its rule: one challenge, the hardest.

        Raises ChallengeRequired with the challenge to solve.
        """
        bits = 0
        for list_id, rule in lists.items():
            visit = Visit(self._pressure, f"join\x00{list_id}", network)
            bits = max(bits, asked_bits(rule, visit.pressing))
            visit.take_back()  # each join counts itself
        subject = ("join", organization_id, "wish", *sorted(map(str, lists)), user_id)
        if bits and not await self._is_good(subject, given):
            raise await self._refusal(subject, bits, given)

    async def sign_in(
        self, organization_id: str, email: str, *, network: str | None, given: ChallengeSolution | None
    ) -> None:
        """Check the challenge of a request for a sign-in link. Raises ChallengeRequired with the challenge to
        solve."""
        if self._sign_in == "off":
            return
        subject = ("sign_in", organization_id, email.lower())
        visit = Visit(self._pressure, "sign_in", network)
        bits = asked_bits(self._sign_in, visit.pressing)
        if bits and not await self._is_good(subject, given):
            visit.take_back()
            raise await self._refusal(subject, bits, given)

    async def _is_good(self, subject: Subject, given: ChallengeSolution | ChallengeResponse | None) -> bool:
        match given:
            case None:
                return False
            case ChallengeResponse():
                good = await self._verifier.accepts(given.response)
            case _:
                good = is_solved(await self._signing_key(), subject, given, now=self._clock())
        count(subject[0], "solved" if good else "wrong")
        return good

    async def _refusal(
        self, subject: Subject, bits: int, given: ChallengeSolution | ChallengeResponse | None
    ) -> ChallengeRequired:
        count(subject[0], "asked")
        challenge: Challenge = new_challenge(await self._signing_key(), subject, bits=bits, now=self._clock())
        wrong = (
            "The solution does not solve a challenge that was made for this fan and list in the last "
            f"{LIFE_SECONDS // 60} minutes. "
            if given
            else ""
        )
        return ChallengeRequired(
            f"{wrong}Solve the challenge, and send the same again with the solution.",
            bits=bits,
            challenge=challenge,
        )

    async def _signing_key(self) -> bytes:
        if self._key is None:
            self._key = derived(await self._signing_keys.derived_secret(), "challenge")
        return self._key
