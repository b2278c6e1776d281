"""Read the public ledger of a list: its changes in their public form, and the tiles of its tree."""

import re
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from waiting_list.ledger.checkpoints import Checkpoints, Head, verifier_keys
from waiting_list.ledger.merkle import TILE
from waiting_list.ledger.tree import IncompleteLedger, read_hashes
from waiting_list.lists.leaves import public_form, stored_fields
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InventoryNotFound, LedgerNotPublic, TileNotFound, Unavailable

SIGNED_WITHIN = timedelta(seconds=10)
"""How old the newest checkpoint may be while there are later changes."""
_LINES_AT_ONCE = 1_024
_TILE = re.compile(
    r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<tile>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileName(NamedTuple):
    """A tile of C2SP tlog-tiles: its level (None: the changes themselves), its place, and how many it has."""

    level: int | None
    tile: int
    width: int

    @classmethod
    def read(cls, text: str) -> "TileName":
        """Read the end of a tile's address. Raises TileNotFound."""
        found = _TILE.fullmatch(text)
        width = int(found["width"] or TILE) if found else 0
        if found is None or (found["width"] and width >= TILE) or (tile := found["tile"]).startswith("x000"):
            raise TileNotFound()
        level = None if found["level"] == "entries" else int(found["level"])
        return cls(level, int(re.sub(r"\D", "", tile)), width)


async def head(pool: Pool, checkpoints: Checkpoints, key: ListKey) -> Head:
    """Return a checkpoint of a public ledger that is as new as SIGNED_WITHIN says, whether or not the worker came.

    Raises InventoryNotFound, LedgerNotPublic, Unavailable.
    """
    one = await known_head(pool, key)
    if one is not None:
        return one
    return await sign(checkpoints, key)


async def sign(checkpoints: Checkpoints, key: ListKey) -> Head:
    """Sign the ledger of a list as it is now. Raises InventoryNotFound, Unavailable."""
    try:
        signed = await checkpoints.sign(key.list_id)
    except IncompleteLedger as error:
        raise Unavailable(str(error)) from error
    if signed is None:
        raise InventoryNotFound()
    return signed


async def known_head(pool: Pool, key: ListKey, *, public: bool = True) -> Head | None:
    """Return the newest checkpoint of a list; None without one, or if it is older than SIGNED_WITHIN and there are
    later changes. Raises InventoryNotFound, Unavailable; LedgerNotPublic unless it may be of a list that is not
    `public`."""
    async with connection(pool) as acquired:
        one = await acquired.fetchrow(sql("read_ledger"), key.list_id)
    if one is None:
        raise InventoryNotFound()
    if public and not one["public_ledger"]:
        raise LedgerNotPublic()
    is_known = one["size"] is not None and (one["size"] == one["last_sequence"] or one["age"] < SIGNED_WITHIN)
    return Head(one["origin"], one["size"], one["root"], one["note"]) if is_known else None


def key_id(one: Head) -> str:
    """Return the id of the key that signed a checkpoint, in hexadecimal."""
    return b64decode(one.note.rpartition("\n\n")[2].split()[2])[:4].hex()


async def keys(pool: Pool, checkpoints: Checkpoints, key: ListKey) -> list[str]:
    """Return the keys with which anybody checks the checkpoints of a public ledger, the one in use first.

    Raises InventoryNotFound, LedgerNotPublic, Unavailable.
    """
    origin = (await head(pool, checkpoints, key)).origin
    async with connection(pool) as acquired:
        return await verifier_keys(acquired, origin)


async def lines(pool: Pool, list_id: UUID, first: int, last: int) -> AsyncIterator[bytes]:
    """Yield the public forms of the changes from one sequence to another, a line each, some at a time.

    It holds no connection while its reader reads. A change that the service has written never changes.
    """
    for start in range(max(first, 1), last + 1, _LINES_AT_ONCE):
        forms = await public_forms(pool, list_id, start, min(last, start + _LINES_AT_ONCE - 1))
        yield b"".join(form + b"\n" for form in forms)


async def public_forms(pool: Pool, list_id: UUID, first: int, last: int) -> Sequence[bytes]:
    """Return the public forms of the changes from one sequence to another, from their stored rows."""
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_public_changes"), list_id, first, last)
    return [
        public_form(
            list_id,
            one["at"],
            (*tuple(one)[:4], *stored_fields(one["before"], one["after"])),
            one["reason_hash"],
        ).encode()
        for one in records
    ]


async def tile(pool: Pool, checkpoints: Checkpoints, key: ListKey, name: TileName) -> bytes:
    """Return a tile of a public ledger, full or partial, within its newest checkpoint.

    Raises TileNotFound, InventoryNotFound, LedgerNotPublic, Unavailable.
    """
    size = (await head(pool, checkpoints, key)).size
    level = name.level or 0
    first = name.tile * TILE
    after = first + name.width
    if after > size // TILE**level:
        raise TileNotFound()
    if name.level is None:
        forms = await public_forms(pool, key.list_id, first + 1, after)
        return b"".join(len(form).to_bytes(2) + form for form in forms)
    async with connection(pool) as acquired:
        (hashes,) = await read_hashes(acquired, key.list_id, level, [(first, after)])
    return b"".join(hashes)
