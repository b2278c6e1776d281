"""Who waits, as the changes of a history say. No I/O here."""

from array import array
from heapq import heappop, heappush


class Line:
    """Who waits, in order, as the changes say: eight bytes an entry, however many wait.

    Who was never moved stands in the order of numbers; only the others need a heap.
    """

    _GONE = -(2**63)

    def __init__(self) -> None:
        self._joined = array("q", [self._GONE])
        self._next = 1
        self._placed: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self._ready: dict[int, int] = {}

    def join(self, rank: int | None) -> None:
        """The next number stands at this rank; None: it does not stand in this line."""
        self._joined.append(self._GONE if rank is None else rank)

    def take(self, number: int) -> int | None:
        """Takes an entry out of the line; its rank, or None if it was not in it."""
        if (rank := self._placed.pop(number, None)) is not None:
            return rank
        rank, self._joined[number] = self._joined[number], self._GONE
        return None if rank == self._GONE else rank

    def move(self, number: int, rank: int) -> None:
        """An entry stands at another rank."""
        if number in self._ready:
            self._ready[number] = rank
        elif self.take(number) is not None:
            self._place(number, rank)

    def hold(self, number: int) -> bool:
        """An entry is at its turn; whether it stood in this line."""
        if (rank := self.take(number)) is None:
            return False
        self._ready[number] = rank
        return True

    def hand_over(self, number: int, to: "Line") -> None:
        """An entry stands in another line from now on, at the same rank."""
        if (ready := self._ready.pop(number, None)) is not None:
            to._ready[number] = ready
        elif (rank := self.take(number)) is not None:
            to._place(number, rank)

    def revoke(self, number: int) -> None:
        """An entry waits again, where it stood."""
        if (rank := self._ready.pop(number, None)) is not None:
            self._place(number, rank)

    def leave(self, number: int) -> None:
        """An entry is out of the list."""
        if self._ready.pop(number, None) is None:
            self.take(number)

    def first(self) -> tuple[int, int] | None:
        """Rank and number of the first in line; None if nobody waits."""
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
