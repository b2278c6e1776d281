"""Sends what the outbox holds: e-mails and deliveries to webhooks.

What is due is read without locks. For each list and receiver one courier claims a batch (SKIP LOCKED, so that any
number of processes may run), sends it, records how that went, and goes on until nothing is left. A claim only
moves the row's `due_at` ahead: who is killed in the middle leaves rows that are due again, under the same id. So
everything is sent at least once, and hardly ever twice.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from secrets import SystemRandom
from typing import NamedTuple, assert_never
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from waiting_list.attempts import Attempt, Outcome, delay_seconds
from waiting_list.auth import Authority
from waiting_list.database import Pool, Record, connection, snapshot, sql, transaction
from waiting_list.keys import webhook_secret
from waiting_list.metrics import NOTICE_TRIES
from waiting_list.models import own_list_id
from waiting_list.notices import EmailKind, NoticeStatus
from waiting_list.posting import CONNECTIONS_PER_HOST, WebhookClient
from waiting_list.problems import Unavailable
from waiting_list.settings import Settings
from waiting_list.smtp import EmailTransport, open_email_transport
from waiting_list.telling import notice_id
from waiting_list.writing import NOBODY, EmailComposer, reason_not_to_send, seconds_until_due

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=90)
"""After this long a claimed notice is due again: longer than a batch takes, however slow its receiver is."""
BATCH = 32
"""Notices that a courier claims at once."""
ROTATION = timedelta(hours=24)
"""How long the secret before the present one still signs."""
_BATCH_SECONDS = 80.0
_TURN_SECONDS = 15.0
"""How long a claimed notice waits for its turn at the receiver; with the longest time limit of a try, within the
batch's."""
_COURIERS_TO_FANS = 8
_COURIERS_TO_WEBHOOKS = 48
"""At most. Each kind has its own: however many webhooks hang, they hold up no e-mail."""
_COURIERS_TO_A_WEBHOOK = 2
_REST_SECONDS = 30.0
"""How long a webhook that did not answer at all is left alone, so that others come before it."""
_LONGEST_SLEEP_SECONDS = 0.5
_SHORTEST_SLEEP_SECONDS = 0.05
_RETRY_SECONDS = 1.0
_CLEANING_SECONDS = 60.0
_GRACE_SECONDS = 5.0
_GONE = 410
_random = SystemRandom()


class _Result(NamedTuple):
    """What becomes of a claimed notice."""

    notice: Record
    status: NoticeStatus
    delay_seconds: float = 0.0
    attempt: Attempt | None = None
    why: str | None = None


