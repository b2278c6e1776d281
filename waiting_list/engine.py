"""The engine: every change to a waiting list, each one transaction under the list's lock.

    request ── submit ──> queue of its list ──> BEGIN, lock the list, read the clock
                                            ──> take the batch: all who have come by now
                                            ──> verb, then promotion, request by request
                                            ──> write entries, segments, history, list; COMMIT ──> answers

A batch is the same as its requests one after the other. Reads are in reading.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from opentelemetry.trace import Span

from waiting_list import lookalikes, promotion, stock, telling, tracing, verbs
from waiting_list.batch import Batches
from waiting_list.challenges import NO_PROOF, Proof
from waiting_list.database import Connection, Pool, sql, transaction
from waiting_list.idempotency import Idempotency, store_responses, stored_responses
from waiting_list.ledger import Ledger
from waiting_list.metrics import BATCH_REQUESTS, ENTRY_CHANGES
from waiting_list.models import (
    CLOCK,
    FAN,
    Answer,
    Inventory,
    ListKey,
    ListSettings,
    SettingsChange,
    Several,
    Status,
)
from waiting_list.notices import NO_CONTACT, Contact
from waiting_list.problems import InventoryNotFound, Problem
from waiting_list.rows import EntryRow
from waiting_list.settings import Settings

Verb = Callable[..., Awaitable[EntryRow | Sequence[EntryRow] | Several | None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a verb runs.

    `organization_id` must own the list (None: the service itself); `actor` is what the history says: `user`,
    `organizer:<key id>` or `service`, never a person.
    """

    organization_id: str | None
    actor: str
    idempotency: Idempotency | None = None


