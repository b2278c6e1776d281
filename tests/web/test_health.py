"""Readiness reports a database that refuses writes, at little cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from fastapi import FastAPI

from tests.access.test_rate_limits import served
from tests.support.databases import connected
from tests.support.shop import Shop, problem
from waiting_list.postgres import outage, statements
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import Unavailable
from waiting_list.web import health
from waiting_list.web.health import Health


@asynccontextmanager
async def configured(server: str, dsn: str, setting: str) -> AsyncIterator[None]:
    """New connections to the database have this setting."""
    name = urlsplit(dsn).path.removeprefix("/")
    async with connected(server) as administrator:
        await administrator.execute(f"ALTER DATABASE {name} SET {setting}")
        yield
        await administrator.execute(f"ALTER DATABASE {name} RESET {setting.partition(' ')[0]}")


async def test_a_database_that_takes_no_writes_is_not_ready(dsn: str, server: str) -> None:
    async with configured(server, dsn, "default_transaction_read_only = on"), served(dsn) as shop:
        refused = problem(await shop.http.get("/health/ready"), 503, "unavailable")
        assert refused["detail"] == "The database is read-only, so the service cannot write."
        assert (await shop.http.get("/health/live")).status_code == 200


async def test_a_server_that_can_be_written_to_again_is_found(
    app: FastAPI, shop: Shop, dsn: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_FRESH_SECONDS", -1.0)
    async with configured(server, dsn, "default_transaction_read_only = on"):
        # A connection made before keeps what it was told then.
        await app.state.service.pool.expire_connections()
        assert (await shop.http.get("/health/ready")).status_code == 503
    # The look that failed has had the pool leave its connections, as after a failover.
    assert (await shop.http.get("/health/ready")).status_code == 200


async def fill_the_disk(pool: Pool) -> None:
    """A statement fails as it does on a full disk."""
    with pytest.raises(Unavailable):
        async with connection(pool) as acquired:
            await acquired.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")


async def test_a_full_disk_is_not_ready_until_there_is_room_again(
    app: FastAPI, shop: Shop, dsn: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(outage.DISK, "is_full", False)
    pool = app.state.service.pool
    assert (await shop.http.get("/health/ready")).status_code == 200
    await fill_the_disk(pool)
    # No file may be written: that is what the look for room finds on a full disk.
    async with configured(server, dsn, "temp_file_limit = 0"):
        await pool.expire_connections()
        refused = problem(await shop.http.get("/health/ready"), 503, "unavailable")
        assert refused["detail"] == "The database's disk is full, so the service cannot write. Free some space."
        assert outage.DISK.is_full
    await pool.expire_connections()
    assert (await shop.http.get("/health/ready")).status_code == 200
    assert not outage.DISK.is_full


async def test_the_look_for_room_does_write_a_file(dsn: str) -> None:
    direct = await asyncpg.connect(dsn)
    try:
        async with direct.transaction():
            await direct.execute(statements.sql("use_little_memory"))
            plan = await direct.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {statements.sql('write_temporary_file')}")
        assert any("temp read=" in row[0] and "written=" in row[0] for row in plan), plan
    finally:
        await direct.close()


async def test_however_many_ask_the_database_is_looked_at_once_a_second(pool: Pool) -> None:
    looks = 0

    class Counted(Health):
        async def _find_trouble(self) -> str | None:
            nonlocal looks
            looks += 1
            return await super()._find_trouble()

    one = Counted(pool)
    for _ in range(10):
        await asyncio.gather(*(one.check() for _ in range(20)))
    assert looks == 1
    one._looked_at -= 2
    await one.check()
    assert looks == 2
