"""Spreads the tables over the nodes of a Citus cluster: those of lists by their list, the rest to every node.

Citus is an extension that distributes PostgreSQL; docs/scaling.md says when that is worth it. The rules that make
it possible (one transaction, one list; every key begins with `list_id`) are held by tests/proofs/test_sql_rules.py
all the time, so that nothing but this command stands between one machine and many.
"""

import asyncpg

from waiting_list.postgres.outage import reachable
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

DISTRIBUTED = ("inventory", "entries", "segments", "history", "contacts", "traces", "outbox", "idempotency")
"""By `list_id`, all rows of a list on one node. The first is what the others are put beside."""
REFERENCE = ("events", "representations", "offers", "api_keys", "signing_keys", "webhooks", "sessions", "sign_ins")
"""On every node: small, read with every list, and changed seldom."""
LOCAL = ("allowances", "audits", "event_visitors", "schema_migrations", "sign_outs", "suppressions")
"""Left as they are, on the coordinator, where the service connects: so PostgreSQL alone runs what writes them, and
Citus, which would refuse the statement that counts requests, has no say in it."""


class DistributionError(Exception):
    """The database cannot be distributed, or not by this version."""


async def distribute(dsn: str, *, shards: int) -> list[str]:
    """Distributes what is not distributed yet over so many shards, and returns the names of the tables.

    One transaction on the coordinator: all of it, or nothing. Safe to repeat. The service should rest meanwhile:
    each table is locked until the end. Raises DistributionError where the extension is missing, or where there is
    a table that no rule covers; Unavailable.
    """
    async with reachable():
        direct = await asyncpg.connect(dsn, timeout=5, statement_cache_size=0)
        try:
            async with direct.transaction():
                return await _distribute(direct, shards)
        finally:
            await direct.close(timeout=5)


async def _distribute(direct: Connection, shards: int) -> list[str]:
    if not await direct.fetchval(sql("has_citus")):
        raise DistributionError("This database has no Citus. Run CREATE EXTENSION citus on every node first.")
    tables = {record["name"]: record["is_distributed"] for record in await direct.fetch(sql("read_tables"))}
    if unknown := tables.keys() - {*DISTRIBUTED, *REFERENCE, *LOCAL}:
        raise DistributionError(f"The database has unknown tables: {', '.join(sorted(unknown))}.")
    if missing := {*DISTRIBUTED, *REFERENCE, *LOCAL} - tables.keys():
        raise DistributionError(f"The database is not migrated: it lacks {', '.join(sorted(missing))}.")
    left = [name for name in (*REFERENCE, *DISTRIBUTED) if not tables[name]]
    if not left:
        return []
    # A foreign key between a table that is distributed and one that is not yet is refused, or turns the other into
    # something else: those of all tables at hand are made anew afterwards.
    keys = await direct.fetch(sql("read_foreign_keys"), left)
    await direct.execute(sql("distribute_one_by_one"))
    for key in keys:
        await direct.execute(key["drop_it"])
    for name in left:
        if name in REFERENCE:
            await direct.execute(sql("make_reference_table"), name)
        elif name == DISTRIBUTED[0]:
            await direct.execute(sql("distribute_lists"), name, shards)
        else:
            await direct.execute(sql("distribute_with_lists"), name, DISTRIBUTED[0])
    for key in keys:
        await direct.execute(key["add_it"])
    return left
