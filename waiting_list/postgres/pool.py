"""Connections to PostgreSQL: the pool, transactions and snapshots."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from waiting_list.postgres.multi_host import connect
from waiting_list.postgres.outage import CUT_OFF, UNREACHABLE, is_cut_off, reachable
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings
from waiting_list.telemetry.metrics import CONNECTIONS, LOCK_SECONDS

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.Connection[Record] | PoolConnectionProxy[Record]"
Pool: TypeAlias = "asyncpg.Pool[Record]"
ACQUIRE_SECONDS = 5.0
"""How long to wait for a connection."""
STANDBY_SECONDS = 1.0
"""How long to wait for a standby, for a connection and for an answer. It is short, because the main database can
answer, too."""
_ROLL_BACK_SECONDS = 1.0

# For statements about one list. Each is planned once, for lists of any length, and always uses its intended
# index. Otherwise PostgreSQL plans for each call, or keeps a plan from when the list was empty.
_PINNED_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class _Look:
    """Look once for a pool whether its database has Citus, and tell each connection.

    With `pins_plans`, such a database plans each call for its values: Citus refuses to plan for all values.
    """

    def __init__(self, *, pins_plans: bool) -> None:
        self._pins_plans = pins_plans
        self._has_citus: bool | None = None

    async def __call__(self, connected: "_Connection") -> None:
        if self._has_citus is None:
            self._has_citus = await connected.fetchval(sql("has_citus"))
        connected.has_citus = self._has_citus is True
        if connected.has_citus and self._pins_plans:
            await connected.execute(sql("plan_for_citus"))


def has_citus(acquired: Connection) -> bool:
    """Return whether the tables of this connection's database can be distributed over a Citus cluster."""
    return cast(_Connection, acquired).has_citus


async def _leave_as_it_is(_: Connection) -> None:
    """Reset nothing, because no statement changes a session beyond its transaction. This saves a statement for
    each use of the pool."""


class _Connection(asyncpg.Connection[Record] if TYPE_CHECKING else asyncpg.Connection):  # type: ignore[misc]
    """A connection that closes without a log line, because the pool closes it in a task of its own."""

    has_citus: bool = False

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own
        with suppress(OSError):
            await super().close(timeout=timeout)


async def connect_pool(settings: Settings, dsn: str) -> Pool:
    """Make a pool that connects at the first use, and replaces dead connections."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=settings.pool_size,
        max_inactive_connection_lifetime=300,
        command_timeout=settings.statement_timeout_seconds,
        timeout=ACQUIRE_SECONDS,
        statement_cache_size=100 if settings.statement_cache else 0,
        reset=_leave_as_it_is,
        # Not behind a pooler, which would refuse them; there, no prepared statement is kept that could grow stale.
        server_settings=_PINNED_PLANS if settings.statement_cache else None,
        init=cast(Any, _Look(pins_plans=settings.statement_cache)),
        connect=cast(Any, connect),
        connection_class=_Connection,
    )


@asynccontextmanager
async def connection(pool: Pool, *, standby: bool = False) -> AsyncIterator[Connection]:
    """Acquire a connection for single statements. Raises Unavailable.

    The outage of a `standby` is not logged, because the caller can use the main database.
    """
    seconds = STANDBY_SECONDS if standby else ACQUIRE_SECONDS
    with reachable(standby=standby):
        async with pool.acquire(timeout=seconds) as acquired:
            CONNECTIONS.inc()
            try:
                yield acquired
            except CUT_OFF as error:
                if is_cut_off(error):
                    await _leave_cut_off(pool, acquired, error)
                raise
            finally:
                CONNECTIONS.dec()


async def _leave_cut_off(pool: Pool, acquired: Connection, error: BaseException) -> None:
    """Abandon a dead connection, and all others that are older than its failure.

    Otherwise each of them would block a caller until its statement times out.
    """
    await pool.expire_connections()
    if isinstance(error, TimeoutError):
        # PostgreSQL runs no other statement until it has cancelled this one. A lost server does not answer the
        # cancellation, so the rollback would wait for as long again. asyncpg closes a connection whose statement
        # takes too long.
        with suppress(*UNREACHABLE):
            await acquired.execute(sql("roll_back"), timeout=_ROLL_BACK_SECONDS)


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Acquire a connection with a snapshot, whose statements PostgreSQL plans for each call.

    It is for statements about many lists, and for those with optional filters. Raises Unavailable.
    """
    async with (
        connection(pool) as acquired,
        acquired.transaction(isolation="repeatable_read", readonly=True),
    ):
        try:
            await acquired.execute(sql("plan_for_each_call"))
            yield acquired
        except CUT_OFF as error:
            # Before the transaction rolls back, because a lost server does not answer that.
            if is_cut_off(error):
                await _leave_cut_off(pool, acquired, error)
            raise


async def clock(acquired: Connection) -> datetime:
    """Return the time of the database clock."""
    now: datetime = await acquired.fetchval(sql("read_now"))
    return now


@asynccontextmanager
async def transaction(
    pool: Pool, *, undone: bool = False, list_id: UUID | None = None
) -> AsyncIterator[Connection]:
    """Run a transaction: commit it at the end of the block, or roll it back if the block raises.

    With `undone`, roll it back always. With `list_id`, lock that list in the trip that begins the transaction.
    """
    async with connection(pool) as acquired:
        try:
            if list_id is None:
                await acquired.execute(sql("begin"))
            else:
                await lock_list(acquired, list_id, begins=True)
            yield acquired
        except BaseException as error:
            if is_cut_off(error):
                await _leave_cut_off(pool, acquired, error)
            # The pool would roll back, too, but logs that as a mistake.
            if not acquired.is_closed():
                await acquired.execute(sql("roll_back"))
            raise
        await acquired.execute(sql("roll_back" if undone else "commit"))


async def lock_list(acquired: Connection, list_id: UUID, *, begins: bool = False) -> None:
    """Lock a list, if it exists, until the transaction ends. With `begins`, first begin it, in the same trip."""
    # Two statements in one trip take no parameters. The digits of a UUID need no quoting.
    lock = sql("lock_list").replace("$1", f"'{list_id.hex}'")
    asked_at = time.perf_counter()
    await acquired.execute(f"{sql('begin')};{lock}" if begins else lock)
    LOCK_SECONDS.observe(time.perf_counter() - asked_at)
