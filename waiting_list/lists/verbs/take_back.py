"""The verb `take_back`: undo a change of the organizer soon after, exactly or not at all.

Each undo is a recorded counter-change: a `move` back, the same stock less, or `restore`. The handle of an undo
names the change's range in the history.
"""

import json
import re
from collections.abc import Sequence

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import FAN, Several, Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.change import change
from waiting_list.lists.verbs.leave import remove
from waiting_list.lists.verbs.lookalikes import of_taken_mailboxes, remove_lookalikes, restore
from waiting_list.lists.verbs.move import move, move_several
from waiting_list.lists.verbs.stock import add_stock, add_total_stock, remove_stock, remove_total_stock
from waiting_list.lists.verbs.undo import TAKEN_BACK_WITHIN, not_exact
from waiting_list.postgres.pool import Record
from waiting_list.postgres.statements import sql

_UNDOABLE = frozenset({move, move_several, remove, remove_lookalikes, add_stock, add_total_stock})
_AT_MOST = 1000


def is_undoable(verb: object, actor: str, result: object) -> bool:
    """Return whether a change can be taken back, if no tickets were held or passed on by it.

    A fan can undo a change of the tickets wanted, and the organizer what `take_back` knows.
    """
    waits = isinstance(result, EntryRow) and result.status is Status.WAITING
    return verb in _UNDOABLE or (verb is change and actor == FAN and waits)


async def take_back(locked: LockedList, *, undo: str) -> Several | None:
    """Undo the change that an answer named by `undo`, within a minute, and only if the result is as before it; not
    across a draw.

    A moved entry goes back to its rank, returned tickets that are still free go, and removed entries that waited
    get their places back under new numbers. Raises InvalidRequest if the list has changed so that this is not
    exact any longer; WaitingListEnded.
    """
    named = re.fullmatch(r"(\d{1,18})-(\d{1,18})", undo, re.ASCII)
    first, last = (int(named[1]), int(named[2])) if named else (0, 0)
    await locked.flush()
    since = max(locked.now - TAKEN_BACK_WITHIN, locked.list.drawn_at or locked.now - TAKEN_BACK_WITHIN)
    rows = await locked.connection.fetch(sql("read_changes_to_undo"), locked.list.list_id, first, last, since)
    changed = {row["verb"] for row in rows}
    if not 1 <= len(rows) == last - first + 1 <= _AT_MOST or len(changed) > 1:
        raise not_exact()
    (verb,) = changed
    if verb == "move":
        return await _move_back(locked, rows)
    if verb == "remove":
        return await _give_places_back(locked, rows, undo)
    quantity = _grown(rows[0])
    # The version is that of the last change of the stock: so another one, or an undo, has come in between.
    is_last = locked.list.version == last
    if verb not in ("add_stock", "add_total_stock") or not is_last or not 1 <= quantity <= locked.list.free:
        raise not_exact()
    await (remove_stock if verb == "add_stock" else remove_total_stock)(locked, quantity=quantity)
    return None


def _grown(row: Record) -> int:
    before, after = json.loads(row["before"] or "{}"), json.loads(row["after"])
    return int(after.get("available_stock", 0)) - int(before.get("available_stock", 0))


async def _move_back(locked: LockedList, rows: Sequence[Record]) -> Several:
    moves = [(row["number"], json.loads(row["before"]), json.loads(row["after"])) for row in reversed(rows)]
    numbers = {number for number, _, _ in moves}
    entries = {one.number: one for one in await locked.read("read_entries_by_number", sorted(numbers))}
    ranks = {number: one.rank for number, one in entries.items() if one.status is not Status.LEFT}
    for number, before, after in moves:
        # How often an entry was passed over starts anew at the end of the line, and cannot come back.
        if ranks.get(number) != after["rank"] or "passed_over" in after:
            raise not_exact()
        ranks[number] = before["rank"]
    if any(one.number not in numbers for one in await locked.read("read_active_at", [*ranks.values()])):
        raise not_exact()
    # Ranks are unique, so where one move made room for another, each is written by itself.
    made_room = not {before["rank"] for _, before, _ in moves}.isdisjoint(after["rank"] for _, _, after in moves)
    for number, before, _ in moves:
        locked.record("move", entries[number], rank=before["rank"])
        if made_room:
            await locked.flush()
    return Several(numbers=tuple(sorted(numbers)), skipped=(), undo=None)


async def _give_places_back(locked: LockedList, rows: Sequence[Record], undo: str) -> Several:
    removed = await locked.read("read_entries_by_number", sorted(row["number"] for row in rows))
    await locked.load_latest(one.user_id for one in removed if one.user_id is not None)
    here = [one for one in removed if one.user_id is not None and await locked.latest(one.user_id) is one]
    waited = all(json.loads(row["before"]).get("status") == Status.WAITING for row in rows)
    if not waited or len(here) < len(rows) or await of_taken_mailboxes(locked, removed):
        raise not_exact()
    return await restore(locked, undo=undo)
