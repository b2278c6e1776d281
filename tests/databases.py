"""Databases for tests: a clean one for each test, without copying the template each time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.until import until

# For each system catalogue: the number of rows, and the last transaction that wrote one. TRUNCATE writes to
# pg_class; for that one the query reads the content, without the columns that TRUNCATE and VACUUM change.
_CATALOGUES = """
SELECT string_agg(format(
    CASE WHEN oid = 'pg_class'::regclass
        THEN 'SELECT %L, count(*), md5(string_agg((to_jsonb(c) - ''{relfilenode,relpages,reltuples,relallvisible,'
            'relallfrozen,relfrozenxid,relminmxid}''::text[])::text, '''' ORDER BY oid)) FROM %I c'
        ELSE 'SELECT %L, count(*), max(xmin::text::bigint)::text FROM %I'
    END, relname, relname), ' UNION ALL ' ORDER BY relname)
FROM pg_class
WHERE relkind = 'r' AND NOT relisshared AND relnamespace = 'pg_catalog'::regnamespace
"""
# What the server itself stores about this database.
_AROUND = """
SELECT to_jsonb(d) - '{oid,datname,datfrozenxid,datminmxid}'::text[] AS own,
    (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings,
    (SELECT count(*) FROM pg_prepared_xacts WHERE database = d.datname) AS prepared,
    (SELECT count(*) FROM pg_replication_slots WHERE database = d.datname) AS slots
FROM pg_database d WHERE datname = current_database()
"""
_RELATIONS = """
SELECT format('%I.%I', nspname, relname) AS name, relkind = 'S' AS counts
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'S') AND nspname <> 'information_schema' AND nspname !~ '^pg_'
ORDER BY 1
"""
_WRITTEN = """
SELECT string_agg(name, ', ') FROM unnest($1::text[]) AS name WHERE pg_relation_size(name::regclass) > 0
"""
_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def on(dsn: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """One connection, outside of any pool."""
    opened = await asyncpg.connect(dsn)
    try:
        yield opened
    finally:
        await opened.close()


class Databases:
    """Lends copies of a template, each to one test at a time, and reuses them.

    After each test it empties the tables that are empty in the template. Then it compares the database with the
    template: schema, other rows, sequences, settings of the database, and planner statistics. If anything differs,
    or if somebody is still connected, it drops the database.
    """

    def __init__(self, server: str, template: str, *, prefix: str, reuse: bool = True) -> None:
        self._server, self._template, self._prefix, self._reuse = server, template, prefix, reuse
        self._clean: list[str] = []
        self._empty: list[str] = []
        self._asked = ""
        self._as_made: list[Any] = []
        self.made = 0

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        """Lend a database that equals the template, and clean it afterwards."""
        async with connected(self._server) as administrator:
            if self._reuse and not self._as_made:
                await self._look_at_template()
            name = self._clean.pop() if self._clean else await self._new(administrator)
            try:
                yield name
            finally:
                if self._reuse and await self._is_left(administrator, name) and await self._cleaned(name):
                    self._clean.append(name)
                else:
                    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def end(self) -> None:
        """Drop the databases that are not lent."""
        async with connected(self._server) as administrator:
            while self._clean:
                await administrator.execute(f"DROP DATABASE {self._clean.pop()} WITH (FORCE)")

    async def _new(self, administrator: Any) -> str:
        self.made += 1
        name = f"{self._prefix}_{self.made}"
        await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
        return name

    async def _look_at_template(self) -> None:
        async with connected(on(self._server, self._template)) as inside:
            self._asked = await inside.fetchval(_CATALOGUES)
            kept = []
            for relation in await inside.fetch(_RELATIONS):
                name = relation["name"]
                if relation["counts"]:
                    kept.append(f"SELECT last_value::text || is_called FROM {name}")
                elif await inside.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):
                    kept.append(f"SELECT row::text FROM {name} AS row")
                else:
                    self._empty.append(name)
            self._kept = " UNION ALL ".join(f"({one})" for one in kept) or "SELECT ''"
            self._as_made = await self._state(inside)

    async def _state(self, inside: Any) -> list[Any]:
        return [await inside.fetch(query) for query in (self._asked, _AROUND, self._kept)]

    async def _is_left(self, administrator: Any, name: str) -> bool:
        """Whether nobody is connected any more. The server ends a session a moment after the client has left."""

        async def nobody() -> bool:
            return not await administrator.fetchval(_SESSIONS, name)

        try:
            await until(nobody, seconds=0.5)
        except AssertionError:
            return False
        return True

    async def _cleaned(self, name: str) -> bool:
        """Empty the tables, and say whether the database now equals the template."""
        try:
            async with connected(on(self._server, name)) as inside:
                if written := await inside.fetchval(_WRITTEN, self._empty):
                    await inside.execute(f"TRUNCATE {written} RESTART IDENTITY CASCADE")
                return await self._state(inside) == self._as_made
        except asyncpg.PostgresError:  # a table is missing, or the database allows no connections
            return False
