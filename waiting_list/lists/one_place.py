"""Enforce the rule `one_place_per_address` inside one transaction of a list: one place for each verified mailbox.

The database stores an HMAC of each mailbox, with a different secret for each list. The HMAC names no person and
links no lists. Addresses from before the rule get their HMAC when the rule first asks. Their entries stay, and
count. So it is when the list changes `ignore_address_tags`: each address gets another HMAC, and all entries stay.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from waiting_list.key_material import derived
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.rows import ListRow
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

_AT_ONCE = 1_000
IsActive = Callable[[int], int | None]
"""A function that returns the number under which the user of an entry still has a place; None if there is none."""


class Claim(NamedTuple):
    """The stored columns of a contact's mailbox. `is_sole` marks the only active entry with this mailbox."""

    mailbox: bytes
    is_sole: bool


class Mailboxes:
    """The mailboxes of one list that the transaction has read, and the entries that have them."""

    def __init__(self, connection: Connection, row: ListRow, secret: bytes, now_of: IsActive) -> None:
        self._connection = connection
        self._list = row
        self._list_id = row.list_id
        self._secret = secret
        self._now_of = now_of
        self._active: defaultdict[bytes, set[int]] = defaultdict(set)
        self._left: defaultdict[bytes, set[int]] = defaultdict(set)
        self._known: set[bytes] = set()

    def hash(self, email: str) -> bytes:
        """Return the 16 bytes that stand for the mailbox of an address in this list."""
        assert self._secret, "a list that writes contacts is opened with the secret"
        key = mailbox(email, ignore_tags=self._list.ignore_address_tags)
        return derived(self._secret, "mailbox", self._list_id, key)[:16]

    def knows(self, emails: Iterable[str]) -> bool:
        """Return whether the mailboxes of all these addresses have been read."""
        return all(self.hash(email) in self._known for email in emails)

    def add(self, number: int, email: str) -> None:
        """Note that an entry has this verified address from now on."""
        self._active[self.hash(email)].add(number)

    async def load(self, emails: Iterable[str]) -> None:
        """Read which entries have the mailboxes of these addresses, with one statement.

        The caller must have flushed. The first call for a list also stores the missing mailboxes of its contacts.
        """
        asked = sorted({self.hash(email) for email in emails} - self._known)
        while True:
            records = await self._connection.fetch(sql("read_mailboxes"), self._list_id, asked, _AT_ONCE)
            unfolded = [record for record in records if record["mailbox"] is None]
            if not unfolded:
                break
            numbers = [record["number"] for record in unfolded]
            hashes = [self.hash(record["email"]) for record in unfolded]
            await self._connection.execute(sql("fold_contacts"), self._list_id, numbers, hashes)
        for record in records:
            (self._active if record["is_active"] else self._left)[record["mailbox"]].add(record["number"])
        self._known.update(asked)

    async def fold_anew(self) -> None:
        """Make the next call of `load` store the mailboxes of all contacts again, as the list folds them by then.

        Contacts that are still to be written get theirs as they are written.
        """
        await self._connection.execute(sql("unfold_contacts"), self._list_id)
        for known in (self._active, self._left, self._known):
            known.clear()

    def is_taken(self, email: str, *, but: int | None = None) -> bool:
        """Return whether an active entry other than `but` has this mailbox, verified."""
        return bool(self._holders(self.hash(email)) - {but})

    async def claim(self, emails: dict[int, str]) -> dict[int, Claim]:
        """Note the verified addresses of these entries, by number; return the columns to store.

        An entry that has left gives up the sole place of a mailbox that another entry claims.
        """
        claims: dict[int, Claim] = {}
        given_up: set[int] = set()
        for number, email in emails.items():
            self.forget([number])
            name = self.hash(email)
            holders = self._holders(name)
            given_up |= (self._active[name] | self._left.pop(name, set())) - holders
            self._active[name] = holders | {number}
            # An entry that joined and left in one transaction has no place, so it blocks no other entry.
            claims[number] = Claim(name, not holders and self._now_of(number) == number)
        if given_up := given_up - claims.keys():
            await self._connection.fetch(sql("release_mailboxes"), self._list_id, sorted(given_up))
        return claims

    def forget(self, numbers: Collection[int]) -> None:
        """Note that these entries no longer have their addresses."""
        for holders in self._active.values():
            holders.difference_update(numbers)

    def _holders(self, name: bytes) -> set[int]:
        return {now for number in self._active[name] if (now := self._now_of(number)) is not None}
