"""Estimate how long a fan waits, from how fast the list moves. No I/O here.

The estimate uses only the releases of this very list. Tickets come back a few at a time, and unevenly. From n
releases of one size, a rate is known to about one part in the root of n. That is the standard error of a Poisson
count. Releases of several sizes count as (sum of sizes)² / (sum of their squares) releases of one size. So a
release of a hundred tickets among four of one ticket counts for little more than one. The estimate is therefore a
range. With fewer than five releases, or less than a day, there is no estimate.

The estimate looks at two weeks, or at the time since the first fan joined. Tickets that came back earlier could be
no fan's turn, so counting that time would promise too late a turn. Fans who got tickets when they joined waited
for no release, and do not count. Otherwise a rush on free tickets would pass for many releases.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import sqrt
from typing import NamedTuple

STRETCHES = 28
"""The number of equal stretches of the period that the estimate looks at."""
LEAST_RELEASES = 5
"""The fewest releases from which the rate can be estimated."""
LEAST_SEEN = timedelta(hours=24)
"""The shortest period from which the rate can be estimated."""
_FOREVER_SECONDS = 86_400e6
"""A million days, short enough to add to a date."""


@dataclass(frozen=True)
class Throughput:
    """The promotions of fans who had waited, from `since` until `now`.

    `fans` counts them in each stretch, and `tickets` is the sum of their tickets. `releases` says as how many
    releases of one size these tickets count.
    """

    since: datetime
    now: datetime
    fans: tuple[int, ...]
    tickets: int
    releases: float

    @property
    def seen(self) -> timedelta:
        """The length of the period."""
        return self.now - self.since

    @cached_property  # because one throughput answers all polls of a list for some seconds
    def seconds_per_ticket(self) -> tuple[float, float] | None:
        """How long a ticket takes to come back, at least and at most; None if the list has shown too little.

        The rate is the tickets given out over the period, plus and minus its error.
        """
        if self.releases < LEAST_RELEASES or self.seen < LEAST_SEEN or self.tickets == 0:
            return None
        likely, error = self.seen.total_seconds() / self.tickets, 1 / sqrt(self.releases)
        return likely / (1 + error), likely / (1 - error)

    @cached_property
    def totals(self) -> tuple[int, int]:
        """The length of the period in whole seconds, and how many fans got tickets in it."""
        return round(self.seen.total_seconds()), sum(self.fans)

    def wait_seconds(self, tickets: int) -> tuple[float, float] | None:
        """Return the seconds until so many tickets have come back, at least and at most; a million days at most.
        None if the list has shown too little."""
        rates = self.seconds_per_ticket
        return rates and (min(_FOREVER_SECONDS, tickets * rates[0]), min(_FOREVER_SECONDS, tickets * rates[1]))


class WaitEstimate(NamedTuple):
    """The time until a fan's turn, if the list goes on at this rate."""

    earliest: timedelta
    latest: timedelta


def estimate_wait(throughput: Throughput, *, tickets_ahead: int, tickets_wanted: int) -> WaitEstimate | None:
    """Estimate the time until these tickets have come back, at most a million days.

    Return None if the list has shown too little.
    """
    seconds = throughput.wait_seconds(tickets_ahead + tickets_wanted)
    return WaitEstimate(*(timedelta(seconds=one) for one in seconds)) if seconds else None
