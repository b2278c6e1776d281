"""Say why a fan still waits: for pages, and for clients of the API. No I/O here."""

from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from waiting_list.fields import Frozen, Row
from waiting_list.lists.models import Entry, Status
from waiting_list.lists.queries.wait_estimate import Throughput, estimate_wait
from waiting_list.lists.setting_values import Policy


class Reason(StrEnum):
    """Why a fan still waits. The first that applies counts."""

    UNVERIFIED = "unverified"
    """The list passes over fans with an unverified address."""
    TOO_MANY = "too_many"
    """The fan accepts only more tickets than one fan can be held."""
    NOTHING_FREE = "nothing_free"
    """No ticket is free."""
    BY_HAND = "by_hand"
    """The organizer releases free tickets."""
    FIRST = "first"
    """The fan is next in line, and fewer tickets are free than the fan accepts."""
    FIRST_WAITS = "first_waits"
    """Enough tickets are free, but the first in line was passed over often enough."""
    AHEAD = "ahead"
    """Other fans are ahead."""


def reason_to_wait(
    *,
    status: str,
    position: int | None,
    tickets_minimum: int,
    unverified: bool,
    verify_email: bool,
    free: int,
    most_held: int,
    automatic: bool,
    policy: Policy,
) -> Reason | None:
    """Return why the fan of an entry waits; None if the fan does not wait.

    `most_held` is how many tickets one fan can be held: the smaller of the order limit and the total stock.
    """
    if status != Status.WAITING:
        return None
    reasons = (
        (Reason.UNVERIFIED, verify_email and unverified),
        (Reason.TOO_MANY, 0 < most_held < tickets_minimum),
        (Reason.NOTHING_FREE, free == 0),
        (Reason.BY_HAND, not automatic),
        (Reason.FIRST, position == 1),
        (Reason.FIRST_WAITS, policy is Policy.SKIP and free >= tickets_minimum),
    )
    return next((reason for reason, applies in reasons if applies), Reason.AHEAD)


class Why(Frozen):
    """Why a fan still waits: a code, and its numbers.

    `free` is how many tickets are free now. `most_held` is how many one fan can be held: the smaller of the order
    limit and the total stock.
    """

    code: Reason
    free: int
    most_held: int


class Estimate(Frozen):
    """How fast the list moves, and what that means for a fan.

    In the last `seen_seconds`, `fans` who had waited got `tickets`. At this rate, the fan's turn comes in
    `earliest_seconds` to `latest_seconds`: an estimate, and no promise. Both are null if the list has shown too
    little.
    """

    seen_seconds: int
    fans: int
    tickets: int
    earliest_seconds: int | None
    latest_seconds: int | None

    @classmethod
    def of(cls, throughput: Throughput, *, tickets_ahead: int, tickets_wanted: int) -> Self:
        """Return the estimate for an entry that waits."""
        wait = estimate_wait(throughput, tickets_ahead=tickets_ahead, tickets_wanted=tickets_wanted)
        earliest, latest = (round(one / timedelta(seconds=1)) for one in wait) if wait else (None, None)
        return cls(
            seen_seconds=round(throughput.seen / timedelta(seconds=1)),
            fans=sum(throughput.fans),
            tickets=throughput.tickets,
            earliest_seconds=earliest,
            latest_seconds=latest,
        )


class ExplainedEntry(Entry):
    """An entry, and why its fan still waits; null unless the entry waits."""

    why: Why | None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the entry of a row of an entry and its list's rules."""
        return super().from_record(record, why=why_of(record), **given)


class FanEntry(ExplainedEntry):
    """An entry as its fan sees it: also for about how long the fan still waits; null unless the entry waits."""

    estimate: Estimate | None = None


class OrganizersEntry(ExplainedEntry):
    """An entry as its organizer sees it.

    `unverified` says whether its address is to be verified. `passed_over` counts how often other fans were served
    while it was first in line.
    """

    unverified: bool
    passed_over: int


_FACTS = (
    "status",
    "position",
    "tickets_minimum",
    "unverified",
    "verify_email",
    "free",
    "most_held",
    "automatic",
)


def why_of(row: Row) -> Why | None:
    """Return why the fan of an entry waits, by a row of the entry with the rules of its list."""
    reason = reason_to_wait(policy=Policy(row["policy"]), **{name: row[name] for name in _FACTS})
    return Why(code=reason, free=row["free"], most_held=row["most_held"]) if reason else None