SERVICE = Caller(None, CLOCK)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a verb on one list."""

    verb: Verb
    arguments: Mapping[str, Any]
    caller: Caller


@dataclass(slots=True)
class _Outcome:
    request: Request
    entry: EntryRow | None = None
    inventory: Inventory | None = None
    settings: ListSettings | None = None
    several: Several | None = None
    promoted: Sequence[EntryRow] = ()
    revoked: tuple[str, ...] = ()
    problem: Problem | None = None
    replay: Answer | None = None


class Engine:
    """The verbs, for any number of callers at once. One for each process.

    Every verb takes an optional `now` for tests; the default is the database clock under the lock. Every one
    raises InventoryNotFound where the list does not exist or is another organization's,
    IdempotencyKeyReused, Unavailable, and what its function in verbs.py, stock.py or promotion.py names.
    """

    def __init__(self, pool: Pool, settings: Settings, *, dry: bool = False) -> None:
        self._pool = pool
        self._settings = settings
        self._dry = dry
        self._secret: bytes | None = None
        self.told = asyncio.Event()
        """Set whenever there is something new to tell: a hint for whoever delivers in this process."""
        self._batches: Batches[ListKey, Request, Answer] = Batches(
            self._run,
            queue_limit=settings.list_queue_limit,
            batch_limit=settings.batch_limit,
            # A key that is repeated at once must find the first answer committed.
            alone_with=lambda one: one.caller.idempotency and one.caller.idempotency.key_hash,
        )

    @cached_property
    def preview(self) -> "Engine":
        """The same verbs, each with the same answer or problem, of which nothing stays: under the list's lock it
        is done, and undone. What it shows is exact as long as nothing else changes the list."""
        return Engine(self._pool, self._settings, dry=True)

    async def join(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        tickets_wanted: int,
        tickets_minimum: int | None = None,
        contact: Contact = NO_CONTACT,
        quiet: bool = False,
        proof: Proof = NO_PROOF,
        network: str | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """The user takes the last place in the list."""
        return await self._submit(
            key,
            caller,
            now,
            verbs.join,
            user_id=user_id,
            tickets_wanted=tickets_wanted,
            tickets_minimum=tickets_minimum,
            contact=contact,
            quiet=quiet,
            proof=proof,
            network=network,
        )

    async def change(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        number: int | None = None,
        tickets_wanted: int | None = None,
        tickets_minimum: int | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """The waiting user wants fewer tickets (keeps the place) or more (goes last)."""
        return await self._submit(
            key,
            caller,
            now,
            verbs.change,
            user_id=user_id,
            number=number,
            tickets_wanted=tickets_wanted,
            tickets_minimum=tickets_minimum,
        )

    async def leave(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        number: int | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """The user gives up the place or the hold."""
        return await self._submit(key, caller, now, verbs.leave, user_id=user_id, number=number)

    async def set_contact(
        self, key: ListKey, caller: Caller, *, user_id: str, contact: Contact, now: datetime | None = None
    ) -> Answer:
        """The user is told in another way."""
        return await self._submit(key, caller, now, verbs.set_contact, user_id=user_id, contact=contact)

    async def verify(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        number: int,
        email: str,
        now: datetime | None = None,
    ) -> Answer:
        """The address of an entry is verified."""
        return await self._submit(key, caller, now, verbs.verify, user_id=user_id, number=number, email=email)

    async def remove(self, key: ListKey, caller: Caller, *, user_id: str, now: datetime | None = None) -> Answer:
        """The organizer takes the user out."""
        return await self._submit(key, caller, now, verbs.remove, user_id=user_id)

    async def remove_lookalikes(
        self, key: ListKey, caller: Caller, *, numbers: Sequence[int], reason: str, now: datetime | None = None
    ) -> Answer:
        """The organizer takes several entries out at once."""
        verb = lookalikes.remove_lookalikes
        return await self._submit(key, caller, now, verb, numbers=numbers, reason=reason)

    async def restore(self, key: ListKey, caller: Caller, *, undo: str, now: datetime | None = None) -> Answer:
        """Those who were removed get their places back."""
        return await self._submit(key, caller, now, lookalikes.restore, undo=undo)

    async def buy(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        quantity: int | None = None,
        hold: UUID | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """The ready user has bought; nobody else moves."""
        return await self._submit(key, caller, now, verbs.buy, user_id=user_id, quantity=quantity, hold=hold)

    async def move(
        self,
        key: ListKey,
        caller: Caller,
        *,
        user_id: str,
        to: str | None = None,
        before: str | None = None,
        reason: str | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """A waiting user goes first, last, or right before another."""
        return await self._submit(
            key, caller, now, verbs.move, user_id=user_id, to=to, before=before, reason=reason
        )

    async def add_stock(
        self, key: ListKey, caller: Caller, *, quantity: int, now: datetime | None = None
    ) -> Answer:
        """Tickets come back."""
        return await self._submit(key, caller, now, stock.add_stock, quantity=quantity)

    async def remove_stock(
        self,
        key: ListKey,
        caller: Caller,
        *,
        quantity: int,
        revoke_holds: bool = False,
        now: datetime | None = None,
    ) -> Answer:
        """Tickets were sold or withdrawn elsewhere."""
        return await self._submit(
            key, caller, now, stock.remove_stock, quantity=quantity, revoke_holds=revoke_holds
        )

    async def add_total_stock(
        self, key: ListKey, caller: Caller, *, quantity: int, now: datetime | None = None
    ) -> Answer:
        """Capacity grows."""
        return await self._submit(key, caller, now, stock.add_total_stock, quantity=quantity)

    async def remove_total_stock(
        self, key: ListKey, caller: Caller, *, quantity: int, now: datetime | None = None
    ) -> Answer:
        """Capacity shrinks."""
        return await self._submit(key, caller, now, stock.remove_total_stock, quantity=quantity)

    async def put_stock(
        self,
        key: ListKey,
        caller: Caller,
        *,
        total_stock: int,
        available_stock: int,
        waiting_list_open: bool | None = None,
        now: datetime | None = None,
    ) -> Answer:
        """The stock is what the ticketing platform says."""
        return await self._submit(
            key,
            caller,
            now,
            stock.put_stock,
            total_stock=total_stock,
            available_stock=available_stock,
            waiting_list_open=waiting_list_open,
        )

    async def configure(
        self, key: ListKey, caller: Caller, *, settings: SettingsChange, now: datetime | None = None
    ) -> Answer:
        """The list has other settings."""
        return await self._submit(key, caller, now, stock.configure, settings=settings)

    async def promote(self, key: ListKey, caller: Caller, *, tickets: int, now: datetime | None = None) -> Answer:
        """Free tickets are released by hand."""
        return await self._submit(key, caller, now, promotion.promote, tickets=tickets)

    async def expire(self, key: ListKey, *, at_most: int = 500, now: datetime | None = None) -> Answer:
        """Holds that lapsed end, and pass on to the next."""
        return await self._submit(key, SERVICE, now, verbs.expire, at_most=at_most)

    async def end(self, key: ListKey, *, at_most: int = 500, now: datetime | None = None) -> Answer:
        """The list has ended for whoever is still in it."""
        return await self._submit(key, SERVICE, now, verbs.end, at_most=at_most)

    async def prune(
        self, key: ListKey, *, kept: timedelta, at_most: int = 500, now: datetime | None = None
    ) -> Answer:
        """The persons of a list that ended so long ago are forgotten, as `erase` forgets one; the numbers stay."""
        return await self._submit(key, SERVICE, now, verbs.prune, kept=kept, at_most=at_most)

    async def settle(self, key: ListKey, *, now: datetime | None = None) -> Answer:
        """Whoever fits what is free is promoted, after something outside the list has changed."""
        return await self._submit(key, SERVICE, now, promotion.reconsider)

    async def erase(self, key: ListKey, caller: Caller, *, user_id: str, now: datetime | None = None) -> Answer:
        """The person is taken out of this list and forgotten; the numbers stay."""
        return await self._submit(key, caller, now, verbs.erase, user_id=user_id)

    async def _derived(self, acquired: Connection) -> bytes:
        """What mailboxes are hashed with, read once from the database."""
        if self._secret is None:
            secret: bytes = await acquired.fetchval(sql("read_signing_key"), "derived")
            self._secret = secret
        return self._secret

    async def _submit(
        self, key: ListKey, caller: Caller, now: datetime | None, verb: Verb, **arguments: Any
    ) -> Answer:
        request = Request(verb, arguments, caller)
        if now is None and not self._dry:
            return await self._batches.submit(key, request)
        (answer,) = await self._run(key, lambda: [request], now=now)
        if isinstance(answer, Problem):
            raise answer
        return answer

    async def _run(
        self, key: ListKey, take: Callable[[], Sequence[Request]], *, now: datetime | None = None
    ) -> Sequence[Answer | Problem]:
        """One transaction: the list's lock, every request in turn, one write a table, commit."""
        with tracing.batch() as span:
            return await self._transact(key, take, span, now=now)

    async def _transact(
        self, key: ListKey, take: Callable[[], Sequence[Request]], span: Span, *, now: datetime | None
    ) -> Sequence[Answer | Problem]:
        async with transaction(self._pool, undone=self._dry) as connection:
            ledger = await Ledger.open(connection, key, now=now, secret=await self._derived(connection))
            if ledger is None:
                return [InventoryNotFound() for _ in take()]
            requests = take()
            span.set_attribute("requests", len(requests))
            keys = [one.caller.idempotency.key_hash for one in requests if one.caller.idempotency]
            known = await stored_responses(ledger, keys)
            joining = [one.arguments["user_id"] for one in requests if one.verb is verbs.join]
            await ledger.other_places.load(joining, ledger.now)
            await ledger.load_latest({user for request in requests for user in verbs.users_of(request.arguments)})
            await ledger.load_join_limit(
                one.arguments["user_id"] for one in requests if one.verb is verbs.join and one.caller.actor == FAN
            )
            await ledger.contacts.load_mailboxes(
                email for request in requests for email in verbs.verified_emails(request.arguments)
            )
            outcomes = [await _one(ledger, request, known) for request in requests]
            answers = await _answers(ledger, outcomes)
            if self._dry:
                return answers
            await store_responses(ledger, _to_store(outcomes, answers))
            told = await telling.tell(ledger, sends_mail=self._settings.sends_mail)
        BATCH_REQUESTS.observe(len(requests))
        for done in ledger.done:
            ENTRY_CHANGES.labels(done.verb).inc()
        # After the commit: whoever looks at once must find it.
        if told:
            self.told.set()
        return answers


