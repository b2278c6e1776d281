"""Keep the queue snapshot of a list up to date, with what has changed since the last read.

A queue of a million has about a thousand segments. A change touches a few of them, so a read returns only those.
"""

import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from pydantic import TypeAdapter

from waiting_list.lists.queries.models import Queue
from waiting_list.lists.ranks import SEGMENT_BITS
from waiting_list.postgres.pool import Record


class QueueSnapshot(NamedTuple):
    """A queue snapshot, ready to send. The tag changes when the body does."""

    body: bytes
    gzipped: bytes
    tag: str


class KnownQueue:
    """The segments of one queue, as of a version of its list. A new one knows no segment."""

    def __init__(self) -> None:
        self.version = -1
        self.segment = 0
        """The segment of the list's last rank at that version. Each later join is in this segment or behind it."""
        self._changed_at: datetime | None = None
        self._columns = array("q"), array("q"), array("q"), array("q")
        self._rows: bytes | None = None
        """The rows of the snapshot in JSON, until one of them changes."""
        self._head: tuple[object, ...] = ()
        self._snapshot: QueueSnapshot | None = None

    def continues_in(self, record: Record) -> bool:
        """Return whether the record is of the same list and history, and not older than the known version.

        A history may go on from an older version after a failover; a list may be deleted and created again. Then
        the row of the known version has another time.
        """
        return bool(record["version"] >= self.version and record["known_at"] == self._changed_at)

    def snapshot(self, record: Record) -> QueueSnapshot:
        """Return the snapshot as of the record, with the changes that the record has. It must continue."""
        head = tuple(record[name] for name in _HEAD)
        if self._snapshot is None or head != self._head:
            self._take(record)
            self._rows = self._rows or _ROWS.dump_json(_cumulated(*self._columns))
            self._head, self._snapshot = head, _snapshot_of(record, self._rows)
        return self._snapshot

    def _take(self, record: Record) -> None:
        numbers, *counts = self._columns
        changed = counts[-1]
        for number, *values in zip(*(record[name] or () for name in _SEGMENT_COLUMNS), strict=True):
            at = bisect_left(numbers, number)
            is_known = at < len(numbers) and numbers[at] == number
            # The most frequent change, a join at the end, changes no row: each counts those before its segment.
            if not (is_known and values[0] and at == len(numbers) - 1 and values[-1] == changed[at]):
                self._rows = None
            if is_known and values[0]:
                for column, value in zip(counts, values, strict=True):
                    column[at] = value
            elif is_known:
                for column in self._columns:
                    del column[at]
            elif values[0]:
                for column, value in zip(self._columns, (number, *values), strict=True):
                    column.insert(at, value)
        self.version, self._changed_at = record["version"], record["changed_at"]
        self.segment = record["last_rank"] >> SEGMENT_BITS


_HEAD = ("event_id", "version", "waiting", "tickets_waiting", "free", "draws_at")
_ROWS = TypeAdapter(list[list[int]])
_SEGMENT_COLUMNS = ("segments", "segments_waiting", "segments_tickets", "segments_changed")


def cumulated_segments(record: Record) -> list[list[int]]:
    """Return a row for each segment, from the arrays of a record.

    A row has the segment's number, the entries and tickets that wait before it, and when a place in it last moved.
    """
    return _cumulated(*(record[name] or () for name in _SEGMENT_COLUMNS))


def _cumulated(
    numbers: Sequence[int], waiting: Sequence[int], tickets: Sequence[int], changed: Sequence[int]
) -> list[list[int]]:
    before, tickets_before = accumulate(waiting, initial=0), accumulate(tickets, initial=0)
    return [*map(list, zip(numbers, before, tickets_before, changed, strict=False))]


def _snapshot_of(record: Record, rows: bytes) -> QueueSnapshot:
    # Without validation, because the data comes from the database, and a long queue has a thousand segments.
    known = {name: record[name] for name in Queue.model_fields if name not in ("segment_bits", "segments")}
    queue = Queue.model_construct(segment_bits=SEGMENT_BITS, segments=[], **known)
    if record["draws_at"] is not None:
        rows = b"[]"
    body = queue.model_dump_json().encode().removesuffix(b"[]}") + rows + b"}"
    # Digits hardly repeat, so a search for repetitions would take longer and save no byte.
    gzip = zlib.compressobj(1, wbits=31, strategy=zlib.Z_HUFFMAN_ONLY)
    return QueueSnapshot(body, gzip.compress(body) + gzip.flush(), hashlib.sha256(body).hexdigest()[:16])
