"""The verbs `extend`, `extend_all` and `extend_outage`: give holds a later deadline."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Several
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_hold
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest


async def extend(
    locked: LockedList,
    *,
    user_id: str,
    until: datetime | None = None,
    minutes: int | None = None,
    reason: str | None = None,
) -> EntryRow:
    """Hold the tickets of a ready user `until` an instant, or for so many `minutes` beyond their deadline.

    A deadline after the end of the list is cut there. A purchase pass of the hold stays valid for redeeming. The
    history keeps the `reason`.

    Raises NotInList, AlreadyLeft, NotReady, WaitingListEnded, HoldExpired; InvalidRequest unless exactly one of
    both is given, and the deadline is later than the present one.
    """
    field = _field(until, minutes)
    entry = require_hold(locked, await locked.latest(user_id))
    if not _extend(locked, entry, until, minutes, reason):
        raise InvalidRequest.of(field, f"must be later than the deadline, {locked.deadline(entry).isoformat()}")
    return entry


async def extend_all(
    locked: LockedList,
    *,
    until: datetime | None = None,
    minutes: int | None = None,
    reason: str | None = None,
    numbers: Collection[int] | None = None,
) -> Several:
    """Give every hold of the list, or each of these entries, a later deadline, as `extend` does.

    The verb skips holds that have expired, holds that last as long already, and entries without a hold.

    Raises InvalidRequest unless exactly one of both is given, and `until` is in the future.
    """
    field = _field(until, minutes)
    if until is not None and until <= locked.now:
        raise InvalidRequest.of(field, "must be in the future")
    holds = await locked.read("read_holds")
    wanted = {entry.number for entry in holds} if numbers is None else {*numbers}
    extended = [
        one.number for one in holds if one.number in wanted and _extend(locked, one, until, minutes, reason)
    ]
    skipped = sorted(wanted - {*extended})
    return Several(numbers=tuple(extended), skipped=tuple(skipped), undo=None)


async def extend_outage(locked: LockedList, *, since: datetime, until: datetime) -> Several:
    """Give every hold that lasted into an outage of the shop its length more, as `extend` does. Safe to repeat.

    The verb skips holds that began after the outage or have expired, and those that it has extended for the same
    outage before: the reason in the history names the outage. Raises InvalidRequest unless `since` is before
    `until`, and `until` is not in the future.
    """
    if not since < until <= locked.now:
        raise InvalidRequest.of("until", "must be after since, and not in the future")
    reason = f"Outage from {since.astimezone(UTC).isoformat()} to {until.astimezone(UTC).isoformat()}"
    holds = await locked.read("read_holds")
    records = await locked.connection.fetch(sql("read_extended"), locked.list.list_id, reason)
    done = {record["number"] for record in records}
    extended = []
    for entry in holds:
        begun = entry.ready_at is not None and entry.ready_at < until
        if begun and entry.number not in done:
            later = locked.deadline(entry) + (until - since)
            if _extend(locked, entry, later, None, reason):
                extended.append(entry.number)
    skipped = sorted({entry.number for entry in holds} - {*extended})
    return Several(numbers=tuple(extended), skipped=tuple(skipped), undo=None)


def _field(until: datetime | None, minutes: int | None) -> str:
    """Return which of both is given. Raises InvalidRequest unless it is exactly one."""
    if (until is None) == (minutes is None):
        raise InvalidRequest.of("until", "give either until or minutes")
    return "minutes" if until is None else "until"


def _extend(
    locked: LockedList, entry: EntryRow, until: datetime | None, minutes: int | None, reason: str | None
) -> bool:
    """Give a live hold its later deadline, at most the end of the list; return whether it is later."""
    deadline = locked.deadline(entry)
    later = min(deadline + timedelta(minutes=minutes or 0) if until is None else until, locked.ends_at)
    if later <= deadline or deadline <= locked.now:
        return False
    locked.record("extend", entry, reason=reason, ready_until=later)
    return True
