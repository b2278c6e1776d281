"""Write receipts: that a change of an entry is in the signed ledger of its list (C2SP tlog-proof)."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from waiting_list.ledger.checkpoints import Checkpoints, Head, prove_inclusion, verifier_keys
from waiting_list.ledger.queries import key_id, known_head, public_forms, sign
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import ChangeNotFound, InvalidRequest


class Proven(StrEnum):
    """The changes of an entry that have a receipt.

    - `join`: the fan joined.
    - `change`: the fan or the organizer changed the tickets wanted.
    - `move`: the organizer moved the entry.
    - `promote`: it was the fan's turn.
    - `grant`: the organizer gave tickets past the line.
    - `top_up`: the fan got more of the tickets that were wanted.
    - `buy`: the fan bought.
    """

    JOIN = "join"
    CHANGE = "change"
    MOVE = "move"
    PROMOTE = "promote"
    GRANT = "grant"
    TOP_UP = "top_up"
    BUY = "buy"


class ProvenChange(NamedTuple):
    """A change of an entry that has a receipt."""

    verb: Proven
    sequence: int
    at: datetime


async def proven_changes(
    pool: Pool, key: ListKey, number: int, verbs: Sequence[Proven] = tuple(Proven)
) -> list[ProvenChange]:
    """Return the newest change of an entry by each of these verbs, the oldest first. Raises Unavailable."""
    async with connection(pool) as acquired:
        found = await acquired.fetch(sql("read_changes_of_entry"), key.list_id, number, [*verbs])
    return [ProvenChange(Proven(one["verb"]), one["sequence"], one["at"]) for one in found]


async def receipt(pool: Pool, checkpoints: Checkpoints, key: ListKey, number: int, verb: Proven) -> str:
    """Return the receipt of the newest change of an entry by a verb; it signs the ledger if it must.

    Raises InvalidRequest without such a change; InventoryNotFound, Unavailable.
    """
    changes = await proven_changes(pool, key, number, [verb])
    if not changes:
        raise InvalidRequest.of("query.verb", f"must be a change that the entry has had, and it has had no {verb}")
    sequence = changes[0].sequence
    head: Head | None = await known_head(pool, key, public=False)
    if head is None or head.size < sequence:
        head = await sign(checkpoints, key)
    return await _receipt(pool, key, sequence, head)


async def public_receipt(pool: Pool, checkpoints: Checkpoints, key: ListKey, sequence: int) -> str:
    """Return the receipt of any change of a public ledger; it signs the ledger if it must.

    Raises ChangeNotFound, InventoryNotFound, LedgerNotPublic, Unavailable.
    """
    head: Head | None = await known_head(pool, key)
    if head is None or head.size < sequence:
        head = await sign(checkpoints, key)
    if head.size < sequence:
        raise ChangeNotFound()
    return await _receipt(pool, key, sequence, head)


async def _receipt(pool: Pool, key: ListKey, sequence: int, head: Head) -> str:
    async with connection(pool) as acquired:
        path = await prove_inclusion(acquired, key.list_id, sequence - 1, head.size)
        keys = await verifier_keys(acquired, head.origin)
    (form,) = await public_forms(pool, key.list_id, sequence, sequence)
    signing = next(one for one in keys if one.startswith(f"{head.origin}+{key_id(head)}+"))
    extra = b64encode(form + b"\n" + signing.encode()).decode()
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in path)
    return f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex {sequence - 1}\n{hashes}\n{head.note}"