class Delivery:
    """Delivers until it is told to stop. `told` is set by whoever has written something new in this process."""

    def __init__(self, pool: Pool, settings: Settings, authority: Authority, told: asyncio.Event) -> None:
        self._pool = pool
        self._settings = settings
        self._authority = authority
        self._told = told
        self._composer = EmailComposer(pool, settings, authority)
        self._couriers: dict[tuple[UUID, str | None], asyncio.Task[None]] = {}
        self._more = False
        """Whether the last look found more than there were couriers for."""
        self._failing: set[tuple[UUID, str | None]] = set()
        self._resting: dict[str, float] = {}
        """Until when a webhook is left alone."""
        self._gates: dict[str, asyncio.Semaphore] = {}
        """Of each host that webhooks are at, and of the mail server: no more at once than there are connections,
        since the wait for one would count as the receiver's."""
        self._cleaned_at = float("-inf")
        self._email_transport: EmailTransport | None = None
        self._webhook_client: WebhookClient | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. Survives any failure: it is logged once, and tried again. What is under way
        then has a few seconds to end."""
        self._email_transport, self._webhook_client = (
            open_email_transport(self._settings),
            WebhookClient(self._settings),
        )
        stopping = asyncio.create_task(stop.wait())
        failing = False
        try:
            while not stop.is_set():
                pause = _LONGEST_SLEEP_SECONDS
                try:
                    self._told.clear()
                    await self.start_couriers()
                    failing = False
                except Unavailable:
                    pause = _RETRY_SECONDS  # the outage is logged where it is met
                except Exception as error:
                    pause = _RETRY_SECONDS
                    if not failing:
                        log.warning("delivery_failing", error=repr(error), exc_info=True)
                    failing = True
                await self._rest(stopping, pause)
        finally:
            stopping.cancel()
            if self._couriers:
                await asyncio.wait(self._couriers.values(), timeout=_GRACE_SECONDS)
            for courier in list(self._couriers.values()):
                courier.cancel()
            await asyncio.gather(*self._couriers.values(), return_exceptions=True)
            await self._webhook_client.close()
            if self._email_transport is not None:
                await self._email_transport.close()

    async def _rest(self, stopping: asyncio.Task[bool], seconds: float) -> None:
        # A moment in any case: whoever commits all the time must not be followed by a look each time.
        await asyncio.wait([stopping], timeout=_SHORTEST_SLEEP_SECONDS)
        told = asyncio.create_task(self._told.wait())
        await asyncio.wait([stopping, told], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()

    async def start_couriers(self) -> None:
        """Looks for what is due, and sends somebody for each list and receiver where nobody is on the way. Raises
        Unavailable."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._cleaned_at > _CLEANING_SECONDS:
            kept = timedelta(days=self._settings.notices_kept_days)
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("delete_old_notices"), kept)
            self._cleaned_at = loop.time()
        on_the_way = list(self._couriers)
        receivers = {None, *(webhook_id for _, webhook_id in on_the_way)}
        now = loop.time()
        self._resting = {webhook_id: until for webhook_id, until in self._resting.items() if now < until}
        async with snapshot(self._pool) as acquired:
            due = await acquired.fetch(
                sql("read_due_notices"),
                [list_id for list_id, _ in on_the_way],
                [webhook_id or "" for _, webhook_id in on_the_way],
                [*self._resting, *(to or "" for to in receivers if not self._can_go(to))],
            )
        self._more = False
        for record in due:
            key = record["list_id"], record["webhook_id"]
            if not self._can_go(record["webhook_id"]):
                self._more = True
                continue
            courier = asyncio.create_task(self._deliver(*key))
            self._couriers[key] = courier
            courier.add_done_callback(lambda _, key=key: self._back(key))  # type: ignore[misc]

    def _can_go(self, webhook_id: str | None) -> bool:
        """Whether one more may be on the way to a receiver."""
        on_the_way = [to for _, to in self._couriers]
        to_fans = on_the_way.count(None)
        if webhook_id is None:
            return self._email_transport is not None and to_fans < _COURIERS_TO_FANS
        to_webhooks = len(on_the_way) - to_fans
        return to_webhooks < _COURIERS_TO_WEBHOOKS and on_the_way.count(webhook_id) < _COURIERS_TO_A_WEBHOOK

    def _back(self, key: tuple[UUID, str | None]) -> None:
        del self._couriers[key]
        if self._more:
            self._told.set()

    async def _deliver(self, list_id: UUID, webhook_id: str | None) -> None:
        key = list_id, webhook_id
        try:
            while await self.deliver(list_id, webhook_id):
                pass
            self._failing.discard(key)
        except Unavailable:
            pass  # the next look says so
        except Exception:
            # Whatever was claimed is due again when its lease ends.
            if key not in self._failing:
                log.exception("delivery_failed", list_id=str(list_id), webhook_id=webhook_id)
            self._failing.add(key)

    async def deliver(self, list_id: UUID, webhook_id: str | None) -> int:
        """Sends one batch of what is due of one list to one receiver (None: its fans, by e-mail), and records how
        it went; returns how many that were, 0 if the receiver is better left alone. Raises Unavailable."""
        if webhook_id is None:
            return await self._mail(list_id)
        async with connection(self._pool) as acquired:
            webhook = await acquired.fetchrow(sql("read_webhook_to_call"), webhook_id)
            if webhook is None or webhook["disabled_at"] is not None:
                why = "the webhook is disabled" if webhook else "the webhook was deleted"
                await acquired.execute(sql("give_up_notices"), list_id, webhook_id, why)
                return 0
            # One that fails holds nobody up for longer than one try.
            at_most = BATCH if webhook["failing_since"] is None else CONNECTIONS_PER_HOST
            claimed = await acquired.fetch(sql("claim_notices"), list_id, webhook_id, at_most, LEASE)
        secrets = await self._secrets(webhook)

        gate = self._gate(urlsplit(webhook["url"]).netloc, CONNECTIONS_PER_HOST)

        async def post(notice: Record) -> _Result:
            assert self._webhook_client is not None
            attempt = await self._webhook_client.post(
                webhook["url"],
                notice_id=notice["notice_id"],
                body=notice["body"],
                secrets=secrets,
                at=notice["tried_at"],
            )
            return _result(notice, attempt)

        results = await self._all(_in_turn(gate, notice, post) for notice in claimed)
        await self._record(list_id, results)
        await self._judge(webhook, results)
        if results and all(one.attempt is None or one.attempt.status is None for one in results):
            self._resting[webhook_id] = asyncio.get_running_loop().time() + _REST_SECONDS
            return 0
        return len(claimed)

    def _gate(self, receiver: str, at_once: int) -> asyncio.Semaphore:
        return self._gates.setdefault(receiver, asyncio.Semaphore(at_once))

    async def _secrets(self, webhook: Record) -> list[str]:
        secret = await self._authority.derived_secret()
        versions = [webhook["secret_version"]]
        if webhook["rotated_at"] is not None and webhook["now"] - webhook["rotated_at"] < ROTATION:
            versions.append(webhook["secret_version"] - 1)
        return [webhook_secret(secret, webhook["webhook_id"], version) for version in versions]

    async def _mail(self, list_id: UUID) -> int:
        async with connection(self._pool) as acquired:
            claimed = await acquired.fetch(sql("claim_notices"), list_id, "", BATCH, LEASE)
        entries = await self._composer.read_entries(list_id, [notice["number"] for notice in claimed])

        async def send(notice: Record) -> _Result:
            assert self._email_transport is not None
            if notice["type"] == EmailKind.WEBHOOK_DISABLED:
                return _result(
                    notice, await self._email_transport.send(self._composer.compose_webhook_disabled(notice))
                )
            if notice["type"] == EmailKind.SIGN_IN:
                message = await self._composer.compose_sign_in(notice)
                if message is None:
                    return _Result(notice, NoticeStatus.DROPPED, why="the link to sign in is good no more")
                return _result(notice, await self._email_transport.send(message))
            about = entries.get(notice["number"])
            if about is None or (why := reason_not_to_send(notice, about)):
                return _Result(notice, NoticeStatus.DROPPED, why=why if about else NOBODY)
            if (seconds := seconds_until_due(notice, about)) is not None:
                return _Result(notice, NoticeStatus.PENDING, delay_seconds=seconds)
            return _result(notice, await self._email_transport.send(await self._composer.compose(notice, about)))

        gate = self._gate("", self._settings.smtp_connections)
        await self._record(list_id, await self._all(_in_turn(gate, notice, send) for notice in claimed))
        return len(claimed)

    async def _all(self, sending: Iterable[Coroutine[None, None, _Result]]) -> list[_Result]:
        """What came of all of it, within the lease. Whatever raised, or did not end in time, is left as it is
        claimed, and so tried again."""
        tasks = [asyncio.ensure_future(one) for one in sending]
        if not tasks:
            return []
        try:
            await asyncio.wait(tasks, timeout=_BATCH_SECONDS)
        finally:
            # Also of a courier that is called back: what it had begun must not go on without it.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        results = []
        for task in tasks:
            if task.cancelled():
                continue
            if (error := task.exception()) is not None:
                log.error("notice_failed", error=repr(error), exc_info=error)
            else:
                results.append(task.result())
        return results

    async def _record(self, list_id: UUID, results: Sequence[_Result]) -> None:
        if not results:
            return
        rows = [
            (
                one.notice["notice_id"],
                one.notice["tries"],
                one.status,
                one.delay_seconds,
                one.attempt.status if one.attempt else None,
                one.attempt.answer if one.attempt else one.why,
                one.attempt.latency_ms if one.attempt else None,
            )
            for one in results
        ]
        async with connection(self._pool) as acquired:
            await acquired.execute(sql("record_attempts"), list_id, *map(list, zip(*rows, strict=True)))
        for one in results:
            receiver = "fan" if one.notice["webhook_id"] is None else "webhook"
            NOTICE_TRIES.labels(receiver, one.status).inc()

    async def _judge(self, webhook: Record, results: Sequence[_Result]) -> None:
        """Remembers since when a webhook has only failed, and disables one that does for days, or is gone."""
        attempts = [one.attempt for one in results if one.attempt]
        if not attempts:
            return
        webhook_id, failing_since = webhook["webhook_id"], webhook["failing_since"]
        if any(attempt.outcome is Outcome.SENT for attempt in attempts):
            if failing_since is not None:
                async with connection(self._pool) as acquired:
                    await acquired.execute(sql("webhook_works"), webhook_id)
            return
        gone = any(attempt.status == _GONE for attempt in attempts)
        days = self._settings.webhook_disable_days
        if gone:
            await self._disable(webhook, "it answered 410 Gone")
        elif failing_since is None:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("webhook_fails"), webhook_id)
        elif webhook["now"] - failing_since > timedelta(days=days):
            # Not what it has answered, which may speak of a person: the reason stays.
            last = attempts[-1].status or attempts[-1].answer
            await self._disable(webhook, f"it has failed for more than {days:g} days; last: {last}")

    async def _disable(self, webhook: Record, reason: str) -> None:
        """Disables a webhook once, and tells the organization: by e-mail, and by its other webhooks."""
        organization_id, webhook_id = webhook["organization_id"], webhook["webhook_id"]
        since = webhook["failing_since"] or webhook["now"]
        owner = own_list_id(organization_id)
        told = {"webhook_id": webhook_id, "url": webhook["url"], "reason": reason}
        event = {"type": "webhook.disabled", "timestamp": webhook["now"].isoformat(), "data": told}
        message = {
            "to": webhook["notify_email"],
            "url": webhook["url"],
            "reason": reason,
            "since": since.isoformat(),
        }
        async with transaction(self._pool) as acquired:
            if await acquired.fetchval(sql("disable_webhook"), webhook_id, reason) is None:
                return
            await acquired.execute(
                sql("insert_disabled_notices"),
                owner,
                organization_id,
                str(notice_id(owner, webhook["now"], 0, "webhook.disabled", webhook_id)),
                json.dumps(event),
                notice_id(owner, webhook["now"], 0, EmailKind.WEBHOOK_DISABLED, webhook_id),
                json.dumps(message) if webhook["notify_email"] and self._settings.sends_mail else None,
            )
        log.warning("webhook_disabled", webhook_id=webhook_id, reason=reason)


async def _in_turn(
    gate: asyncio.Semaphore, notice: Record, send: Callable[[Record], Coroutine[None, None, _Result]]
) -> _Result:
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await gate.acquire()
    except TimeoutError:
        return _Result(notice, NoticeStatus.PENDING)  # not tried
    try:
        return await send(notice)
    finally:
        gate.release()


def _result(notice: Record, attempt: Attempt) -> _Result:
    match attempt.outcome:
        case Outcome.SENT:
            return _Result(notice, NoticeStatus.SENT, attempt=attempt)
        case Outcome.DEAD:
            return _Result(notice, NoticeStatus.DEAD, attempt=attempt)
        case Outcome.RETRY:
            seconds = delay_seconds(notice["tries"], chance=_random.random())
            if seconds is None:
                return _Result(notice, NoticeStatus.DEAD, attempt=attempt)
            return _Result(notice, NoticeStatus.PENDING, delay_seconds=seconds, attempt=attempt)
        case _:
            assert_never(attempt.outcome)
