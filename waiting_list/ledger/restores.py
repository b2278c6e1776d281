"""Declare in ledgers that lists were restored to an earlier instant, so that outsiders see it for what it is."""

from base64 import b64encode
from collections.abc import AsyncIterator
from urllib.parse import unquote

from waiting_list.ledger.checkpoints import PATH, verifier_keys
from waiting_list.ledger.tree import grow, read_nodes
from waiting_list.ledger.verify_ledger import Checkpoint, Wrong, read_checkpoint
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE, Engine
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection, transaction
from waiting_list.postgres.statements import sql

_LISTS_AT_ONCE = 500


async def read_kept(pool: Pool, note: str) -> tuple[ListKey, Checkpoint]:
    """Return the list of a checkpoint that somebody has kept, and what it says.

    Raises ValueError if no key of this service has signed it; Unavailable.
    """
    origin, _, _ = note.partition("\n")
    _, _, names = origin.partition(PATH)
    offer_id, _, representation_id = names.partition("/")
    async with connection(pool) as acquired:
        keys = await verifier_keys(acquired, origin)
    try:
        kept = read_checkpoint(note, keys)
    except Wrong as wrong:
        raise ValueError(str(wrong)) from None
    return ListKey(unquote(offer_id), unquote(representation_id)), kept


async def lists_of(pool: Pool) -> AsyncIterator[ListKey]:
    """Yield every list. Raises Unavailable."""
    after = None
    while True:
        async with connection(pool) as acquired:
            records = await acquired.fetch(sql("read_lists_restored"), after, _LISTS_AT_ONCE)
        for record in records:
            yield ListKey(record["offer_id"], record["representation_id"])
        if len(records) < _LISTS_AT_ONCE:
            return
        after = records[-1]["list_id"]


async def has_all_of(pool: Pool, key: ListKey, kept: Checkpoint) -> bool:
    """Return whether the list still begins with what a checkpoint covers. Raises IncompleteLedger, Unavailable."""
    while True:
        async with transaction(pool) as acquired:
            one = await acquired.fetchrow(sql("read_list_to_sign"), key.list_id)
            if one is None or one["last_sequence"] < kept.size:
                return False
            if not await grow(acquired, key.list_id, one["last_sequence"]):
                nodes = await read_nodes(acquired, key.list_id, [(0, kept.size)])
                return nodes.hash_of((0, kept.size)) == kept.root


async def declare_restore(engine: Engine, key: ListKey, *, why: str, lost: Checkpoint | None = None) -> None:
    """Write the declaration into the history of a list; the next checkpoint signs it.

    `lost` is the checkpoint that no longer fits, if it is known. Raises InventoryNotFound, Unavailable.
    """
    size, root = (lost.size, b64encode(lost.root).decode()) if lost else (None, None)
    await engine.run(key, SERVICE, verbs.declare_restore, why=why, lost_size=size, lost_root=root)
