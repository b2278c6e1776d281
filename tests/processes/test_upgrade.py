"""The previous version and this one: its code on this schema, as in a rolling upgrade, and its data, upgraded.

The repository keeps the old code, so that a clone without history has it. It runs with the packages of today.
"""

import asyncio
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.databases import connected, on
from tests.support.ports import free_port
from tests.support.shop import LIST, Shop
from tests.support.until import until
from waiting_list.postgres.migrate import MigrationError, migrate, migrations
from waiting_list.postgres.pool import connect_pool, connection
from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent.parent
BEFORE = ROOT / "tests" / "data" / "before.tar.xz"
"""Of commit e2d3775; docs/release.md says how it is made."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it was."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(BEFORE) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture
async def empty(server: str, way: str) -> AsyncIterator[str]:
    """A database without any schema."""
    name = f"empty_{os.getpid()}"
    async with connected(server) as administrator:
        await administrator.execute(f"CREATE DATABASE {name}")
        yield on(way, name)
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(package: Path, *arguments: str, dsn: str) -> str:
    """A command of that version."""
    done = subprocess.run(
        [sys.executable, "-m", "waiting_list", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=package,
        env=os.environ | {"DATABASE_URL": dsn, "PYTHONPATH": str(package)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@asynccontextmanager
async def serving(package: Path, dsn: str) -> AsyncIterator[Shop]:
    """`serve` of that version, and a client of it with a key that it made."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "waiting_list", "serve", "--port", str(port)],
        cwd=package,
        env=os.environ | {"DATABASE_URL": dsn, "PYTHONPATH": str(package), "WAITING_LIST_DRAIN_SECONDS": "0"},
        stdout=subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

            async def is_live() -> bool:
                assert process.poll() is None, "it has ended"
                try:
                    return (await http.get("/health/live")).status_code == 200
                except httpx.HTTPError:
                    return False

            await until(is_live, seconds=30)
            yield Shop(http, run(package, "create-key", "org_1", dsn=dsn).strip())
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


async def story(shop: Shop, name: str) -> None:
    """Some of everything, with the list sold out before and after."""
    fans = [f"{name}-{number}" for number in range(6)]
    for fan in fans:
        await shop.join(fan, 2)
    assert (await shop.user(fans[0], "GET")).json()["status"] == "waiting"
    await shop.user(fans[5], "PATCH", body={"tickets_wanted": 1})
    await shop.user(fans[4], "DELETE")
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/{fans[3]}/move", {"to": "first"})
    stocked = await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 4})
    assert [entry["user_id"] for entry in stocked["promoted"]] == [fans[3], fans[0]]
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/{fans[3]}/purchase", {"quantity": 2})
    await shop.user(fans[0], "DELETE")  # passes on to the second
    assert (await shop.entry(fans[1]))["status"] == "ready"
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/{fans[1]}/purchase", {"quantity": 2})
    await shop.made("DELETE", f"/waiting-lists/{LIST}/entries/{fans[2]}")
    await shop.made("DELETE", f"/waiting-lists/{LIST}/entries/{fans[5]}")
    await shop.made("GET", f"/waiting-lists/{LIST}/history")
    await shop.made("GET", f"/users/{fans[0]}/export")
    await shop.made("DELETE", f"/users/{fans[0]}")
    for page in ("/", f"/waiting-lists/{LIST}", "/dashboard/sign-in"):
        assert (await shop.http.get(page)).status_code == 200, page


def audited(package: Path, dsn: str) -> None:
    """That version's audit finds nothing."""
    assert re.fullmatch(r"1 lists?, 0 with a difference\n", run(package, "audit", dsn=dsn))


async def test_the_code_before_works_on_this_schema_beside_this_code(before: Path, empty: str) -> None:
    run(before, "migrate", dsn=empty)
    async with serving(before, empty) as old:
        await old.stock(1000)
        await story(old, "first")
        # The upgrade begins: the schema first, while the old processes go on.
        await migrate(empty)
        await story(old, "second")
        async with serving(ROOT, empty) as new:
            for turn in range(3):
                await asyncio.gather(story_of_joins(old, f"old-{turn}"), story_of_joins(new, f"new-{turn}"))
            await story_alone(old, new)
            entries = [(await shop.made("GET", "/waiting-lists"))["items"] for shop in (old, new)]
            assert entries[0] == [{name: row[name] for name in entries[0][0]} for row in entries[1]]
    audited(ROOT, empty)


async def story_of_joins(shop: Shop, name: str) -> None:
    for number in range(10):
        await shop.join(f"{name}-{number}")


async def story_alone(old: Shop, new: Shop) -> None:
    """What one has done, the other sees and goes on with."""
    await new.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    ready = (await old.made("GET", "/entries", params={"status": "ready"}))["items"]
    assert len(ready) == 3
    for entry, shop in zip(ready, (old, new, old), strict=True):
        await shop.made("POST", f"/waiting-lists/{LIST}/entries/{entry['user_id']}/purchase", {})
    assert (await new.made("GET", "/entries", params={"status": "ready"}))["items"] == []


