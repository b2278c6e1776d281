"""Migrate the database: apply migrations in order, one process at a time, and check those that were applied."""

import asyncio
import hashlib
import re
import secrets
from contextlib import suppress
from importlib.resources import files
from typing import NamedTuple

import asyncpg
from asyncpg import UndefinedColumnError, UndefinedTableError

from waiting_list.key_material import new_ledger_key, new_signing_key
from waiting_list.postgres.multi_host import connect
from waiting_list.postgres.outage import reachable
from waiting_list.postgres.pool import ACQUIRE_SECONDS, Connection, Pool, Record, connection
from waiting_list.postgres.statements import sql

_MIGRATION_LOCK = 7_318_349_394_477_056_577
"""Any number that no other user of the same database is likely to lock."""
_LOCK_TRIES = 12
_OLDEST_SERVER = 15


class Migration(NamedTuple):
    """One file of the folder `migrations`. docs/migrations.md has the rules for its content.

    `works_from` comes from a line `-- works from: 0007`. Code that does not know that migration must not use the
    database any longer, and refuses it. `in_transaction` is false for a file with a line `-- no transaction`, such
    as an index that is built CONCURRENTLY: its statements run one by one, and must be safe to repeat.
    """

    version: int
    name: str
    text: str

    @property
    def works_from(self) -> int:
        """The number of the oldest migration that code must know to use this schema; 0: any code can use it."""
        found = re.search(r"^-- works from: (\d{4})$", self.text, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def in_transaction(self) -> bool:
        """Whether the migration is one transaction."""
        return not re.search(r"^-- no transaction$", self.text, re.MULTILINE)


def migrations() -> list[Migration]:
    """Return every migration, in order."""
    found = []
    for file in (files("waiting_list.postgres") / "migrations").iterdir():
        if matched := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name):
            found.append(Migration(int(matched[1]), matched[2], file.read_text(encoding="utf-8")))
    return sorted(found)


def newest_migration() -> int:
    """Return the version of the schema that this code works with."""
    return max(migration.version for migration in migrations())


class MigrationError(Exception):
    """The database cannot be migrated, or its migrations differ from these files."""


def check_server(direct: Connection) -> None:
    """Check the version of the server and the encoding of the database, which it has told at the connection.

    Raises MigrationError.
    """
    version = direct.get_server_version()
    if version.major < _OLDEST_SERVER:
        raise MigrationError(
            f"The database runs on PostgreSQL {version.major}. The service needs {_OLDEST_SERVER} or newer."
        )
    encoding = getattr(direct.get_settings(), "server_encoding", "UTF8")
    if encoding != "UTF8":
        raise MigrationError(
            f"The encoding of the database is {encoding}, and the service needs UTF8. Make a new database:"
            " CREATE DATABASE waiting_list ENCODING 'UTF8' TEMPLATE template0"
        )


async def check_schema(dsn: str) -> None:
    """Check that this code can work with the schema, and change nothing: a role that only reads can call it.

    Raises MigrationError if the database has to be migrated, or needs newer code; Unavailable.
    """
    with reachable(logged=False):
        direct = await connect(dsn, timeout=ACQUIRE_SECONDS, statement_cache_size=0)
        try:
            check_server(direct)
            known = await _read_migrations(direct)
        finally:
            await direct.close(timeout=ACQUIRE_SECONDS)
    ours = newest_migration()
    if known is None or known["newest"] < 1:
        raise MigrationError("The database has no tables of this service yet. Run: waiting-list migrate")
    _check_not_newer(known)
    if known["newest"] < ours:
        raise MigrationError(
            f"The database is at version {known['newest']}, this program needs {ours}. Run: waiting-list migrate"
        )


async def _read_migrations(acquired: Connection) -> Record | None:
    """Return what the database says of its migrations; None without such a table, or with that of an old build."""
    try:
        return await acquired.fetchrow(sql("read_migrations"))
    except (UndefinedTableError, UndefinedColumnError):
        return None


def _check_not_newer(known: Record) -> None:
    if known["works_from"] > newest_migration():
        raise MigrationError(
            f"The database is at version {known['newest']}, which needs a newer version of the service: this"
            f" program knows {newest_migration()}."
        )


