"""Connect to the database: the pool, the statements (sql/*.sql), the migrations, and the meaning of its errors."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from waiting_list.hosts import connect
from waiting_list.keys import new_signing_key
from waiting_list.metrics import CONNECTIONS
from waiting_list.problems import Unavailable
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

Record: TypeAlias = asyncpg.Record
Connection: TypeAlias = "asyncpg.Connection[Record] | PoolConnectionProxy[Record]"
Pool: TypeAlias = "asyncpg.Pool[Record]"

# Any number that no other user of the same database is likely to lock.
_MIGRATION_LOCK = 7_318_349_394_477_056_577
_ACQUIRE_SECONDS = 5.0
STANDBY_SECONDS = 1.0
"""How long to wait for a standby, for a connection and for an answer. It is short, because the main database can
answer, too."""
_OVER_SECONDS = 1.0
_PARTING_SECONDS = 1.0
_LOCK_TRIES = 12

_UNREACHABLE = (
    OSError,  # refused, reset, no route, and TimeoutError
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not promoted yet
    asyncpg.InternalClientError,  # cut off in the middle of an exchange
    asyncpg.TransactionRollbackError,  # a deadlock with the statement of another client, or a failover
    asyncpg.InvalidAuthorizationSpecificationError,  # including a wrong password
    asyncpg.InvalidCatalogNameError,  # no such database (yet)
)
_CUT_OFF = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors after which other connections to the same server are unusable, too."""


# For statements about one list. Each is planned once, for lists of any length, and always uses its intended
# index. Otherwise PostgreSQL plans for each call, or keeps a plan from when the list was empty.
_PINNED_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


@cache
def sql(name: str) -> str:
    """Return the text of sql/<name>.sql. Raises FileNotFoundError for a name without a file."""
    return (files("waiting_list") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


async def _leave_as_it_is(_: Connection) -> None:
    """Reset nothing, because no statement changes a session beyond its transaction. This saves a statement for
    each use of the pool."""


class _Connection(asyncpg.Connection[Record] if TYPE_CHECKING else asyncpg.Connection):  # type: ignore[misc]
    """A connection that closes without a log line, because the pool closes it in a task of its own."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own
        with suppress(OSError):
            await super().close(timeout=timeout)


async def connect_pool(settings: Settings, dsn: str) -> Pool:
    """A pool that heals itself: it connects at the first use, and replaces dead connections."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=settings.pool_size,
        max_inactive_connection_lifetime=300,
        command_timeout=settings.statement_timeout_seconds,
        timeout=_ACQUIRE_SECONDS,
        statement_cache_size=100 if settings.statement_cache else 0,
        reset=_leave_as_it_is,
        # Not behind a pooler, which would refuse them; there, no prepared statement is kept that could grow stale.
        server_settings=_PINNED_PLANS if settings.statement_cache else None,
        connect=cast(Any, connect),
        connection_class=_Connection,
    )


class _Outage:
    """Whether this process can reach the database. It logs the start and the end of an outage once, however many
    calls fail."""

    began_at: float | None = None
    failed_at = 0.0
    ended_at = float("-inf")

    def failed(self, error: BaseException, *, since: float, now: float) -> None:
        # A call to a lost machine may fail long after other calls have found its replacement.
        if since < self.ended_at:
            return
        self.failed_at = now
        if self.began_at is None:
            self.began_at = now
            log.warning("database_unreachable", error=type(error).__name__, detail=str(error))

    def answered(self, *, now: float) -> None:
        # One answered call among many failures does not end the outage.
        if self.began_at is not None and now - self.failed_at > _OVER_SECONDS:
            log.info("database_reachable_again", seconds=round(self.failed_at - self.began_at, 1))
            self.began_at, self.ended_at = None, now


_outage = _Outage()


class _Disk:
    """Whether a statement has failed for lack of disk space, and no later check found space (health.py)."""

    is_full = False


