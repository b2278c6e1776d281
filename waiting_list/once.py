"""A call that is about no list is done once, also where its repeat comes at the same time.

For calls about a list the engine does the same. An organization's calls wait for each other here.
"""

from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from waiting_list.database import Connection, Pool, Record, sql, transaction
from waiting_list.engine import Idempotency
from waiting_list.models import organization_list_id
from waiting_list.problems import IdempotencyKeyReused

M = TypeVar("M", bound=BaseModel)


async def once(
    pool: Pool,
    organization_id: str,
    idempotency: Idempotency | None,
    kind: type[M],
    do: Callable[[Connection, datetime], Awaitable[M]],
    *,
    now: datetime | None,
    forgetting: Set[str] = frozenset(),
) -> tuple[M, bool]:
    """What `do` answers, in one transaction with its being remembered, or what it answered to the same
    Idempotency-Key but for the fields in `forgetting`, which may speak of a person; and whether it was the latter.
    Raises IdempotencyKeyReused."""
    async with transaction(pool) as acquired:
        await acquired.execute(sql("lock_organization"), organization_id)
        if first := await first_answer(acquired, organization_id, idempotency, kind):
            return first, True
        done = await do(acquired, now or await clock(acquired))
        if idempotency is not None:
            record = await acquired.fetchrow(
                sql("insert_first_answer"),
                organization_list_id(organization_id),
                idempotency.key_hash,
                idempotency.request_hash,
                done.model_dump_json(exclude=set(forgetting)),
            )
            # Calls that do not wait for the organization's others use the same keys.
            _same_request(record, idempotency)
    return done, False


async def first_answer(
    acquired: Connection, organization_id: str, idempotency: Idempotency | None, kind: type[M]
) -> M | None:
    """What was answered to the same Idempotency-Key, if anything was. Raises IdempotencyKeyReused."""
    if idempotency is None:
        return None
    record = await acquired.fetchrow(
        sql("read_idempotency"), organization_list_id(organization_id), [idempotency.key_hash]
    )
    if record is None:
        return None
    _same_request(record, idempotency)
    return kind.model_validate_json(record["answer"])


def _same_request(record: Record | None, idempotency: Idempotency) -> None:
    if record is None or record["request_hash"] != idempotency.request_hash:
        raise IdempotencyKeyReused("Use a new key for a new request.")


async def clock(acquired: Connection) -> datetime:
    """The database's clock."""
    now: datetime = await acquired.fetchval(sql("read_now"))
    return now
