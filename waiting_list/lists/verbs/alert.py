"""The verbs `alert`, `tell_alerts` and `put_back_alerts`: one letter to who asked for it, when a list takes fans.

They change no place and no stock, so the history has none of it. They run under the list's lock: who asks just
before the list opens is told of that opening, and who asks after it is told that the list is open.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.lists.outbox_rows import notice_id, write_rows
from waiting_list.postgres.statements import sql
from waiting_list.problems import RateLimited, WaitingListEnded, WaitingListNotOpen, WaitingListOpen

_MOST = 200_000
"""The most alerts of one list, so that strangers cannot fill the database."""
_HOUR_SECONDS = 3600


class Alert(NamedTuple):
    """Who wants to be told, and in which language."""

    alert_id: UUID
    email: str
    locale: str


async def alert(locked: LockedList, *, asked: Alert, fan_of: Callable[[str, str], str]) -> None:
    """Note that a fan wants one letter when the list takes fans. A mailbox that is noted already stays as it is.

    `fan_of` returns the user of an organization who signs in with an address.
    Raises WaitingListEnded, WaitingListOpen, WaitingListNotOpen for a draft, RateLimited if the list has too many.
    """
    row = locked.list
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    if locked.draft:
        raise WaitingListNotOpen("The organizer has not published this event yet.")
    if locked.state.list_state is ListStatus.OPEN:
        raise WaitingListOpen("The list takes fans now: join it.")
    known = await locked.connection.fetchrow(sql("read_alert_numbers"), row.list_id)
    first, last = known if known and known["last"] is not None else (1, 0)
    if last - first >= _MOST - 1:
        raise RateLimited("This list has too many alerts already.", seconds=_HOUR_SECONDS)
    await locked.connection.execute(
        sql("insert_alert"),
        row.list_id,
        last + 1,
        asked.alert_id,
        row.organization_id,
        mailbox(asked.email),
        fan_of(row.organization_id, asked.email),
        asked.email,
        asked.locale,
        locked.now,
    )


async def tell_alerts(locked: LockedList, *, at_most: int = 500) -> None:
    """Write the letters to at most `at_most` of those who asked, the first first, while the list takes fans.

    If it takes none any more, the others wait for its next opening.
    """
    row, told = locked.list, []
    if locked.state.list_state is ListStatus.OPEN:
        told = await locked.connection.fetch(sql("tell_alerts"), row.list_id, locked.now, at_most)
    rows = []
    for one in told:
        name = f"{EmailKind.OPENED}/{one['alert_id']}"
        rows.append((notice_id(row.list_id, locked.now, row.last_sequence, name, None), str(one["alert_id"])))
    await write_rows(locked, "insert_alert_letters", rows, locked.now, row.last_sequence)
    if len(told) < at_most:
        await locked.connection.execute(sql("delete_opening"), row.list_id)


async def put_back_alerts(locked: LockedList, *, alert_ids: Sequence[UUID]) -> None:
    """Have these fans wait for the next opening, because the list took none any more when their letter was due."""
    await locked.connection.execute(sql("put_back_alerts"), locked.list.list_id, list(alert_ids))
    if locked.state.list_state is ListStatus.OPEN:  # it has opened again meanwhile
        await locked.connection.execute(sql("note_opening"), locked.list.list_id, locked.now)
