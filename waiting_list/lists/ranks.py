"""Ranks: the order of a list as numbers, and the segments that count places at any length."""

from collections import defaultdict
from collections.abc import Iterable

from waiting_list.lists.rows import EntryRow

RANK_STEP = 1_000_000
"""An entry that was never moved has its number times this as its rank, to leave room for moves in between."""
SEGMENT_BITS = 30
"""A segment of the queue snapshot holds the ranks that share `rank >> SEGMENT_BITS`: about a thousand numbers."""
SEGMENT_LEVELS = (SEGMENT_BITS - 5, SEGMENT_BITS, SEGMENT_BITS + 5)
"""The sizes of counted segments, as bits of rank; 32 of one size make one of the next. The view `shown_entries`
uses the same sizes."""


def joining_rank(number: int, highest: int) -> int:
    """Return the rank of a new entry with this number, behind the highest rank that the list has had.

    A move to the last place takes the next higher rank, so the result can be higher than the number implies.
    """
    return max(number * RANK_STEP, highest + 1)


def rank_between(previous: int | None, following: int) -> int | None:
    """Return the rank half-way between two neighbours, or before the first entry; None if there is no room."""
    if previous is None:
        return following - RANK_STEP
    return (previous + following) // 2 if following - previous > 1 else None


class SegmentChanges:
    """The changes of segment counts in one transaction."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(self, entry: EntryRow, sign: int, *, changed: int) -> None:
        """Add an entry in line (sign 1), or take it away (-1).

        `changed` is the sequence in the history; it is 0 if no place within the segment moves.
        """
        for bits in SEGMENT_LEVELS:
            segment = self._changes[bits, entry.rank >> bits]
            segment[0] += sign
            segment[1] += sign * entry.tickets_missing
            segment[2] = max(segment[2], changed)

    def take(self) -> list[tuple[int, ...]]:
        """Return the changes so far, each with the size and number of its segment, and forget them."""
        changes = [(*segment, *values) for segment, values in self._changes.items() if any(values)]
        self._changes.clear()
        return changes


def last_places(entries: Iterable[EntryRow], in_line: int, tickets: int) -> dict[int, tuple[int, int]]:
    """Return the position of each of these entries, and the tickets ahead of it, by number.

    They must be all the entries in line behind some place. `in_line` is how many entries the whole line has, and
    `tickets` how many tickets these still want.
    """
    position, ahead = in_line, tickets
    places = {}
    for entry in sorted(entries, key=lambda one: one.rank, reverse=True):
        ahead -= entry.tickets_missing
        places[entry.number] = position, ahead
        position -= 1
    return places
