"""Ranks, which order the entries of a list, and the segments of ranks that are counted. No I/O here."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from waiting_list.rows import EntryRow, ListRow

RANK_STEP = 1_000_000
"""The rank of an entry that was never moved is its number times this: room for moves in between."""
SEGMENT_BITS = 30
"""A segment of the picture is the ranks that share `rank >> SEGMENT_BITS`: about a thousand numbers."""
SEGMENT_LEVELS = (SEGMENT_BITS - 5, SEGMENT_BITS, SEGMENT_BITS + 5)
"""The sizes of segments that are counted, as the bits of the ranks in each: 32 of one make one of the next. The
view `shown_entries` names the same."""


def joining_rank(number: int, highest: int) -> int:
    """The rank of a new entry with this number, behind the highest rank that the list has had. Moves to the last
    place give ranks just above that, so it can be higher than the number says."""
    return max(number * RANK_STEP, highest + 1)


def rank_between(previous: int | None, following: int) -> int | None:
    """The rank half-way between two neighbours, or before the first entry; None where there is no room."""
    if previous is None:
        return following - RANK_STEP
    return (previous + following) // 2 if following - previous > 1 else None


class SegmentChanges:
    """How the counts of segments change in one transaction."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(self, entry: EntryRow, sign: int, *, changed: int) -> None:
        """Add a waiting entry (sign 1), or take it away (-1), at this sequence of the history; 0 where no place
        within the segment moves."""
        for bits in SEGMENT_LEVELS:
            segment = self._changes[bits, entry.rank >> bits]
            segment[0] += sign
            segment[1] += sign * entry.tickets_wanted
            segment[2] = max(segment[2], changed)

    def take(self) -> list[list[Any]]:
        """The changes so far, as one list a column, and forget them; an empty list where there are none."""
        changes = {key: values for key, values in self._changes.items() if any(values)}
        self._changes.clear()
        if not changes:
            return []
        return [*map(list, zip(*changes, strict=True)), *map(list, zip(*changes.values(), strict=True))]


def last_places(row: ListRow, waiting: Iterable[EntryRow]) -> dict[int, tuple[int, int]]:
    """The position of each of these entries and the tickets ahead of it, by number. They must be all who wait
    behind some place of the list."""
    position, ahead = row.waiting, row.tickets_waiting
    places = {}
    for entry in sorted(waiting, key=lambda one: one.rank, reverse=True):
        ahead -= entry.tickets_wanted
        places[entry.number] = position, ahead
        position -= 1
    return places
