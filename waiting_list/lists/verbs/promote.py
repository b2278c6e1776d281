"""The verb `promote`, and the round after every verb: give free tickets to the next in line."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from waiting_list.lists.ending import take_back_end
from waiting_list.lists.line import first_fitting, first_in_line
from waiting_list.lists.locked_list import BEFORE_ALL, LockedList
from waiting_list.lists.models import CLOCK, Status
from waiting_list.lists.policy import Choice
from waiting_list.lists.rows import EntryRow, News
from waiting_list.lists.setting_values import Policy
from waiting_list.lists.verbs.checks import check_drawn, check_free, check_quantity, require_running
from waiting_list.lists.verbs.wish import choose_next

_CHUNK = 500
"""The most entries that a round reads at once."""


async def promote(locked: LockedList, *, tickets: int) -> None:
    """Release this many free tickets by hand, to the next in line under the list's policy.

    Raises InvalidRequest, WaitingListEnded, NotDrawn, NotEnoughStock, StockHeld.
    """
    check_quantity("tickets", tickets)
    require_running(locked)
    check_drawn(locked)
    check_free(locked, tickets)
    await _round(locked, tickets)


async def reconsider(locked: LockedList) -> None:
    """Note the order limit of the offer, and take back an end that lies ahead again. Ask `settle`, which follows
    every verb, to look at the next in line as after any change of the list."""
    _note_order_limit(locked)
    take_back_end(locked)
    locked.needs_promotion = True


def _note_order_limit(locked: LockedList) -> None:
    """Record the order limit by which the line is served, if the offer has another one than before."""
    before, limit = locked.list.order_limit, locked.max_quantity_per_order
    locked.record("put_offer", on_list={"order_limit": limit})
    if before not in (None, limit):
        sides = ({"max_quantity_per_order": one} for one in (before, limit))
        locked.news.append(News(uuid4(), "put_offer", locked.list.last_sequence, *sides))


async def settle(locked: LockedList) -> None:
    """Promote the next in line, if a change may have made free tickets fit them; the actor is the service.

    It promotes no entry in manual mode, before the draw, or once the list has ended. It notes since when free
    tickets wait.
    """
    row = locked.list
    if locked.needs_promotion and row.automatic and not row.undrawn and not locked.ended:
        locked.actor = CLOCK
        await _round(locked, row.free)
    locked.needs_promotion = False
    if row.idle_minutes is not None or row.idle_until is not None:
        _note_idle(locked)


def _note_idle(locked: LockedList) -> None:
    """Note until when free tickets wait for the first in line. Each promotion begins that time anew."""
    row, until = locked.list, None
    waits = row.free and locked.in_line and row.automatic and not row.undrawn and not locked.ended
    if waits and row.idle_minutes is not None and row.policy is Policy.STRICT:
        anew = locked.promoted or row.idle_minutes != locked.was.idle_minutes
        until = (not anew and row.idle_until) or locked.now + timedelta(minutes=row.idle_minutes)
    if until != row.idle_until:
        locked.actor = CLOCK
        locked.record("settle", on_list={"idle_until": until})


async def idle(locked: LockedList) -> None:
    """Serve those behind the first in line whom the free tickets fit, once: these have waited for `idle_minutes`.

    Afterwards the time begins anew. The verb changes no data before the tickets have waited so long.
    """
    until, tickets = locked.list.idle_until, locked.list.free
    if until is None or locked.now < until or locked.list.undrawn or locked.ended:
        return
    locked.record("idle", on_list={"idle_until": None})
    after_rank = BEFORE_ALL
    while tickets:
        line = await first_fitting(locked, after_rank, min(tickets, locked.most_held), min(tickets, _CHUNK))
        if not line:
            break
        after_rank = line[-1].rank
        tickets -= _hold(locked, *await choose_next(locked, tickets, line, Policy.SKIP))


async def _round(locked: LockedList, tickets: int) -> None:
    # The round reads from the head of the line in chunks, and no further than it promotes, so that its cost does
    # not depend on the length of the list.
    first: EntryRow | None = None
    if tickets and locked.in_line:
        _note_order_limit(locked)
    many = min(tickets, _CHUNK)
    while tickets and locked.in_line and first is None:
        read = await first_in_line(locked, many)
        if not read:
            return
        line, choice = await choose_next(locked, tickets, read, Policy.STRICT)
        # Many who have tickets elsewhere may stand in a row.
        many = _CHUNK if len(line) < len(read) else min(tickets, _CHUNK)
        tickets -= _hold(locked, line, choice)
        if line and (choice.looked_at < len(line) or not choice.held):
            first = line[min(choice.looked_at, len(line) - 1)]
    if first is None or locked.list.policy is Policy.STRICT:
        return
    after_rank = first.rank
    while tickets and (at_most := locked.list.skip_limit - first.passed_over) > 0:
        line = await first_fitting(locked, after_rank, min(tickets, locked.most_held), min(at_most, _CHUNK))
        if not line:
            break
        after_rank = line[-1].rank
        line, choice = await choose_next(locked, tickets, line, Policy.SKIP, at_most)
        tickets -= _hold(locked, line, choice)
        locked.record("promote", first, passed_over=first.passed_over + len(choice.held))


def _hold(locked: LockedList, line: Sequence[EntryRow], choice: Choice) -> int:
    for index, tickets in choice.held:
        entry = line[index]
        locked.record(
            "top_up" if entry.is_rest else "promote",
            entry,
            on_list={"held": locked.list.held + tickets},
            status=Status.READY,
            tickets_held=entry.tickets_held + tickets,
            **locked.new_hold(entry),
        )
        locked.promoted.append(entry)
    return sum(tickets for _, tickets in choice.held)
