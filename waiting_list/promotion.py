"""Promotion: choose the next in line, without I/O, and hold tickets for them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waiting_list.fields import INT32_MAX
from waiting_list.ledger import Ledger
from waiting_list.list_settings import Policy
from waiting_list.models import CLOCK, Status
from waiting_list.problems import WaitingListEnded
from waiting_list.rows import EntryRow
from waiting_list.stock import check_free, check_quantity

_CHUNK = 500
_BEFORE_ALL = -(2**63)
"""A rank lower than that of any entry."""


class Candidate(Protocol):
    """The part of an entry that the choice depends on."""

    @property
    def tickets_wanted(self) -> int: ...
    @property
    def tickets_minimum(self) -> int: ...


class Choice(NamedTuple):
    """How many tickets each chosen candidate gets, and where the choice stopped."""

    held: list[tuple[int, int]]
    """(index of the candidate, tickets), in order."""
    looked_at: int
    """How many candidates the choice served or passed over."""


def choose(free: int, candidates: Sequence[Candidate], *, policy: Policy, at_most: int | None = None) -> Choice:
    """Give each candidate in order the tickets it wants, or the rest if that is at least its minimum.

    `strict` stops at the first candidate whose minimum is too high. `skip` passes over such candidates, until
    `at_most` are chosen. The choice gives at most `free` tickets in all.
    """
    held: list[tuple[int, int]] = []
    looked_at = 0
    for index, candidate in enumerate(candidates):
        if free == 0 or len(held) == at_most:
            break
        if candidate.tickets_minimum > free:
            if policy is Policy.STRICT:
                break
        else:
            tickets = min(candidate.tickets_wanted, free)
            held.append((index, tickets))
            free -= tickets
        looked_at += 1
    return Choice(held, looked_at)


async def promote(ledger: Ledger, *, tickets: int) -> None:
    """Release this many free tickets by hand, to the next in line under the list's policy.

    Raises InvalidRequest, WaitingListEnded, NotEnoughStock, StockHeld.
    """
    check_quantity("tickets", tickets)
    if ledger.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    check_free(ledger, tickets)
    await _round(ledger, tickets)


async def reconsider(ledger: Ledger) -> None:
    """Ask `settle`, which follows every verb, to look at the next in line as after any change of the list."""
    ledger.unsettled = True


async def settle(ledger: Ledger) -> None:
    """Promote the next in line, if a change may have made free tickets fit them; the actor is the service.

    It promotes no entry in manual mode, or once the list has ended.
    """
    if ledger.unsettled and ledger.list.automatic and not ledger.ended:
        ledger.actor = CLOCK
        await _round(ledger, ledger.list.free)
    ledger.unsettled = False


async def _round(ledger: Ledger, tickets: int) -> None:
    # The round reads from the head of the line in chunks, and no further than it promotes, so that its cost does
    # not depend on the length of the list.
    first: EntryRow | None = None
    while tickets and ledger.list.waiting and first is None:
        line = await _first(ledger, min(tickets, _CHUNK))
        if not line:
            return
        choice = choose(tickets, line, policy=Policy.STRICT)
        tickets -= _hold(ledger, line, choice)
        if choice.looked_at < len(line):
            first = line[choice.looked_at]
    if first is None or ledger.list.policy is Policy.STRICT:
        return
    after_rank = first.rank
    while tickets and (at_most := ledger.list.skip_limit - first.passed_over) > 0:
        fitting = after_rank, tickets, min(at_most, _CHUNK), ledger.list.eligible
        line = await ledger.read("read_first_fitting", *fitting)
        if not line:
            break
        choice = choose(tickets, line, policy=Policy.SKIP, at_most=at_most)
        tickets -= _hold(ledger, line, choice)
        ledger.apply("promote", first, passed_over=first.passed_over + len(choice.held))
        after_rank = line[-1].rank


async def _first(ledger: Ledger, at_most: int) -> list[EntryRow]:
    """Return the first in line that promotion may serve."""
    if ledger.list.verify_email:
        return await ledger.read("read_first_fitting", _BEFORE_ALL, INT32_MAX, at_most, ledger.list.eligible)
    return await ledger.read("read_first_waiting", at_most)


def _hold(ledger: Ledger, line: Sequence[EntryRow], choice: Choice) -> int:
    until = ledger.hold_until()
    for index, tickets in choice.held:
        ledger.apply(
            "promote",
            line[index],
            on_list={"held": ledger.list.held + tickets},
            status=Status.READY,
            tickets_held=tickets,
            ready_at=ledger.now,
            ready_until=until,
        )
        ledger.promoted.append(line[index])
    return sum(tickets for _, tickets in choice.held)
