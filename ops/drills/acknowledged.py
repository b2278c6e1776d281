"""What clients were told of their joins, held against what the database has. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple


class Join(NamedTuple):
    """A join that was acknowledged: where, whose, with which number; when it was sent first and when answered, by
    one clock; and whether the first try was answered."""

    where: str
    user_id: str
    number: int
    sent: float
    answered: float
    at_once: bool


class Row(NamedTuple):
    """An entry as the database has it."""

    where: str
    user_id: str
    number: int


@dataclass
class Verdict:
    """What is wrong; nothing, if `clean`."""

    lost: list[Join] = field(default_factory=list)
    """Acknowledged, and not there with that number."""
    doubled: list[tuple[str, str]] = field(default_factory=list)
    """List and user of whoever is there more than once."""
    unknown: list[Row] = field(default_factory=list)
    """There, and never acknowledged, though every client insisted until it was answered."""
    gaps: list[str] = field(default_factory=list)
    """Lists whose numbers are not 1, 2, 3 …"""
    disordered: list[Join] = field(default_factory=list)
    """Sent after another one of the list was answered, and yet before it in line."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.unknown or self.gaps or self.disordered)

    def __str__(self) -> str:
        wrong = {name: found for name, found in vars(self).items() if found}
        return "; ".join(f"{len(found)} {name}, first {found[0]}" for name, found in wrong.items()) or "clean"


def judge(joins: Sequence[Join], rows: Sequence[Row], *, all_answered: bool = True) -> Verdict:
    """Holds the joins against the rows. Without `all_answered`, rows of which no client was told are no fault."""
    verdict = Verdict()
    there = set(rows)
    verdict.lost = [one for one in joins if Row(one.where, one.user_id, one.number) not in there]
    seen = Counter((row.where, row.user_id) for row in rows)
    verdict.doubled = [who for who, times in seen.items() if times > 1]
    if all_answered:
        told = {Row(one.where, one.user_id, one.number) for one in joins}
        verdict.unknown = [row for row in rows if row not in told]
    for where in sorted({row.where for row in rows}):
        numbers = sorted(row.number for row in rows if row.where == where)
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.gaps.append(where)
    for where in sorted({one.where for one in joins}):
        verdict.disordered += _disordered([one for one in joins if one.where == where])
    return verdict


def _disordered(joins: Iterable[Join]) -> list[Join]:
    """Whoever was sent after another had been answered stands behind that one. Of a join that was repeated it is
    not known when it was done, so only those answered at once are ordered."""
    ordered = sorted((one for one in joins if one.at_once), key=lambda one: one.sent)
    answered = iter(sorted(ordered, key=lambda one: one.answered))
    earlier = next(answered, None)
    latest, found = 0, []
    for one in ordered:
        while earlier is not None and earlier.answered < one.sent:
            latest = max(latest, earlier.number)
            earlier = next(answered, None)
        if one.number <= latest:
            found.append(one)
    return found


def longest_silence(instants: Iterable[float]) -> float:
    """The longest time between two of these instants that follow each other, in seconds; 0 for fewer than two."""
    return max((after - before for before, after in pairwise(sorted(instants))), default=0.0)
