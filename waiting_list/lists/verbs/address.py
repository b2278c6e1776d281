"""The verbs `fail_address` and `mend_address`: note that e-mails to an address fail, or arrive again."""

from collections.abc import Sequence
from typing import NamedTuple

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status
from waiting_list.lists.rows import EntryRow
from waiting_list.postgres.statements import sql


class AddressReport(NamedTuple):
    """What became of an e-mail about an entry: where it went, and why it failed; None if it arrived."""

    number: int
    email: str
    why: str | None = None
    unless_verified: bool = False
    """Whether a verified address stays as it is: then the e-mail was to verify it."""


async def fail_address(locked: LockedList, *, failed: Sequence[AddressReport]) -> None:
    """Note that the addresses of these entries failed; the history keeps why.

    With `skip_failed_addresses`, promotion passes over such an entry, which keeps its place, until the address is
    mended. Safe to repeat. An entry that has left, or has another address by now, stays as it is.
    """
    for entry, report in await _present(locked, failed):
        locked.record("fail_address", entry, reason=report.why, address_failed=True)


async def mend_address(locked: LockedList, *, arrived: Sequence[AddressReport]) -> None:
    """Note that the addresses of these entries are good again. Otherwise as `fail_address`."""
    for entry, _ in await _present(locked, arrived):
        locked.record("mend_address", entry, address_failed=False)


async def _present(locked: LockedList, reports: Sequence[AddressReport]) -> list[tuple[EntryRow, AddressReport]]:
    """Return the active entries that still have the address of their report."""
    by_number = {one.number: one for one in reports}
    numbers = sorted(by_number)
    entries = await locked.read("read_entries_by_number", numbers)
    found = await locked.connection.fetch(sql("read_addresses"), locked.list.list_id, numbers)
    emails = {one["number"]: one["email"] for one in found}
    return [
        (entry, report)
        for entry in entries
        if (report := by_number[entry.number]).email == emails.get(entry.number)
        and entry.status is not Status.LEFT
        and (entry.unverified or not report.unless_verified)
    ]
