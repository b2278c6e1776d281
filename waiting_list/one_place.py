"""Find the entries of verified mailboxes, inside one transaction of a list, for the rule `one_place_per_address`.

The database has only an HMAC of a mailbox, with a different secret in each list. So it identifies no person, and
lists cannot be compared. When the list gets the rule, addresses that were verified before are folded on the first
check. Their entries stay, and count.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from waiting_list.database import Connection, sql
from waiting_list.keys import derived
from waiting_list.mailboxes import mailbox

_AT_ONCE = 1_000
IsActive = Callable[[int], int | None]
"""Returns the current number of the user of a formerly active entry, or None if the user has left."""


class Claim(NamedTuple):
    """The stored mailbox of a contact. `is_sole`: no other active entry has it."""

    mailbox: bytes
    is_sole: bool


class Mailboxes:
    """The mailboxes of one list that were read so far, with their entries."""

    def __init__(self, connection: Connection, list_id: UUID, secret: bytes, now_of: IsActive) -> None:
        self._connection = connection
        self._list_id = list_id
        self._secret = secret
        self._now_of = now_of
        self._active: defaultdict[bytes, set[int]] = defaultdict(set)
        self._left: defaultdict[bytes, set[int]] = defaultdict(set)
        self._known: set[bytes] = set()

    def hash(self, email: str) -> bytes:
        """Return the HMAC of the mailbox of an address in this list: 16 bytes."""
        assert self._secret, "a ledger that writes contacts is opened with the secret"
        return derived(self._secret, "mailbox", self._list_id, mailbox(email))[:16]

    def knows(self, emails: Iterable[str]) -> bool:
        """Return whether the mailboxes of all these addresses were read."""
        return all(self.hash(email) in self._known for email in emails)

    def add(self, number: int, email: str) -> None:
        """Note that an entry has this verified address now, for the next checks."""
        self._active[self.hash(email)].add(number)

    async def load(self, emails: Iterable[str]) -> None:
        """Read the entries with the mailboxes of these addresses, with one query.

        Earlier changes must have been written. Also folds addresses that are not folded yet, once for each
        contact.
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

    def is_taken(self, email: str, *, but: int | None = None) -> bool:
        """Return whether an active entry other than `but` has this mailbox, verified."""
        return bool(self._holders(self.hash(email)) - {but})

    async def claim(self, emails: dict[int, str]) -> dict[int, Claim]:
        """Note the verified addresses of these entries, and return the claims to store, both by number.

        An entry that has left gives up a mailbox that another entry claims.
        """
        claims: dict[int, Claim] = {}
        given_up: set[int] = set()
        for number, email in emails.items():
            self.forget([number])
            name = self.hash(email)
            holders = self._holders(name)
            given_up |= (self._active[name] | self._left.pop(name, set())) - holders
            self._active[name] = holders | {number}
            # Whoever has joined and left in one transaction holds nothing up.
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
