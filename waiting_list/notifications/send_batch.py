"""Send one batch of claimed notices within their lease, and record the results."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from secrets import SystemRandom
from typing import NamedTuple, assert_never
from uuid import UUID

import structlog

from waiting_list.notifications.channels import channel_of
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.retry_policy import Attempt, Outcome, delay_seconds
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.telemetry.metrics import NOTICE_TRIES

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=90)
"""A claimed notice is due again after this time. It is longer than a batch takes, even with a slow receiver."""
BATCH = 32
"""Notices to claim at once."""
CONNECTIONS_PER_HOST = 8
"""The most connections to one receiver, so that a slow receiver takes only its share."""
_BATCH_SECONDS = 80.0
_TURN_SECONDS = 15.0
"""How long a claimed notice waits for its turn at the receiver. With the time limit of one attempt it is still
within the batch's."""
_random = SystemRandom()


class SendResult(NamedTuple):
    """The result for a claimed notice. Without an attempt, `reason` gives the cause. A pending notice without an
    attempt counts as not tried."""

    notice: Record
    status: NoticeStatus
    delay_seconds: float = 0.0
    attempt: Attempt | None = None
    reason: str | None = None

    @staticmethod
    def of(notice: Record, attempt: Attempt) -> "SendResult":
        """Make the result of one attempt: sent, dead, or due again after a delay."""
        match attempt.outcome:
            case Outcome.SENT:
                return SendResult(notice, NoticeStatus.SENT, attempt=attempt)
            case Outcome.DEAD:
                return SendResult(notice, NoticeStatus.DEAD, attempt=attempt)
            case Outcome.RETRY:
                seconds = delay_seconds(notice["tries"], chance=_random.random())
                if seconds is None:
                    return SendResult(notice, NoticeStatus.DEAD, attempt=attempt)
                return SendResult(notice, NoticeStatus.PENDING, delay_seconds=seconds, attempt=attempt)
            case _:
                assert_never(attempt.outcome)


async def send_batch(
    notices: Sequence[Record], send: Callable[[Record], Awaitable[SendResult]], *, gate: asyncio.Semaphore
) -> list[SendResult]:
    """Send claimed notices, as many at once as the gate lets through; return the results.

    A notice whose send raises, or does not end within the lease, has no result: it stays claimed, so it is tried
    again when its lease ends.
    """
    if not notices:
        return []
    tasks = [asyncio.create_task(_send_in_turn(notice, send, gate)) for notice in notices]
    try:
        await asyncio.wait(tasks, timeout=_BATCH_SECONDS)
    finally:
        # Also if the caller is cancelled, so that no task continues without it.
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


async def _send_in_turn(
    notice: Record, send: Callable[[Record], Awaitable[SendResult]], gate: asyncio.Semaphore
) -> SendResult:
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await gate.acquire()
    except TimeoutError:
        return SendResult(notice, NoticeStatus.PENDING)  # not tried
    try:
        return await send(notice)
    finally:
        gate.release()


async def record_results(pool: Pool, list_id: UUID, results: Sequence[SendResult]) -> None:
    """Write the results of a batch to the outbox, and count them. Raises Unavailable."""
    if not results:
        return
    rows = [
        (
            result.notice["notice_id"],
            result.notice["tries"],
            result.status,
            result.delay_seconds,
            result.attempt.status if result.attempt else None,
            result.attempt.answer if result.attempt else result.reason,
            result.attempt.latency_ms if result.attempt else None,
        )
        for result in results
    ]
    async with connection(pool) as acquired:
        await acquired.execute(sql("record_attempts"), list_id, *map(list, zip(*rows, strict=True)))
    for result in results:
        channel = channel_of(result.notice["webhook_id"])
        NOTICE_TRIES.labels("fan" if channel == "email" else channel, result.status).inc()
