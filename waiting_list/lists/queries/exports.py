"""Export entries as CSV. The database sets the pace of writing, and the reader that of reading.

A pass over the entries holds a database connection and a snapshot, so it waits for no reader. It writes to a spool
as fast as the database answers. The reader takes from the spool while the spool grows. A slow reader holds a slot
and the rest of its spool, but no connection.
"""

import asyncio
import tempfile
import threading
import zlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence

from waiting_list.lists.queries.entries import EntryFilter, Take, export_entries
from waiting_list.lists.queries.export_layout import PLAIN, ExportedEntry, Layout
from waiting_list.postgres.pool import Pool
from waiting_list.problems import RateLimited, Unavailable
from waiting_list.telemetry.metrics import RATE_LIMITED

AT_ONCE = 16
"""Exports in one process, because each may keep a file."""
OF_AN_ORGANIZATION = 2
"""Exports of one organization in one process, so that two people can export."""
WAIT_SECONDS = 20.0
"""How long an export waits for the passes of other exports: for some two million entries."""
_BYTES_IN_MEMORY = 256 * 1024
"""What a spool keeps before it becomes a file."""


class Exports:
    """The exports of one process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._pass = asyncio.Lock()
        self._open: Counter[str] = Counter()

    async def open(
        self, organization_id: str, only: EntryFilter, layout: Layout = PLAIN, *, contacts: bool = False
    ) -> "Export":
        """Begin an export, with `contacts` also of names and addresses, and return it with its first entries.

        The caller closes it.

        Raises RateLimited if the organization has OF_AN_ORGANIZATION exports; Unavailable if the process has
        AT_ONCE, if passes of other exports take too long, if the database is out of reach, or if the disk is full.
        """
        if self._open[organization_id] >= OF_AN_ORGANIZATION:
            RATE_LIMITED.labels("exports").inc()
            raise RateLimited(
                f"Your organization already runs {OF_AN_ORGANIZATION} exports. Wait until one has ended.",
                seconds=5,
            )
        if self._open.total() >= AT_ONCE:
            raise Unavailable("Too many exports are running. Try again in a moment.")
        self._open[organization_id] += 1
        export = Export(self, organization_id, only, layout, contacts=contacts)
        try:
            await export.begin()
        except BaseException:  # a cancelled call frees its slot, too
            await export.close()
            raise
        return export

    def end(self, organization_id: str) -> None:
        """Give a slot back."""
        self._open[organization_id] -= 1
        self._open += Counter()  # drops organizations without exports

    async def read(self, organization_id: str, only: EntryFilter, take: Take, *, contacts: bool = False) -> None:
        """Do one pass. Raises Unavailable.

        Passes go one after the other, in the order of their calls. Two at once would take twice as long each, and
        twice as much of the database from fans. An organization that exports all day delays the others, but does
        not keep them out.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._pass.acquire()
        except TimeoutError:
            raise Unavailable("Too many exports are running. Try again in a moment.") from None
        try:
            await export_entries(self._pool, organization_id, only, take, contacts=contacts)
        finally:
            self._pass.release()


class Export:
    """One export, for one reader."""

    def __init__(
        self, exports: Exports, organization_id: str, only: EntryFilter, layout: Layout, *, contacts: bool
    ) -> None:
        self.people = 0
        """How many entries with a name or an address were written."""
        self._exports = exports
        self._organization_id = organization_id
        self._layout = layout
        self._spool = _Spool()
        self._has_news = asyncio.Event()
        self._has_header = False
        self._writing = asyncio.create_task(exports.read(organization_id, only, self._write, contacts=contacts))
        self._writing.add_done_callback(lambda _: self._has_news.set())

    async def begin(self) -> None:
        """Wait for the first entries. Raises Unavailable."""
        await self._has_news.wait()
        if self._writing.done():
            self._writing.result()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the CSV. Raises Unavailable if the database fails on the way: the CSV is then incomplete."""
        while True:
            self._has_news.clear()
            is_whole = self._writing.done()
            if chunk := await asyncio.to_thread(self._spool.read):
                yield chunk
            elif is_whole:
                self._writing.result()
                return
            else:
                await self._has_news.wait()

    async def close(self) -> None:
        """End the pass if it goes on, delete the spool, and give the slot back."""
        try:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        finally:
            self._spool.close()
            self._exports.end(self._organization_id)

    async def _write(self, entries: Sequence[ExportedEntry]) -> None:
        head = b"" if self._has_header else self._layout.head()
        self._has_header = True
        self.people += sum(1 for one in entries if one.name or one.email)
        await asyncio.to_thread(self._spool.write, head + self._layout.rows(entries))
        self._has_news.set()


class _Spool:
    """Chunks in the order in which they were written, deflated to a third; in memory at first, then in a file.

    The file has no name, so it goes with the process, however that ends. Calls wait for the disk, so they belong
    in a thread. `close` waits for a call under way, because the number of a closed file can become another file's.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115 - close() closes it
        self._lock = threading.Lock()
        self._unread: deque[tuple[int, int]] = deque()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Write a chunk. Raises Unavailable if the disk is full."""
        deflated = zlib.compress(chunk, level=1)
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file.seek(self._size)
                self._file.write(deflated)
                self._file.flush()
            except OSError as error:  # caught here, or it would count as an outage of the database
                raise Unavailable("The service has no disk space left for an export. Try again later.") from error
            self._unread.append((self._size, len(deflated)))
            self._size += len(deflated)

    def read(self) -> bytes:
        """Return the next chunk; empty if there is none yet."""
        with self._lock:
            if self._file.closed or not self._unread:
                return b""
            at, length = self._unread.popleft()
            self._file.seek(at)
            deflated = self._file.read(length)
        return zlib.decompress(deflated)

    def close(self) -> None:
        """Delete the chunks."""
        with self._lock:
            self._file.close()
