"""Tell which lists a change would end while fans wait or hold tickets in them, and take back an end."""

from collections.abc import Sequence
from datetime import datetime

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ActiveList
from waiting_list.postgres.statements import sql
from waiting_list.problems import WouldEndList


async def people_of_ending(locked: LockedList, ends_at: datetime) -> ActiveList | None:
    """Return the people of a list that a new end would end now; None if it has no people, or has ended already.

    The list's lock keeps the counts until the transaction of the change ends.
    """
    row = locked.list
    if locked.ended or locked.now < ends_at or not (row.waiting or row.held):
        return None
    ready = await locked.connection.fetchval(sql("count_ready"), row.list_id)
    return ActiveList(
        offer_id=row.offer_id, representation_id=row.representation_id, waiting=row.waiting, ready=ready
    )


def take_back_end(locked: LockedList) -> None:
    """Take back the mark of an end, if the end lies ahead again."""
    if locked.list.ended_at is not None and not locked.ended:
        locked.record("resume", on_list={"ended_at": None})
        locked.needs_promotion = True


def refuse_to_end(lists: Sequence[ActiveList]) -> None:
    """Raise WouldEndList if there are such lists."""
    if not lists:
        return
    named = ", ".join(
        f"{one.offer_id} at {one.representation_id} ({one.waiting} waiting, {one.ready} ready)"
        for one in lists[:_NAMED]
    )
    more = f" and {len(lists) - _NAMED} more" if len(lists) > _NAMED else ""
    raise WouldEndList(
        f"This would end waiting lists with fans in them: {named}{more}. Set end_lists if they may end.",
        lists=tuple(lists),
    )


_NAMED = 5
"""How many lists the sentence names; the problem carries all of them."""
