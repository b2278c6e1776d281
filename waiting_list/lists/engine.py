"""The engine: make every change of a waiting list in one transaction under the list's lock.

    request ── submit ──> queue of its list ──> BEGIN and lock the list
                                            ──> take the batch: all requests that have arrived
                                            ──> read the list, the clock, the users' entries
                                            ──> verb, then promotion, request by request
                                            ──> write entries, segments, history, list
                                            ──> COMMIT ──> answers

Each step with SQL is one trip to the database: four for a batch. A batch has the same effect as its requests one
after the other. Reads do not pass through here.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Self, TypeAlias

from opentelemetry.trace import Span

from waiting_list.batching import Batcher
from waiting_list.lists import outbox, verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.idempotency import Idempotency, store_responses, stored_responses
from waiting_list.lists.line import inventory
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import CLOCK, FAN, Answer, EmailCounts, Entry, Inventory, ListKey, Several, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.settings_models import ListSettings
from waiting_list.postgres.pool import Connection, Pool, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, Problem
from waiting_list.settings import Settings
from waiting_list.telemetry import tracing
from waiting_list.telemetry.metrics import BATCH_REQUESTS, ENTRY_CHANGES

P = ParamSpec("P")
Result: TypeAlias = EntryRow | Sequence[EntryRow] | Several | EmailCounts | None
"""What a verb returns: the entry or entries that it has changed, if any."""
Verb: TypeAlias = Callable[..., Awaitable[Result]]
"""A function that changes one list. Its first parameter is the locked list."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller for whom a verb runs.

    `organization_id` must own the list; None stands for the service itself. The history names the `actor`: `user`,
    `organizer:<key id>`, `member:<member id>` or `service`, never by name.
    """

    organization_id: str | None
    actor: str
    idempotency: Idempotency | None = None


SERVICE = Caller(None, CLOCK)
"""The caller for what no person has asked for, such as the verbs of maintenance."""


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
    emails: EmailCounts | None = None
    promoted: Sequence[EntryRow] = ()
    revoked: tuple[str, ...] = ()
    undo: str | None = None
    answer: Answer | Problem | None = None
    """An answer that needs no view of the entry: a problem, or the stored response to a repeat."""


class Engine:
    """Run verbs for any number of callers at once. Each process has one engine."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._mails = self.sends_mail = settings.sends_mail
        """Whether the deployment sends e-mails, as far as this process knows: by its settings, or by the database
        at its last change."""
        self._now: datetime | None = None
        self._dry = False
        self._secrets: dict[str, bytes] = {}
        self.wake = asyncio.Event()
        """Set when new notices are committed: it wakes the dispatcher of this process."""
        self._batcher: Batcher[ListKey, Request, Answer] = Batcher(
            self._run,
            queue_limit=settings.list_queue_limit,
            batch_limit=settings.batch_limit,
            # Two requests with one key take two batches, because the second must find the first answer committed.
            alone_with=lambda one: one.caller.idempotency and one.caller.idempotency.key_hash,
        )

    @property
    def preview(self) -> Self:
        """An engine that runs the same verbs, with the same answer or problem, and rolls each back.

        A preview is exact until the next change of the list.
        """
        other = copy(self)
        other._dry = True
        return other

    def at(self, now: datetime) -> Self:
        """Return an engine that uses `now` in place of the database's clock, for tests and the demo."""
        other = copy(self)
        other._now = now
        return other

    async def run(
        self,
        key: ListKey,
        caller: Caller,
        verb: Callable[Concatenate[LockedList, P], Awaitable[Result]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """Run one verb on one list, commit, and return what it has changed.

        Raises the problems that the verb's docstring names, IdempotencyKeyReused, Unavailable, and
        InventoryNotFound if the list does not exist or belongs to another organization.
        """
        request = Request(verb, args, kwargs, caller)
        if self._now is None and not self._dry:
            return await self._batcher.submit(key, request)
        (answer,) = await self._run(key, lambda: [request])
        if isinstance(answer, Problem):
            raise answer
        return answer

    async def _run(self, key: ListKey, take: Callable[[], Sequence[Request]]) -> Sequence[Answer | Problem]:
        """Run one batch in one transaction: lock the list, run each request in turn, write each table, commit."""
        with tracing.batch() as span:
            return await self._transact(key, take, span)

    async def _transact(
        self, key: ListKey, take: Callable[[], Sequence[Request]], span: Span
    ) -> Sequence[Answer | Problem]:
        async with transaction(self._pool, undone=self._dry, list_id=key.list_id) as connection:
            secret = await self._secret(connection)
            requests = take()
            users = {user for one in requests for user in _users_of(one.kwargs)}
            locked = await LockedList.read_locked(connection, key, users, self._now, secret)
            if locked is None:
                return [InventoryNotFound() for _ in requests]
            self.sends_mail = self._mails or locked.sends_mail
            span.set_attribute("requests", len(requests))
            known = await _load(locked, requests)
            outcomes = [await _one(locked, request, known) for request in requests]
            answers = await _answers(locked, outcomes)
            await locked.flush()
            if self._dry:
                return answers
            await store_responses(locked, _to_store(requests, answers))
            wrote = await outbox.write_outbox(locked)
        BATCH_REQUESTS.observe(len(requests))
        for verb, changes in Counter(change.verb for change in locked.changes).items():
            ENTRY_CHANGES.labels(verb).inc(changes)
        # After the commit, so that the dispatcher finds the notices when it looks at once.
        if wrote:
            self.wake.set()
        return answers

    async def _secret(self, acquired: Connection) -> bytes:
        """Return the secret that hashes mailboxes; the first call reads it from the database."""
        if "derived" not in self._secrets:
            self._secrets["derived"] = await acquired.fetchval(sql("read_signing_key"), "derived")
        return self._secrets["derived"]


async def _load(locked: LockedList, requests: Sequence[Request]) -> Mapping[bytes, tuple[bytes, Answer]]:
    """Read the data that the verbs will need, each kind with one statement; return the stored responses."""
    joins = [one for one in requests if one.verb is verbs.join]
    keys = [one.caller.idempotency.key_hash for one in requests if one.caller.idempotency]
    known = await stored_responses(locked, keys)
    given = (verbs.correct_address, verbs.transfer)
    corrected = [one.kwargs["new_user_id"] for one in requests if one.verb in given]
    await locked.other_places.load([*(one.kwargs["user_id"] for one in joins), *corrected], locked.now)
    await locked.load_join_limit(one.kwargs["user_id"] for one in joins if one.caller.actor == FAN)
    await locked.contacts.unverified.load(one.kwargs["by_email"] for one in joins if one.kwargs.get("by_email"))
    await locked.contacts.load_mailboxes(email for one in requests for email in _verified_emails(one.kwargs))
    return known


def _users_of(arguments: Mapping[str, object]) -> list[str]:
    """Return the users that a request names, so that a batch can read all of their entries at once."""
    named = (arguments.get(name) for name in ("user_id", "new_user_id", "before", "after"))
    return [user_id for user_id in named if isinstance(user_id, str)]


def _verified_emails(arguments: Mapping[str, object]) -> list[str]:
    """Return the addresses that a request verifies or asks about, so that a batch can read their mailboxes."""
    contact, email = arguments.get("contact"), arguments.get("email")
    if isinstance(contact, Contact):
        email = contact.email if arguments.get("by_email") else contact.verified_email
    return [email] if isinstance(email, str) else []


async def _one(locked: LockedList, request: Request, known: Mapping[bytes, tuple[bytes, Answer]]) -> _Outcome:
    outcome = _Outcome()
    organization_id, idempotency = request.caller.organization_id, request.caller.idempotency
    locked.begin(request.caller.actor)
    try:
        if organization_id not in (None, locked.list.organization_id):
            raise InventoryNotFound()
        if idempotency and (first := known.get(idempotency.key_hash)):
            idempotency.check(first[0])
            outcome.answer = first[1].model_copy(update={"replayed": True})
            return outcome
        before, held = locked.list.last_sequence, locked.list.held
        result = await request.verb(locked, *request.args, **request.kwargs)
        last = locked.list.last_sequence
        is_undoable = before < last and locked.list.held == held
        is_undoable = is_undoable and verbs.is_undoable(request.verb, request.caller.actor, result)
        await verbs.settle(locked)
        if is_undoable and not locked.promoted:
            outcome.undo = f"{before + 1}-{last}"
    except Problem as problem:
        outcome.answer, outcome.entry = problem, problem.extra.get("entry")
        return outcome
    if isinstance(result, EntryRow):
        outcome.entry = result
    else:
        outcome.inventory, outcome.settings = await inventory(locked), locked.settings
        outcome.several = result if isinstance(result, Several) else None
        outcome.emails = result if isinstance(result, EmailCounts) else None
    outcome.promoted = locked.promoted
    # A revoked entry with a lower minimum may be ready again, with the tickets that were left.
    again = (one.user_id for one in locked.revoked if one.status is Status.WAITING)
    outcome.revoked = tuple(user_id for user_id in again if user_id is not None)
    return outcome


async def _answers(locked: LockedList, outcomes: Sequence[_Outcome]) -> list[Answer | Problem]:
    views = await locked.views(row for one in outcomes for row in (*one.promoted, one.entry) if row)
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
        emails=outcome.emails,
        promoted=tuple(views[row.number] for row in outcome.promoted),
        revoked=outcome.revoked,
        undo=outcome.undo,
    )


def _to_store(
    requests: Sequence[Request], answers: Sequence[Answer | Problem]
) -> list[tuple[Idempotency, Answer]]:
    return [
        (request.caller.idempotency, answer)
        for request, answer in zip(requests, answers, strict=True)
        if request.caller.idempotency and isinstance(answer, Answer) and not answer.replayed
    ]
