"""Choose who is next: which entries get the free tickets, by the list's policy. No I/O here."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waiting_list.lists.setting_values import Policy


class Candidate(Protocol):
    """The part of an entry that the choice depends on."""

    @property
    def tickets_wanted(self) -> int: ...
    @property
    def tickets_minimum(self) -> int: ...


class Choice(NamedTuple):
    """How many tickets each chosen candidate gets, and where the choice stopped."""

    held: list[tuple[int, int]]
    """(index of the candidate, tickets), in order."""
    looked_at: int
    """How many candidates the choice served or passed over."""


def choose(free: int, candidates: Sequence[Candidate], *, policy: Policy, at_most: int | None = None) -> Choice:
    """Give each candidate in order the tickets it wants, or the rest if that is at least its minimum.

    `strict` stops at the first candidate whose minimum is too high. `skip` passes over such candidates, until
    `at_most` are chosen. The choice gives at most `free` tickets in all.
    """
    held: list[tuple[int, int]] = []
    looked_at = 0
    for index, candidate in enumerate(candidates):
        if free == 0 or len(held) == at_most:
            break
        if candidate.tickets_minimum > free:
            if policy is Policy.STRICT:
                break
        else:
            tickets = min(candidate.tickets_wanted, free)
            held.append((index, tickets))
            free -= tickets
        looked_at += 1
    return Choice(held, looked_at)
