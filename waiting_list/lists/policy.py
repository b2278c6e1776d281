"""Choose who is next, by the list's policy, and which holds to revoke. No I/O here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from waiting_list.lists.setting_values import Policy


class Candidate(Protocol):
    """The part of an entry that the choice depends on."""

    @property
    def tickets_wanted(self) -> int: ...
    @property
    def tickets_minimum(self) -> int: ...
    @property
    def tickets_held(self) -> int: ...


class Choice(NamedTuple):
    """How many tickets each chosen candidate gets, and where the choice stopped."""

    held: list[tuple[int, int]]
    """(index of the candidate, tickets), in order."""
    looked_at: int
    """How many candidates the choice served or passed over."""


def choose(
    free: int, candidates: Sequence[Candidate], *, policy: Policy, most: int, at_most: int | None = None
) -> Choice:
    """Give each candidate in order the tickets it wants, or what is left if that is at least its minimum.

    No candidate is held more than `most`, and the choice gives at most `free` tickets in all. A candidate whose
    minimum is above `most` is passed over. Of the others, `strict` stops at the first whose minimum is too high.
    `skip` passes over such candidates, until `at_most` are chosen. A candidate that was held a part before takes
    any number up to the rest.
    """
    held: list[tuple[int, int]] = []
    looked_at = 0
    for index, candidate in enumerate(candidates):
        if free == 0 or len(held) == at_most:
            break
        before = candidate.tickets_held
        least, room = max(candidate.tickets_minimum - before, 1), most - before
        if least > free:
            if policy is Policy.STRICT and least <= room:
                break
        elif least <= room:
            tickets = min(candidate.tickets_wanted - before, free, room)
            held.append((index, tickets))
            free -= tickets
        looked_at += 1
    return Choice(held, looked_at)


def holds_to_revoke(tickets: int, held: Sequence[int]) -> list[int]:
    """Return which holds to revoke, so that so many tickets become free: the fewest, and the newest among those.

    `held` has the tickets of each hold, the newest first; together they are enough. The result has their indexes
    in order. No fewer holds suffice. Of all choices of as few holds it is the first in the order of the indexes:
    it has the newest hold that any of them has, then the next newest, and so on.
    """
    older = Counter(held)
    count = next(n for n in range(len(held) + 1) if _largest(older, n) >= tickets)
    chosen: list[int] = []
    for index, size in enumerate(held):
        older[size] -= 1
        # Take the hold if the largest older ones make up for the rest, as many as may still be taken.
        if len(chosen) < count and size + _largest(older, count - len(chosen) - 1) >= tickets:
            chosen.append(index)
            tickets -= size
    return chosen


def _largest(holds: Mapping[int, int], count: int) -> int:
    """Return the tickets of the `count` largest holds, of which `holds` has the number of each size."""
    tickets = 0
    for size in sorted(holds, reverse=True):
        taken = min(count, holds[size])
        tickets, count = tickets + taken * size, count - taken
    return tickets