async def _one(ledger: Ledger, request: Request, known: Mapping[bytes, tuple[bytes, Answer]]) -> _Outcome:
    outcome = _Outcome(request)
    organization_id, idempotency = request.caller.organization_id, request.caller.idempotency
    ledger.begin(request.caller.actor)
    try:
        if organization_id not in (None, ledger.list.organization_id):
            raise InventoryNotFound()
        if idempotency and (first := known.get(idempotency.key_hash)):
            idempotency.check(first[0])
            outcome.replay = first[1].model_copy(update={"replayed": True})
            return outcome
        result = await request.verb(ledger, **request.arguments)
        await promotion.settle(ledger)
    except Problem as problem:
        outcome.problem = problem
        return outcome
    if isinstance(result, EntryRow):
        outcome.entry = result
    else:
        outcome.inventory, outcome.settings = ledger.list.inventory, ledger.list.settings
        outcome.several = result if isinstance(result, Several) else None
    outcome.promoted = ledger.promoted
    # Who accepts fewer may have been made ready again, with what was left.
    again = (one.user_id for one in ledger.revoked if one.status is Status.WAITING)
    outcome.revoked = tuple(user_id for user_id in again if user_id is not None)
    return outcome


async def _answers(ledger: Ledger, outcomes: Sequence[_Outcome]) -> list[Answer | Problem]:
    shown: list[EntryRow] = []
    for outcome in outcomes:
        shown += outcome.promoted
        shown += [outcome.entry] if outcome.entry else []
        shown += [outcome.problem.extra["entry"]] if outcome.problem and "entry" in outcome.problem.extra else []
    views = await ledger.views(shown)
    answers: list[Answer | Problem] = []
    for outcome in outcomes:
        if outcome.problem:
            if "entry" in outcome.problem.extra:
                outcome.problem.extra["entry"] = views[outcome.problem.extra["entry"].number]
            answers.append(outcome.problem)
        elif outcome.replay:
            answers.append(outcome.replay)
        else:
            answers.append(
                Answer(
                    entry=views[outcome.entry.number] if outcome.entry else None,
                    inventory=outcome.inventory,
                    settings=outcome.settings,
                    several=outcome.several,
                    promoted=tuple(views[row.number] for row in outcome.promoted),
                    revoked=outcome.revoked,
                )
            )
    return answers


def _to_store(
    outcomes: Sequence[_Outcome], answers: Sequence[Answer | Problem]
) -> list[tuple[Idempotency, Answer]]:
    return [
        (idempotency, answer)
        for outcome, answer in zip(outcomes, answers, strict=True)
        if (idempotency := outcome.request.caller.idempotency)
        and isinstance(answer, Answer)
        and not outcome.replay
    ]
