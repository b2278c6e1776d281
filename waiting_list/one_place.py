"""Who has a place with which verified mailbox, inside one transaction of a list: the rule `one_place_per_address`.

The database keeps an HMAC of a mailbox, with a secret that is another in each list: it names nobody, and lists
cannot be compared by it. Addresses that were verified before the list had the rule are folded when the rule first
asks. Their entries stay, and count.
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
"""The number under which the user of an entry that was active has a place still; None if they have none."""


class Claim(NamedTuple):
    """What is kept of a mailbox with a contact. `is_sole`: the entry is the only active one that has it."""

    mailbox: bytes
    is_sole: bool


class Mailboxes:
    """The mailboxes of one list that have been asked for, and who has a place with them."""

    def __init__(self, connection: Connection, list_id: UUID, secret: bytes, now_of: IsActive) -> None:
        self._connection = connection
        self._list_id = list_id
        self._secret = secret
        self._now_of = now_of
        self._active: defaultdict[bytes, set[int]] = defaultdict(set)
        self._left: defaultdict[bytes, set[int]] = defaultdict(set)
        self._known: set[bytes] = set()

    def hash(self, email: str) -> bytes:
        """What the mailbox of an address is known as in this list: 16 bytes."""
        assert self._secret, "a ledger that writes contacts is opened with the secret"
        return derived(self._secret, "mailbox", self._list_id, mailbox(email))[:16]

    def knows(self, emails: Iterable[str]) -> bool:
        """Whether all of these have been asked for."""
        return all(self.hash(email) in self._known for email in emails)

    def add(self, number: int, email: str) -> None:
        """Notes that an entry has this verified address from now on: whoever asks next is told."""
        self._active[self.hash(email)].add(number)

    async def load(self, emails: Iterable[str]) -> None:
        """Reads who has a place with the mailboxes of these addresses, with one statement. What was changed must
        have been written. Besides it folds what is not folded yet, once for each contact of the list."""
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
        """Whether an active entry other than `but` has this mailbox, verified."""
        return bool(self._holders(self.hash(email)) - {but})

    async def claim(self, emails: dict[int, str]) -> dict[int, Claim]:
        """Notes that these entries, by number, have verified addresses from now on; what is to be kept of them. An
        entry that has left gives up the sole place of a mailbox that another claims."""
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
        """Notes that these entries have other addresses, or none."""
        for holders in self._active.values():
            holders.difference_update(numbers)

    def _holders(self, name: bytes) -> set[int]:
        return {now for number in self._active[name] if (now := self._now_of(number)) is not None}
