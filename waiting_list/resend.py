"""The notices of an organization: what was sent, and sending it again.

Nothing is sent here: a notice is made due, and the worker sends it. What belongs to another organization answers
as if it did not exist.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from waiting_list import webhooks
from waiting_list.attempts import without_addresses
from waiting_list.database import Connection, Pool, Record, connection, snapshot, sql
from waiting_list.idempotency import Idempotency, clock, run_once, stored_response
from waiting_list.models import organization_list_id
from waiting_list.notices import Notice, NoticeStatus, Redelivered, Redelivery
from waiting_list.paging import Page, decode, page_of
from waiting_list.problems import NoticeNotFound

TEST = "webhook.test"
"""The type of a delivery that only tries a webhook."""
_CHUNK = 1000
# Mail servers like to repeat whom they refuse.


class NoticeFilter(NamedTuple):
    """Which notices to list: each given field must match, by any of its values."""

    status: Sequence[str] | None = None
    type: Sequence[str] | None = None
    channel: Literal["email", "webhook"] | None = None
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
    """A delivery that only tries the webhook, whichever types it is told of, due at once; and whether an earlier
    request with this Idempotency-Key made it. Raises WebhookNotFound, IdempotencyKeyReused."""

    async def insert(acquired: Connection, at: datetime) -> Notice:
        # Locked, so that whoever deletes it finds the delivery.
        webhooks.found(await acquired.fetchrow(sql("lock_webhook"), organization_id, webhook_id))
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


async def deliveries(
    pool: Pool,
    organization_id: str,
    webhook_id: str,
    *,
    status: Sequence[str] | None,
    limit: int,
    cursor: str | None,
) -> Page[Notice]:
    """What was sent, or is to be sent, to one webhook, the newest first. Raises WebhookNotFound."""
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
    """Sends one delivery again, or all that are dead, each with the id that it had; says how many, and whether an
    earlier request with this Idempotency-Key did it.

    All that are dead go in chunks, each a transaction of its own; who stops in the middle goes on with a repeat.
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

    async def say_so(_acquired: Connection, _at: datetime) -> Redelivered:
        return Redelivered(notices=sent)

    return await run_once(pool, organization_id, idempotency, Redelivered, say_so, now=now)


async def notices(
    pool: Pool,
    organization_id: str | None,
    only: NoticeFilter,
    *,
    webhook_id: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Notice]:
    """Notices of one organization, or of all, the newest first. None shows whose address it goes to."""
    after = decode(cursor, datetime, uuid.UUID)
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_notices"), organization_id, webhook_id, *only, *after, limit + 1)
    return page_of(records, limit, _notice, "created_at", "notice_id")


async def resend(
    pool: Pool,
    organization_id: str,
    notice_id: str,
    *,
    idempotency: Idempotency | None = None,
    now: datetime | None = None,
) -> tuple[Notice, bool]:
    """Makes a notice due now, whatever became of it, under the id that it had; and says whether an earlier request
    with this Idempotency-Key did it. Whether an e-mail is still true is asked when it is sent.

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
    """Makes these notices due now, of one organization or of any; says how many they are.

    Raises NoticeNotFound if one of them does not exist: none is then sent.
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
    """Makes the dead notices due now, of one organization or of all, to one webhook or to anybody; says how many.

    In chunks, list by list. One that dies meanwhile again is not taken twice.
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
    """Where these notices are. Raises NoticeNotFound if one of them does not exist."""
    wanted = {_uuid(one) for one in notice_ids}
    async with snapshot(pool) as acquired:
        found = await acquired.fetch(sql("read_lists_of_notices"), wanted, organization_id)
    for missing in wanted - {record["notice_id"] for record in found}:
        raise _not_found(missing)
    return found


async def _resend(acquired: Connection, found: Record, at: datetime) -> None:
    list_id, notice_id = found["list_id"], found["notice_id"]
    if not await acquired.fetch(sql("resend_notices"), list_id, [notice_id], list(NoticeStatus), at):
        raise _not_found(notice_id)  # forgotten meanwhile


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
    shown = dict(record)
    if shown["webhook_id"] is None and shown["answer"]:
        # Also here: the version before has kept them.
        shown["answer"] = without_addresses(shown["answer"])
    return Notice(**shown)
