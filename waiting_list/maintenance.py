"""Run the verbs of the clock: pass on lapsed holds, end lists whose show began, and delete what is too old to
keep.

It reads what is due without locks, then does it list by list, with the engine's verbs, which lock the list. So any
number of processes may run it, and a process that is late, or killed in the middle, does no harm.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from datetime import timedelta

import structlog

from waiting_list.access.sign_outs import KEPT
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE, Engine
from waiting_list.lists.models import Answer, ListKey
from waiting_list.postgres.pool import Pool, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, Unavailable
from waiting_list.telemetry.metrics import WORKER_ROUNDS

log = structlog.get_logger(__name__)

LONGEST_SLEEP_SECONDS = 0.5
"""A deadline earlier than all others may appear at any time: a new hold, a show that is brought forward. To ask
one index twice a second is cheaper than a notification, and works through a pooler."""
_SHORTEST_SLEEP_SECONDS = 0.02
"""Between two rounds when more is due, so that a list that stays due, whatever is done, does not keep it busy."""
_RETRY_SECONDS = 0.25
_CLEANING_SECONDS = 60.0
_AT_ONCE = 4
_CHUNK = 500
_PRUNED_AT_ONCE = 16
"""Lists to prune in one round, so that what is due to the second comes between the rounds."""


class Maintenance:
    """Does what is due within a second of its deadline, until it is told to stop.

    It prunes the persons of a list `personal_data_kept` after the list's end, a minute later at most; never if
    that is None.
    """

    def __init__(self, pool: Pool, engine: Engine, *, personal_data_kept: timedelta | None = None) -> None:
        self._pool = pool
        self._engine = engine
        self._personal_data_kept = personal_data_kept
        self._cleaned_at = 0.0
        self._pruning = False
        """Whether the last round found lists to prune: there may be more of them."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Survive any failure: log it once, and try again."""
        failing = False
        while not stop.is_set():
            try:
                pause = await self.work()
                WORKER_ROUNDS.inc()
                if failing:
                    log.info("worker_recovered")
                failing = False
            except Unavailable:
                pause = _RETRY_SECONDS  # the outage is logged where it is met
            except Exception as error:
                pause = _RETRY_SECONDS
                if not failing:
                    log.warning("worker_failing", error=repr(error), exc_info=True)
                failing = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def work(self) -> float:
        """Do one chunk in each list where something is due; return after how many seconds to go on.

        It does one round only, so that a stop, or a new deadline, does not wait for a list of a million to end.
        Raises Unavailable.
        """
        # First, so that a list whose work fails cannot keep old records alive.
        cleaning = time.monotonic() - self._cleaned_at > _CLEANING_SECONDS
        if cleaning:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("delete_old_idempotency"))
                await acquired.execute(sql("delete_old_sessions"))
                await acquired.execute(sql("delete_old_allowances"))
                await acquired.execute(sql("delete_old_sign_outs"), KEPT)
                await acquired.execute(sql("delete_old_visitors"))
            self._cleaned_at = time.monotonic()
        await self._do_due()
        if cleaning or self._pruning:
            self._pruning = await self._prune()
            if self._pruning:
                return _SHORTEST_SLEEP_SECONDS
        async with snapshot(self._pool) as acquired:
            seconds: float | None = await acquired.fetchval(sql("read_next_due"))
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        return min(max(seconds, _SHORTEST_SLEEP_SECONDS), LONGEST_SLEEP_SECONDS)

    async def _do_due(self) -> None:
        async with snapshot(self._pool) as acquired:
            records = await acquired.fetch(sql("read_due_lists"))
        ends = {ListKey(record["offer_id"], record["representation_id"]): False for record in records}
        for record in records:
            # A list that has ended does not pass holds on any more: it ends for everybody.
            ends[ListKey(record["offer_id"], record["representation_id"])] |= record["ends"]
        await _do_all(
            self._engine.run(key, SERVICE, verbs.end if list_ends else verbs.expire, at_most=_CHUNK)
            for key, list_ends in ends.items()
        )

    async def _prune(self) -> bool:
        """Prune one chunk in each of some lists that ended long enough ago; return whether there were any."""
        kept = self._personal_data_kept
        if kept is None:
            return False
        async with snapshot(self._pool) as acquired:
            records = await acquired.fetch(sql("read_lists_to_prune"), kept, _PRUNED_AT_ONCE)
        await _do_all(
            self._engine.run(ListKey(*record), SERVICE, verbs.prune, kept=kept, at_most=_CHUNK)
            for record in records
        )
        return bool(records)


async def _do_all(runs: Iterable[Awaitable[Answer]]) -> None:
    """A few at once. One that fails holds up none of the others; it is raised after them."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def do(run: Awaitable[Answer]) -> None:
        async with gate:
            with suppress(InventoryNotFound):  # deleted meanwhile
                await run

    results = await asyncio.gather(*map(do, runs), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
