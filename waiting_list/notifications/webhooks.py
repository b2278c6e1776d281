"""Create, list, change and delete the webhooks of an organization.

Data of another organization counts as absent.
"""

import base64
import secrets
from datetime import datetime
from typing import Any

from waiting_list.key_material import derived
from waiting_list.lists.idempotency import Idempotency, run_once
from waiting_list.notifications.models import CreatedWebhook, Webhook, WebhookChange, WebhookFields
from waiting_list.notifications.public_address import check_url
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Connection, Pool, Record, clock, connection, snapshot, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest, TooManyWebhooks, WebhookNotFound
from waiting_list.settings import Settings

MOST_WEBHOOKS = 20
"""The most webhooks that one organization may have."""
BY_HAND = "by hand"
"""The reason of a webhook that its organization has disabled."""
_CHUNK = 1000


class _Kept(Webhook):
    secret_version: int


async def create(
    pool: Pool,
    settings: Settings,
    organization_id: str,
    fields: WebhookFields,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[CreatedWebhook, bool]:
    """Create a webhook, and return it with its secret.

    The second value says whether an earlier request with this Idempotency-Key made it. The secret follows from the
    deployment's, so that a repeat can show it again without a stored copy. Raises InvalidRequest for an address
    that deliveries would not reach, TooManyWebhooks, IdempotencyKeyReused.
    """
    check_url(fields.url, settings)

    async def insert(acquired: Connection, at: datetime) -> _Kept:
        if await acquired.fetchval(sql("read_webhook_count"), organization_id) >= MOST_WEBHOOKS:
            raise TooManyWebhooks(f"An organization has at most {MOST_WEBHOOKS} webhooks.", maximum=MOST_WEBHOOKS)
        record = await acquired.fetchrow(
            sql("insert_webhook"),
            f"wh_{secrets.token_hex(8)}",
            organization_id,
            fields.url,
            fields.description,
            fields.types,
            fields.notify_email,
            at,
        )
        assert record is not None
        return _Kept.from_record(record)

    kept, replayed = await run_once(pool, organization_id, idempotency, _Kept, insert, now=now)
    return await _with_secret(pool, kept), replayed


async def webhooks(pool: Pool, organization_id: str, *, limit: int, cursor: str | None) -> Page[Webhook]:
    """Return an organization's webhooks, the oldest first, without their secrets."""
    after = decode(cursor, datetime, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_webhooks"), organization_id, None, *after, limit + 1)
    return page_of(records, limit, Webhook.from_record, "created_at", "webhook_id")


async def webhook(pool: Pool, organization_id: str, webhook_id: str) -> Webhook:
    """Return one webhook of an organization. Raises WebhookNotFound."""
    async with snapshot(pool) as acquired:
        return existing_webhook(
            await acquired.fetchrow(sql("read_webhooks"), organization_id, webhook_id, None, None, 1)
        )


async def change(
    pool: Pool,
    settings: Settings,
    organization_id: str,
    webhook_id: str,
    changes: WebhookChange,
    *,
    now: datetime | None = None,
) -> Webhook:
    """Change the given fields of a webhook; other fields stay.

    A webhook that is enabled again starts without its earlier failures. Raises WebhookNotFound, InvalidRequest.
    """
    given: dict[str, Any] = changes.given
    if not given:
        raise InvalidRequest.of("body", "give at least one field")
    if "url" in given:
        check_url(changes.url, settings)
    disabled = given.pop("disabled", None)
    async with transaction(pool) as acquired:
        before = existing_webhook(await acquired.fetchrow(sql("lock_webhook"), organization_id, webhook_id))
        if disabled is True and before.disabled_at is None:
            given |= {"disabled_at": now or await clock(acquired), "disabled_reason": BY_HAND}
        elif disabled is False and before.disabled_at is not None:
            given |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
        after = before.model_copy(update=given)
        await acquired.execute(
            sql("update_webhook"),
            organization_id,
            webhook_id,
            after.url,
            after.description,
            after.types,
            after.notify_email,
            after.failing_since,
            after.disabled_at,
            after.disabled_reason,
        )
    return after


async def delete(pool: Pool, organization_id: str, webhook_id: str) -> Webhook:
    """Delete a webhook and all deliveries to it. The worker still finishes a delivery that it is sending.

    The call deletes the webhook first, then its deliveries in chunks; after a failure, a repeat deletes the rest.
    Raises WebhookNotFound.
    """
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_webhook"), organization_id, webhook_id)
    while True:
        async with connection(pool) as acquired:
            notices = await acquired.fetch(sql("read_notices_of_webhook"), webhook_id, organization_id, _CHUNK)
            for list_id, notice_ids in notices:
                await acquired.execute(sql("delete_notices"), list_id, notice_ids)
        if not notices:
            return existing_webhook(record)


async def rotate_secret(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[CreatedWebhook, bool]:
    """Give a webhook its next secret, and return both.

    The second value says whether an earlier request with this Idempotency-Key did it. For 24 hours the worker also
    signs deliveries with the previous secret. A second rotation within these hours ends all secrets before the
    previous one at once. Raises WebhookNotFound, IdempotencyKeyReused.
    """

    async def rotate(acquired: Connection, at: datetime) -> _Kept:
        record = await acquired.fetchrow(sql("rotate_webhook_secret"), organization_id, webhook_id, at)
        if record is None:
            raise WebhookNotFound
        return _Kept.from_record(record)

    kept, replayed = await run_once(pool, organization_id, idempotency, _Kept, rotate, now=now)
    return await _with_secret(pool, kept), replayed


def existing_webhook(record: Record | None) -> Webhook:
    """Return the webhook of a row. Raises WebhookNotFound if there is no row."""
    if record is None:
        raise WebhookNotFound
    return Webhook.from_record(record)


def webhook_secret(secret: bytes, webhook_id: str, version: int) -> str:
    """Derive the signing secret of a webhook, in the format of Standard Webhooks: `whsec_`, then 32 bytes in
    base64."""
    return f"whsec_{base64.b64encode(derived(secret, 'webhook', webhook_id, version)).decode()}"


async def _with_secret(pool: Pool, kept: _Kept) -> CreatedWebhook:
    async with connection(pool) as acquired:
        derived_from = await acquired.fetchval(sql("read_signing_key"), "derived")
    secret = webhook_secret(derived_from, kept.webhook_id, kept.secret_version)
    return CreatedWebhook(**kept.model_dump(exclude={"secret_version"}), secret=secret)