DISK = _Disk()


@asynccontextmanager
async def reachable(*, standby: bool = False) -> AsyncIterator[None]:
    """Turn every error of an unreachable database into Unavailable.

    A commit whose answer was lost may or may not have happened. Unavailable means "safe to repeat", which is true
    for every verb. The log shows the start and the end of an outage once.
    """
    since = time.monotonic()
    try:
        yield
    except _UNREACHABLE as error:
        if isinstance(error, asyncpg.InterfaceError) and "clos" not in str(error):
            raise  # a wrong argument, not a closed connection or pool
        if isinstance(error, asyncpg.DiskFullError) and not standby:
            DISK.is_full = True
        if not standby:
            # If the rollback fails, too, the first failure is the cause.
            cause = error.__context__ if isinstance(error, asyncpg.InterfaceError) else None
            _outage.failed(cause or error, since=since, now=time.monotonic())
        raise Unavailable from error
    else:
        if not standby:
            _outage.answered(now=time.monotonic())


@asynccontextmanager
async def connection(pool: Pool, *, standby: bool = False) -> AsyncIterator[Connection]:
    """Acquire a connection for single statements. Raises Unavailable.

    The outage of a `standby` is not logged, because the caller can use the main database.
    """
    seconds = STANDBY_SECONDS if standby else _ACQUIRE_SECONDS
    async with reachable(standby=standby), pool.acquire(timeout=seconds) as acquired:
        CONNECTIONS.inc()
        try:
            async with _left_when_cut_off(pool, acquired):
                yield acquired
        finally:
            CONNECTIONS.dec()


@asynccontextmanager
async def _left_when_cut_off(pool: Pool, acquired: Connection) -> AsyncIterator[None]:
    """Abandon a dead connection, and all others that are older than its failure.

    Otherwise each of them would block a caller until its statement times out.
    """
    try:
        yield
    except _CUT_OFF as error:
        await pool.expire_connections()
        if isinstance(error, TimeoutError):
            # The statement is being cancelled, and nothing else can be said until it is. A server that is lost
            # does not answer to that, either: whoever rolls back would wait as long once more. asyncpg closes a
            # connection on which that takes too long.
            with suppress(*_UNREACHABLE):
                await acquired.execute(sql("roll_back"), timeout=_PARTING_SECONDS)
        raise


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """Acquire a connection with a snapshot, whose statements PostgreSQL plans for each call.

    It is for statements about many lists, and for those with optional filters. Raises Unavailable.
    """
    async with (
        connection(pool) as acquired,
        acquired.transaction(isolation="repeatable_read", readonly=True),
        _left_when_cut_off(pool, acquired),
    ):
        await acquired.execute(sql("plan_for_each_call"))
        yield acquired


class _Undone(Exception):
    """End a transaction that must not be committed."""


@asynccontextmanager
async def transaction(pool: Pool, *, undone: bool = False) -> AsyncIterator[Connection]:
    """Run a transaction: commit it at the end of the block, or roll it back if the block raises. With `undone`,
    roll it back always."""
    with suppress(_Undone):
        async with connection(pool) as acquired, acquired.transaction():
            async with _left_when_cut_off(pool, acquired):
                yield acquired
            if undone:
                raise _Undone


class Migration(NamedTuple):
    """One file of migrations/. docs/migrations.md has the rules for its content.

    `works_from` comes from a line `-- works from: 0007`. Code that does not know that migration must not use the
    database any longer, and refuses it. `in_transaction` is false for a file with a line `-- no transaction`, such
    as an index that is built CONCURRENTLY: its statements run one by one, and must be safe to repeat.
    """

    version: int
    name: str
    text: str

    @property
    def works_from(self) -> int:
        found = re.search(r"^-- works from: (\d{4})$", self.text, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def in_transaction(self) -> bool:
        return not re.search(r"^-- no transaction$", self.text, re.MULTILINE)


def migrations() -> list[Migration]:
    """Return every migration, in order."""
    found = []
    for file in (files("waiting_list") / "migrations").iterdir():
        if matched := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name):
            found.append(Migration(int(matched[1]), matched[2], file.read_text(encoding="utf-8")))
    return sorted(found)


