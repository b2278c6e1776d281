"""Cancel a representation, and take that back.

A cancelled representation ends its lists at once: the clock refuses joins, changes and purchases, and every page
says why. Its people leave after the grace of an end, in which the cancellation can be taken back, and leaves them
all as they were.
"""

from datetime import datetime

from waiting_list.catalogue.changes import tell_lists
from waiting_list.catalogue.models import Representation
from waiting_list.catalogue.news import note_change
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import run_once
from waiting_list.postgres.pool import Connection, Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import RepresentationNotFound


async def cancel(
    pool: Pool, engine: Engine, caller: Caller, representation_id: str, *, reason: str | None
) -> tuple[Representation, bool]:
    """Cancel a representation, for a reason that fans read; return it, and whether the answer is a stored one.

    Safe to repeat: the first instant stays, and the newest reason counts. Raises RepresentationNotFound,
    IdempotencyKeyReused.
    """
    return await _write(pool, engine, caller, representation_id, cancels=True, reason=reason)


async def reinstate(
    pool: Pool, engine: Engine, caller: Caller, representation_id: str
) -> tuple[Representation, bool]:
    """Take a cancellation back, and let the lists go on; return as `cancel`. Safe to repeat.

    Raises RepresentationNotFound, IdempotencyKeyReused.
    """
    return await _write(pool, engine, caller, representation_id, cancels=False, reason=None)


async def _write(
    pool: Pool, engine: Engine, caller: Caller, representation_id: str, *, cancels: bool, reason: str | None
) -> tuple[Representation, bool]:
    assert caller.organization_id is not None

    async def write(acquired: Connection, at: datetime) -> Representation:
        owner = await acquired.fetchval(sql("lock_representation"), representation_id)
        if owner is None or owner != caller.organization_id:
            raise RepresentationNotFound("There is no such representation.")
        instant = at if cancels else None
        before = await acquired.fetchrow(sql("read_cancellation"), representation_id)
        record = await acquired.fetchrow(sql("cancel_representation"), representation_id, instant, reason)
        assert before is not None
        assert record is not None
        keys = await acquired.fetch(sql("read_lists_of_representation"), representation_id)
        if cancels:
            await note_change(acquired, "cancel", keys, dict(before), dict(record), actor=caller.actor)
        else:
            await note_change(acquired, "reinstate", keys, dict(before), dict(record), actor=caller.actor)
        return Representation.from_record(record)

    done = await run_once(pool, caller.organization_id, caller.idempotency, Representation, write, now=None)
    async with connection(pool) as acquired:
        keys = await acquired.fetch(sql("read_lists_of_representation"), representation_id)
    await tell_lists(engine, keys)
    return done
