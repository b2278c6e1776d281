"""The verbs `link`, `unlink` and `heed`, and what a promotion does with wishes: each has one hold at a time."""

from collections.abc import Sequence
from uuid import UUID

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.policy import Choice, choose
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.setting_values import Policy
from waiting_list.lists.verbs.checks import require_active, require_waiting, take_out
from waiting_list.problems import WaitingListEnded

_FULFILLED = "wish fulfilled"
"""The reason that the history keeps of entries that leave because another one of their wish was served."""


async def link(locked: LockedList, *, user_id: str, wish_id: UUID, number: int | None = None) -> EntryRow:
    """Make a waiting user's entry part of the user's wish, in place of another; with `number`, only this entry.

    Number, rank and position stay. Safe to repeat. Raises NotInList, AlreadyLeft, NotWaiting, WaitingListEnded,
    WishNotFound, WishFulfilled.
    """
    entry = require_waiting(await locked.latest(user_id), number)
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    await locked.wishes.check(wish_id, user_id)
    aside = entry.set_aside_at if entry.wish_id == wish_id else None
    locked.record("link", entry, wish_id=wish_id, set_aside_at=aside)
    return entry


async def unlink(locked: LockedList, *, user_id: str, number: int | None = None) -> EntryRow:
    """Take the user's entry out of its wish: from now on it counts by itself, and keeps its place or hold.

    Safe to repeat. Raises NotInList, AlreadyLeft.
    """
    entry = require_active(await locked.latest(user_id), number)
    locked.record("unlink", entry, wish_id=None, set_aside_at=None)
    return entry


async def choose_next(
    locked: LockedList, tickets: int, line: Sequence[EntryRow], policy: Policy, at_most: int | None = None
) -> tuple[Sequence[EntryRow], Choice]:
    """Choose who of the line gets these tickets; return the rest of the line, and the choice from it.

    It sets those of the chosen aside for whose wish another list holds tickets: their places stay. Without
    entries of wishes it needs no statement.
    """
    while True:
        choice = choose(tickets, line, policy=policy, most=locked.most_held, at_most=at_most)
        chosen = [line[index] for index, _ in choice.held]
        if any(one.wish_id and one.status is Status.WAITING for one in chosen):
            await locked.wishes.load(one.wish_id for one in line if one.wish_id)
        taken = [
            one
            for one in chosen
            if one.wish_id and one.status is Status.WAITING and locked.wishes.is_taken(one.wish_id)
        ]
        if not taken:
            return line, choice
        for entry in taken:
            locked.record("set_aside", entry, set_aside_at=locked.now)
        line = [one for one in line if one.set_aside_at is None]


async def heed(locked: LockedList, *, at_most: int = 500) -> None:
    """Let the list learn what became of wishes in other lists, for `at_most` entries.

    Entries of a wish that another list has fulfilled leave. Entries that were set aside count again if no list
    holds tickets for their wish any more; `settle` then serves them. Safe to repeat.
    """
    wishes = await locked.wishes.load_unheeded()
    done = [one for one in wishes if locked.wishes.is_done(one)]
    free = [one for one in wishes if not locked.wishes.is_taken(one)]
    for entry in await locked.read("read_entries_of_wishes", done, free, at_most) if done or free else []:
        if entry.wish_id in done:
            take_out(locked, "leave", entry, LeftReason.CANCELLED, why=_FULFILLED)
        else:
            locked.record("bring_back", entry, set_aside_at=None)