async def migrate(dsn: str) -> list[str]:
    """Migrate the database to the newest schema, and return the names of the applied migrations.

    Each migration is one transaction, or declares that it cannot be. Several callers at once wait for each other.
    A migration blocks the service only for a moment: without its locks it gives up and retries. A database that
    newer code has migrated stays as it is, unless that code has declared that this code cannot work with it. A
    migration without a transaction must not go through a transaction pooler.

    Raises MigrationError if an applied migration differs from its file, if the database needs newer code, or if
    locks are not available; Unavailable.
    """
    applied = []
    with reachable(logged=False):
        direct = await connect(dsn, timeout=ACQUIRE_SECONDS, statement_cache_size=0)
        try:
            check_server(direct)
            # Not again, because a role that may only read and write rows can serve what another role has migrated.
            if await _read_migrations(direct) is None:
                await _check_coordinator(direct)
                async with direct.transaction():
                    await direct.execute(sql("lock_migrations"), _MIGRATION_LOCK)
                    await direct.execute(sql("create_schema_migrations"))
            # At once, so that a start takes few statements.
            checksums = {row["version"]: row["checksum"] for row in await direct.fetch(sql("read_checksums"))}
            for migration in migrations():
                if not _is_known(migration, checksums.get(migration.version)) and await _apply(direct, migration):
                    applied.append(f"{migration.version:04}_{migration.name}")
            known = await direct.fetchrow(sql("read_migrations"))
            assert known is not None
            _check_not_newer(known)
            for purpose in ("user_token", "purchase_pass", "derived", "push"):
                await direct.execute(
                    sql("insert_signing_key"), purpose, secrets.token_hex(8), new_signing_key(purpose)
                )
            await direct.execute(sql("insert_ledger_key"), *new_ledger_key())
        finally:
            await direct.close(timeout=ACQUIRE_SECONDS)
    return applied


async def _check_coordinator(direct: Connection) -> None:
    """Raise MigrationError on a worker node of a Citus cluster, which does not change the tables of the others."""
    if await direct.fetchval(sql("has_citus")) and await direct.fetchval(sql("is_worker_node")):
        raise MigrationError(
            "This is a worker node of a Citus cluster. Run on the coordinator: waiting-list migrate"
        )


async def _apply(direct: Connection, migration: Migration) -> bool:
    """Apply the migration unless it is applied already, and return whether it was."""
    await _check_coordinator(direct)
    if migration.in_transaction:
        for attempt in range(_LOCK_TRIES):
            # Not for long, because all later statements on the table wait behind a pending lock.
            with suppress(asyncpg.LockNotAvailableError):
                async with direct.transaction():
                    await direct.execute(sql("lock_migrations"), _MIGRATION_LOCK)
                    if await _is_applied(direct, migration):
                        return False
                    await direct.execute(sql("wait_a_moment"))
                    await direct.execute(migration.text)
                    await _record(direct, migration)
                    return True
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
        raise MigrationError(
            f"The migration {migration.version:04}_{migration.name} did not get its locks. Try again."
        )
    # By polling, because an index that is built CONCURRENTLY would wait for a waiting statement.
    while not await direct.fetchval(sql("try_lock_migrations"), _MIGRATION_LOCK):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    if await _is_applied(direct, migration):
        return False
    for statement in re.split(r";\s*\n", migration.text):
        if re.sub(r"^--.*$", "", statement, flags=re.MULTILINE).strip():
            await direct.execute(statement)
    await _record(direct, migration)
    return True


async def _is_applied(direct: Connection, migration: Migration) -> bool:
    return _is_known(migration, await direct.fetchval(sql("read_migration"), migration.version))


def _is_known(migration: Migration, checksum: str | None) -> bool:
    """Return whether the database has the checksum of a migration. Raises MigrationError if it has another."""
    if checksum not in (None, _checksum(migration)):
        raise MigrationError(
            f"The migration {migration.version:04}_{migration.name} was changed after it was applied."
        )
    return checksum is not None


async def _record(direct: Connection, migration: Migration) -> None:
    await direct.execute(sql("insert_migration"), migration.version, migration.name, _checksum(migration))
    if migration.works_from:
        await direct.execute(sql("require_later_code"), migration.version, migration.works_from)


def _checksum(migration: Migration) -> str:
    return hashlib.sha256(migration.text.encode()).hexdigest()


async def is_migrated(pool: Pool) -> bool:
    """Return whether this version can work with the database's schema: its own, or a later compatible one.

    Raises Unavailable.
    """
    async with connection(pool) as acquired:
        known = await _read_migrations(acquired)
    return known is not None and bool(known["works_from"] <= newest_migration() <= known["newest"])
