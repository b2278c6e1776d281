"""The verb `undo`: take back the fan's own change of the tickets wanted soon after, exactly or not at all."""

import json
from datetime import timedelta

from waiting_list.lists.events import SERVES
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import FAN
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import require_running, require_waiting
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest

TAKEN_BACK_WITHIN = timedelta(minutes=1)
"""How long a change can be taken back."""


async def undo(locked: LockedList, *, user_id: str, undo: str, number: int | None = None) -> EntryRow:
    """Undo the change that an answer named by `undo`, within a minute, if the result is exact.

    The tickets wanted, the rank, and how often the entry was passed over are again what they were. So a fan gains
    no place, and each fan who joined meanwhile keeps theirs. Raises InvalidRequest if the entry has been changed
    or moved since, if tickets went to any fan, or if the organizer moved one; NotInList, AlreadyLeft, NotWaiting,
    WaitingListEnded.
    """
    entry = require_waiting(await locked.latest(user_id), number)
    require_running(locked)
    await locked.flush()
    since = locked.now - TAKEN_BACK_WITHIN
    arguments = entry.number, since, [*SERVES], FAN
    rows = await locked.connection.fetch(sql("read_own_changes"), locked.list.list_id, *arguments)
    if not rows or rows[0]["overtaken"] or (rows[0]["verb"], rows[0]["actor"]) != ("change", FAN):
        raise not_exact()
    last = first = rows[0]["sequence"]
    before, after = (json.loads(rows[0][side]) for side in ("before", "after"))
    # More tickets are a move to the end, and then a change.
    if [(row["sequence"], row["verb"], row["actor"]) for row in rows[1:]] == [(last - 1, "move", FAN)]:
        first, before = last - 1, json.loads(rows[1]["before"]) | before
    if undo != f"{first}-{last}" or "undoes" in after:
        raise not_exact()
    locked.record("change", entry, noted={"undoes": first}, **before)
    return entry


def not_exact() -> InvalidRequest:
    """Return the problem of an undo that would not be exact."""
    return InvalidRequest.of("undo", "names a change that can no longer be undone exactly")
