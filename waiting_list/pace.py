"""How fast a line moves, and what that says of a place in it: pure.

An estimate is made of what this very list has given out, and of nothing else. Tickets come back in releases, a few
at a time and hardly ever evenly: of n releases of one size a rate is known to about one part in the root of n (the
standard error of a Poisson count), and of others as of so many as (sum of sizes)² / (sum of their squares): one of
a hundred among four of one says hardly more than itself. So it is a range, and where there were fewer than five,
or less than a day was seen, none.

A list is looked at for two weeks, or since its first fan joined: tickets that came back before had nobody whose
turn they could be, so to count that time would promise too late a turn. Who is served the moment they join has
waited for no release, and does not count: a rush on free tickets would pass for many releases.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import NamedTuple

STRETCHES = 28
"""Into so many equal parts the time that was looked at is cut."""
LEAST_RELEASES = 5
LEAST_SEEN = timedelta(hours=24)
_FOREVER = timedelta(days=1_000_000)
"""A date can still be made of it."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Whose turn came from `since` until `now`, of those who had waited: fans in each stretch of it, the tickets
    held for them in all, and as how many `releases` of one size those count."""

    since: datetime
    now: datetime
    fans: tuple[int, ...]
    tickets: int
    releases: float

    @property
    def seen(self) -> timedelta:
        """How long was looked at."""
        return self.now - self.since


class WaitEstimate(NamedTuple):
    """How long it takes until a turn comes, if the list goes on as it did."""

    earliest: timedelta
    latest: timedelta


def estimate_wait(throughput: Throughput, *, tickets_ahead: int, tickets_wanted: int) -> WaitEstimate | None:
    """How long it takes until so many tickets have come back, at most a million days; None where too little was
    seen to say. The rate is what the list gave out in the time that was looked at, give or take its error."""
    if throughput.releases < LEAST_RELEASES or throughput.seen < LEAST_SEEN or throughput.tickets == 0:
        return None
    likely = throughput.seen / _FOREVER * (tickets_ahead + tickets_wanted) / throughput.tickets
    error = 1 / sqrt(throughput.releases)
    return WaitEstimate(_FOREVER * min(1.0, likely / (1 + error)), _FOREVER * min(1.0, likely / (1 - error)))
