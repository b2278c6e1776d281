"""Read how a list was served lately, as its public ledger has it: turns by number, and organizers' acts."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from waiting_list.lists.models import CLOCK, FAN, ListKey
from waiting_list.postgres.pool import Pool, snapshot
from waiting_list.postgres.statements import sql

_TURNS = ("promote", "top_up", "grant")
_BY_HAND = ("move", "grant", "remove", "revoke")
_EACH = 60
"""How many changes by each verb to read."""
_LAST = 2**63 - 1


class ServedChange(NamedTuple):
    """A change of an entry, without its person. `tickets` is how many more it was held; negative: fewer."""

    sequence: int
    at: datetime
    verb: str
    number: int
    tickets: int
    by_organizer: bool
    has_reason: bool


class Served(NamedTuple):
    """The newest turns, and the newest acts of organizers, the newest first."""

    turns: Sequence[ServedChange]
    by_hand: Sequence[ServedChange]


async def served(pool: Pool, key: ListKey, *, most: int) -> Served:
    """Return the newest turns of a list, and the newest acts of organizers among its newest changes.

    At most so many of each. Raises Unavailable.
    """
    verbs = sorted({*_TURNS, *_BY_HAND})
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_newest_changes"), key.list_id, verbs, _LAST, _EACH)
    changes = [_change(one) for one in records]
    turns = [one for one in changes if one.verb in _TURNS and one.tickets > 0]
    by_hand = [one for one in changes if one.verb in _BY_HAND and one.by_organizer]
    return Served(turns[:most], by_hand[:most])


def _change(record: Any) -> ServedChange:
    before, after = json.loads(record["before"] or "{}"), json.loads(record["after"])
    tickets = after.get("tickets_held", 0) - before.get("tickets_held", 0) if "tickets_held" in after else 0
    return ServedChange(
        record["sequence"],
        record["at"],
        record["verb"],
        record["number"],
        tickets,
        record["actor"] not in (FAN, CLOCK),
        record["has_reason"],
    )
