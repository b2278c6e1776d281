"""Follow the order of a queue through the changes of its history. No I/O here."""

from array import array
from collections.abc import Iterable
from heapq import heapify, heappop, heappush


class WaitingQueue:
    """The waiting entries in order, according to the changes. It needs eight bytes an entry.

    Entries that were never moved stand in the order of their numbers; only the others need a heap.
    """

    _GONE = -(2**63)

    def __init__(self) -> None:
        self._joined = array("q", [self._GONE])
        self._lots, self._shift = array("q"), 0
        """The numbers in the order of the lots; the places behind these, plus the shift, are numbers."""
        self._next = 1
        self._placed: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self._ready: dict[int, int] = {}

    def join(self, rank: int | None) -> None:
        """Add the next number at this rank. None: the entry does not stand in this queue."""
        self._joined.append(self._GONE if rank is None else rank)

    def take(self, number: int) -> int | None:
        """Take an entry out of the queue. Return its rank, or None if it was not in the queue."""
        if (rank := self._placed.pop(number, None)) is not None:
            return rank
        rank, self._joined[number] = self._joined[number], self._GONE
        return None if rank == self._GONE else rank

    def move(self, number: int, rank: int) -> None:
        """Move an entry to another rank."""
        if number in self._ready:
            self._ready[number] = rank
        elif self.take(number) is not None:
            self.place(number, rank)

    def hold(self, number: int) -> bool:
        """Take out an entry that became ready, and return whether it stood in this queue."""
        if (rank := self.take(number)) is None:
            return False
        self._ready[number] = rank
        return True

    def hand_over(self, number: int, to: "WaitingQueue") -> None:
        """Hand an entry over to another queue, at the same rank."""
        if (ready := self._ready.pop(number, None)) is not None:
            to._ready[number] = ready
        elif (rank := self.take(number)) is not None:
            to.place(number, rank)

    def revoke(self, number: int) -> None:
        """Put an entry back at its old rank."""
        if (rank := self._ready.pop(number, None)) is not None:
            self.place(number, rank)

    def leave(self, number: int) -> None:
        """Remove an entry that left the list."""
        if self._ready.pop(number, None) is None:
            self.take(number)

    def ready_rank(self, number: int) -> int | None:
        """Return the rank of an entry that became ready in this queue; None if none of this number did."""
        return self._ready.get(number)

    def first(self) -> tuple[int, int] | None:
        """Return rank and number of the first entry; None if the queue is empty."""
        while (number := self._at(self._next)) < len(self._joined) and self._joined[number] == self._GONE:
            self._next += 1
        while self._heap and self._placed.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        heads = self._heap[:1]
        if number < len(self._joined):
            heads.append((self._joined[number], number))
        return min(heads, default=None)

    def _at(self, place: int) -> int:
        return self._lots[place] if place < len(self._lots) else place + self._shift

    def draw(self, lots: "array[int]", ranks: "array[int]") -> None:
        """Take the numbers in the order of their lots, and the rank of each that has one by number, else 0.

        Nobody may have been moved before. The numbers behind those of `ranks` stay behind them.
        """
        for number in [one for one in self._placed if one < len(ranks)]:
            self._joined[number] = self._placed.pop(number)
        self._heap = [(rank, number) for number, rank in self._placed.items()]
        heapify(self._heap)
        for number in lots:
            if number in self._ready:
                self._ready[number] = ranks[number]
            elif self._joined[number] != self._GONE:
                self._joined[number] = ranks[number]
        self._lots, self._shift, self._next = lots, len(ranks) - len(lots), 0

    def active(self) -> Iterable[int]:
        """Yield the numbers of the entries that stand in the queue, or are ready from it."""
        yield from self._ready
        yield from self._placed
        yield from (number for number, rank in enumerate(self._joined) if rank != self._GONE)

    def place(self, number: int, rank: int) -> None:
        """Put an entry at this rank that is not in the queue."""
        self._placed[number] = rank
        heappush(self._heap, (rank, number))
