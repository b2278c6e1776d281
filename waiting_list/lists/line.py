"""The line of a locked list: who is next for free tickets, and how many tickets that leaves for the shop to sell.

In line are the entries that wait, and the rests: entries that were held a part of their tickets, and keep their
place for the rest.
"""

from waiting_list.lists.locked_list import BEFORE_ALL, LockedList
from waiting_list.lists.models import Inventory
from waiting_list.lists.rows import EntryRow


async def first_in_line(locked: LockedList, at_most: int) -> list[EntryRow]:
    """Return the first in line that promotion may serve, if there are tickets enough."""
    if locked.passes_over_some:
        return await first_fitting(locked, BEFORE_ALL, locked.most_held, at_most)
    waiting = await locked.read("read_first_waiting", at_most)
    return await _with_rests(locked, waiting, BEFORE_ALL, at_most)


async def first_fitting(locked: LockedList, after_rank: int, tickets: int, at_most: int) -> list[EntryRow]:
    """Return the first in line after a rank whom promotion may serve, and so many tickets suffice."""
    row = locked.list
    kinds = row.eligible, row.skip_failed_addresses
    waiting = await locked.read("read_first_fitting", after_rank, tickets, at_most, *kinds)
    return await _with_rests(locked, waiting, after_rank, at_most)


async def inventory(locked: LockedList) -> Inventory:
    """Return the stock, as clients see it. It reads the line only if tickets are free and somebody is in line."""
    row = locked.list
    served = row.free and locked.in_line
    if served and await first_fitting(locked, BEFORE_ALL, locked.most_held, 1):
        return row.inventory(0, locked.state)
    return row.inventory(row.free, locked.state)


async def _with_rests(
    locked: LockedList, waiting: list[EntryRow], after_rank: int, at_most: int
) -> list[EntryRow]:
    if not locked.rests:
        return waiting
    # A late worker never makes a hold live again that has lapsed.
    rests = await locked.read("read_rests", after_rank, locked.most_held, at_most, locked.now)
    return sorted([*waiting, *rests], key=lambda entry: entry.rank)[:at_most]
