"""The check of wishes over several lists: what a wish claims, and what its entries are, agree.

A change that lists have not heeded yet excuses the entries that wait for it: they are heeded within a second.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from waiting_list.audit.report import Check, Difference
from waiting_list.lists.models import Status
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

Row = Mapping[str, Any]


async def audit_wishes(acquired: Connection, list_id: UUID) -> None:
    """Check the wishes with an entry or a claim in one list. Raises Difference for the first that is wrong."""
    wished = [one["wish_id"] for one in await acquired.fetch(sql("audit_wished"), list_id)]
    wishes = await acquired.fetch(sql("audit_wishes"), list_id, wished)
    if not wishes:
        return
    pairs = [(one, wish["wish_id"]) for wish in wishes for one in wish["lists"]]
    entries: dict[UUID, list[Row]] = defaultdict(list)
    for one in await acquired.fetch(sql("audit_entries_of_wishes"), *map(list, zip(*pairs, strict=True))):
        entries[one["wish_id"]].append(dict(one))
    for wish in wishes:
        if wrong := what_is_wrong(dict(wish), entries[wish["wish_id"]], list_id):
            raise Difference(Check.WISH, f"The wish {wish['wish_id']} {wrong}.", found=str(wish["wish_id"]))


def what_is_wrong(wish: Row, entries: Sequence[Row], list_id: UUID) -> str | None:
    """Say how a wish and its active entries contradict each other, if they do. The list is one of the wish."""
    held, done = (wish["held_list_id"], wish["held_number"]), wish["done_list_id"]
    holds = [(one["list_id"], one["number"]) for one in entries if one["status"] == Status.READY]
    has_one = wish["choice"] != Choice.KEEP_UNTIL_BOUGHT
    left_over = any(done not in (None, one["list_id"]) for one in entries)
    in_vain = any(one["set_aside_at"] and held[0] in (None, one["list_id"]) for one in entries)
    wrongs = {
        "does not name the list": list_id not in wish["lists"],
        "has several holds": has_one and len(holds) > 1,
        "has a hold that it does not name": has_one and holds not in ([], [held]),
        "names a hold that is over": held[0] is not None and held not in holds,
        "is fulfilled, and an entry is left over": wish["is_heeded"] and left_over,
        "is held nowhere else, and an entry waits for it": wish["is_heeded"] and in_vain,
    }
    return next((wrong for wrong, is_so in wrongs.items() if is_so), None)
