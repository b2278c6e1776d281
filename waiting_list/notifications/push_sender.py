"""Push the due notices of one list to the devices of its fans."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from waiting_list import page_addresses as to
from waiting_list.access.private_links import link_token
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.notifications.channels import PUSH
from waiting_list.notifications.email_composer import EmailComposer
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.push_message import write_push
from waiting_list.notifications.pushes import remove_devices
from waiting_list.notifications.retry_policy import Outcome
from waiting_list.notifications.send_batch import (
    BATCH,
    CONNECTIONS_PER_HOST,
    LEASE,
    SendResult,
    record_results,
    send_batch,
)
from waiting_list.notifications.turns import facts_of_turn, not_now
from waiting_list.notifications.webhook_sender import WebhookSender
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

_GONE = (404, 410)
"""What a push service answers about a device that takes nothing more (RFC 8030, 7.3)."""
_FOR_GOOD = (400, 401, 403, 405, 413)
"""What it answers to a message that it will never take."""
_NO_DEVICE = "the device no longer takes pushes"


class PushSender:
    """The channel of devices: write and send what is pushed.

    It sends through the client of webhooks, which reaches the public Internet only.
    """

    most_tasks = most_tasks_for_one = 8

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        signing_keys: SigningKeys,
        composer: EmailComposer,
        webhooks: WebhookSender,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._signing_keys = signing_keys
        self._composer = composer
        self._webhooks = webhooks
        self._gate = asyncio.Semaphore(CONNECTIONS_PER_HOST)

    def resting(self) -> list[str]:
        return []

    async def send_due(self, list_id: UUID, receiver: str | None) -> int:  # noqa: ARG002 - of all channels
        """Claim one batch of what is to be pushed of a list, send it and record the results; return how many it
        claimed. Forget the devices that take nothing more. Raises Unavailable."""
        async with connection(self._pool) as acquired:
            claimed = await acquired.fetch(sql("claim_notices"), list_id, PUSH, BATCH, LEASE)
            named = [UUID(notice["body"]) for notice in claimed]
            found = await acquired.fetch(sql("read_pushes"), list_id, named)
        devices = {str(device["push_id"]): device for device in found}
        entries = await self._composer.read_entries(list_id, [notice["number"] for notice in claimed])

        async def send(notice: Record) -> SendResult:
            return await self._send(notice, entries.get(notice["number"]), devices.get(notice["body"]))

        results = await send_batch(claimed, send, gate=self._gate)
        gone = [one for one in results if one.attempt and one.attempt.status in _GONE]
        if gone:
            await remove_devices(self._pool, list_id, [UUID(one.notice["body"]) for one in gone])
        await record_results(self._pool, list_id, results)
        return len(claimed)

    async def _send(self, notice: Record, about: Mapping[str, Any] | None, device: Record | None) -> SendResult:
        if about is None or device is None:
            return SendResult(notice, NoticeStatus.DROPPED, reason=_NO_DEVICE)
        facts = facts_of_turn(about)
        if (other := not_now(notice, facts)) is not None:
            return other
        keys, link = await self._signing_keys.keys(), None
        if device["by_link"]:
            token = link_token(keys.derived, about["list_id"], notice["number"], about["link_version"])
            link = to.address(to.PRIVATE_LINK, token=token)
        message = write_push(
            facts,
            device,
            link=link,
            key=keys.push,
            public_url=self._settings.public_url,
            public_path=self._settings.public_path,
        )
        client = await self._webhooks.client()
        attempt = await client.send(device["endpoint"], message.body, message.headers)
        if attempt.status in _GONE:
            return SendResult(notice, NoticeStatus.DROPPED, attempt=attempt)
        if attempt.status in _FOR_GOOD:
            attempt = attempt._replace(outcome=Outcome.DEAD)
        return SendResult.of(notice, attempt)

    async def close(self) -> None:
        """Close nothing: the client is of the webhooks."""
