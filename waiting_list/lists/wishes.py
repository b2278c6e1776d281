"""The wishes of persons over several lists, inside one transaction of a list.

A wish is a row of its own: it says which list holds tickets for it, and which has fulfilled it. A transaction
locks its list, then the wishes of the organization, and then waits for no lock. So two lists cannot wait for each
other, and what the transaction has read of a wish stays true until its end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from waiting_list.lists.models import Status
from waiting_list.lists.rows import EntryRow
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import WishFulfilled, WishNotFound


class Choice(StrEnum):
    """What becomes of the other entries of a wish."""

    WITHDRAW_WHEN_BOUGHT = "withdraw_when_bought"
    """While tickets are held in one list, the others wait, each at its place; once they are bought, the others
    leave."""
    KEEP_UNTIL_BOUGHT = "keep_until_bought"
    """Several lists may hold tickets at the same time; once some are bought, the other entries leave."""
    WITHDRAW_WHEN_HELD = "withdraw_when_held"
    """As soon as tickets are held in one list, the other entries leave."""


@dataclass(slots=True)
class _Pending:
    """What the transaction has changed of a wish, and not written yet."""

    number: int | None = None
    """The entry of this list for which tickets are held now."""
    bought: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class _Wish:
    user_id: str | None
    lists: Sequence[UUID]
    choice: Choice
    held_list_id: UUID | None
    done_list_id: UUID | None


class Wishes:
    """The wishes that a transaction of a list deals with. A list without wishes needs no statement."""

    def __init__(self, connection: Connection, list_id: UUID, organization_id: str, now: datetime) -> None:
        self._connection = connection
        self._list_id = list_id
        self._organization_id = organization_id
        self._now = now
        self._locked = False
        self._known: dict[UUID, _Wish | None] = {}
        self._pending: dict[UUID, _Pending] = {}

    async def load(self, wish_ids: Iterable[UUID]) -> None:
        """Lock the wishes of the organization, and read these."""
        missing = sorted(set(wish_ids) - self._known.keys())
        if missing:
            await self._read("read_wishes", missing)
            # A person who was erased has no wish, only entries.
            self._known |= dict.fromkeys(set(missing) - self._known.keys())

    async def load_unheeded(self) -> list[UUID]:
        """Lock the wishes of the organization, and read those that this list must look at; return their ids."""
        return await self._read("read_unheeded_wishes", self._list_id)

    async def _read(self, statement: str, argument: list[UUID] | UUID) -> list[UUID]:
        await self._lock()
        records = await self._connection.fetch(sql(statement), argument)
        for one in records:
            if one["wish_id"] not in self._known:
                belongs = one["user_id"], one["lists"], Choice(one["choice"])
                self._known[one["wish_id"]] = _Wish(*belongs, one["held_list_id"], one["done_list_id"])
        return [one["wish_id"] for one in records]

    def is_done(self, wish_id: UUID) -> bool:
        """Return whether another list has fulfilled the wish, so that it leaves this one. Call `load` first."""
        wish = self._known[wish_id]
        return wish is not None and wish.done_list_id not in (None, self._list_id)

    def is_taken(self, wish_id: UUID) -> bool:
        """Return whether another list keeps this one from holding tickets for the wish. Call `load` first."""
        wish = self._known[wish_id]
        if wish is None or wish.choice is Choice.KEEP_UNTIL_BOUGHT:
            return self.is_done(wish_id)
        return self.is_done(wish_id) or wish.held_list_id not in (None, self._list_id)

    async def check(self, wish_id: UUID, user_id: str) -> None:
        """Check that the user's entry in this list may belong to it. Raises WishNotFound, WishFulfilled."""
        await self.load([wish_id])
        wish = self._known[wish_id]
        if wish is None or wish.user_id != user_id or self._list_id not in wish.lists:
            raise WishNotFound("The user has no such wish over this list.")
        if self.is_done(wish_id):
            raise WishFulfilled("Another list has fulfilled the wish.")

    def note(self, entry: EntryRow, was: Status, had: UUID | None, verb: str) -> None:
        """Note what the change of an entry means for its wish, from the status and the wish that it had before.

        For a hold that begins, call `load` first.
        """
        if entry.wish_id is not None and entry.wish_id != had:
            self._pending_of(entry.wish_id).joined = True
        held, holds = had if was is Status.READY else None, entry.wish_id if entry.status is Status.READY else None
        if held == holds:
            return
        if held is not None:
            self._pending_of(held).number = None
            self._pending_of(held).bought |= verb == "buy"
        if holds is not None:
            assert not self.is_taken(holds), "another list holds tickets for the wish"
            self._pending_of(holds).number = entry.number

    def _pending_of(self, wish_id: UUID) -> _Pending:
        return self._pending.setdefault(wish_id, _Pending())

    async def write(self) -> None:
        """Write what was noted: a claim, a release, a purchase.

        Raises AssertionError, which rolls the transaction back, if another list has a claim. The lock excludes
        that.
        """
        if not self._pending:
            return
        await self._lock()
        ids = sorted(self._pending)
        noted = [self._pending[one] for one in ids]
        records = await self._connection.fetch(
            sql("write_wishes"),
            self._list_id,
            self._now,
            ids,
            [one.number for one in noted],
            [one.bought for one in noted],
            [one.joined for one in noted],
        )
        for one in records:
            number = self._pending[one["wish_id"]].number
            claimed = one["held_list_id"], one["held_number"]
            assert number is None or claimed in ((None, None), (self._list_id, number)), f"{one} is held elsewhere"
            # What is written is what the next request of the batch finds.
            self._known.pop(one["wish_id"], None)
        self._pending.clear()

    async def _lock(self) -> None:
        if not self._locked:
            await self._connection.execute(sql("lock_wishes"), self._organization_id)
            self._locked = True
