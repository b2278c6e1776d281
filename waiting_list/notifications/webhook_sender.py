"""Send the due deliveries of one list to one webhook."""

import asyncio
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from waiting_list.access.signing_keys import SigningKeys
from waiting_list.notifications.send_batch import (
    BATCH,
    CONNECTIONS_PER_HOST,
    LEASE,
    SendResult,
    record_results,
    send_batch,
)
from waiting_list.notifications.webhook_health import WebhookHealth
from waiting_list.notifications.webhooks import webhook_secret
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

if TYPE_CHECKING:
    from waiting_list.notifications.webhook_client import WebhookClient

ROTATION = timedelta(hours=24)
"""How long the previous secret still signs after a rotation."""
_REST_SECONDS = 30.0
"""How long the sender skips a webhook that did not answer at all, so that others come first."""


class WebhookSender:
    """The channel of webhooks: sign and send deliveries. `close` ends it."""

    most_tasks, most_tasks_for_one = 48, 2

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys) -> None:
        self._pool = pool
        self._signing_keys = signing_keys
        self._health = WebhookHealth(pool, settings)
        self._settings = settings
        self._client: WebhookClient | None = None
        self._opening = asyncio.Lock()
        self._gates: dict[str, asyncio.Semaphore] = {}
        """By host. As many at once as there are connections, because the wait for a connection would count as the
        receiver's."""
        self._resting_until: dict[str, float] = {}

    def resting(self) -> list[str]:
        """Return the webhooks to skip for now."""
        now = asyncio.get_running_loop().time()
        self._resting_until = {one: until for one, until in self._resting_until.items() if now < until}
        return list(self._resting_until)

    async def send_due(self, list_id: UUID, receiver: str | None) -> int:
        """Claim one batch of a list's deliveries to a webhook, send it and record the results.

        Return how many it claimed: 0 if the webhook is disabled, deleted or skipped for now. Raises Unavailable.
        """
        assert receiver is not None
        webhook_id, client = receiver, await self.client()
        async with connection(self._pool) as acquired:
            webhook = await acquired.fetchrow(sql("read_webhook_to_call"), webhook_id)
            if webhook is None or webhook["disabled_at"] is not None:
                reason = "the webhook is disabled" if webhook else "the webhook was deleted"
                await acquired.execute(sql("give_up_notices"), list_id, webhook_id, reason)
                return 0
            # A small batch, so that a failing webhook delays others by one attempt at most.
            at_most = BATCH if webhook["failing_since"] is None else CONNECTIONS_PER_HOST
            claimed = await acquired.fetch(sql("claim_notices"), list_id, webhook_id, at_most, LEASE)
        secrets = await self._secrets(webhook)

        async def send(notice: Record) -> SendResult:
            attempt = await client.post(
                webhook["url"],
                notice_id=notice["notice_id"],
                body=notice["body"],
                secrets=secrets,
                at=notice["tried_at"],
            )
            return SendResult.of(notice, attempt)

        host = urlsplit(webhook["url"]).netloc
        gate = self._gates.setdefault(host, asyncio.Semaphore(CONNECTIONS_PER_HOST))
        results = await send_batch(claimed, send, gate=gate)
        await record_results(self._pool, list_id, results)
        attempts = [result.attempt for result in results if result.attempt]
        await self._health.update(webhook, attempts)
        if results and all(attempt.status is None for attempt in attempts):
            self._resting_until[webhook_id] = asyncio.get_running_loop().time() + _REST_SECONDS
            return 0
        return len(claimed)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()

    async def client(self) -> "WebhookClient":
        """Return the client. The first delivery makes it, so that the start does not wait for it."""
        async with self._opening:
            if self._client is None:
                # In a thread, so that meanwhile other calls go on.
                context = await asyncio.to_thread(_prepare)
                from waiting_list.notifications.webhook_client import WebhookClient  # noqa: PLC0415

                self._client = WebhookClient(self._settings, context=context)
        return self._client

    async def _secrets(self, webhook: Record) -> list[str]:
        secret = await self._signing_keys.derived_secret()
        versions = [webhook["secret_version"]]
        if webhook["rotated_at"] is not None and webhook["now"] - webhook["rotated_at"] < ROTATION:
            versions.append(webhook["secret_version"] - 1)
        return [webhook_secret(secret, webhook["webhook_id"], version) for version in versions]


def _prepare() -> ssl.SSLContext:
    # Late, because aiohttp would delay each start by 80 ms.
    from waiting_list.notifications.webhook_client import tls_context  # noqa: PLC0415

    return tls_context()
