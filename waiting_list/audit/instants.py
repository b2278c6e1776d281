"""Check the instants that a change of an entry has: when a hold begins, ends, and may end later. No I/O here."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from waiting_list.audit.report import Check, format_value

MOST_GRACE = timedelta(minutes=15)
"""By how much a checkout extends a hold at most."""


class Wrong(NamedTuple):
    """What is wrong with an instant; `{entry}` in the sentence stands for the entry."""

    check: Check
    sentence: str
    expected: Any
    found: Any


def wrong_instant(
    verb: str,
    at: datetime,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    until: datetime | None,
    checked_out: bool,
) -> Wrong | None:
    """Return what is wrong with the instants of a change at this time, or None.

    `until` is the deadline of the hold after the change. `checked_out` says whether the hold was extended for a
    checkout before, which it may be once and by 15 minutes at most. Only a live hold gets a later deadline.
    """
    for name in ("ready_at", "left_at", "paused_at", "set_aside_at"):
        if after.get(name) not in (None, at):
            found = after[name]
            sentence = f"of {format_value(at)} says that {name} of {{entry}} is {format_value(found)}."
            return Wrong(Check.INSTANT, sentence, at, found)
    if verb == "buy":  # who waits for the rest has no deadline afterwards
        until = before.get("ready_until", until)
    if verb in ("buy", "expire") and (until is not None and until <= at) != (verb == "expire"):
        sentence = f"of {format_value(at)} ended a hold of {{entry}} that lasted until {format_value(until)}."
        return Wrong(Check.DEADLINE, sentence, until, at)
    if verb == "top_up" and "ready_until" in before:
        was = before["ready_until"]
        if was is not None and (was <= at or (until is not None and until < was)):
            moved = f"from {format_value(was)} to {format_value(until)}"
            sentence = f"of {format_value(at)} moved the deadline of {{entry}} {moved}."
            return Wrong(Check.DEADLINE, sentence, was, until)
    if verb in ("extend", "checkout"):
        was = before["ready_until"]
        later = was is not None and until is not None and at < was < until
        if verb == "checkout":
            later = later and not checked_out and until - was <= MOST_GRACE
        if not later:
            moved = f"from {format_value(was)} to {format_value(until)}"
            sentence = f"of {format_value(at)} moved the deadline of {{entry}} {moved}."
            return Wrong(Check.DEADLINE, sentence, was, until)
    return None
