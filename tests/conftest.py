"""A real PostgreSQL for every test: one server, one migrated template, and a clean copy of it for each test."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.attacked import Scene, staged
from tests.support.citus import OF_ONE_SERVER, migrate_and_distribute, on_citus
from tests.support.databases import Databases, connected, on
from tests.support.lists import Lists
from tests.support.pooler import pooled
from tests.support.shop import ORGANIZATION, Shop, declared_answers
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.lists import challenges
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool
from waiting_list.settings import Settings

# A shell starts a job in the background with SIGINT and SIGQUIT ignored. Every process that a test starts would
# inherit that, and never hear the Ctrl-C that the test sends.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


def _keep_files_in_memory() -> None:
    """Have temporary files in memory where there is room, unless TMPDIR says where.

    Each test empties its tables, and makes and removes dozens of files: on a disk that takes four times as long.
    """
    memory = Path("/dev/shm")  # noqa: S108 - `tempfile` makes the folders in it
    if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30:
        os.environ["TMPDIR"] = str(memory)  # for the processes that tests start, too
        tempfile.tempdir = None


_keep_files_in_memory()

SLOW = frozenset(
    {
        "browser",  # pages in a real Chromium
        "processes",
        "test_attacks",
        "test_faults",
        "test_long_ids",
        "test_model",
        "test_scaling_page",
        "test_schemathesis",
        "test_size",
        "test_storms",
    }
)
"""Folders and modules with slow tests: they start whole processes, run storms and attacks, inject faults,
simulate, or try random sequences at length. `make test` leaves them out, `make test-all` runs them."""

# Random tests check what is true, not how soon: a busy machine fails none of them.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")

# A crash of the test machine may lose the tests' data; everything else is as in production.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the modules and folders in SLOW, and on Citus skip those of one server."""
    here = Path(__file__).parent
    for item in items:
        if not SLOW.isdisjoint(item.path.relative_to(here).with_suffix("").parts):
            item.add_marker(pytest.mark.slow)
        if on_citus() and getattr(item, "originalname", item.name) in OF_ONE_SERVER:
            item.add_marker(pytest.mark.skip(reason="it is about one server"))


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of the server: TEST_DATABASE_URL's, or one that is started for these tests."""
    with contextlib.ExitStack() as stack:
        if dsn := os.environ.get("CITUS_URL") or os.environ.get("TEST_DATABASE_URL"):
            yield dsn
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wl-test-"))
            Path(folder).chmod(0o711)  # started by root, the server runs as another account
            yield stack.enter_context(embedded(Path(folder), extra_settings=_FAST))


@pytest_asyncio.fixture(scope="session")
async def template(server: str) -> AsyncIterator[str]:
    """The name of a migrated database that nobody is connected to."""
    name = f"template_{os.getpid()}"
    async with connected(server) as administrator:
        await administrator.execute(f"CREATE DATABASE {name}")
        if on_citus():
            await migrate_and_distribute(server, name)
        else:
            await migrate(on(server, name))
        yield name
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def way(server: str) -> Iterator[str]:
    """How the service reaches that server: as the tests do, or with TEST_POOLER through a transaction pooler."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(pooled(server)) if os.environ.get("TEST_POOLER") else server


@pytest_asyncio.fixture(scope="session")
async def databases(server: str, template: str, way: str) -> AsyncIterator[Databases]:
    """Lends copies of the template. It reuses none behind a pooler: a pooler keeps its connections to a database
    after the test."""
    lender = Databases(server, template, prefix=f"test_{os.getpid()}", reuse=way == server and not on_citus())
    yield lender
    await lender.end()


@pytest_asyncio.fixture
async def dsn(databases: Databases, way: str) -> AsyncIterator[str]:
    """A database for one test: new, or reused and empty."""
    async with databases.lent() as name:
        yield on(way, name)


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Challenges that take no time, one bit apart as they are."""
    for name, bits in (("LEAST_BITS", 2), ("BASE_BITS", 4), ("MOST_BITS", 5)):
        monkeypatch.setattr(challenges, name, bits)


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """Connections to it, as the service has them."""
    opened = await connect_pool(Settings(), dsn)
    try:
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def lists(pool: Pool) -> Lists:
    """The engine on an event with one sold-out list, whose clock the test sets (see tests/support/lists.py)."""
    return await Lists.make(pool)


@pytest_asyncio.fixture
async def app(dsn: str) -> AsyncIterator[FastAPI]:
    """The application on that database, started, without the worker."""
    started = create_app(Settings(database_url=SecretStr(dsn), worker=False))
    async with started.router.lifespan_context(started):
        yield started


@pytest_asyncio.fixture
async def shop(app: FastAPI) -> AsyncIterator[Shop]:
    """A client of it, with an organization's key."""
    created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    hooks = {"response": [declared_answers(app)]}
    async with httpx.AsyncClient(transport=transport, base_url="http://service", event_hooks=hooks) as client:
        yield Shop(client, created.key)


@pytest_asyncio.fixture(scope="module")
async def scene(databases: Databases, way: str) -> AsyncIterator[Scene]:
    """One for all attacks that change nothing, which each of them shows."""
    async with databases.lent() as name:
        app = create_app(Settings(database_url=SecretStr(on(way, name)), worker=False))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
                yield await staged(app, http)


@pytest_asyncio.fixture
async def fresh(app: FastAPI, shop: Shop) -> Scene:
    """One for an attack that does change something, though not what it wanted to."""
    return await staged(app, shop.http)
