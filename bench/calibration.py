"""What the simulation knows of the service: the costs that the newest run of the history noted.

CPU times are seconds of a core of the machine that measured them, sizes are bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from waiting_list.settings import Settings

BATCH_LIMIT: int = Settings.model_fields["batch_limit"].default
"""So many joins of a list share a transaction at most."""
JOINS = ("joins, one list", "joins, 20 lists", "joins, 200 lists")
"""The runs that measured a join in large batches, in small ones, and alone."""
CONTACT_BYTES, OUTBOX_BYTES = 134, 327
"""Disk of an address and of its e-mail, measured over 100,000 joins with an address (docs/scaling.md)."""
_MICROSECONDS = 1e6
_FINENESS = 4_096
"""A transaction has so many parts. The costs of joins are a table of them, because the simulation asks often."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call costs."""

    api: float
    """CPU seconds of the service."""
    postgresql: float
    """CPU seconds of PostgreSQL."""
    wal: float
    sent: float
    """Bytes of the answer."""

    @classmethod
    def of(cls, noted: Mapping[str, float]) -> Self:
        """The cost in a line of the history."""
        return cls(
            noted["api"] / _MICROSECONDS,
            noted["postgresql"] / _MICROSECONDS,
            noted["wal"],
            noted.get("bytes", 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What each call costs, and what one list can do."""

    source: str
    """The date and the commit of the run."""
    joins: tuple[Cost, ...]
    """The costs of a join with 1, 2, … _FINENESS parts of a transaction of its own."""
    change: Cost
    """A leave, a promotion: one change of an entry."""
    purchase: Cost
    poll: Cost
    picture: Cost
    unchanged: Cost
    """A picture that is answered 304."""
    event: Cost
    """A new position on a stream."""
    email: Cost
    lock_seconds: float
    """How long a transaction of one join keeps its list locked, commit included."""
    join_seconds: float
    """How much longer each further join of the batch keeps it."""
    join_disk: float
    change_disk: float
    stream_memory: float
    process_memory: float

    @classmethod
    def read(cls, runs: Sequence[Mapping[str, Any]]) -> Self:
        """The costs of the newest run that noted them. Raises ValueError if no run did."""
        run = next((one for one in reversed(runs) if "costs" in one), None)
        if run is None:
            raise ValueError("No run in the history has costs. Run make bench.")
        noted = run["costs"]
        calls, stream = noted["calls"], noted["stream"]
        each = 1 / calls[JOINS[0]]["rate"]
        return cls(
            source=f"{noted['date']}, commit `{noted['commit']}`",
            joins=_joins([calls[name] for name in JOINS]),
            change=Cost.of(calls["leaves"]),
            purchase=Cost.of(calls["purchases"]),
            poll=Cost.of(calls["polls"]),
            picture=Cost.of(calls["picture"]),
            unchanged=Cost.of(calls["picture, 304"]),
            # An event has the entry that a poll answers.
            event=Cost(
                stream["event"] / _MICROSECONDS,
                stream["event_postgresql"] / _MICROSECONDS,
                0.0,
                calls["polls"]["bytes"],
            ),
            email=Cost.of(noted["email"]),
            lock_seconds=max(1 / run["pgbench"]["one list"], each),
            join_seconds=each,
            join_disk=calls[JOINS[0]]["disk"] + CONTACT_BYTES + OUTBOX_BYTES,
            change_disk=calls["leaves"]["disk"],
            stream_memory=stream["bytes"],
            process_memory=stream["process"],
        )

    def join(self, batch: float) -> Cost:
        """The cost of a join in a batch of so many, from 1 to BATCH_LIMIT."""
        return self.joins[round(_FINENESS / batch) - 1]

    def locked(self, batch: float) -> float:
        """Seconds for which a transaction of so many joins keeps its list locked."""
        return self.lock_seconds + (batch - 1) * self.join_seconds

    @property
    def list_limit(self) -> float:
        """Joins a second of one list, at most: full batches, one after the other."""
        return BATCH_LIMIT / self.locked(BATCH_LIMIT)


def _joins(noted: Sequence[Mapping[str, float]]) -> tuple[Cost, ...]:
    """The costs of joins: between the measured sizes of batches they lie on a line over transactions a join.

    A batch beyond the measured sizes costs what the nearest measured one did: no figure is extrapolated.
    """
    points = sorted(((min(one["transactions"], 1.0), Cost.of(one)) for one in noted), key=lambda point: point[0])
    return tuple(_between(points, part / _FINENESS) for part in range(1, _FINENESS + 1))


def _between(points: Sequence[tuple[float, Cost]], at: float) -> Cost:
    if at <= points[0][0]:
        return points[0][1]
    for (low, cheap), (high, dear) in pairwise(points):
        if at <= high:
            part = (at - low) / (high - low)
            return Cost(
                *(
                    getattr(cheap, name) + part * (getattr(dear, name) - getattr(cheap, name))
                    for name in Cost.__slots__
                )
            )
    return points[-1][1]
