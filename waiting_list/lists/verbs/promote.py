"""The verb `promote`, and the round after every verb: give free tickets to the next in line."""

from collections.abc import Sequence

from waiting_list.lists.ending import take_back_end
from waiting_list.lists.line import first_fitting, first_in_line
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import CLOCK, Status
from waiting_list.lists.policy import Choice, choose
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.setting_values import Policy
from waiting_list.lists.verbs.checks import check_free, check_quantity
from waiting_list.problems import WaitingListEnded

_CHUNK = 500
"""The most entries that a round reads at once."""


async def promote(locked: LockedList, *, tickets: int) -> None:
    """Release this many free tickets by hand, to the next in line under the list's policy.

    Raises InvalidRequest, WaitingListEnded, NotEnoughStock, StockHeld.
    """
    check_quantity("tickets", tickets)
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    check_free(locked, tickets)
    await _round(locked, tickets)


async def reconsider(locked: LockedList) -> None:
    """Note the order limit of the offer, and take back an end that lies ahead again. Ask `settle`, which follows
    every verb, to look at the next in line as after any change of the list."""
    locked.note_order_limit()
    take_back_end(locked)
    locked.needs_promotion = True


async def settle(locked: LockedList) -> None:
    """Promote the next in line, if a change may have made free tickets fit them; the actor is the service.

    It promotes no entry in manual mode, or once the list has ended.
    """
    if locked.needs_promotion and locked.list.automatic and not locked.ended:
        locked.actor = CLOCK
        await _round(locked, locked.list.free)
    locked.needs_promotion = False


async def _round(locked: LockedList, tickets: int) -> None:
    # The round reads from the head of the line in chunks, and no further than it promotes, so that its cost does
    # not depend on the length of the list.
    first: EntryRow | None = None
    if tickets and locked.in_line:
        locked.note_order_limit()
    while tickets and locked.in_line and first is None:
        line = await first_in_line(locked, min(tickets, _CHUNK))
        if not line:
            return
        choice = choose(tickets, line, policy=Policy.STRICT, most=locked.most_held)
        tickets -= _hold(locked, line, choice)
        if choice.looked_at < len(line) or not choice.held:
            first = line[min(choice.looked_at, len(line) - 1)]
    if first is None or locked.list.policy is Policy.STRICT:
        return
    after_rank = first.rank
    while tickets and (at_most := locked.list.skip_limit - first.passed_over) > 0:
        line = await first_fitting(locked, after_rank, min(tickets, locked.most_held), min(at_most, _CHUNK))
        if not line:
            break
        choice = choose(tickets, line, policy=Policy.SKIP, most=locked.most_held, at_most=at_most)
        tickets -= _hold(locked, line, choice)
        locked.record("promote", first, passed_over=first.passed_over + len(choice.held))
        after_rank = line[-1].rank


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