async def test_data_of_the_version_before_is_upgraded_audited_and_used_on(before: Path, empty: str) -> None:
    async with serving(before, empty) as old:
        await old.stock(1000)
        await story(old, "first")
        await old.join("waits", 2)
        old_key, entry = old.key, (await old.user("waits", "GET")).json()
        headers = {"Idempotency-Key": "once"}
        first = await old.made("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 1}, headers=headers)
    async with serving(ROOT, empty) as new:
        new.key = old_key
        assert (await new.user("waits", "GET")).json().items() >= entry.items()
        again = await new.organizer("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 1}, headers=headers)
        # The version before stored less of the stock.
        assert (again.json(), again.headers["Idempotent-Replayed"]) == (
            first | {"version": 0, "sellable": 0, "list_state": None, "state_reason": None},
            "true",
        )
        keys = (await new.made("GET", "/api-keys"))["items"]
        assert [key["scopes"] for key in keys] == [["admin"]] * len(keys)
        await new.made("DELETE", f"/waiting-lists/{LIST}/entries/waits")
        await new.made("POST", f"/inventory/{LIST}/remove-stock", {"quantity": 1})
        await story(new, "second")
    audited(ROOT, empty)


async def test_a_later_schema_is_worked_with_unless_it_says_otherwise(dsn: str) -> None:
    assert await migrate(dsn) == []
    pool = await connect_pool(Settings(), dsn)
    async with connection(pool) as acquired:
        later = "INSERT INTO schema_migrations (version, name, checksum) VALUES (9001, 'later', 'x')"
        await acquired.execute(later)
        assert await migrate(dsn) == []
        await acquired.execute("UPDATE schema_migrations SET works_from = 9001 WHERE version = 9001")
        with pytest.raises(MigrationError, match="9001, which needs a newer version of the service"):
            await migrate(dsn)
    await pool.close()


async def test_a_migration_waits_a_moment_for_its_locks_and_holds_nobody_up(dsn: str) -> None:
    pool = await connect_pool(Settings(), dsn)
    async with connection(pool) as acquired:
        await acquired.execute("DELETE FROM schema_migrations WHERE version = 8")
        await acquired.execute("DROP TABLE audits")
        await acquired.execute("DELETE FROM schema_migrations WHERE version = 6")
        await acquired.execute(
            "ALTER TABLE api_keys DROP scopes, DROP lifetime, DROP expires_at, DROP last_used_at;"
            "ALTER TABLE schema_migrations DROP works_from; DROP TABLE allowances"
        )
    async with connection(pool) as reader:
        async with reader.transaction():
            # A long report, say: it keeps the migration from changing the table.
            await reader.fetch("SELECT count(*) FROM api_keys")
            migrating = asyncio.create_task(migrate(dsn))
            async with connection(pool) as acquired:

                async def is_waiting() -> bool:
                    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
                    return bool(await acquired.fetchval(waits))

                await until(is_waiting)
                # Whoever comes behind it waits for a second at most, though the report is not over.
                assert await asyncio.wait_for(acquired.fetchval("SELECT count(*) FROM api_keys"), 3) == 0
        assert await asyncio.wait_for(migrating, 20) == ["0006_identity", "0008_audits"]
    await pool.close()


async def test_a_migration_without_a_transaction_is_safe_to_repeat_and_to_run_twice_at_once(
    server: str, dsn: str
) -> None:
    pool = await connect_pool(Settings(), dsn)
    direct = on(server, urlsplit(dsn).path.removeprefix("/"))  # as docs/pooling.md says
    async with connection(pool) as acquired:
        await acquired.execute("DELETE FROM schema_migrations WHERE version = 9")
    applied = await asyncio.wait_for(asyncio.gather(*(migrate(direct) for _ in range(3))), 30)
    assert sorted(applied) == [[], [], ["0009_dead_notices"]]
    async with connection(pool) as acquired:
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'outbox_dead'::regclass"
        assert await acquired.fetchval(valid) is True
    await pool.close()


BREAKING = re.compile(
    r"\b(DROP (TABLE|COLUMN|VIEW)|RENAME|DROP CONSTRAINT|ALTER COLUMN \w+ (TYPE|SET NOT NULL))\b", re.IGNORECASE
)
WIDENED = re.compile(r"DROP CONSTRAINT signing_keys_purpose\b")
"""Constraints that a migration makes anew, and wider: they still take whatever older code writes."""
BEFORE_THE_RULE = range(1, 6)
SMALL = {"api_keys", "sessions"}
"""Tables of a few rows for each organization, which a migration may change and index in one go."""


@pytest.mark.parametrize("migration", [one for one in migrations() if one.version not in BEFORE_THE_RULE], ids=str)
def test_a_migration_keeps_to_the_rules(migration: Any) -> None:
    text = re.sub(r"^--.*$", "", migration.text, flags=re.MULTILINE)
    if BREAKING.search(WIDENED.sub("", text)):
        assert migration.works_from, "code that still needs this must be told: -- works from: NNNN"
    assert migration.works_from <= migration.version
    assert "CONCURRENTLY" not in text or not migration.in_transaction
    grows = re.findall(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\w+ ON (\w+)", text)
    made_here = re.findall(r"CREATE (?:UNLOGGED )?TABLE (\w+)", text)
    assert set(grows) <= {*made_here, *SMALL}, "an index of a table that is in use is built CONCURRENTLY"
    changed = set(re.findall(r"\b(?:UPDATE|DELETE FROM) (\w+)", text))
    assert changed <= SMALL, "data is changed by the service, in small parts"


def test_the_reference_says_which_migrations_there_are() -> None:
    page = (ROOT / "docs" / "migrations.md").read_text()
    assert re.findall(r"^\| `(\d{4}_\w+)` \|", page, re.MULTILINE) == [
        f"{one.version:04}_{one.name}" for one in migrations()
    ]
