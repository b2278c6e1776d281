"""Keep the Merkle tree of a list's history, and read what a proof needs of it.

A change writes its leaf in its own transaction. The leaves alone determine the tree. `grow` adds the hashes of
full subtrees, which save readers of long histories most of the work, and leaves that older versions left out. Rows
of both never change, so readers and workers need no lock.
"""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from waiting_list.ledger.merkle import TILE, Nodes, Range, needed, root_of
from waiting_list.lists.leaves import leaf, public_form, seal, stored_fields
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

HASH_BYTES = 32
TILES_AT_ONCE = 16
"""How many tiles one call of `grow` fills, so that the worker soon returns to what is due."""


class IncompleteLedger(Exception):
    """The history lacks changes or leaves that the tree needs."""


async def grow(acquired: Connection, list_id: UUID, size: int) -> bool:
    """Write the next full subtrees of the first `size` changes, at most so many; return whether there are more.

    It is safe to repeat, and to stop anywhere. Raises IncompleteLedger.
    """
    counts = {one["level"]: one["subtrees"] for one in await acquired.fetch(sql("count_subtrees"), list_id)}
    done, full = counts.get(1, 0), size // TILE
    until = min(full, done + TILES_AT_ONCE)
    await write_missing_leaves(acquired, list_id, done * TILE, until * TILE if until < full else size)
    level, below = 1, until
    while below > counts.get(level, 0):
        first = counts.get(level, 0)
        wanted = [(number * TILE, (number + 1) * TILE) for number in range(first, below)]
        tiles = await read_hashes(acquired, list_id, level - 1, wanted)
        made = [root_of(tile) for tile in tiles]
        numbers = list(range(first, below))
        await acquired.execute(sql("insert_subtrees"), list_id, [level] * len(made), numbers, made)
        level, below = level + 1, below // TILE
    return bool(until < full)


async def root_at(acquired: Connection, list_id: UUID, size: int) -> bytes:
    """Grow the tree, and return its root over the first `size` changes. Raises IncompleteLedger."""
    while await grow(acquired, list_id, size):
        pass
    return (await read_nodes(acquired, list_id, [(0, size)])).hash_of((0, size))


async def write_missing_leaves(acquired: Connection, list_id: UUID, after: int, until: int) -> None:
    """Write the leaves of changes that have none, after one change and up to another."""
    records = await acquired.fetch(sql("read_leafless"), list_id, after, until)
    if not records:
        return
    sealed = [(None, None) if one["reason"] is None else seal(one["reason"]) for one in records]
    forms = (
        public_form(list_id, one["at"], tuple(one)[:4] + stored_fields(one["before"], one["after"]), hashed)
        for one, (_, hashed) in zip(records, sealed, strict=True)
    )
    columns = [one["sequence"] for one in records], [leaf(form.encode()) for form in forms]
    salts, hashes = zip(*sealed, strict=True)
    await acquired.execute(sql("write_leaves"), list_id, *columns, salts, hashes)


async def read_nodes(acquired: Connection, list_id: UUID, parts: Sequence[Range]) -> Nodes:
    """Read the hashes that these ranges need, with at most one statement a level. Raises IncompleteLedger."""
    hashes: dict[tuple[int, int], bytes] = {}
    for level, places in groupby(sorted(needed(parts).items()), lambda one: one[0].level):
        ranges = [part for _, part in places]
        for (first, _), tile in zip(ranges, await read_hashes(acquired, list_id, level, ranges), strict=True):
            hashes.update(((level, first + place), one) for place, one in enumerate(tile))
    return Nodes(hashes)


async def read_hashes(
    acquired: Connection, list_id: UUID, level: int, ranges: Sequence[Range]
) -> list[list[bytes]]:
    """Read the hashes of ranges of one level. Raises IncompleteLedger if one is missing."""
    firsts, afters = [first for first, _ in ranges], [after for _, after in ranges]
    if level == 0:
        records = await acquired.fetch(sql("read_leaves"), list_id, firsts, afters)
    else:
        records = await acquired.fetch(sql("read_subtrees"), list_id, [level] * len(ranges), firsts, afters)
    found = []
    for (first, after), (count, joined) in zip(ranges, records, strict=True):
        if count != after - first:
            raise IncompleteLedger(f"The ledger of list {list_id} lacks hashes of level {level}.")
        found.append([joined[at : at + HASH_BYTES] for at in range(0, HASH_BYTES * count, HASH_BYTES)])
    return found
