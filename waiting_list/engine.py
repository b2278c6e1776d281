"""The engine: every change to a waiting list, each one transaction under the list's lock.

    request ── submit ──> queue of its list ──> BEGIN, lock the list, read the clock
                                            ──> take the batch: all who have come by now
                                            ──> verb, then promotion, request by request
                                            ──> write entries, segments, history, list; COMMIT ──> answers

A batch is the same as its requests one after the other. Reads are in reading.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Self, TypeAlias

from opentelemetry.trace import Span

from waiting_list import promotion, telling, tracing, verbs
from waiting_list.batch import Batcher
from waiting_list.database import Connection, Pool, sql, transaction
from waiting_list.idempotency import Idempotency, store_responses, stored_responses
from waiting_list.ledger import Ledger
from waiting_list.list_settings import ListSettings
from waiting_list.metrics import BATCH_REQUESTS, ENTRY_CHANGES
from waiting_list.models import CLOCK, FAN, Answer, Entry, Inventory, ListKey, Several, Status
from waiting_list.notices import Contact
from waiting_list.problems import InventoryNotFound, Problem
from waiting_list.rows import EntryRow
from waiting_list.settings import Settings

P = ParamSpec("P")
Result: TypeAlias = EntryRow | Sequence[EntryRow] | Several | None
"""What a verb returns: the entry, or the entries, that it was about."""
Verb: TypeAlias = Callable[..., Awaitable[Result]]
"""A function of verbs.py, stock.py, promotion.py or lookalikes.py. Its first parameter is the ledger."""


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
    args: Sequence[object]
    kwargs: Mapping[str, Any]
    caller: Caller


@dataclass(slots=True)
class _Outcome:
    entry: EntryRow | None = None
    inventory: Inventory | None = None
    settings: ListSettings | None = None
    several: Several | None = None
    promoted: Sequence[EntryRow] = ()
    revoked: tuple[str, ...] = ()
    answer: Answer | Problem | None = None
    """Known already: a problem, or the stored answer to a repeat."""


class Engine:
    """Runs verbs, for any number of callers at once. One for each process."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._now: datetime | None = None
        self._dry = False
        self._secrets: dict[str, bytes] = {}
        self.wake = asyncio.Event()
        """Set when new notices are committed: it wakes the dispatcher of this process."""
        self._batcher: Batcher[ListKey, Request, Answer] = Batcher(
            self._run,
            queue_limit=settings.list_queue_limit,
            batch_limit=settings.batch_limit,
            # A key that is repeated at once must find the first answer committed.
            alone_with=lambda one: one.caller.idempotency and one.caller.idempotency.key_hash,
        )

    @property
    def preview(self) -> Self:
        """The same verbs, each with the same answer or problem, of which nothing stays: under the list's lock it
        is done, and undone. What it shows is exact as long as nothing else changes the list."""
        other = copy(self)
        other._dry = True
        return other

    def at(self, now: datetime) -> Self:
        """The same at an instant of the caller's, in place of the database's clock: for tests and the demo."""
        other = copy(self)
        other._now = now
        return other

    async def run(
        self,
        key: ListKey,
        caller: Caller,
        verb: Callable[Concatenate[Ledger, P], Awaitable[Result]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """Run one verb on one list, and return what it has changed after the commit.

        Raises what the verb's docstring names; InventoryNotFound where the list does not exist or is another
        organization's; IdempotencyKeyReused; Unavailable.
        """
        request = Request(verb, args, kwargs, caller)
        if self._now is None and not self._dry:
            return await self._batcher.submit(key, request)
        (answer,) = await self._run(key, lambda: [request])
        if isinstance(answer, Problem):
            raise answer
        return answer

    async def _run(self, key: ListKey, take: Callable[[], Sequence[Request]]) -> Sequence[Answer | Problem]:
        """One transaction: the list's lock, every request in turn, one write a table, commit."""
        with tracing.batch() as span:
            return await self._transact(key, take, span)

    async def _transact(
        self, key: ListKey, take: Callable[[], Sequence[Request]], span: Span
    ) -> Sequence[Answer | Problem]:
        async with transaction(self._pool, undone=self._dry) as connection:
            secret = await self._secret(connection)
            ledger = await Ledger.open(connection, key, now=self._now, secret=secret)
            if ledger is None:
                return [InventoryNotFound() for _ in take()]
            requests = take()
            span.set_attribute("requests", len(requests))
            known = await _load(ledger, requests)
            outcomes = [await _one(ledger, request, known) for request in requests]
            answers = await _answers(ledger, outcomes)
            if self._dry:
                return answers
            await store_responses(ledger, _to_store(requests, answers))
            wrote = await telling.write_outbox(ledger, sends_mail=self._settings.sends_mail)
        BATCH_REQUESTS.observe(len(requests))
        for done in ledger.done:
            ENTRY_CHANGES.labels(done.verb).inc()
        # After the commit: whoever looks at once must find it.
        if wrote:
            self.wake.set()
        return answers

    async def _secret(self, acquired: Connection) -> bytes:
        """What mailboxes are hashed with, read once from the database."""
        if "derived" not in self._secrets:
            self._secrets["derived"] = await acquired.fetchval(sql("read_signing_key"), "derived")
        return self._secrets["derived"]


async def _load(ledger: Ledger, requests: Sequence[Request]) -> Mapping[bytes, tuple[bytes, Answer]]:
    """Read what the verbs will ask for, with one statement for all requests; return the stored responses."""
    joins = [one for one in requests if one.verb is verbs.join]
    keys = [one.caller.idempotency.key_hash for one in requests if one.caller.idempotency]
    known = await stored_responses(ledger, keys)
    await ledger.other_places.load([one.kwargs["user_id"] for one in joins], ledger.now)
    await ledger.load_latest({user for one in requests for user in _users_of(one.kwargs)})
    await ledger.load_join_limit(one.kwargs["user_id"] for one in joins if one.caller.actor == FAN)
    await ledger.contacts.load_mailboxes(email for one in requests for email in _verified_emails(one.kwargs))
    return known


def _users_of(arguments: Mapping[str, object]) -> list[str]:
    """The users that a request names, so that a batch can read all of their entries at once."""
    named = (arguments.get(name) for name in ("user_id", "before"))
    return [user_id for user_id in named if isinstance(user_id, str)]


def _verified_emails(arguments: Mapping[str, object]) -> list[str]:
    """The verified addresses that a request names, or would verify, so that a batch can ask for all of their
    mailboxes at once."""
    contact, email = arguments.get("contact"), arguments.get("email")
    given = contact.verified_email if isinstance(contact, Contact) else email
    return [given] if isinstance(given, str) else []


async def _one(ledger: Ledger, request: Request, known: Mapping[bytes, tuple[bytes, Answer]]) -> _Outcome:
    outcome = _Outcome()
    organization_id, idempotency = request.caller.organization_id, request.caller.idempotency
    ledger.begin(request.caller.actor)
    try:
        if organization_id not in (None, ledger.list.organization_id):
            raise InventoryNotFound()
        if idempotency and (first := known.get(idempotency.key_hash)):
            idempotency.check(first[0])
            outcome.answer = first[1].model_copy(update={"replayed": True})
            return outcome
        result = await request.verb(ledger, *request.args, **request.kwargs)
        await promotion.settle(ledger)
    except Problem as problem:
        outcome.answer, outcome.entry = problem, problem.extra.get("entry")
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
    views = await ledger.views(row for one in outcomes for row in (*one.promoted, one.entry) if row)
    return [_answer(outcome, views) for outcome in outcomes]


def _answer(outcome: _Outcome, views: Mapping[int, Entry]) -> Answer | Problem:
    entry = views[outcome.entry.number] if outcome.entry else None
    if isinstance(outcome.answer, Problem) and entry:
        outcome.answer.extra["entry"] = entry
    return outcome.answer or Answer(
        entry=entry,
        inventory=outcome.inventory,
        settings=outcome.settings,
        several=outcome.several,
        promoted=tuple(views[row.number] for row in outcome.promoted),
        revoked=outcome.revoked,
    )


def _to_store(
    requests: Sequence[Request], answers: Sequence[Answer | Problem]
) -> list[tuple[Idempotency, Answer]]:
    return [
        (request.caller.idempotency, answer)
        for request, answer in zip(requests, answers, strict=True)
        if request.caller.idempotency and isinstance(answer, Answer) and not answer.replayed
    ]