def newest_migration() -> int:
    """Return the version of the schema that this code works with."""
    return max(migration.version for migration in migrations())


class MigrationError(Exception):
    """The database cannot be migrated, or its migrations differ from these files."""


async def migrate(dsn: str) -> list[str]:
    """Migrate the database to the newest schema, and return the names of the applied migrations.

    Each migration is one transaction, or declares that it cannot be. Several callers at once wait for each other.
    A migration blocks the service only for a moment: without its locks it gives up and retries. A database that
    newer code has migrated stays as it is, unless that code has declared that this code cannot work with it. A
    migration without a transaction must not go through a transaction pooler.

    Raises MigrationError if an applied migration differs from its file, if the database needs newer code, or if
    locks are not available; Unavailable.
    """
    applied = []
    async with reachable():
        direct = await connect(dsn, timeout=_ACQUIRE_SECONDS, statement_cache_size=0)
        try:
            async with direct.transaction():
                await direct.execute(sql("lock_migrations"), _MIGRATION_LOCK)
                await direct.execute(sql("create_schema_migrations"))
            for migration in migrations():
                if await _apply(direct, migration):
                    applied.append(f"{migration.version:04}_{migration.name}")
            known = await direct.fetchrow(sql("read_migrations"))
            assert known is not None
            if known["works_from"] > newest_migration():
                raise MigrationError(
                    f"the database has migration {known['newest']:04}, which needs a newer version of the service"
                )
            for purpose in ("user_token", "purchase_pass", "derived"):
                await direct.execute(
                    sql("insert_signing_key"), purpose, secrets.token_hex(8), new_signing_key(purpose)
                )
        finally:
            await direct.close(timeout=_ACQUIRE_SECONDS)
    return applied


async def _apply(direct: Connection, migration: Migration) -> bool:
    """Apply the migration unless it is applied already, and return whether it was."""
    if migration.in_transaction:
        for attempt in range(_LOCK_TRIES):
            # Not for long, because all later statements on the table wait behind a pending lock.
            with suppress(asyncpg.LockNotAvailableError):
                async with direct.transaction():
                    await direct.execute(sql("lock_migrations"), _MIGRATION_LOCK)
                    if await _is_applied(direct, migration):
                        return False
                    await direct.execute(sql("wait_a_moment"))
                    await direct.execute(migration.text)
                    await _record(direct, migration)
                    return True
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
        raise MigrationError(f"migration {migration.version:04}_{migration.name} did not get its locks; try again")
    # By polling, because an index that is built CONCURRENTLY would wait for a waiting statement.
    while not await direct.fetchval(sql("try_lock_migrations"), _MIGRATION_LOCK):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    if await _is_applied(direct, migration):
        return False
    for statement in re.split(r";\s*\n", migration.text):
        if re.sub(r"^--.*$", "", statement, flags=re.MULTILINE).strip():
            await direct.execute(statement)
    await _record(direct, migration)
    return True


async def _is_applied(direct: Connection, migration: Migration) -> bool:
    done = await direct.fetchval(sql("read_migration"), migration.version)
    if done is not None and done != _checksum(migration):
        raise MigrationError(f"migration {migration.version:04}_{migration.name} was changed after it was applied")
    return done is not None


async def _record(direct: Connection, migration: Migration) -> None:
    await direct.execute(sql("insert_migration"), migration.version, migration.name, _checksum(migration))
    if migration.works_from:
        await direct.execute(sql("require_later_code"), migration.version, migration.works_from)


def _checksum(migration: Migration) -> str:
    return hashlib.sha256(migration.text.encode()).hexdigest()
