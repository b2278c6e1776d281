"""Coalesced reads: one query answers all callers that wait for it. For polls, queue snapshots and throughputs."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from waiting_list.batching import Batcher
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries.queue_snapshot import KnownQueue, QueueSnapshot
from waiting_list.lists.queries.wait_estimate import STRETCHES, Throughput
from waiting_list.lists.queries.why_waiting import FanEntry, NamedList, OrganizersEntry, waiting_entry_json
from waiting_list.lists.ranks import SEGMENT_BITS
from waiting_list.postgres.pool import STANDBY_SECONDS, Pool, Record, connection
from waiting_list.postgres.replica import Replica
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, NotInList, Unavailable
from waiting_list.settings import Settings

_LISTS_KEPT = 1000
"""The most lists of which a process keeps a queue snapshot, or a throughput."""
_THROUGHPUT_SECONDS = 10.0
"""How long a throughput is kept."""
_AT_ONCE = 500
"""How many entries one statement reads."""
_ACTIVE = (Status.WAITING, Status.READY)


class CoalescedReads:
    """Read for any number of callers at once. Each process has one.

    Callers that ask while a query runs share the next one, so every answer is as of an instant after the question.
    With a standby, polls and queue snapshots may be about a second older. All methods raise InventoryNotFound and
    Unavailable.
    """

    def __init__(self, pool: Pool, settings: Settings, standby: "Pool | None" = None) -> None:
        self._pool = pool
        self._replica = Replica(pool, standby)
        queue_limit = settings.list_queue_limit
        self._entries: Batcher[ListKey, str, Record] = Batcher(self._read_entries, queue_limit=queue_limit)
        self._polled: Batcher[ListKey, str, Record] = self._entries
        if standby is not None:
            self._polled = Batcher(self._poll_entries, queue_limit=queue_limit)
        self._snapshots: Batcher[ListKey, None, QueueSnapshot] = Batcher(
            self._read_snapshot, queue_limit=queue_limit, batch_limit=queue_limit
        )
        self._known_queues: OrderedDict[ListKey, KnownQueue] = OrderedDict()
        self._throughputs: Batcher[ListKey, None, Throughput] = Batcher(
            self._read_throughput, queue_limit=queue_limit, batch_limit=queue_limit
        )
        self._known_throughputs: OrderedDict[ListKey, tuple[float, Throughput]] = OrderedDict()

    async def entry(self, key: ListKey, user_id: str, *, organization_id: str) -> Entry:
        """Return the user's newest entry in a list, as it is now. Raises NotInList."""
        return _own(await self._entries.submit(key, user_id), organization_id)

    async def poll(self, key: ListKey, user_id: str, *, organization_id: str) -> Entry:
        """Return the user's newest entry in a list; with a standby, it may be about a second old.

        Use it for callers that ask again and again, and `entry` for callers that act on the answer. Raises
        NotInList.
        """
        return _own(await self._polled.submit(key, user_id), organization_id)

    async def explained_entry(self, key: ListKey, user_id: str, *, organization_id: str) -> OrganizersEntry:
        """Return what `entry` does, as the organizer sees it. Raises NotInList."""
        record = await self._entries.submit(key, user_id)
        _check(record, organization_id)
        return OrganizersEntry.from_record(record)

    async def own_entry(self, key: ListKey, user_id: str, *, organization_id: str) -> FanEntry | bytes:
        """Return what `poll` does, as the fan sees it; of a fan who waits, the JSON of it.

        It has the estimate of the page, which is up to ten seconds old. Raises NotInList.
        """
        record = await self._polled.submit(key, user_id)
        _check(record, organization_id)
        if record["status"] == Status.WAITING:
            aside = record["set_aside_at"] is not None
            held_in = await self._held_in(record["wish_id"]) if aside else None
            return waiting_entry_json(record, await self.throughput(key), held_in)
        return FanEntry.from_record(record, estimate=None)

    async def _held_in(self, wish_id: UUID) -> NamedList | None:
        """Return the list that holds tickets for a wish."""
        async with connection(self._pool) as acquired:
            record = await acquired.fetchrow(sql("read_holding_list"), wish_id)
        return NamedList.from_record(record) if record else None

    async def entries(self, key: ListKey, user_ids: Iterable[str]) -> dict[str, Entry]:
        """Return the newest entries of these users, without the users that have none."""
        found: dict[str, Entry] = {}
        asked = list(user_ids)
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            records = await self._read_entries(key, lambda some=some: some)  # type: ignore[misc]
            found |= {one["asked_for"]: Entry.from_record(one) for one in records if one["number"] is not None}
        return found

    async def queue_snapshot(self, key: ListKey) -> QueueSnapshot:
        """Return the snapshot of a list's whole queue, as of one instant."""
        return await self._snapshots.submit(key, None)

    async def throughput(self, key: ListKey) -> Throughput:
        """Return how fast a list moves, as of at most ten seconds ago."""
        known = self._known_throughputs.get(key)
        if known and time.monotonic() < known[0]:
            return known[1]
        return await self._throughputs.submit(key, None)

    async def _read_entries(self, key: ListKey, take: Callable[[], Sequence[str]]) -> Sequence[Record]:
        async with connection(self._pool) as acquired:
            records = await acquired.fetch(sql("read_newest_entries"), key.list_id, list(set(take())))
        if not records:
            raise InventoryNotFound()
        found = {record["asked_for"]: record for record in records}
        return [found[user_id] for user_id in take()]

    async def _poll_entries(self, key: ListKey, take: Callable[[], Sequence[str]]) -> Sequence[Record]:
        found: dict[str, Record] = {}
        pool = self._replica.pool()
        if pool is not self._pool:
            try:
                async with connection(pool, standby=True) as acquired:
                    records = await acquired.fetch(
                        sql("read_newest_entries"), key.list_id, list(set(take())), timeout=STANDBY_SECONDS
                    )
            except Unavailable:
                self._replica.failed()
            else:
                # Only active entries count, because a recent join may not be on the standby yet.
                found = {record["asked_for"]: record for record in records if record["status"] in _ACTIVE}
        if not found:
            return await self._read_entries(key, take)
        if missing := list({*take()} - found.keys()):
            found.update(zip(missing, await self._read_entries(key, lambda: missing), strict=True))
        return [found[user_id] for user_id in take()]

    async def _read_snapshot(self, key: ListKey, take: Callable[[], Sequence[None]]) -> Sequence[QueueSnapshot]:
        pool = self._replica.pool()
        try:
            return await self._snapshot_from(pool, key, take)
        except (Unavailable, InventoryNotFound) as error:
            if pool is self._pool:
                raise
            if isinstance(error, Unavailable):
                self._replica.failed()
            return await self._snapshot_from(self._pool, key, take)

    async def _snapshot_from(
        self, pool: Pool, key: ListKey, take: Callable[[], Sequence[None]]
    ) -> Sequence[QueueSnapshot]:
        standby = pool is not self._pool
        seconds = STANDBY_SECONDS if standby else None
        async with connection(pool, standby=standby) as acquired:
            asked = take()
            known = self._known_queues.get(key) or KnownQueue()
            record = await acquired.fetchrow(
                sql("read_queue"), key.list_id, SEGMENT_BITS, known.version, known.segment, timeout=seconds
            )
            if record is not None and not known.continues_in(record):
                known = KnownQueue()
                record = await acquired.fetchrow(
                    sql("read_queue"), key.list_id, SEGMENT_BITS, known.version, known.segment, timeout=seconds
                )
        if record is None:
            raise InventoryNotFound()
        snapshot = known.snapshot(record)
        if self._known_queues.get(key) is not known:
            self._known_queues.pop(key, None)
            if len(self._known_queues) >= _LISTS_KEPT:
                self._known_queues.popitem(last=False)
            self._known_queues[key] = known
        return [snapshot] * len(asked)

    async def _read_throughput(self, key: ListKey, take: Callable[[], Sequence[None]]) -> Sequence[Throughput]:
        async with connection(self._pool) as acquired:
            asked = take()
            window = await acquired.fetchrow(sql("read_pace_window"), key.list_id)
            if window is None:
                raise InventoryNotFound()
            since, now = window["since"], window["now"]
            stretch = max((now - since) / STRETCHES, timedelta(seconds=1))
            records = await acquired.fetch(sql("read_pace"), key.list_id, since, stretch)
        fans = [0] * STRETCHES
        for record in records:
            # Promotions since the first statement count for the last stretch.
            fans[min(record["stretch"], STRETCHES - 1)] += record["fans"]
        tickets, squares = (sum(record[name] for record in records) for name in ("tickets", "squares"))
        throughput = Throughput(since, now, tuple(fans), tickets, tickets**2 / squares if squares else 0)
        self._known_throughputs.pop(key, None)
        if len(self._known_throughputs) >= _LISTS_KEPT:
            self._known_throughputs.popitem(last=False)
        self._known_throughputs[key] = time.monotonic() + _THROUGHPUT_SECONDS, throughput
        return [throughput] * len(asked)


def _own(record: Record, organization_id: str) -> Entry:
    _check(record, organization_id)
    return Entry.from_record(record)


def _check(record: Record, organization_id: str) -> None:
    if record["organization_id"] != organization_id:
        raise InventoryNotFound()
    if record["number"] is None:
        raise NotInList("This user has never joined this list.")
