"""Databases for tests: a clean one for each test, without copying the template each time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.until import until

# For each system catalogue: the number of rows, and how many were written after this query. TRUNCATE writes to
# pg_class; for that one the query reads the content, without the columns that TRUNCATE and VACUUM change.
_CATALOGUES = """
SELECT string_agg(format(
    CASE WHEN oid = 'pg_class'::regclass
        THEN 'SELECT count(*), md5(string_agg((to_jsonb(c) - ''{relfilenode,relpages,reltuples,relallvisible,'
            'relallfrozen,relfrozenxid,relminmxid}''::text[])::text, '''' ORDER BY oid)) FROM %1$I c'
        ELSE 'SELECT count(*), (count(*) FILTER (WHERE age(xmin) < age(''%2$s''::xid)))::text FROM %1$I'
    END, relname, pg_current_xact_id()::xid), ' UNION ALL ' ORDER BY relname)
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
# What `ALTER DATABASE … SET` said of a database. CREATE DATABASE does not copy it.
_SETTINGS = """
SELECT split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS setting
WHERE d.datname = $1 AND s.setrole = 0
"""
_OTHERS = "SELECT pg_stat_get_db_numbackends(oid) - 1 FROM pg_database WHERE datname = current_database()"


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
    or if the test is still connected, it drops the database. Its own connection to each database stays open during
    the tests: a new one each time would double the work.
    """

    def __init__(self, server: str, template: str, *, prefix: str, reuse: bool = True) -> None:
        self._server, self._template, self._prefix, self._reuse = server, template, prefix, reuse
        self._clean: list[_Database] = []
        self._empty: list[str] = []
        self._catalogues = self._kept = ""
        self._as_made: list[Any] = []
        self.made = 0

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[str]:
        """Lend a database that equals the template, and clean it afterwards."""
        if self._reuse and not self._as_made:
            await self._look_at_template()
        database = self._clean.pop() if self._clean else await self._new()
        try:
            yield database.name
        finally:
            if await self._cleaned(database):
                self._clean.append(database)
            else:
                await self._drop(database)

    async def end(self) -> None:
        """Drop the databases that are not lent."""
        while self._clean:
            await self._drop(self._clean.pop())

    async def _new(self) -> "_Database":
        self.made += 1
        name = f"{self._prefix}_{self.made}"
        async with connected(self._server) as administrator:
            await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
            for setting in await administrator.fetch(_SETTINGS, self._template):
                await administrator.execute(f"ALTER DATABASE {name} SET {setting['name']} = '{setting['value']}'")
        return _Database(name, await asyncpg.connect(on(self._server, name)) if self._reuse else None)

    async def _drop(self, database: "_Database") -> None:
        if database.inside:
            await database.inside.close()
        async with connected(self._server) as administrator:

            async def dropped() -> bool:
                # Citus connects by itself, and may do so at this moment.
                with contextlib.suppress(asyncpg.ObjectInUseError):
                    await administrator.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
                    return True
                return False

            await until(dropped, seconds=10)

    async def _look_at_template(self) -> None:
        async with connected(on(self._server, self._template)) as inside:
            self._catalogues = await inside.fetchval(_CATALOGUES)
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
        return [await inside.fetch(query) for query in (self._catalogues, _AROUND, self._kept)]

    async def _cleaned(self, database: "_Database") -> bool:
        """Empty the tables, and say whether the database now equals the template."""
        if (inside := database.inside) is None:
            return False

        async def alone() -> bool:
            return await inside.fetchval(_OTHERS) == 0

        try:
            await until(alone, seconds=0.5)  # the server ends a session a moment after the client has left
            if written := await inside.fetchval(_WRITTEN, self._empty):
                await inside.execute(f"TRUNCATE {written} RESTART IDENTITY CASCADE")
            return await self._state(inside) == self._as_made
        except (AssertionError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # somebody is connected, a table is missing, or the test has closed this connection


class _Database(NamedTuple):
    name: str
    inside: Any
