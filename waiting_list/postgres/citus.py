"""Distribute the tables over the nodes of a Citus cluster: those of lists by `list_id`, small ones to every node.

Citus is an extension that distributes PostgreSQL; docs/scaling.md says when that is worth it. It needs rules: a
transaction changes one list, and every key begins with `list_id`. tests/proofs/test_sql_rules.py checks them, so
that a deployment needs only this command to move from one machine to many.
"""

import asyncpg

from waiting_list.postgres.outage import reachable
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

DISTRIBUTED = (
    "inventory",
    "entries",
    "segments",
    "history",
    "ledger_subtrees",
    "checkpoints",
    "contacts",
    "shared_links",
    "traces",
    "push_subscriptions",
    "phones",
    "messages",
    "outbox",
    "idempotency",
    "counted_lists",
    "counted_periods",
    "counted_waits",
    "deleted_lists",
    "list_news",
    "alerts",
    "transfers",
    "openings",
    "draws",
)
"""Tables that are distributed by `list_id`, so that all rows of a list are on one node. The others are placed
beside the first."""
REFERENCE = (
    "events",
    "representations",
    "offers",
    "api_keys",
    "signing_keys",
    "ledger_keys",
    "webhooks",
    "sms_gateways",
    "members",
    "member_links",
    "member_passkeys",
    "passkey_challenges",
    "sessions",
    "sign_ins",
    "mail_seen",
    "organizations",
    "images",
    "unused_files",
)
"""Tables that are on every node, because they are small, read with every list, and seldom changed."""
LOCAL = (
    "allowances",
    "audits",
    "event_visitors",
    "feed_parts",
    "feeds",
    "schema_migrations",
    "sign_outs",
    "suppressions",
    "told_people",
    "wish_locks",
    "wishes",
)
"""Tables that stay on the coordinator, because they belong to no list and change often. The other nodes ask it for
them, so that the service may connect to any node."""


NODE_SETTINGS = {
    # The plans that a connection of the service pins. Citus has connections of its own to the other nodes.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # Otherwise Citus hides its shards, and the first statement of each connection takes seconds.
    "citus.show_shards_for_app_name_prefixes": "*",
}
"""Settings of the database on every node."""


class DistributionError(Exception):
    """The database cannot be distributed, or not by this version."""


async def distribute(dsn: str, *, shards: int) -> list[str]:
    """Distribute the tables that are not distributed yet over so many shards, and return their names.

    It is one transaction on the coordinator, and safe to repeat. Stop the service meanwhile, because each table is
    locked until the end. Then it writes NODE_SETTINGS to every node. Raises DistributionError if the extension or
    a table is missing, if there is a table that no rule covers, or if a node lacks a setting; Unavailable.
    """
    with reachable(logged=False):
        direct = await asyncpg.connect(dsn, timeout=5, statement_cache_size=0)
        try:
            async with direct.transaction():
                done = await _distribute(direct, shards)
            await _set_on_every_node(direct)
            return done
        finally:
            await direct.close(timeout=5)


async def _distribute(direct: Connection, shards: int) -> list[str]:
    if not await direct.fetchval(sql("has_citus")):
        raise DistributionError("This database has no Citus. Run CREATE EXTENSION citus on every node first.")
    if await direct.fetchval(sql("is_worker_node")):
        raise DistributionError("This is a worker node. Run the command on the coordinator.")
    tables = {record["name"]: record["is_distributed"] for record in await direct.fetch(sql("read_tables"))}
    if unknown := tables.keys() - {*DISTRIBUTED, *REFERENCE, *LOCAL}:
        raise DistributionError(f"The database has unknown tables: {', '.join(sorted(unknown))}.")
    if missing := {*DISTRIBUTED, *REFERENCE, *LOCAL} - tables.keys():
        raise DistributionError(f"The database is not migrated: it lacks {', '.join(sorted(missing))}.")
    left = [name for name in (*REFERENCE, *LOCAL, *DISTRIBUTED) if not tables[name]]
    if not left:
        return []
    # Citus refuses a foreign key between a table that is distributed and one that is not yet, or converts the
    # other table. So drop the foreign keys of these tables first, and create them again afterwards.
    keys = await direct.fetch(sql("read_foreign_keys"), left)
    await direct.execute(sql("distribute_one_by_one"))
    for key in keys:
        await direct.execute(key["drop_it"])
    for name in left:
        if name in REFERENCE:
            await direct.execute(sql("make_reference_table"), name)
        elif name in LOCAL:
            await direct.execute(sql("keep_on_coordinator"), name)
        elif name == DISTRIBUTED[0]:
            await direct.execute(sql("distribute_lists"), name, shards)
        else:
            await direct.execute(sql("distribute_with_lists"), name, DISTRIBUTED[0])
    for key in keys:
        await direct.execute(key["add_it"])
    return left


async def _set_on_every_node(direct: Connection) -> None:
    for name, value in NODE_SETTINGS.items():
        alter = await direct.fetchval(sql("alter_database"), name, value)
        await direct.execute(alter)  # Citus repeats it on the other nodes
        if nodes := [row["node"] for row in await direct.fetch(sql("read_nodes_without"), name, value)]:
            raise DistributionError(f"These nodes lack a setting: {', '.join(nodes)}. Run there: {alter}")
