"""Write the outbox: the notices of a change, in the transaction of that change.

This module writes the body of a webhook, as of the commit. After two changes of one entry in one transaction, both
notices show the entry after the second. The e-mail sender composes an e-mail when it sends it; the notice only
names the entry and the due time.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from waiting_list.lists.change_letters import reminder_at, to_tell_of_cancellation, write_change_letters
from waiting_list.lists.events import VERBS
from waiting_list.lists.line import inventory
from waiting_list.lists.list_state import ListState
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import CLOCK, Entry, Status
from waiting_list.lists.notice_kinds import EmailKind, WebhookType
from waiting_list.lists.outbox_rows import notice_id, write_rows
from waiting_list.lists.rows import EntryChange
from waiting_list.postgres.statements import sql

_MOVES_DEADLINE = frozenset({"extend", "grant", "top_up"})
"""The verbs that can move the deadline of a hold, and so its reminder."""


_UNTIL_ALL_JOINED = timedelta(seconds=5)
"""How long the e-mail waits that says that the fan joined several lists."""


class _Event(NamedTuple):
    type: WebhookType
    sequence: int
    number: int | None
    data: dict[str, Any]


async def write_outbox(locked: LockedList, *, announces: bool = True) -> bool:
    """Write a notice for each fan and webhook that the changes concern; return whether there are any.

    The call writes the e-mails whatever this process knows of mail servers, because a worker that can send them
    may come later. Joins without an address and without webhooks cost no statement. Unless it `announces`, no
    e-mail says that a fan joined. If the list begins to take fans, the worker writes to those who asked for that.
    """
    await locked.flush()
    if locked.opens:
        await locked.connection.execute(sql("note_opening"), locked.list.list_id, locked.now)
    written = await _write_for_webhooks(locked) if locked.webhooks else False
    told = await write_change_letters(locked) if locked.news else False
    return await _write_for_fans(locked, announces) or written or told


async def _write_for_webhooks(locked: LockedList) -> bool:
    wanted = {webhook_id: types.split() for webhook_id, types in locked.webhooks.items()}
    shown = [(type_, change) for change in locked.changes if (type_ := _type(change))]
    moved = [entry for entry, _, _ in locked.moved_holds]
    rows_shown = {change.entry.number: change.entry for _, change in shown} | {one.number: one for one in moved}
    views = await locked.views(rows_shown.values())
    list_id, at = locked.list.list_id, locked.now.isoformat()
    many = {one.number for one in moved}
    rows = []
    stock = await _stock_events(locked)
    for event in (
        *_entry_events(shown, views, locked.state),
        *_hold_events(locked, views),
        *_list_events(locked),
        *stock,
    ):
        body = json.dumps({"type": event.type, "timestamp": at, "data": event.data}, separators=(",", ":"))
        for webhook_id, types in wanted.items():
            if not types or event.type in types:
                # Several holds may have moved with one change.
                cause = f"{event.type}/{event.number}" if event.number in many else event.type
                name = notice_id(list_id, locked.now, event.sequence, cause, webhook_id)
                rows.append((name, webhook_id, event.type, event.number, event.sequence, body))
    await write_rows(locked, "insert_notices", rows, locked.now)
    return bool(rows)


def _type(change: EntryChange) -> WebhookType | None:
    # Clients cannot see that promotion passed over a fan.
    passed_over = change.verb == "promote" and not change.promoted
    # After a purchase, the fan may wait for the rest.
    waits_on = change.verb == "buy" and change.status is Status.WAITING
    return None if passed_over else WebhookType.ENTRY_CHANGED if waits_on else VERBS[change.verb].webhook


def _entry_events(
    shown: list[tuple[WebhookType, EntryChange]], views: dict[int, Entry], state: ListState
) -> Iterator[_Event]:
    for type_, change in shown:
        entry = views[change.entry.number].model_dump(mode="json", exclude={"purchase_pass"})
        data = {"sequence": change.sequence, "entry": entry}
        if type_ is WebhookType.ENTRY_LEFT:
            data |= state._asdict()
        yield _Event(type_, change.sequence, change.entry.number, data)


def _hold_events(locked: LockedList, views: dict[int, Entry]) -> Iterator[_Event]:
    for entry, _, sequence in locked.moved_holds:
        shown = views[entry.number].model_dump(mode="json", exclude={"purchase_pass"})
        yield _Event(WebhookType.ENTRY_CHANGED, sequence, entry.number, {"sequence": sequence, "entry": shown})


def _list_events(locked: LockedList) -> Iterator[_Event]:
    was, row, sequence = locked.was, locked.list, locked.list.last_sequence

    def about_list(type_: WebhookType, reason: str | None) -> _Event:
        settings = locked.settings.model_dump(mode="json")
        return _Event(type_, sequence, None, {"sequence": sequence, "list": settings, "reason": reason})

    goes_on = was.ended_at is not None and row.ended_at is None
    if row.waiting_list_open and (goes_on or not was.waiting_list_open):
        yield about_list(WebhookType.LIST_OPENED, None)
    if row.ended_at is not None and row.ended_at != was.ended_at:
        yield about_list(WebhookType.LIST_CLOSED, "ended")
    elif was.waiting_list_open and not row.waiting_list_open:
        yield about_list(WebhookType.LIST_CLOSED, "closed")
    for one in locked.news:
        if one.verb != "change_event":  # event.changed tells of that, once for all lists
            changes = {"verb": one.verb, "before": one.before, "after": one.after}
            data = about_list(WebhookType.LIST_CHANGED, None).data
            del data["reason"]
            data |= {"sequence": one.sequence, "changes": changes}
            yield _Event(WebhookType.LIST_CHANGED, one.sequence, None, data)


async def _stock_events(locked: LockedList) -> list[_Event]:
    was, row, sequence = locked.was, locked.list, locked.list.last_sequence
    if all(getattr(row, name) == getattr(was, name) for name in ("total_stock", "available_stock", "held")):
        return []
    data = {"sequence": sequence, "inventory": (await inventory(locked)).model_dump(mode="json")}
    return [_Event(WebhookType.STOCK_CHANGED, sequence, None, data)]


async def _write_for_fans(locked: LockedList, announces: bool) -> bool:
    row, now = locked.list, locked.now
    rows: list[tuple[UUID, EmailKind, int, int, datetime]] = []
    reminders: dict[int, tuple[int, datetime | None]] = {}

    def add(kind: EmailKind, number: int, sequence: int, due_at: datetime) -> None:
        rows.append((notice_id(row.list_id, now, sequence, kind, None), kind, number, sequence, due_at))

    contacts = locked.contacts
    known = {number for number, one in contacts.given.items() if one.email} | set(contacts.requeued.values())
    unknown = {change.entry.number for change in locked.changes if change.verb == "join"} - known
    if locked.cancelled_at is not None:
        ended = [change.entry.number for change in locked.changes if change.verb == "end"]
        unknown |= set(ended) - await to_tell_of_cancellation(locked, ended)
    for change in locked.changes:
        kind, number = VERBS[change.verb].email, change.entry.number
        if kind is None or number in unknown or (kind is EmailKind.READY and not change.promoted):
            continue
        # After an expired hold, the e-mail about the expiry also says that the fan waits again.
        if kind is EmailKind.JOINED and (change.actor == CLOCK or not announces):
            continue
        # The answer to a quiet join tells the fan already.
        is_known = kind in (EmailKind.JOINED, EmailKind.READY) and number in contacts.quiet
        if kind is EmailKind.EXPIRED:
            number = contacts.requeued.get(number, number)
        if not is_known:
            # The lists of a wish are joined one after the other, and one e-mail names all of them.
            has_others = kind is EmailKind.JOINED and change.entry.wish_id is not None
            add(kind, number, change.sequence, now + _UNTIL_ALL_JOINED if has_others else now)
        if kind in (EmailKind.READY, EmailKind.EXTENDED) and change.entry.status is Status.READY:
            reminders[number] = change.sequence, reminder_at(locked, locked.deadline(change.entry))
    if later := [change.entry.number for change in locked.changes if change.verb in _MOVES_DEADLINE]:
        await locked.connection.execute(sql("delete_reminders"), row.list_id, later)
    for number, (sequence, due_at) in reminders.items():
        if due_at is not None:
            add(EmailKind.REMINDER, number, sequence, due_at)
    asked = [(EmailKind.VERIFY, number) for number in _to_verify(locked)]
    for kind, number in (*asked, *_corrected(locked)):
        name = notice_id(row.list_id, now, row.last_sequence, f"{kind}/{number}", None)
        rows.append((name, kind, number, row.last_sequence, now))
    await write_rows(locked, "insert_letters", rows, now, row.verify_email, locked.gateway_id)
    if row.verify_email and not locked.was.verify_email:
        await locked.connection.execute(
            sql("insert_verification_letters"), row.list_id, row.organization_id, now, row.last_sequence
        )
        return True
    return bool(rows)


def _to_verify(locked: LockedList) -> list[int]:
    """Return the numbers of the entries that need an e-mail to verify their address; none if the list asks no fan.

    They have a new address, or wait again and may not have had that e-mail.
    """
    if not locked.list.verify_email:
        return []
    again = (
        change.entry
        for change in locked.changes
        if change.verb == "revoke" or (change.verb, change.actor) == ("join", CLOCK)
    )
    asked = locked.contacts.to_verify | {entry.number: entry for entry in again}
    return [number for number, entry in asked.items() if entry.unverified and entry.status is not Status.LEFT]


def _corrected(locked: LockedList) -> Iterator[tuple[EmailKind, int]]:
    """Yield the e-mails to new addresses of entries. The pending ones about an entry go there by themselves."""
    told = {(VERBS[change.verb].email, change.entry.number) for change in locked.changes}
    for number, entry in locked.contacts.corrected.items():
        kind = EmailKind.JOINED if entry.status is Status.WAITING else EmailKind.READY
        if entry.status is not Status.LEFT and (kind, number) not in told:
            yield kind, number
