"""Note since when a webhook fails, and disable it when it fails for days or is gone."""

import json
from collections.abc import Sequence
from datetime import timedelta

import structlog

from waiting_list.lists.models import organization_list_id
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.lists.outbox_rows import notice_id
from waiting_list.notifications.retry_policy import Attempt, Outcome
from waiting_list.postgres.pool import Pool, Record, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

_GONE = 410


class WebhookHealth:
    """Track the health of webhooks by the attempts to reach them."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._disable_days = settings.webhook_disable_days

    async def update(self, webhook: Record, attempts: Sequence[Attempt]) -> None:
        """Note what the attempts of one batch say about a webhook.

        One success makes it healthy. A receiver that answers 410 Gone, or has only failed for
        `webhook_disable_days`, is disabled. Raises Unavailable.
        """
        if not attempts:
            return
        webhook_id, failing_since = webhook["webhook_id"], webhook["failing_since"]
        if any(attempt.outcome is Outcome.SENT for attempt in attempts):
            if failing_since is not None:
                async with connection(self._pool) as acquired:
                    await acquired.execute(sql("webhook_works"), webhook_id)
        elif any(attempt.status == _GONE for attempt in attempts):
            await self._disable(webhook, "it answered 410 Gone")
        elif failing_since is None:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("webhook_fails"), webhook_id)
        elif webhook["now"] - failing_since > timedelta(days=self._disable_days):
            # Without the text of the answer, because it may name a person, and the reason is stored for long.
            last = attempts[-1].status or attempts[-1].answer
            await self._disable(webhook, f"it has failed for more than {self._disable_days:g} days; last: {last}")

    async def _disable(self, webhook: Record, reason: str) -> None:
        """Disable a webhook once, and notify its organization by e-mail and by its other webhooks."""
        organization_id, webhook_id = webhook["organization_id"], webhook["webhook_id"]
        since = webhook["failing_since"] or webhook["now"]
        owner = organization_list_id(organization_id)
        data = {"webhook_id": webhook_id, "url": webhook["url"], "reason": reason}
        event = {"type": "webhook.disabled", "timestamp": webhook["now"].isoformat(), "data": data}
        email = {
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
                json.dumps(email) if webhook["notify_email"] else None,
            )
        log.warning("webhook_disabled", webhook_id=webhook_id, reason=reason)
