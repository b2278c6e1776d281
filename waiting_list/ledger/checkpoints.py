"""Sign checkpoints of ledgers. A checkpoint says what the root of a list's tree is at a size."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

import asyncpg
import structlog

from waiting_list.key_material import new_ledger_key
from waiting_list.ledger.merkle import Range, consistency_ranges, inclusion_ranges
from waiting_list.ledger.notes import checkpoint, verifier_key
from waiting_list.ledger.tree import IncompleteLedger, grow, read_nodes
from waiting_list.lists.models import ListKey
from waiting_list.lists.notice_kinds import WebhookType
from waiting_list.lists.outbox_rows import insert_notices, notice_id
from waiting_list.postgres.pool import Connection, Pool, clock, connection, snapshot, transaction
from waiting_list.postgres.statements import sql

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=5)
"""How long the worker waits after a checkpoint of a list before it signs the next."""
LISTS_AT_ONCE = 200
"""How many lists one round of the worker signs."""
PATH = "/v1/user/waiting-lists/"
"""Where the ledgers are, below the address of the service."""


class Head(NamedTuple):
    """A checkpoint of a list."""

    origin: str
    size: int
    root: bytes
    note: str


class Checkpoints:
    """Sign and read checkpoints. Each process has one; any number of processes may sign."""

    def __init__(self, pool: Pool, public_url: str) -> None:
        self._pool = pool
        self._public_url = public_url
        self._broken: set[UUID] = set()
        """The lists that this process cannot sign, each of which it has logged once."""

    async def sign_due(self) -> bool:
        """Sign the lists that changed since their last checkpoint; return whether more may be due.

        A list whose history has gaps, or no longer begins with what was signed, gets no further checkpoint. The
        log names it. Raises Unavailable.
        """
        async with connection(self._pool) as acquired:
            before = await clock(acquired) - EVERY
        async with snapshot(self._pool) as acquired:
            lists = await acquired.fetch(sql("read_lists_to_sign"), before, LISTS_AT_ONCE, [*self._broken])
        for one in lists:
            try:
                await self.sign(one["list_id"])
            except asyncpg.ForeignKeyViolationError:  # deleted meanwhile
                continue
            except IncompleteLedger as error:
                self._broken.add(one["list_id"])
                log.warning("ledger_incomplete", list_id=str(one["list_id"]), error=str(error))
        return len(lists) == LISTS_AT_ONCE

    async def sign(self, list_id: UUID) -> Head | None:
        """Sign the history of a list as it is now, and return the checkpoint; None if there is no such list.

        It grows the tree first, however far it is behind. Raises IncompleteLedger, also if the history no longer
        begins with what was signed before; Unavailable.
        """
        while True:
            async with transaction(self._pool) as acquired:
                one = await acquired.fetchrow(sql("read_list_to_sign"), list_id)
                if one is None:
                    return None
                if one["size"] == one["last_sequence"]:
                    return Head(one["origin"], one["size"], one["root"], one["note"])
                if not await grow(acquired, list_id, one["last_sequence"]):
                    key = ListKey(one["offer_id"], one["representation_id"])
                    origin = one["origin"] or self._origin(key)
                    old = None if one["size"] is None else (one["size"], one["root"])
                    return await self._sign(
                        acquired, list_id, key, one["organization_id"], origin, old, one["last_sequence"]
                    )

    async def _sign(
        self,
        acquired: Connection,
        list_id: UUID,
        key: ListKey,
        organization_id: str,
        origin: str,
        old: tuple[int, bytes] | None,
        size: int,
    ) -> Head:
        heads: list[Range] = [(0, size), *([(0, old[0])] if old else [])]
        nodes = await read_nodes(acquired, list_id, heads)
        if old and nodes.hash_of((0, old[0])) != old[1]:
            raise IncompleteLedger(f"The history of list {list_id} no longer begins with what was signed.")
        root = nodes.hash_of((0, size))
        signing = (await acquired.fetch(sql("read_ledger_keys")))[0]
        note, at = checkpoint(origin, size, root, signing["private_key"]), await clock(acquired)
        if await acquired.fetchval(sql("upsert_checkpoint"), list_id, origin, size, root, note, at):
            await _tell(acquired, list_id, key, organization_id, size, note, at)
        return Head(origin, size, root, note)

    def _origin(self, key: ListKey) -> str:
        _, _, address = self._public_url.partition("://")
        return f"{address}{PATH}{quote(key.offer_id, safe='')}/{quote(key.representation_id, safe='')}"


async def _tell(
    acquired: Connection, list_id: UUID, key: ListKey, organization_id: str, size: int, note: str, at: datetime
) -> None:
    """Put the checkpoint in the outbox for the webhooks that name its type, as there is one every few seconds."""
    type_ = WebhookType.CHECKPOINT_PUBLISHED
    webhooks = [one[0] for one in await acquired.fetch(sql("read_organization_webhooks"), organization_id, type_)]
    if not webhooks:
        return
    data = key._asdict() | {"size": size, "checkpoint": note}
    body = json.dumps({"type": type_, "timestamp": at.isoformat(), "data": data}, separators=(",", ":"))
    names = [notice_id(list_id, at, size, type_, webhook_id) for webhook_id in webhooks]
    many = len(webhooks)
    columns = names, webhooks, [type_] * many, [None] * many, [size] * many, [body] * many
    await insert_notices(acquired, list_id, organization_id, at, *columns)


async def prove_inclusion(acquired: Connection, list_id: UUID, index: int, size: int) -> list[bytes]:
    """Return the proof that the change of an index is among the first `size` ones. Raises IncompleteLedger."""
    return await _prove(acquired, list_id, inclusion_ranges(index, size))


async def prove_consistency(acquired: Connection, list_id: UUID, old: int, new: int) -> list[bytes]:
    """Return the proof that a list's history at one size begins with that at another. Raises IncompleteLedger."""
    return await _prove(acquired, list_id, consistency_ranges(old, new))


async def _prove(acquired: Connection, list_id: UUID, parts: Sequence[Range]) -> list[bytes]:
    nodes = await read_nodes(acquired, list_id, parts)
    return [nodes.hash_of(part) for part in parts]


async def verifier_keys(acquired: Connection, origin: str) -> list[str]:
    """Return the keys that sign, or have signed, the checkpoints of an origin, the one in use first."""
    return [verifier_key(origin, one["public_key"]) for one in await acquired.fetch(sql("read_ledger_keys"))]


async def rotate_key(pool: Pool) -> str:
    """Make the key that signs checkpoints from now on, and return its id. The public parts of older keys stay.

    Every process uses it at its next checkpoint. Raises Unavailable.
    """
    key = new_ledger_key()
    async with transaction(pool) as acquired:
        await acquired.execute(sql("retire_ledger_key"))
        await acquired.execute(sql("insert_ledger_key"), *key)
    return key[0]
