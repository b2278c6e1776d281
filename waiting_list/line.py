"""The waiting queue that the changes of a history lead to. No I/O here."""

from array import array
from heapq import heappop, heappush


class WaitingQueue:
    """The entries that wait, in order: eight bytes an entry, however many wait.

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
        """Add the next number at this rank; None: it does not stand in this queue."""
        self._joined.append(self._GONE if rank is None else rank)

    def take(self, number: int) -> int | None:
        """Take an entry out of the queue; return its rank, or None if it was not in it."""
        if (rank := self._placed.pop(number, None)) is not None:
            return rank
        rank, self._joined[number] = self._joined[number], self._GONE
        return None if rank == self._GONE else rank

    def move(self, number: int, rank: int) -> None:
        """Give an entry another rank."""
        if number in self._ready:
            self._ready[number] = rank
        elif self.take(number) is not None:
            self._place(number, rank)

    def hold(self, number: int) -> bool:
        """Take an entry whose turn has come; return whether it stood in this queue."""
        if (rank := self.take(number)) is None:
            return False
        self._ready[number] = rank
        return True

    def hand_over(self, number: int, to: "WaitingQueue") -> None:
        """Move an entry to another queue, at the same rank."""
        if (ready := self._ready.pop(number, None)) is not None:
            to._ready[number] = ready
        elif (rank := self.take(number)) is not None:
            to._place(number, rank)

    def revoke(self, number: int) -> None:
        """Put an entry back where it stood."""
        if (rank := self._ready.pop(number, None)) is not None:
            self._place(number, rank)

    def leave(self, number: int) -> None:
        """Forget an entry that has left the list."""
        if self._ready.pop(number, None) is None:
            self.take(number)

    def first(self) -> tuple[int, int] | None:
        """Return the rank and number of the first entry; None if the queue is empty."""
        while self._next < len(self._joined) and self._joined[self._next] == self._GONE:
            self._next += 1
        while self._heap and self._placed.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        heads = self._heap[:1]
        if self._next < len(self._joined):
            heads.append((self._joined[self._next], self._next))
        return min(heads, default=None)

    def _place(self, number: int, rank: int) -> None:
        self._placed[number] = rank
        heappush(self._heap, (rank, number))
