"""Who is next: the choice, pure, and the round that carries it out (DESIGN: rules of the list, 5)."""

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
"""A rank that nobody has."""


class Candidate(Protocol):
    """What the choice looks at."""

    @property
    def tickets_wanted(self) -> int: ...
    @property
    def tickets_minimum(self) -> int: ...


class Choice(NamedTuple):
    """Who is held how much, and where the choice stopped."""

    held: list[tuple[int, int]]
    """(index of the candidate, tickets), in order."""
    looked_at: int
    """How many candidates were served or passed over."""


def choose(free: int, candidates: Sequence[Candidate], *, policy: Policy, at_most: int | None = None) -> Choice:
    """Goes through the candidates in order and holds each what it wants, or what is left if that is at
    least its minimum.

    `strict` stops at the first who does not fit; `skip` passes over those and goes on until `at_most` were
    chosen. Never holds more than `free` in all.
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
    """Releases this many free tickets by hand, to whoever is next under the list's policy.

    Raises InvalidRequest, WaitingListEnded, NotEnoughStock, StockHeld.
    """
    check_quantity("tickets", tickets)
    if ledger.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    check_free(ledger, tickets)
    await _round(ledger, tickets)


async def reconsider(ledger: Ledger) -> None:
    """Has the next in line looked at again, as after any change of the list: `settle` follows every verb."""
    ledger.unsettled = True


async def settle(ledger: Ledger) -> None:
    """Promotes whoever fits what is free, if anything happened that could make somebody fit; what it does is done
    on behalf of the service.

    Does nothing in the manual mode, or once the list has ended.
    """
    if ledger.unsettled and ledger.list.automatic and not ledger.ended:
        ledger.actor = CLOCK
        await _round(ledger, ledger.list.free)
    ledger.unsettled = False


async def _round(ledger: Ledger, tickets: int) -> None:
    # Reads from the head of the line in chunks, and no further than it promotes: the cost does not depend
    # on the length of the list.
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
    """The first in line who can be promoted."""
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
