"""Limit how many places of one list have an unverified address from one network, inside one transaction.

Only joins by e-mail alone count, and only they cost the statement: any other fan is known to a shop, or has proved
an address. The database stores a hash of the network, with a different secret for each list, until the address is
verified.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import NamedTuple

from waiting_list.lists.one_place import IsActive
from waiting_list.lists.rows import ListRow
from waiting_list.lists.traces import hash_of, trace_key
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql


class ByEmail(NamedTuple):
    """A join by e-mail alone: its network, and how many unverified places that may have in one list; 0: any
    number."""

    network: str
    most: int


class UnverifiedPlaces:
    """The unverified places of networks in one list. `flush` writes the transaction's pending changes."""

    def __init__(
        self,
        connection: Connection,
        row: ListRow,
        secret: bytes,
        *,
        flush: Callable[[], Awaitable[None]],
        now_of: IsActive,
    ) -> None:
        self._connection = connection
        self._list_id = row.list_id
        self._secret = secret
        self._flush = flush
        self._now_of = now_of
        self._numbers: defaultdict[int, set[int]] = defaultdict(set)
        self._known: set[int] = set()
        self.new: dict[int, int] = {}
        """The hash of the network of each entry that this transaction joins by e-mail, by number."""

    async def load(self, joins: Iterable[ByEmail]) -> None:
        """Read the unverified places of these networks, with one statement."""
        asked = {self._hash(one.network) for one in joins if one.most} - self._known
        if not asked:
            return
        await self._flush()
        records = await self._connection.fetch(sql("read_unverified_places"), self._list_id, sorted(asked))
        self._known |= asked
        for record in records:
            if record["is_active"]:
                self._numbers[record["joined_from"]].add(record["number"])
        # So that nobody makes this statement slow by joining and leaving all day.
        if left := [record["number"] for record in records if not record["is_active"]]:
            await self._connection.execute(sql("forget_networks"), self._list_id, left)

    async def has_room(self, join: ByEmail) -> bool:
        """Return whether the network of a join may have one more unverified place."""
        await self.load([join])
        active = sum(self._now_of(number) is not None for number in self._numbers[self._hash(join.network)])
        return not join.most or active < join.most

    def add(self, number: int, join: ByEmail) -> None:
        """Note an entry that was joined by e-mail."""
        self.new[number] = hashed = self._hash(join.network)
        self._numbers[hashed].add(number)

    def verify(self, number: int) -> None:
        """Note that the address of an entry is verified."""
        self.new.pop(number, None)
        for numbers in self._numbers.values():
            numbers.discard(number)

    def _hash(self, network: str) -> int:
        return hash_of(self._key, network)

    @cached_property
    def _key(self) -> bytes:
        assert self._secret, "a list that takes joins is opened with the secret"
        return trace_key(self._secret, self._list_id)
