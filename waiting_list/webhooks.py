"""Where an organization is told of changes. What belongs to another answers as if it did not exist."""

import secrets
from datetime import datetime
from typing import Any

from waiting_list.database import Connection, Pool, Record, connection, snapshot, sql, transaction
from waiting_list.idempotency import Idempotency, clock, run_once
from waiting_list.keys import webhook_secret
from waiting_list.notices import CreatedWebhook, Webhook, WebhookChange, WebhookFields
from waiting_list.paging import Page, decode, page_of
from waiting_list.problems import InvalidRequest, TooManyWebhooks, WebhookNotFound
from waiting_list.public_address import check_url
from waiting_list.settings import Settings

MOST_WEBHOOKS = 20
"""Of one organization."""
BY_HAND = "by hand"
"""Why a webhook is disabled that its organization disabled."""
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
    """A new webhook with its secret, and whether an earlier request with this Idempotency-Key made it.

    The secret is not stored, but follows from the deployment's: a repeat can show it again. Raises InvalidRequest
    for an address that deliveries would not reach, TooManyWebhooks, IdempotencyKeyReused.
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
    """An organization's webhooks, the oldest first, without their secrets."""
    after = decode(cursor, datetime, str)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_webhooks"), organization_id, None, *after, limit + 1)
    return page_of(records, limit, Webhook.from_record, "created_at", "webhook_id")


async def webhook(pool: Pool, organization_id: str, webhook_id: str) -> Webhook:
    """Raises WebhookNotFound."""
    async with snapshot(pool) as acquired:
        return found(await acquired.fetchrow(sql("read_webhooks"), organization_id, webhook_id, None, None, 1))


async def change(
    pool: Pool,
    settings: Settings,
    organization_id: str,
    webhook_id: str,
    changes: WebhookChange,
    *,
    now: datetime | None = None,
) -> Webhook:
    """Changes what is given of a webhook; what is left out stays.

    One that was disabled, by hand or because it failed for days, and is enabled again begins without a failure.
    Raises WebhookNotFound, InvalidRequest.
    """
    given: dict[str, Any] = changes.given
    if not given:
        raise InvalidRequest.of("body", "give at least one field")
    if "url" in given:
        check_url(changes.url, settings)
    disabled = given.pop("disabled", None)
    async with transaction(pool) as acquired:
        before = found(await acquired.fetchrow(sql("lock_webhook"), organization_id, webhook_id))
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
    """Deletes a webhook and all deliveries to it: none that is pending is sent any more, but for one under way.

    They are deleted after it, in chunks; a repeat deletes what a failure left of them. Raises WebhookNotFound.
    """
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_webhook"), organization_id, webhook_id)
    while True:
        async with connection(pool) as acquired:
            notices = await acquired.fetch(sql("read_notices_of_webhook"), webhook_id, organization_id, _CHUNK)
            for list_id, notice_ids in notices:
                await acquired.execute(sql("delete_notices"), list_id, notice_ids)
        if not notices:
            return found(record)


async def rotate_secret(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[CreatedWebhook, bool]:
    """The webhook with its next secret, and whether an earlier request with this Idempotency-Key made that.

    For 24 hours deliveries are signed with the secret before as well. Only that one: a second rotation within
    these hours is done, and what was valid before both ends at once. Raises WebhookNotFound, IdempotencyKeyReused.
    """

    async def rotate(acquired: Connection, at: datetime) -> _Kept:
        record = await acquired.fetchrow(sql("rotate_webhook_secret"), organization_id, webhook_id, at)
        if record is None:
            raise WebhookNotFound
        return _Kept.from_record(record)

    kept, replayed = await run_once(pool, organization_id, idempotency, _Kept, rotate, now=now)
    return await _with_secret(pool, kept), replayed


def found(record: Record | None) -> Webhook:
    """A webhook as it was read. Raises WebhookNotFound if it was not there."""
    if record is None:
        raise WebhookNotFound
    return Webhook.from_record(record)


async def _with_secret(pool: Pool, kept: _Kept) -> CreatedWebhook:
    async with connection(pool) as acquired:
        derived_from = await acquired.fetchval(sql("read_signing_key"), "derived")
    secret = webhook_secret(derived_from, kept.webhook_id, kept.secret_version)
    return CreatedWebhook(**kept.model_dump(exclude={"secret_version"}), secret=secret)
