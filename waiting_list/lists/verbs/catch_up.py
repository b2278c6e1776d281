"""The verb `catch_up`: let a list learn of the changes around it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from waiting_list.lists.ending import take_back_end
from waiting_list.lists.locked_list import LockedList
from waiting_list.postgres.statements import sql

_DATES = ("start_datetime", "cancelled_at")


async def catch_up(locked: LockedList) -> None:
    """Record the changes of the catalogue that concern the list, once and in order, each as a verb of its own.

    The change itself counts from the commit of its call on. This verb writes it into the history, tells webhooks
    and people of it, takes back an end that lies ahead again, and serves whom free tickets fit now. It is safe to
    repeat, and does the rest of a call that died.
    """
    list_id = locked.list.list_id
    records = await locked.connection.fetch(sql("read_list_news"), list_id)
    before: dict[str, Any] = {}
    for record in records:
        was, is_now = json.loads(record["before"]), json.loads(record["after"])
        locked.learn(record["verb"], record["actor"], record["change_id"], was, is_now)
        before = was | before  # of two changes of one fact, the first knows what was
    take_back_end(locked)
    locked.needs_promotion = True
    if records:
        await locked.connection.execute(sql("delete_list_news"), list_id, [one["change_id"] for one in records])
        await locked.note_moved_holds(_ended_at(locked, before))


def _ended_at(locked: LockedList, before: Mapping[str, Any]) -> datetime:
    """Return when the list ended before these changes."""
    dates = {"start_datetime": locked.starts_at, "cancelled_at": locked.cancelled_at}
    dates |= {name: before[name] and datetime.fromisoformat(before[name]) for name in _DATES if name in before}
    return min(one for one in (*dates.values(), locked.list.closes_at) if one is not None)
