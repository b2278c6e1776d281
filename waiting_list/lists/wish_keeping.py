"""What the worker does for wishes over several lists: lists pay heed to what others changed, and old wishes go.

No outcome depends on it: a list that has not paid heed yet holds no tickets for a wish that another one holds. The
statements read the lists of all nodes of a cluster, and the wishes by themselves.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE, Engine
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, clock, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound

_BEGINS_WITHIN = timedelta(days=1)
"""How long a wish may have no entry, until the first list is joined for it."""
_AT_ONCE = 500


async def heed_wishes(pool: Pool, engine: Engine) -> None:
    """Let each list do what changed wishes ask of it, one chunk each, and mark the wishes that ask for no more.

    What changes meanwhile stays to be heeded in the next round. Raises Unavailable.
    """
    async with snapshot(pool) as acquired:
        changed = await acquired.fetch(sql("read_changed_wishes"))
        if not changed:
            return
        acting: list[tuple[UUID, UUID, bool]] = []
        for one in changed:
            for list_id in one["lists"]:
                is_elsewhere = [one[name] not in (None, list_id) for name in ("done_list_id", "held_list_id")]
                if is_elsewhere[0] or not is_elsewhere[1]:
                    acting.append((list_id, one["wish_id"], is_elsewhere[0]))
        asked = await acquired.fetch(sql("read_lists_to_heed"), *map(list, zip(*acting, strict=True)))
    for key in dict.fromkeys(ListKey(one["offer_id"], one["representation_id"]) for one in asked):
        with suppress(InventoryNotFound):  # deleted meanwhile
            await engine.run(key, SERVICE, verbs.heed, at_most=_AT_ONCE)
    behind = {one["wish_id"] for one in asked}
    heeded = [(one["wish_id"], one["changes"]) for one in changed if one["wish_id"] not in behind]
    if heeded:
        async with connection(pool) as acquired:
            await acquired.execute(sql("mark_heeded_wishes"), *map(list, zip(*heeded, strict=True)))


async def forget_wishes(pool: Pool) -> None:
    """Delete the wishes of which no entry names a person any longer, or that had no entry within a day."""
    after: UUID | None = None
    while True:
        async with snapshot(pool) as acquired:
            before = await clock(acquired) - _BEGINS_WITHIN
            old = {
                one["wish_id"]: one["lists"]
                for one in await acquired.fetch(sql("read_old_wishes"), before, after, _AT_ONCE)
            }
            pairs = [(list_id, wish_id) for wish_id, lists in old.items() for list_id in lists]
            if not pairs:
                return
            named = await acquired.fetch(sql("read_named_wishes"), *map(list, zip(*pairs, strict=True)))
        if ids := sorted(old.keys() - {one["wish_id"] for one in named}):
            async with connection(pool) as acquired:
                await acquired.execute(sql("delete_wishes"), ids)
        after = max(old)
