"""The data beside the entries of one list, inside one transaction: contacts, verified mailboxes, and traces."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property

from waiting_list.lists.contact import Contact, first_link_version
from waiting_list.lists.one_place import Claim, IsActive, Mailboxes
from waiting_list.lists.rows import EntryRow, ListRow
from waiting_list.lists.traces import Trace, trace, trace_key
from waiting_list.lists.unverified_places import ByEmail, UnverifiedPlaces
from waiting_list.postgres.pool import Connection, Record
from waiting_list.postgres.statements import sql
from waiting_list.problems import AddressTaken


class EntryContacts:
    """The contacts of one list inside one transaction.

    `flush` writes the transaction's pending changes. `now_of` returns the number under which the user of an entry
    still has a place.
    """

    def __init__(
        self,
        connection: Connection,
        row: ListRow,
        now: datetime,
        *,
        secret: bytes,
        flush: Callable[[], Awaitable[None]],
        now_of: IsActive,
    ) -> None:
        self._connection = connection
        self._list = row
        self._now = now
        self._secret = secret
        self._flush = flush
        self.given: dict[int, Contact] = {}
        """The contacts that came with a join, by number."""
        self.quiet: set[int] = set()
        """The numbers of entries whose join needs no e-mail."""
        self.requeued: dict[int, int] = {}
        """The new number of each entry whose user waits again, after an expired hold or an undone removal."""
        self.to_verify: dict[int, EntryRow] = {}
        """The entries whose new address is unverified, by number."""
        self.corrected: dict[int, EntryRow] = {}
        """The entries with a new address that needs no verification before other e-mails, by number."""
        self.mailboxes = Mailboxes(connection, row, secret, now_of)
        """Which entry has which verified mailbox, if the list has the rule."""
        self.unverified = UnverifiedPlaces(connection, row, secret, flush=flush, now_of=now_of)
        """Which networks have which unverified places."""
        self._traces: dict[int, Trace] = {}

    def add(
        self, number: int, contact: Contact, *, network: str | None, quiet: bool, by_email: ByEmail | None = None
    ) -> None:
        """Note the contact and trace of a join; `write` stores them after the entry."""
        if contact.is_given:
            self.given[number] = contact
        if quiet:
            self.quiet.add(number)
        if contact.verified_email is not None and self._list.has_one_place:
            self.mailboxes.add(number, contact.verified_email)
        if by_email is not None:
            self.unverified.add(number, by_email)
        if network is not None and self._list.leaves_traces:
            self._traces[number] = trace(self._trace_key, network, contact.email)

    async def read(self, number: int) -> Record | None:
        """Return the stored contact of an entry; None if it has none."""
        await self._flush()
        return await self._connection.fetchrow(sql("read_contact"), self._list.list_id, number)

    async def change(self, entry: EntryRow, contact: Contact, *, is_new: bool) -> None:
        """Store a new contact for an entry; `is_new` says whether the address is another one."""
        self.mailboxes.forget([entry.number])
        await self._upsert({entry.number: contact})
        if contact.is_unverified:
            self.to_verify[entry.number] = entry
        if is_new and contact.email is not None and not (contact.is_unverified and self._list.verify_email):
            self.corrected[entry.number] = entry

    async def verify(self, number: int, email: str) -> None:
        """Store that the address of an entry is verified. Raises AddressTaken."""
        await self.check_mailbox(email, number)
        mailbox = (await self._claim({number: email})).get(number, (None, False))
        await self._connection.execute(
            sql("verify_contact"), self._list.list_id, number, email, self._now, *mailbox
        )
        self.unverified.verify(number)

    async def check_mailbox(self, email: str, number: int | None = None) -> None:
        """Raise AddressTaken if a mailbox has one place in the list, and another entry than `number` has it."""
        await self.load_mailboxes([email])
        if self._list.has_one_place and self.mailboxes.is_taken(email, but=number):
            raise AddressTaken("This list has one place for each mailbox, and this mailbox already has one.")

    async def load_mailboxes(self, emails: Iterable[str]) -> None:
        """Read which entries have the mailboxes of these verified addresses, with one statement.

        Without the rule, or if all are in memory, the call reads no row.
        """
        if (asked := [*emails]) and self._list.has_one_place and not self.mailboxes.knows(asked):
            await self._flush()
            await self.mailboxes.load(asked)

    async def write(self, new: Collection[int]) -> None:
        """Write the contacts and traces of new entries, which must be stored already."""
        list_id, execute = self._list.list_id, self._connection.execute
        if given := {n: self.given[n] for n in new if n in self.given}:
            await self._upsert(given)
        if seen := {n: self._traces[n] for n in new if n in self._traces}:
            await execute(sql("insert_traces"), list_id, list(seen), *map(list, zip(*seen.values(), strict=True)))
        if requeued := {old: again for old, again in self.requeued.items() if again in new}:
            records = await self._connection.fetch(sql("release_mailboxes"), list_id, list(requeued))
            sole = {record["number"] for record in records}
            numbers, old = list(requeued.values()), list(requeued)
            links = [first_link_version() for _ in old]
            await execute(sql("copy_contacts"), list_id, numbers, old, [n in sole for n in old], links)
            await execute(sql("copy_traces"), list_id, numbers, old)

    @cached_property
    def _trace_key(self) -> bytes:
        return trace_key(self._secret, self._list.list_id)

    async def _claim(self, emails: dict[int, str]) -> dict[int, Claim]:
        """Note the verified addresses of entries, by number; return the mailboxes to store with them.

        Without the rule, the result is empty. The caller must have flushed.
        """
        if not emails or not self._list.has_one_place:
            return {}
        if not self.mailboxes.knows(emails.values()):
            await self.mailboxes.load(emails.values())
        return await self.mailboxes.claim(emails)

    async def _upsert(self, contacts: Mapping[int, Contact]) -> None:
        verified = {n: one.verified_email for n, one in contacts.items() if one.verified_email}
        claims = await self._claim(verified)
        at = dict.fromkeys(verified, self._now)
        rows = [
            (
                n,
                one.email,
                one.name,
                one.locale,
                at.get(n),
                *claims.get(n, (None, False)),
                first_link_version(),
                self.unverified.new.get(n),
            )
            for n, one in contacts.items()
        ]
        columns = map(list, zip(*rows, strict=True))
        await self._connection.execute(sql("upsert_contacts"), self._list.list_id, *columns)
