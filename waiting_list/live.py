"""Live entries: who watches is told within a second of a change, for one cheap query a second in all.

    every second ── lists that are watched ──> which of them have changed? (one query)
                 ── of those, whose segment has moved, or who does not wait ──> their entries (one query a list)
                 ── whose entry differs from the last one told ──> told

Nothing here waits for a reader: each watcher keeps only the newest entry that it has not fetched yet.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from waiting_list.database import Pool, connection, sql
from waiting_list.metrics import OPEN_STREAMS
from waiting_list.models import Entry, ListKey, Status
from waiting_list.periodic import repeat
from waiting_list.polls import CoalescedReads, cumulated
from waiting_list.problems import Problem, RateLimited
from waiting_list.ranks import SEGMENT_BITS

log = structlog.get_logger(__name__)

SECONDS = 1.0
"""Between two looks."""
MOST_SCREENS = 100
"""On which one user may watch one entry at a time, in each process."""


class _Seen(NamedTuple):
    """What a list was when it was last looked at."""

    version: int | None = None
    ends_at: datetime | None = None


class Watcher:
    """One user's entry in one list, watched. Use `Live.watch`."""

    __slots__ = ("_closed", "_has_ended", "_news", "_waiter", "entry", "place", "user_id")

    def __init__(self, user_id: str, entry: Entry, has_ended: Callable[[], bool] | None = None) -> None:
        self.user_id = user_id
        self._has_ended = has_ended
        self.entry = entry
        """As it was last read."""
        self.place: list[int] | None = None
        """Of its segment: who waits before it, and when a place within it last moved."""
        self._news: Entry | None = None
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether there will be no more news."""
        return self._closed

    def tell(self, entry: Entry) -> None:
        """The entry was read; if it has changed, that is news."""
        if entry != self.entry:
            self.entry = self._news = entry
            self._wake()

    def close(self) -> None:
        """There will be no more news."""
        self._closed = True
        self._wake()

    def close_if_ended(self) -> None:
        """Closes, if what has opened it has ended."""
        if self._has_ended is not None and self._has_ended():
            self.close()

    async def news(self, *, within: float) -> Entry | None:
        """The newest entry that was not fetched yet; None if there is none `within` so many seconds, or the
        watcher was closed."""
        if self._news is None and not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(within):
                    await self._waiter
            except TimeoutError:
                return None
            finally:
                self._waiter = None
        entry, self._news = self._news, None
        return entry

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Live:
    """Everybody who watches in this process. `run` looks for changes until it is cancelled."""

    def __init__(self, pool: Pool, reads: CoalescedReads) -> None:
        self._pool = pool
        self._reads = reads
        self._watchers: defaultdict[ListKey, set[Watcher]] = defaultdict(set)
        self._seen: dict[ListKey, _Seen] = {}
        self._closed = False
        self._screens: Counter[tuple[ListKey, str]] = Counter()
        """How often each user's entry is watched."""

    async def watch(
        self, key: ListKey, user_id: str, *, organization_id: str, has_ended: Callable[[], bool] | None = None
    ) -> Watcher:
        """Begins to watch an entry, which is told as it is now. End it with `leave`; `has_ended` tells whether the
        token that has opened it is good no more. Raises what `CoalescedReads.entry` raises; RateLimited where the
        user watches it on MOST_SCREENS already."""
        if self._screens[key, user_id] >= MOST_SCREENS:
            raise RateLimited(f"More than {MOST_SCREENS} live entries of one user are open.", seconds=60)
        self._screens[key, user_id] += 1
        try:
            entry = await self._reads.entry(key, user_id, organization_id=organization_id)
            watcher = Watcher(user_id, entry, has_ended)
        except BaseException:
            self._screen_is_off(key, user_id)
            raise
        if self._closed:
            watcher.close()
        watcher.close_if_ended()  # while the entry was read, say
        self._watchers[key].add(watcher)
        OPEN_STREAMS.inc()
        # A look may have passed between the reading and now: the next one must not take this list as seen.
        self._seen.pop(key, None)
        return watcher

    def leave(self, key: ListKey, watcher: Watcher) -> None:
        """Ends a watch."""
        self._screen_is_off(key, watcher.user_id)
        OPEN_STREAMS.dec()
        self._watchers[key].discard(watcher)
        if not self._watchers[key]:
            del self._watchers[key]
            self._seen.pop(key, None)

    def _screen_is_off(self, key: ListKey, user_id: str) -> None:
        self._screens[key, user_id] -= 1
        if not self._screens[key, user_id]:
            del self._screens[key, user_id]

    def close(self) -> None:
        """Closes all watchers, and those to come: the process is about to end."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close()

    def close_ended(self) -> None:
        """Closes the watchers whose token has ended: somebody has signed out."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close_if_ended()

    async def run(self) -> None:
        """Looks once a second. Survives any failure: what was missed is found by the next look."""
        await repeat(self.look, seconds=SECONDS, failing="live_failing")

    async def look(self) -> None:
        """Tells every watcher whose entry has changed since the last look. Raises Unavailable."""
        keys = {key.list_id: key for key in self._watchers}
        if not keys:
            return
        seen = [self._seen.get(key, _Seen()) for key in keys.values()]
        versions, ends = [one.version for one in seen], [one.ends_at for one in seen]
        async with connection(self._pool) as acquired:
            changed = await acquired.fetch(
                sql("read_changed_lists"), list[UUID](keys), versions, ends, SEGMENT_BITS
            )
        for record in changed:
            key = keys[record["list_id"]]
            places = {segment: place for segment, *place in cumulated(record)}
            stale = []
            for watcher in self._watchers.get(key, ()):
                waits = watcher.entry.status is Status.WAITING
                place = places.get(watcher.entry.rank >> SEGMENT_BITS) if waits else None
                # A join behind them, the most frequent change of all, moves nobody.
                if place is None or place != watcher.place:
                    watcher.place = place
                    stale.append(watcher)
            # Before anything is waited for: who begins to watch meanwhile takes it back.
            self._seen[key] = _Seen(record["version"], record["ends_at"])
            try:
                await self._tell(key, stale)
            except Problem:
                self._seen.pop(key, None)
                for watcher in stale:
                    watcher.place = None
                raise

    async def _tell(self, key: ListKey, watchers: Sequence[Watcher]) -> None:
        entries = await self._reads.entries(key, {watcher.user_id for watcher in watchers})
        for watcher in watchers:
            if entry := entries.get(watcher.user_id):
                watcher.tell(entry)
            else:
                watcher.close()  # erased
