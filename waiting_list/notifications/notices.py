"""List the notices of an organization, and send them again.

A resend only makes a notice due; the worker sends it. Data of another organization counts as absent.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from waiting_list.access.email_limits import MailLimits
from waiting_list.lists.idempotency import Idempotency, run_once, stored_response
from waiting_list.lists.models import ListKey, organization_list_id
from waiting_list.notifications import gateways, webhooks
from waiting_list.notifications.channels import ChannelName
from waiting_list.notifications.gateways import GatewayTest
from waiting_list.notifications.models import Notice, Redelivered, Redelivery
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.phones import normalized
from waiting_list.notifications.retry_policy import without_addresses
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Connection, Pool, Record, clock, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import GatewayNotFound, NoticeNotFound

TEST = "webhook.test"
"""The type of a delivery that only tests a webhook."""
TEXT_TEST = "sms_test"
"""The type of a text message that only tests a gateway."""
MOST_COUNTED = 1000
"""`count_failed` counts no further."""
_CHUNK = 1000


async def count_failed(pool: Pool, organization_id: str) -> int:
    """Return how many notices of the organization are dead, at most MOST_COUNTED. Raises Unavailable."""
    async with connection(pool) as acquired:
        count: int = await acquired.fetchval(sql("count_failed_notices"), organization_id, MOST_COUNTED)
    return count


class NoticeFilter(NamedTuple):
    """A filter of notices: each given field must match one of its values."""

    status: Sequence[str] | None = None
    type: Sequence[str] | None = None
    channel: ChannelName | None = None
    offer_id: Sequence[str] | None = None
    representation_id: Sequence[str] | None = None


async def send_test(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[Notice, bool]:
    """Make a delivery that only tests the webhook, whatever types it wants, due at once.

    Return it, and whether an earlier request with this Idempotency-Key made it. Raises WebhookNotFound,
    IdempotencyKeyReused.
    """

    async def insert(acquired: Connection, at: datetime) -> Notice:
        # Locked, so that a deletion of the webhook finds this delivery.
        webhooks.existing_webhook(await acquired.fetchrow(sql("lock_webhook"), organization_id, webhook_id))
        list_id, notice_id = organization_list_id(organization_id), uuid.uuid4()
        body = {"type": TEST, "timestamp": at.isoformat(), "data": {"message": "This webhook works."}}
        await acquired.execute(
            sql("insert_test_notice"),
            list_id,
            notice_id,
            organization_id,
            webhook_id,
            TEST,
            json.dumps(body, separators=(",", ":")),
            at,
        )
        return _notice(await acquired.fetchrow(sql("read_notice"), list_id, notice_id))

    return await run_once(pool, organization_id, idempotency, Notice, insert, now=now)


async def send_test_text(
    pool: Pool,
    limits: MailLimits,
    organization_id: str,
    given: GatewayTest,
    *,
    address: str | None,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[Notice, bool]:
    """Make a text message that only tests the organization's gateway, due at once.

    Return it, and whether an earlier request with this Idempotency-Key made it. It counts as a code to that number
    does, also when it is repeated. Raises GatewayNotFound, InvalidRequest for a number that the organization does
    not text, RateLimited, IdempotencyKeyReused.
    """
    found = await gateways.gateway(pool, organization_id)
    if found is None:
        raise GatewayNotFound
    phone = normalized(given.phone, list(found.prefixes))
    await limits.count_code(organization_id, f"test/{organization_id}", phone, address)

    async def insert(acquired: Connection, at: datetime) -> Notice:
        list_id, notice_id = organization_list_id(organization_id), uuid.uuid4()
        body = json.dumps({"to": phone, "locale": given.locale}, separators=(",", ":"))
        values = (organization_id, found.gateway_id, TEXT_TEST, body, at)
        await acquired.execute(sql("insert_test_notice"), list_id, notice_id, *values)
        return _notice(await acquired.fetchrow(sql("read_notice"), list_id, notice_id))

    return await run_once(pool, organization_id, idempotency, Notice, insert, now=now)


async def deliveries(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    *,
    status: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Notice]:
    """Return the sent and pending deliveries to one webhook, the newest first. Raises WebhookNotFound."""
    await webhooks.webhook(pool, organization_id, webhook_id)
    only = NoticeFilter(status=status)
    return await notices(pool, organization_id, only, webhook_id=webhook_id, limit=limit, cursor=cursor)


async def redeliver(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    what: Redelivery,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[Redelivered, bool]:
    """Send one delivery again, or all dead ones, each with its old id.

    Return how many, and whether an earlier request with this Idempotency-Key did it. Dead deliveries go in chunks,
    each in its own transaction; after an interruption, a repeat goes on.

    Raises WebhookNotFound, NoticeNotFound, IdempotencyKeyReused.
    """
    await webhooks.webhook(pool, organization_id, webhook_id)
    if what.notice_id is not None:
        (found,) = await _found(pool, [what.notice_id], organization_id)
        if found["webhook_id"] != webhook_id:
            raise _not_found(what.notice_id)

        async def send_one(acquired: Connection, at: datetime) -> Redelivered:
            await _resend(acquired, found, at)
            return Redelivered(notices=1)

        return await run_once(pool, organization_id, idempotency, Redelivered, send_one, now=now)
    async with connection(pool) as acquired:
        if first := await stored_response(acquired, organization_id, idempotency, Redelivered):
            return first, True
    sent = await resend_dead(pool, organization_id=organization_id, webhook_id=webhook_id, now=now)

    async def count(_acquired: Connection, _at: datetime) -> Redelivered:
        return Redelivered(notices=sent)

    return await run_once(pool, organization_id, idempotency, Redelivered, count, now=now)


async def notices(
    pool: Pool,
    organization_id: str | None,
    only: NoticeFilter,
    *,
    webhook_id: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Notice]:
    """Return notices of one organization, or of all, the newest first. They contain no address of a fan."""
    after = decode(cursor, datetime, uuid.UUID)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_notices"), organization_id, webhook_id, *only, *after, limit + 1)
    return page_of(records, limit, _notice, "created_at", "notice_id")


async def emails_of_entry(pool: Pool, key: ListKey, number: int, *, limit: int) -> list[Notice]:
    """Return the newest e-mails to the fan of an entry. The caller must have found that the list is its own."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_emails_of_entry"), key.list_id, number, limit)
    return [_notice(record) for record in records]


