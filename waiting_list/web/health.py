"""Check whether this process can work: the database answers, has the right schema, and accepts writes."""

import asyncio
import time

import asyncpg

from waiting_list.postgres import outage
from waiting_list.postgres.migrate import is_migrated
from waiting_list.postgres.pool import Pool, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import Unavailable

_FRESH_SECONDS = 1.0


class Health:
    """Check the database at most once a second. Each process has one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._looked_at = float("-inf")
        self._trouble: str | None = None
        self._is_migrated = False
        self._looking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Raise Unavailable with the reason if the service could not work at the last check, at most a second
        ago."""
        if time.monotonic() - self._looked_at > _FRESH_SECONDS:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            await asyncio.shield(self._looking)
        if self._trouble is not None:
            raise Unavailable(self._trouble)

    async def _look(self) -> None:
        try:
            self._trouble = await self._find_trouble()
        except Unavailable as problem:
            self._trouble = problem.detail
        finally:
            self._looked_at, self._looking = time.monotonic(), None

    async def _find_trouble(self) -> str | None:
        try:
            self._is_migrated = await is_migrated(self._pool)
        except Unavailable as problem:
            # The coordinator of a Citus cluster has that table. Without it, this node still serves its lists.
            if not outage.is_of_lost_node(problem.__cause__):
                raise
        if not self._is_migrated:
            return "The database is not migrated. Run: waiting-list migrate"
        try:
            async with connection(self._pool) as acquired:
                if await acquired.fetchval(sql("read_is_read_only")):
                    # The error of a failed write, so that the pool looks for a server that accepts writes.
                    raise asyncpg.ReadOnlySQLTransactionError("the database is read-only")
        except Unavailable as problem:
            if isinstance(problem.__cause__, asyncpg.ReadOnlySQLTransactionError):
                return "The database is read-only, so the service cannot write."
            raise
        if outage.DISK.is_full and not await self._has_room():
            return "The database's disk is full, so the service cannot write. Free some space."
        return None

    async def _has_room(self) -> bool:
        # Checked only after a statement failed for lack of space, so that a healthy process writes no file.
        try:
            async with transaction(self._pool, undone=True) as acquired:
                await acquired.execute(sql("use_little_memory"))
                await acquired.execute(sql("write_temporary_file"))
        except Unavailable:
            return False
        outage.DISK.is_full = False
        return True
