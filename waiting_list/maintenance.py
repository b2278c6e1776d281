"""Run the verbs of the clock: expire lapsed holds, and end lists whose show began. Delete data that is too old.
Count changes for statistics, and sign the ledgers.

Maintenance reads which lists are due without locks. Then it runs the engine's verbs, which lock one list each. So
any number of processes may run it, and a process that is late, or killed in the middle, does no harm.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from waiting_list.access.members import NAMES_KEPT
from waiting_list.access.sign_outs import KEPT
from waiting_list.catalogue.images import delete_unshown
from waiting_list.cosigners import read_witnesses
from waiting_list.drand import Drand
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.ledger.salts import forget_salts
from waiting_list.ledger.tree import root_at
from waiting_list.ledger.witnesses import AskedWitness
from waiting_list.lists import verbs
from waiting_list.lists.counts import count_changes, sweep_changes
from waiting_list.lists.draws import DRAND
from waiting_list.lists.engine import SERVICE, Engine
from waiting_list.lists.models import Answer, ListKey
from waiting_list.lists.wish_keeping import forget_wishes, heed_wishes
from waiting_list.periodic import repeat
from waiting_list.postgres.grown_tables import analyze_grown_tables
from waiting_list.postgres.pool import Pool, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, Unavailable
from waiting_list.telemetry.metrics import WORKER_ROUNDS

log = structlog.get_logger(__name__)

LONGEST_SLEEP_SECONDS = 0.5
"""The longest time between two rounds. An earlier deadline can appear at any time, with a new hold, or with a show
that is brought forward. To read one index twice a second is cheaper than a notification, and works through a
pooler."""
_SHORTEST_SLEEP_SECONDS = 0.001
"""The time before the next round if a deadline has passed during this one."""
_STILL_DUE_SECONDS = 0.02
"""The time between two rounds while lists stay due, so that one that stays due does not keep the process busy."""
_RETRY_SECONDS = 0.25
_CLEANING_SECONDS = 60.0
_COUNTING_SECONDS = 1.0
_SWEEPING_SECONDS = 3.0
_SIGNING_SECONDS = 1.0
_UNANSWERED_SECONDS = 600.0
_WORKS_WITHIN_SECONDS = 30.0
"""How long after its last good round the worker counts as working. A round may wait for several statements."""
_AT_ONCE = 4
"""How many lists to work on at the same time."""
_CHUNK = 500
"""The most entries of a list that one round changes."""
_HOURLY_SECONDS = 3600.0
_ANSWERED_WITHIN = timedelta(days=7)
"""How long a fan may take to verify an address before it counts as failed."""
_NOT_ANSWERED = "not verified within 7 days"
_PRUNED_AT_ONCE = 16
"""How many lists to prune in one round, so that expired holds do not wait for long."""


class Maintenance:
    """Run what is due, within a second of its deadline.

    The people of a list that has ended stay for the `end_grace`, in which a date can be put right. It prunes the
    persons of a list `personal_data_kept` after the list's end, or sooner where the organization says so, at most
    a minute later. None: it prunes the lists of such organizations alone. It signs the ledgers with
    `checkpoints`, and reads drand's rounds from the server at `drand_url`. It asks the `witnesses`, as the setting
    has them, to cosign.
    """

    def __init__(
        self,
        pool: Pool,
        engine: Engine,
        *,
        end_grace: timedelta = timedelta(0),
        personal_data_kept: timedelta | None = None,
        checkpoints: Checkpoints | None = None,
        drand_url: str = "",
        witnesses: str = "",
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._end_grace = end_grace
        self._personal_data_kept = personal_data_kept
        self._checkpoints = checkpoints
        self._drand = Drand(drand_url) if drand_url else None
        self._witnesses = [AskedWitness(pool, one) for one in read_witnesses(witnesses)]
        self._cleaned_at = 0.0
        self._worked_at = self._asked_at = self._swept_at = self._tidied_at = float("-inf")
        self._pruning = False
        """Whether the last round found lists to prune, so that there may be more."""
        self._still_due_pause = _SHORTEST_SLEEP_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. After a failure, log it once and try again."""
        # In a task of its own, so that no hold waits for the counts of a storm.
        beside = [
            asyncio.create_task(repeat(self._count, seconds=_COUNTING_SECONDS, failing="counting_failing")),
            asyncio.create_task(repeat(self._sign, seconds=_SIGNING_SECONDS, failing="signing_failing")),
            *(
                asyncio.create_task(repeat(one.ask_due, seconds=_SIGNING_SECONDS, failing="cosigning_failing"))
                for one in self._witnesses
            ),
        ]
        try:
            await self._run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _run(self, stop: asyncio.Event) -> None:
        failing = False
        while not stop.is_set():
            try:
                pause = await self.work()
                WORKER_ROUNDS.inc()
                self._worked_at = time.monotonic()
                if failing:
                    log.info("worker_recovered")
                failing = False
            except Unavailable:
                pause = _RETRY_SECONDS  # logged where it occurs
            except Exception as error:
                pause = _RETRY_SECONDS
                if not failing:
                    log.warning("worker_failing", error=repr(error), exc_info=True)
                failing = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _count(self) -> None:
        await analyze_grown_tables(self._pool)
        while await count_changes(self._pool):  # noqa: ASYNC110 - no event tells of the next chunk
            await asyncio.sleep(_STILL_DUE_SECONDS)
        if time.monotonic() >= self._swept_at + _SWEEPING_SECONDS:
            self._swept_at = time.monotonic()
            await sweep_changes(self._pool)

    async def _sign(self) -> None:
        while self._checkpoints and await self._checkpoints.sign_due():  # noqa: ASYNC110 - as for counts
            await asyncio.sleep(_STILL_DUE_SECONDS)

    def is_working(self) -> bool:
        """Return whether a round succeeded in the last half minute."""
        return time.monotonic() - self._worked_at < _WORKS_WITHIN_SECONDS

    async def work(self) -> float:
        """Do one round: one chunk in each list that is due. Return the seconds until the next round.

        It does no more than one round, so that a stop, or a new deadline, does not wait until a list of a million
        entries has ended. Raises Unavailable.
        """
        # First, so that a list whose verb fails does not prevent the deletion of old records.
        cleaning = time.monotonic() - self._cleaned_at > _CLEANING_SECONDS
        if cleaning:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("delete_old_idempotency"))
                await acquired.execute(sql("delete_old_sessions"))
                await acquired.execute(sql("forget_members"), NAMES_KEPT)
                await acquired.execute(sql("delete_old_allowances"))
                await acquired.execute(sql("delete_old_sign_outs"), KEPT)
                await acquired.execute(sql("delete_old_visitors"))
                await acquired.execute(sql("delete_old_told_people"))
                await acquired.execute(sql("delete_old_transfers"))
            self._cleaned_at = time.monotonic()
        if time.monotonic() - self._asked_at > _UNANSWERED_SECONDS:
            await self._fail_unanswered()
            self._asked_at = time.monotonic()
        if time.monotonic() - self._tidied_at > _HOURLY_SECONDS:
            await delete_unshown(self._pool)
            await forget_wishes(self._pool)
            await forget_salts(self._pool)
            self._tidied_at = time.monotonic()
        await self._do_due()
        if cleaning or self._pruning:
            self._pruning = await self._prune()
            if self._pruning:
                return _STILL_DUE_SECONDS
        async with snapshot(self._pool) as acquired:
            seconds: float | None = await acquired.fetchval(sql("read_next_due"), self._end_grace)
        if seconds is None or seconds > 0:
            self._still_due_pause = _SHORTEST_SLEEP_SECONDS
            return LONGEST_SLEEP_SECONDS if seconds is None else min(seconds, LONGEST_SLEEP_SECONDS)
        # A deadline has passed during this round, or a list stays due: the longer it does, the longer the pause.
        pause = self._still_due_pause
        self._still_due_pause = min(2 * pause, _STILL_DUE_SECONDS)
        return pause

    async def _do_due(self) -> None:
        async with snapshot(self._pool) as acquired:
            records = await acquired.fetch(sql("read_due_lists"), self._end_grace, verbs.FALLBACK_AFTER)

        async def run(offer_id: str, representation_id: str, verb: str) -> Answer:
            key = ListKey(offer_id, representation_id)
            match verb:
                case "end":
                    return await self._engine.run(key, SERVICE, verbs.end, at_most=_CHUNK, grace=self._end_grace)
                case "idle" | "catch_up" | "resume":
                    return await self._engine.run(key, SERVICE, getattr(verbs, verb))
                case _:
                    return await self._engine.run(key, SERVICE, getattr(verbs, verb), at_most=_CHUNK)

        await _do_all(run(*one[:3]) for one in records if one["verb"] != "draw_by_clock")
        await heed_wishes(self._pool, self._engine)
        await _do_all(self._draw(*one) for one in records if one["verb"] == "draw_by_clock")

    async def _draw(
        self, offer_id: str, representation_id: str, _: str, draw_at: datetime, source: str, falls_back: bool
    ) -> None:
        beacon = await self._drand.round_at(draw_at) if self._drand and source == DRAND else None
        if beacon or falls_back:
            key = ListKey(offer_id, representation_id)
            await self._engine.run(key, SERVICE, verbs.draw_by_clock, beacon=beacon, root_of=root_at)

    async def _fail_unanswered(self) -> None:
        """Note the addresses that nobody verified in time."""
        async with snapshot(self._pool) as acquired:
            records = await acquired.fetch(sql("read_unanswered"), _ANSWERED_WITHIN, _CHUNK)
        failed: dict[ListKey, list[verbs.AddressReport]] = {}
        for offer_id, representation_id, number, email in records:
            delivery = verbs.AddressReport(number, email, _NOT_ANSWERED, unless_verified=True)
            failed.setdefault(ListKey(offer_id, representation_id), []).append(delivery)
        await _do_all(
            self._engine.run(key, SERVICE, verbs.fail_address, failed=some) for key, some in failed.items()
        )

    async def _prune(self) -> bool:
        """Prune one chunk in each of some lists that ended long enough ago; return whether it found any."""
        longest = self._personal_data_kept
        async with snapshot(self._pool) as acquired:
            shortest = await acquired.fetchval(sql("read_shortest_retention"), longest)
            if shortest is None:
                return False
            records = await acquired.fetch(sql("read_lists_to_prune"), longest, shortest, _PRUNED_AT_ONCE)
        await _do_all(
            self._engine.run(ListKey(offer_id, representation_id), SERVICE, verbs.prune, kept=kept, at_most=_CHUNK)
            for offer_id, representation_id, kept in records
        )
        return bool(records)


async def _do_all(runs: Iterable[Awaitable[Answer | None]]) -> None:
    """Do all runs, a few at the same time. A failure does not stop the others; it is raised after them."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def do(run: Awaitable[Answer | None]) -> None:
        async with gate:
            with suppress(InventoryNotFound):  # deleted meanwhile
                await run

    results = await asyncio.gather(*map(do, runs), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
