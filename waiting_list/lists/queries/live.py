"""Live entries: send watching fans their changes within a second, with one query a second for all lists.

    every second ── watched lists ──> which of them have changed? (one query)
                 ── watchers in a moved segment, or whose fan does not wait ──> their entries (a query a list)
                 ── watchers whose entry differs from the last one ──> news

No code here waits for a reader, because each watcher keeps only the newest entry that its reader has not fetched.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.queue_snapshot import cumulated_segments
from waiting_list.lists.ranks import SEGMENT_BITS
from waiting_list.periodic import repeat
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem, RateLimited
from waiting_list.telemetry.metrics import OPEN_STREAMS

SECONDS = 1.0
"""The time between two looks."""
MOST_SCREENS = 100
"""On how many screens one user may watch one entry at a time, in each process."""
_READ_AT_ONCE = 500
"""How many watchers get their news from one read, so that memory stays flat and other callers have their turn."""


class _Seen(NamedTuple):
    """The state of a list at the last look."""

    version: int | None = None
    ends_at: datetime | None = None


class Reader(Protocol):
    """What reads the news of a watcher."""

    def wake(self) -> None:
        """Learn that the watcher has news, or is closed."""


class Watcher:
    """A watch on one user's entry in one list. Get it from `Live.watch`; its first news is the entry as it is now.

    It keeps no entry that its reader has taken, only a digest of it, because a process has thousands of watchers.
    """

    __slots__ = ("_digest", "_has_ended", "_news", "closed", "key", "place", "reader", "segment", "user_id")

    def __init__(
        self, key: ListKey, user_id: str, entry: Entry, has_ended: Callable[[], bool] | None = None
    ) -> None:
        self.key = key
        self.user_id = user_id
        self.segment: int | None = None
        """The segment of the entry while it waits, as of the last read."""
        self.place: list[int] | None = None
        """About its segment: the entries and tickets before it, and when a place in it last moved."""
        self.reader: Reader | None = None
        self.closed = False
        """Whether the watcher gets no more news."""
        self._has_ended = has_ended
        self._digest = b""
        self._news: Entry | None = None
        self.tell(entry)

    def tell(self, entry: Entry) -> None:
        """Take the entry as read; if it has changed, wake the reader."""
        digest = hashlib.sha256(entry.model_dump_json().encode()).digest()[:16]
        if digest != self._digest:
            self._digest, self._news = digest, entry
            self.segment = entry.rank >> SEGMENT_BITS if entry.status is Status.WAITING else None
            self._wake()

    @property
    def has_news(self) -> bool:
        """Whether the reader has an entry to take, or learns that the watcher is closed."""
        return self.closed or self._news is not None

    def take(self) -> Entry | None:
        """Return the newest entry that the reader has not taken, if there is one."""
        entry, self._news = self._news, None
        return entry

    def close(self) -> None:
        """End the watch, and wake the reader."""
        self.closed = True
        self._wake()

    def close_if_ended(self) -> None:
        """Close the watcher if the token that opened it has ended."""
        if self._has_ended is not None and self._has_ended():
            self.close()

    def _wake(self) -> None:
        if self.reader is not None:
            self.reader.wake()


class Live:
    """The watchers of this process. `run` looks for changes until it is cancelled."""

    def __init__(self, pool: Pool, reads: CoalescedReads) -> None:
        self._pool = pool
        self._reads = reads
        self._watchers: defaultdict[ListKey, set[Watcher]] = defaultdict(set)
        self._seen: dict[ListKey, _Seen] = {}
        self._closed = False
        self._screens: Counter[tuple[ListKey, str]] = Counter()
        """How many watchers each user's entry has."""

    async def watch(
        self, key: ListKey, user_id: str, *, organization_id: str, has_ended: Callable[[], bool] | None = None
    ) -> Watcher:
        """Begin to watch an entry, as it is now. End the watch with `leave`.

        `has_ended` returns whether the token that opened the watch has ended. Raises RateLimited if the user
        already watches the entry on MOST_SCREENS screens, and what `CoalescedReads.entry` raises.
        """
        if self._screens[key, user_id] >= MOST_SCREENS:
            raise RateLimited(
                f"The user already has {MOST_SCREENS} live streams open. Close one first.", seconds=60
            )
        self._screens[key, user_id] += 1
        try:
            entry = await self._reads.entry(key, user_id, organization_id=organization_id)
            for other in self._watchers.get(key, ()):
                key = other.key  # so that the key exists once, not once for each watcher
                break
            watcher = Watcher(key, user_id, entry, has_ended)
        except BaseException:
            self._screen_is_off(key, user_id)
            raise
        if self._closed:
            watcher.close()
        watcher.close_if_ended()  # in case the token ended during the read
        self._watchers[key].add(watcher)
        OPEN_STREAMS.inc()
        # A look may have passed since the read, so the next one must not take this list as seen.
        self._seen.pop(key, None)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """End a watch."""
        key, watcher.reader = watcher.key, None
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
        """Close all present and future watchers, because the process is about to end."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close()

    def close_ended(self) -> None:
        """Close the watchers whose token has ended, after a sign-out."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close_if_ended()

    async def run(self) -> None:
        """Look once a second, also after a failure; the next look finds the missed changes."""
        await repeat(self.look, seconds=SECONDS, failing="live_failing")

    async def look(self) -> None:
        """Give news to every watcher whose entry has changed since the last look. Raises Unavailable."""
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
            places = {segment: place for segment, *place in cumulated_segments(record)}
            stale = []
            for watcher in self._watchers.get(key, ()):
                place = None if watcher.segment is None else places.get(watcher.segment)
                # Skip the most frequent change, a join further behind, because it moves no watched place.
                if place is None or place != watcher.place:
                    watcher.place = place
                    stale.append(watcher)
            # Before the first await, because a watch that begins meanwhile must be able to undo it.
            self._seen[key] = _Seen(record["version"], record["ends_at"])
            try:
                await self._tell(key, stale)
            except Problem:
                self._seen.pop(key, None)
                for watcher in stale:
                    watcher.place = None
                raise

    async def _tell(self, key: ListKey, watchers: Sequence[Watcher]) -> None:
        for start in range(0, len(watchers), _READ_AT_ONCE):
            some = watchers[start : start + _READ_AT_ONCE]
            entries = await self._reads.entries(key, {watcher.user_id for watcher in some})
            for watcher in some:
                if entry := entries.get(watcher.user_id):
                    watcher.tell(entry)
                else:
                    watcher.close()  # erased