async def resend(
    pool: Pool,
    organization_id: str,
    notice_id: str,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[Notice, bool]:
    """Make a notice due now, with its old id and whatever its status.

    Return it, and whether an earlier request with this Idempotency-Key did it. The worker checks whether an e-mail
    is still true when it sends it.

    Raises NoticeNotFound, IdempotencyKeyReused.
    """
    (found,) = await _found(pool, [notice_id], organization_id)

    async def send(acquired: Connection, at: datetime) -> Notice:
        await _resend(acquired, found, at)
        return _notice(await acquired.fetchrow(sql("read_notice"), found["list_id"], found["notice_id"]))

    return await run_once(pool, organization_id, idempotency, Notice, send, now=now, forgetting={"answer"})


async def resend_all(
    pool: Pool, notice_ids: Sequence[str], *, organization_id: str | None = None, now: datetime | None = None
) -> int:
    """Make these notices due now, of one organization or of any; return how many they are.

    Raises NoticeNotFound if one of them does not exist; then all stay as they are.
    """
    found = await _found(pool, notice_ids, organization_id)
    async with connection(pool) as acquired:
        at = now or await clock(acquired)
        for one in found:
            await _resend(acquired, one, at)
    return len(found)


async def resend_dead(
    pool: Pool,
    *,
    organization_id: str | None = None,
    webhook_id: str | None = None,
    now: datetime | None = None,
) -> int:
    """Make the dead notices due now, of one organization or of all; return how many.

    With `webhook_id`, the call takes only that webhook's deliveries. It works in chunks, list by list. It takes
    each notice once, even if the notice dies again meanwhile.
    """
    sent = 0
    after: tuple[datetime, uuid.UUID] | tuple[None, None] = (None, None)
    while True:
        async with snapshot(pool) as acquired:
            found = await acquired.fetch(sql("read_dead_notices"), organization_id, webhook_id, *after, _CHUNK)
        async with connection(pool) as acquired:
            at = now or await clock(acquired)
            for list_id, notice_ids in _by_list(found):
                dead = [NoticeStatus.DEAD]
                sent += len(await acquired.fetch(sql("resend_notices"), list_id, notice_ids, dead, at))
        if len(found) < _CHUNK:
            return sent
        after = found[-1]["created_at"], found[-1]["notice_id"]


async def _found(pool: Pool, notice_ids: Iterable[str], organization_id: str | None) -> list[Record]:
    """Return the lists of these notices. Raises NoticeNotFound if one of them does not exist."""
    wanted = {_uuid(one) for one in notice_ids}
    async with snapshot(pool) as acquired:
        found = await acquired.fetch(sql("read_lists_of_notices"), wanted, organization_id)
    for missing in wanted - {record["notice_id"] for record in found}:
        raise _not_found(missing)
    return found


async def _resend(acquired: Connection, found: Record, at: datetime) -> None:
    list_id, notice_id = found["list_id"], found["notice_id"]
    if not await acquired.fetch(sql("resend_notices"), list_id, [notice_id], list(NoticeStatus), at):
        raise _not_found(notice_id)  # erased or deleted meanwhile


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise _not_found(text) from None


def _not_found(notice_id: object) -> NoticeNotFound:
    return NoticeNotFound(f"There is no notice {notice_id}.")


def _by_list(found: Sequence[Record]) -> Iterator[tuple[uuid.UUID, list[uuid.UUID]]]:
    lists: dict[uuid.UUID, list[uuid.UUID]] = {}
    for record in found:
        lists.setdefault(record["list_id"], []).append(record["notice_id"])
    yield from lists.items()


def _notice(record: Record | None) -> Notice:
    assert record is not None, "it was just written"
    if record["webhook_id"] is None and record["answer"]:
        # Mail servers like to repeat the address that they refuse. Remove it here too, because the previous
        # version stored such answers.
        return Notice.from_record(record, answer=without_addresses(record["answer"]))
    return Notice.from_record(record)
