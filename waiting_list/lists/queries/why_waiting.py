"""Say why a fan still waits: for pages, and for clients of the API. No I/O here."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from pydantic import Field
from pydantic_core import to_json

from waiting_list.fields import Frozen, Row
from waiting_list.lists.models import Entry, Status
from waiting_list.lists.queries.wait_estimate import Throughput
from waiting_list.lists.setting_values import Policy


class Reason(StrEnum):
    """Why a fan still waits. The first that applies counts."""

    PAUSED = "paused"
    """The fan has paused the place."""
    SET_ASIDE = "set_aside"
    """Another list holds tickets for the fan's wish. The place waits, and keeps its rank."""
    UNVERIFIED = "unverified"
    """The list passes over fans with an unverified address."""
    ADDRESS_FAILED = "address_failed"
    """E-mails to the fan's address fail, and the list passes over such fans until they give another one."""
    TOO_MANY = "too_many"
    """The fan accepts only more tickets than one fan can be held."""
    NOT_DRAWN = "not_drawn"
    """The order is drawn by lot, and the draw has not been held: no fan has a position."""
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
    paused: bool,
    set_aside: bool,
    position: int | None,
    tickets_minimum: int,
    unverified: bool,
    verify_email: bool,
    address_failed: bool,
    skip_failed_addresses: bool,
    free: int,
    most_held: int,
    automatic: bool,
    policy: str,
    undrawn: bool = False,
) -> Reason | None:
    """Return why the fan of an entry waits; None if the fan does not wait.

    `most_held` is how many tickets one fan can be held: the smaller of the order limit and the total stock.
    """
    if status != Status.WAITING:
        return None
    reason = Reason.AHEAD
    if paused:
        reason = Reason.PAUSED
    elif set_aside:
        reason = Reason.SET_ASIDE
    elif verify_email and unverified:
        reason = Reason.UNVERIFIED
    elif skip_failed_addresses and address_failed:
        reason = Reason.ADDRESS_FAILED
    elif 0 < most_held < tickets_minimum:
        reason = Reason.TOO_MANY
    elif undrawn:
        reason = Reason.NOT_DRAWN
    elif free == 0:
        reason = Reason.NOTHING_FREE
    elif not automatic:
        reason = Reason.BY_HAND
    elif position == 1:
        reason = Reason.FIRST
    elif policy == Policy.SKIP and free >= tickets_minimum:
        reason = Reason.FIRST_WAITS
    return reason


class NamedList(Frozen):
    """The name of a list."""

    offer_id: str
    representation_id: str


class Why(Frozen):
    """Why a fan still waits: a code, and its numbers.

    `free` is how many tickets are free now. `most_held` is how many one fan can be held: the smaller of the order
    limit and the total stock. `held_in` comes with the code `set_aside`.
    """

    code: Reason
    free: int
    most_held: int
    held_in: NamedList | None = Field(
        default=None,
        description="The list that holds tickets for the fan's wish. Null with another code, or if that hold has "
        "just ended. Only the fan's own call shows it.",
    )
    draw_at: datetime | None = Field(
        default=None,
        description="From when on the lots can be drawn, while they are not. Null with another order.",
    )


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


def estimate_of(throughput: Throughput, tickets: int) -> dict[str, int | None]:
    """Return the fields of the `Estimate` of when so many tickets have come back."""
    wait = throughput.wait_seconds(tickets)
    seen_seconds, fans = throughput.totals
    return {
        "seen_seconds": seen_seconds,
        "fans": fans,
        "tickets": throughput.tickets,
        "earliest_seconds": round(wait[0]) if wait else None,
        "latest_seconds": round(wait[1]) if wait else None,
    }


class ExplainedEntry(Entry):
    """An entry, and why its fan still waits; null unless the entry waits."""

    why: Why | None

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the entry of a row of an entry and its list's rules."""
        return super().from_record(record, why=why_of(record), **given)


class FanEntry(ExplainedEntry):
    """An entry as its fan sees it: also for about how long the fan still waits; null before a draw, and unless the
    entry waits."""

    estimate: Estimate | None = None


_COLUMNS = tuple(name for name in Entry.model_fields if name != "purchase_pass")


def waiting_entry_json(row: Row, throughput: Throughput, held_in: NamedList | None = None) -> bytes:
    """Return the JSON of the `FanEntry` of a fan who waits; `held_in` is the list that holds tickets for the wish.

    It makes no model, because most polls are of such fans, and the database has checked what the model would
    check.
    """
    shown = dict(zip(_COLUMNS, map(row.__getitem__, _COLUMNS), strict=True))
    why = why_of(row)
    shown["purchase_pass"], shown["why"] = (
        None,
        why.model_copy(update={"held_in": held_in}) if why and held_in else why,
    )
    ahead = row["tickets_ahead"]  # null before the draw
    shown["estimate"] = None if ahead is None else estimate_of(throughput, ahead + row["tickets_wanted"])
    return to_json(shown)


class OrganizersEntry(ExplainedEntry):
    """An entry as its organizer sees it.

    `unverified` says whether its address is to be verified. `passed_over` counts how often other fans were served
    while it was first in line. `address_failed` says whether e-mails to its address fail.
    """

    unverified: bool
    passed_over: int
    address_failed: bool = Field(
        description="Whether e-mails to the fan fail: their server refused the address, or the fan did not "
        "verify it in time."
    )


def why_of(row: Row) -> Why | None:
    """Return why the fan of an entry waits, by a row of the entry with the rules of its list."""
    if row["status"] != Status.WAITING:
        return None
    free, most_held = row["free"], row["most_held"]
    reason = reason_to_wait(
        status=row["status"],
        paused=row["paused_at"] is not None,
        set_aside=row["set_aside_at"] is not None,
        position=row["position"],
        tickets_minimum=row["tickets_minimum"],
        unverified=row["unverified"],
        verify_email=row["verify_email"],
        address_failed=row["address_failed"],
        skip_failed_addresses=row["skip_failed_addresses"],
        free=free,
        most_held=most_held,
        automatic=row["automatic"],
        policy=row["policy"],
        undrawn=row["draws_at"] is not None,
    )
    return _why(reason, free, most_held, row["draws_at"]) if reason else None


@lru_cache(maxsize=1024)  # because most fans of a list wait for one reason
def _why(reason: Reason, free: int, most_held: int, draw_at: datetime | None) -> Why:
    return Why(code=reason, free=free, most_held=most_held, draw_at=draw_at)
