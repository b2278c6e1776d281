"""The verb `message`: write to those who wait in a list, are ready, or both."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.mailboxes import mailbox
from waiting_list.lists.models import EmailCounts, Status
from waiting_list.lists.outbox_rows import write_rows
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import TooManyMessages

WITHIN = timedelta(hours=24)
"""The time in which a list has at most so many messages."""
Silent = Callable[[Connection, str, Collection[str]], Awaitable[Collection[str]]]
"""A function that returns which of these addresses have unsubscribed from an organization."""


class Message(NamedTuple):
    """A message: its id, the states of the entries that get it, and its subject and text by language."""

    message_id: UUID
    to: Sequence[Status]
    subject: Mapping[str, str]
    text: Mapping[str, str]
    reason: str | None
    numbers: Collection[int] | None = None
    """Only these entries, if set."""


async def message(
    locked: LockedList, *, content: Message, most: int, silent: Silent, written_to: set[str]
) -> EmailCounts:
    """Write the message to each mailbox once, however many entries it has; return how many letters that makes.

    `written_to` has the mailboxes that got the message in other lists; the verb adds its own. A message that the
    list has already changes nothing, so that the call is safe to repeat. `most` is how many messages a list has
    within 24 hours (0: any number). Raises TooManyMessages.
    """
    list_id, connection = locked.list.list_id, locked.connection
    known = await connection.fetch(sql("read_messages_since"), list_id, locked.now - WITHIN, content.message_id)
    if same := next((one for one in known if one["message_id"] == content.message_id), None):
        told = await connection.fetch(sql("read_emails_of_message"), list_id, str(content.message_id))
        written_to.update(mailbox(one["email"]) for one in told)
        return EmailCounts.model_validate_json(same["counts"])
    if most and len(known) >= most:
        wait = known[-most]["created_at"] + WITHIN - locked.now
        raise TooManyMessages(f"This list has had {most} messages within 24 hours.", seconds=wait.total_seconds())
    await locked.flush()
    found = await connection.fetch(
        sql("read_recipients"), list_id, list(content.to), content.numbers and list(content.numbers)
    )
    emails = {one["email"] for one in found if one["email"]}
    unsubscribed = await silent(connection, locked.list.organization_id, emails)
    left_out: Counter[str] = Counter()
    numbers = []
    for one in found:
        email = one["email"]
        if email is None:
            left_out["without_address"] += 1
        elif not one["subscribed"] or email in unsubscribed:
            left_out["unsubscribed"] += 1
        elif one["unverified"] and locked.list.verify_email:
            left_out["unverified"] += 1
        elif (to := mailbox(email)) in written_to:
            left_out["same_person"] += 1
        else:
            written_to.add(to)
            numbers.append(one["number"])
    letters = EmailCounts(emails=len(numbers), **left_out)
    if numbers:
        await _write(locked, content, letters, numbers)
    return letters


async def _write(locked: LockedList, content: Message, counts: EmailCounts, numbers: Sequence[int]) -> None:
    row, name = locked.list, str(content.message_id)
    # The history names no person, and keeps the subject in one language.
    subject, *_ = content.subject.values()
    noted = {
        "to": [*map(str, content.to)],
        "emails": counts.emails,
        "subject": subject,
    }
    locked.append_history("message", noted, content.reason)
    texts = json.dumps(dict(content.subject)), json.dumps(dict(content.text)), counts.model_dump_json()
    await locked.connection.execute(sql("insert_message"), row.list_id, content.message_id, locked.now, *texts)
    rows = [(number,) for number in numbers]
    await write_rows(locked, "insert_message_letters", rows, locked.now, row.last_sequence, name)
