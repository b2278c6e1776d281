"""Write the letters about changes around a list: one for each person, however many of the lists they are in."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from waiting_list.key_material import derived
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.models import Status
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.lists.outbox_rows import notice_id, write_rows
from waiting_list.postgres.pool import Record
from waiting_list.postgres.statements import sql

_FOR_EVERYBODY = frozenset({"start_datetime", "venue_name", "venue_address"})
"""The facts of which everybody in the list gets a letter. Of another deadline, its holder does."""
_CANCELLATIONS = UUID("5b1f0c8e-6d0b-4a53-9f39-0d6a3a1c7e42")


async def write_change_letters(locked: LockedList) -> bool:
    """Write the letters and the new reminders that the changes around the list cause; return whether any.

    A person who waits in several lists gets one letter about a change. A person who holds tickets gets the letter
    of that hold (`told_people`). The letter is composed when it is sent; its notice keeps what was before.
    """
    deadlines = {entry.number: before for entry, before, _ in locked.moved_holds}
    rows: list[tuple[Any, ...]] = []
    for one in locked.news:
        to_all = not _FOR_EVERYBODY.isdisjoint(one.after)
        told = await _people(locked, one.change_id, None if to_all else list(deadlines))
        facts = {"before": one.before, "after": one.after}
        for number in told:
            until = deadlines.get(number)
            body = json.dumps(facts | {"ready_until_before": until.isoformat() if until else None})
            name = notice_id(locked.list.list_id, locked.now, one.sequence, f"{EmailKind.CHANGED}/{number}", None)
            rows.append((name, EmailKind.CHANGED, number, one.sequence, body, locked.now, locked.now))
    rows += _reminders(locked)
    if deadlines:
        await locked.connection.execute(sql("delete_reminders"), locked.list.list_id, list(deadlines))
    await write_rows(locked, "insert_change_letters", rows, locked.gateway_id)
    return bool(rows)


def _reminders(locked: LockedList) -> list[tuple[Any, ...]]:
    """Return the reminders of the holds whose deadline has moved."""
    rows: list[tuple[Any, ...]] = []
    for entry, _, sequence in locked.moved_holds:
        due_at = reminder_at(locked, locked.deadline(entry))
        if entry.status is Status.READY and due_at is not None:
            name = notice_id(
                locked.list.list_id, locked.now, sequence, f"{EmailKind.REMINDER}/{entry.number}", None
            )
            # A reminder is known by the instant at which its hold began.
            rows.append((name, EmailKind.REMINDER, entry.number, sequence, None, entry.ready_at, due_at))
    return rows


async def to_tell_of_cancellation(locked: LockedList, numbers: Sequence[int]) -> set[int]:
    """Return those of these entries whose people get the letter about the cancellation of the show.

    A person in several of the show's lists gets it from the first of them that takes its people out.
    """
    if locked.cancelled_at is None or not numbers:
        return set()
    # All lists of the show compute the same id. A cancellation after a reinstatement is another one.
    cause = f"{locked.list.representation_id}/{locked.cancelled_at.isoformat()}"
    records = await locked.connection.fetch(
        sql("read_people_who_left"), locked.list.list_id, locked.list.verify_email, numbers
    )
    return set(await _first_told(locked, uuid5(_CANCELLATIONS, cause), records))


async def _people(locked: LockedList, change_id: UUID, numbers: Sequence[int] | None) -> list[int]:
    """Return the entries whose people get the letter about a change, of these numbers if any are given."""
    if numbers is not None and not numbers:
        return []
    list_id, verified_only = locked.list.list_id, locked.list.verify_email
    records = await locked.connection.fetch(sql("read_people_to_tell"), list_id, verified_only, numbers)
    return await _first_told(locked, change_id, records)


async def _first_told(locked: LockedList, change_id: UUID, records: Sequence[Record]) -> list[int]:
    """Note who is told of a change, and return the entries of those whom no list has told yet."""
    people = {
        (derived(locked.secret, "told", str(change_id), mailbox(one["email"]))[:16], one["holds"]): one["number"]
        for one in reversed(records)
    }
    told = await locked.connection.fetch(
        sql("insert_told_people"),
        change_id,
        [person for person, _ in people],
        [holds for _, holds in people],
        locked.now,
    )
    holders = {one["person"] for one in told if one["holds"]}
    return [people[one["person"], one["holds"]] for one in told if one["holds"] or one["person"] not in holders]


def reminder_at(locked: LockedList, deadline: datetime) -> datetime | None:
    """Return when to remind a fan of a hold that begins now; None if that would be in its first half."""
    minutes = locked.list.reminder_minutes
    if minutes is None:
        return None
    before = timedelta(minutes=minutes)
    return deadline - before if before <= (deadline - locked.now) / 2 else None
