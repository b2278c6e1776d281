"""Tell organizers within a second that their lists have changed, with one query a second for all who watch."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.live import SECONDS, Reader
from waiting_list.periodic import repeat
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import RateLimited
from waiting_list.telemetry.metrics import OPEN_STREAMS

MOST_PAGES = 200
"""How many pages of one organization may watch at a time, in each process."""
_MOST_LOOKS = 300
"""After so many looks a watcher is closed, so that its page comes back, and its session is checked again."""


class Watched(NamedTuple):
    """What a page watches: one list, or with None all lists of the organization."""

    organization_id: str
    list_id: UUID | None


class ListWatcher:
    """A page that watches lists. Get it from `ListWatch.watch`."""

    __slots__ = ("_looks", "_news", "_seen", "closed", "reader", "watched")

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.reader: Reader | None = None
        self.closed = False
        """Whether the watcher gets no more news."""
        self._seen: int | None = None
        self._news: int | None = None
        self._looks = 0

    def tell(self, version: int | None) -> None:
        """Take the number of changes so far; if it has grown since the last look, wake the reader."""
        self._looks += 1
        if self._looks > _MOST_LOOKS or version is None:
            self.close()
        elif version != self._seen:
            self._seen = self._news = version
            self._wake()

    @property
    def has_news(self) -> bool:
        """Whether the reader has news to take, or learns that the watcher is closed."""
        return self.closed or self._news is not None

    def take(self) -> int | None:
        """Return the number of changes, if the reader has not taken it."""
        version, self._news = self._news, None
        return version

    def close(self) -> None:
        """End the watch, and wake the reader."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self.reader is not None:
            self.reader.wake()


class ListWatch:
    """The watching pages of organizers of this process. `run` looks for changes until it is cancelled."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._watchers: defaultdict[Watched, set[ListWatcher]] = defaultdict(set)
        self._pages: defaultdict[str, int] = defaultdict(int)
        self._closed = False

    async def version(self, organization_id: str, key: ListKey | None) -> int:
        """Return the number of changes so far, as a watcher is told them. Raises Unavailable."""
        watched = Watched(organization_id, key.list_id if key else None)
        return (await self._versions([watched])).get(watched, 0)

    def watch(self, organization_id: str, key: ListKey | None) -> ListWatcher:
        """Begin to watch one list of an organization, or all. End the watch with `leave`.

        The first news come at the next look. The caller has checked that the list belongs to the organization.
        Raises RateLimited if MOST_PAGES of its pages watch already.
        """
        if self._pages[organization_id] >= MOST_PAGES:
            raise RateLimited(
                f"The organization already has {MOST_PAGES} live pages open. Close one first.", seconds=60
            )
        self._pages[organization_id] += 1
        watcher = ListWatcher(Watched(organization_id, key.list_id if key else None))
        self._watchers[watcher.watched].add(watcher)
        OPEN_STREAMS.inc()
        if self._closed:
            watcher.close()
        return watcher

    def leave(self, watcher: ListWatcher) -> None:
        """End a watch."""
        watched, watcher.reader = watcher.watched, None
        OPEN_STREAMS.dec()
        self._pages[watched.organization_id] -= 1
        if not self._pages[watched.organization_id]:
            del self._pages[watched.organization_id]
        self._watchers[watched].discard(watcher)
        if not self._watchers[watched]:
            del self._watchers[watched]

    def close(self) -> None:
        """Close all present and future watchers, because the process is about to end."""
        self._closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.close()

    async def run(self) -> None:
        """Look once a second, also after a failure; the next look finds the missed changes."""
        await repeat(self.look, seconds=SECONDS, failing="list_watch_failing")

    async def look(self) -> None:
        """Tell every watcher how many changes there are. Raises Unavailable."""
        watched = [*self._watchers]
        if not watched:
            return
        versions = await self._versions(watched)
        for one in watched:
            # Without any list, an organization has had no change yet.
            version = versions.get(one, None if one.list_id else 0)
            for watcher in self._watchers.get(one, ()):
                watcher.tell(version)

    async def _versions(self, watched: Sequence[Watched]) -> dict[Watched, int]:
        async with connection(self._pool) as acquired:
            records = await acquired.fetch(
                sql("read_change_counts"),
                [one.organization_id for one in watched if one.list_id is None],
                [one.list_id for one in watched if one.list_id],
            )
        return {Watched(record["organization_id"], record["list_id"]): record["version"] for record in records}
