"""Send the due e-mails of one list."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from waiting_list.access.email_limits import MailboxLimit
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE, Engine
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.alerts import forget
from waiting_list.notifications.email_composer import (
    ABOUT_TRANSFERS,
    NO_RECIPIENT,
    EmailComposer,
    may_wait,
    reason_not_to_send,
)
from waiting_list.notifications.email_transport import EmailTransport
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.send_batch import BATCH, LEASE, SendResult, record_results, send_batch
from waiting_list.notifications.turns import ABOUT_TURNS, not_now
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound
from waiting_list.settings import Settings

_ENOUGH = "waits, because this mailbox has had enough e-mails within the hour"


class EmailSender:
    """The channel of e-mails: compose and send them. `close` closes its transport."""

    most_tasks = most_tasks_for_one = 8

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        composer: EmailComposer,
        transport: EmailTransport,
        limit: MailboxLimit,
        engine: Engine,
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._limit = limit
        self._composer = composer
        self._transport = transport
        self._gate = asyncio.Semaphore(settings.smtp_connections)
        """As many at once as there are connections, because the wait for a connection would count as the
        server's."""

    def resting(self) -> list[str]:
        return []

    async def send_due(self, list_id: UUID, receiver: str | None = None) -> int:  # noqa: ARG002 - of all channels
        """Claim one batch of a list's e-mails, send it and record the results; return how many it claimed. Raises
        Unavailable."""
        async with connection(self._pool) as acquired:
            claimed = await acquired.fetch(sql("claim_notices"), list_id, "", BATCH, LEASE)
        entries = await self._composer.read_entries(list_id, [notice["number"] for notice in claimed])
        messages = await self._composer.read_messages(list_id, claimed)
        alerts = await self._composer.read_alerts(list_id, claimed)
        transfers = await self._composer.read_transfers(list_id, claimed)
        waits = await self._waits(claimed, entries)

        async def send(notice: Record) -> SendResult:
            if seconds := waits.get(notice["notice_id"]):
                return SendResult(notice, NoticeStatus.PENDING, delay_seconds=seconds, reason=_ENOUGH)
            if notice["type"] == EmailKind.OPENED:
                return await self._send_opened(notice, alerts.get(notice["body"]))
            if notice["type"] in ABOUT_TRANSFERS:
                return await self._send_transfer(notice, transfers.get(notice["body"]))
            return await self._send(notice, entries.get(notice["number"]), messages.get(notice["body"]))

        results = await send_batch(claimed, send, gate=self._gate)
        bounced = [one for one in results if one.attempt and one.attempt.bad_address]
        await record_results(self._pool, list_id, [one for one in results if one not in bounced])
        await self._note_addresses(results, entries)
        await self._forget_alerts(list_id, results, alerts)
        await self._forget_transfers(list_id, results)
        # Last, so that a process that dies before it has noted a bounce meets it again.
        await record_results(self._pool, list_id, bounced)
        return len(claimed)

    async def _send_opened(self, notice: Record, about: Mapping[str, Any] | None) -> SendResult:
        """Send the e-mail that says that a list takes fans, if it still does."""
        if about is None or not about["subscribed"]:
            return SendResult(notice, NoticeStatus.DROPPED, reason=NO_RECIPIENT)
        if not about["open"]:
            return SendResult(notice, NoticeStatus.DROPPED, reason="the list takes no fans any more")
        return SendResult.of(
            notice, await self._transport.send(await self._composer.compose_opened(notice, about))
        )

    async def _send_transfer(self, notice: Record, about: Mapping[str, Any] | None) -> SendResult:
        """Send the e-mail that offers a place, if it still is offered, or says that it was given on."""
        if about is None or about["email"] is None or not about["subscribed"]:
            return SendResult(notice, NoticeStatus.DROPPED, reason=NO_RECIPIENT)
        is_offer = notice["type"] == EmailKind.TRANSFER_OFFERED
        has_ended = about["transferred_at"] is not None or about["now"] >= about["expires_at"]
        if is_offer and (has_ended or about["status"] == Status.LEFT):
            return SendResult(notice, NoticeStatus.DROPPED, reason="the offer has ended")
        return SendResult.of(
            notice, await self._transport.send(await self._composer.compose_transfer(notice, about))
        )

    async def _forget_transfers(self, list_id: UUID, results: Sequence[SendResult]) -> None:
        """Forget the former users of places who know that these were given on."""
        done = [
            UUID(one.notice["body"])
            for one in results
            if one.notice["type"] == EmailKind.TRANSFERRED and one.status is not NoticeStatus.PENDING
        ]
        if done:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("forget_transfers"), list_id, done)

    async def _forget_alerts(
        self, list_id: UUID, results: Sequence[SendResult], alerts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Forget who has had the letter about the opening; who has not, because the list has closed, waits on."""
        done = {
            one.notice["body"]: alerts[one.notice["body"]]
            for one in results
            if one.notice["body"] in alerts and one.status is not NoticeStatus.PENDING
        }
        closed = [UUID(body) for body, one in done.items() if one["subscribed"] and not one["open"]]
        await forget(self._pool, list_id, {UUID(body) for body in done} - {*closed})
        if closed:
            about = alerts[str(closed[0])]
            key = ListKey(about["offer_id"], about["representation_id"])
            with suppress(InventoryNotFound):  # deleted meanwhile
                await self._engine.run(key, SERVICE, verbs.put_back_alerts, alert_ids=closed)

    async def _note_addresses(
        self, results: Sequence[SendResult], entries: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Note on the entries whose addresses the mail server refuses for good, and whose are good again."""
        failed, arrived = [], []
        key: ListKey | None = None
        for notice, status, _, attempt, _ in results:
            entry = entries.get(notice["number"])
            if entry is None or attempt is None:
                continue
            key = ListKey(entry["offer_id"], entry["representation_id"])
            if attempt.bad_address and not entry["address_failed"]:
                why = f"{attempt.status or ''} {attempt.answer}".strip()
                failed.append(verbs.AddressReport(entry["number"], entry["email"], why))
            elif status is NoticeStatus.SENT and entry["address_failed"]:
                arrived.append(verbs.AddressReport(entry["number"], entry["email"]))
        if key is None:
            return
        with suppress(InventoryNotFound):  # deleted meanwhile
            if failed:
                await self._engine.run(key, SERVICE, verbs.fail_address, failed=failed)
            if arrived:
                await self._engine.run(key, SERVICE, verbs.mend_address, arrived=arrived)

    async def _waits(
        self, claimed: Sequence[Record], entries: Mapping[int, Mapping[str, Any]]
    ) -> dict[UUID, float]:
        """Return how many seconds e-mails must wait because their mailboxes have had enough within the hour.

        Each e-mail counts before its first try, so that a mail server that fails uses up no limit.
        """
        waiting = [
            (notice, entry)
            for notice in sorted(claimed, key=lambda one: (one["created_at"], one["number"] or 0))
            if (entry := entries.get(notice["number"])) and notice["tries"] == 1
            if may_wait(notice, entry) and reason_not_to_send(notice, entry) is None
        ]
        seconds = await self._limit.waits([entry["email"] for _, entry in waiting])
        return {notice["notice_id"]: wait for (notice, _), wait in zip(waiting, seconds, strict=True)}

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()

    async def _send(self, notice: Record, entry: Mapping[str, Any] | None, said: Record | None) -> SendResult:
        """Send one e-mail, unless it is outdated or not due yet.

        `entry` is None if the notice does not concern an entry, or if the entry no longer has a contact.
        """
        if notice["type"] == EmailKind.WEBHOOK_DISABLED:
            message = self._composer.compose_webhook_disabled(notice)
        elif notice["type"] in (EmailKind.SIGN_IN, EmailKind.MEMBER_LINK):
            compose = self._composer.compose_sign_in
            if notice["type"] == EmailKind.MEMBER_LINK:
                compose = self._composer.compose_member_link
            sign_in = await compose(notice)
            if sign_in is None:
                return SendResult(notice, NoticeStatus.DROPPED, reason="the sign-in link has expired")
            message = sign_in
        else:
            if entry is None:
                return SendResult(notice, NoticeStatus.DROPPED, reason=NO_RECIPIENT)
            if notice["type"] in ABOUT_TURNS and (other := not_now(notice, entry)) is not None:
                return other
            if reason := reason_not_to_send(notice, entry):
                return SendResult(notice, NoticeStatus.DROPPED, reason=reason)
            if notice["type"] == EmailKind.MESSAGE and said is None:
                return SendResult(notice, NoticeStatus.DROPPED, reason="the message was deleted")
            message = await self._composer.compose(notice, entry, said)
        return SendResult.of(notice, await self._transport.send(message))
