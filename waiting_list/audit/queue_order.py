"""Follow the order of a queue through the changes of its history. No I/O here."""

from array import array
from heapq import heappop, heappush


class WaitingQueue:
    """The waiting entries in order, according to the changes. It needs eight bytes an entry.

    Entries that were never moved stand in the order of their numbers; only the others need a heap.
    """

    _GONE = -(2**63)

    def __init__(self) -> None:
        self._joined = array("q", [self._GONE])
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
        while self._next < len(self._joined) and self._joined[self._next] == self._GONE:
            self._next += 1
        while self._heap and self._placed.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        heads = self._heap[:1]
        if self._next < len(self._joined):
            heads.append((self._joined[self._next], self._next))
        return min(heads, default=None)

    def place(self, number: int, rank: int) -> None:
        """Put an entry at this rank that is not in the queue."""
        self._placed[number] = rank
        heappush(self._heap, (rank, number))
