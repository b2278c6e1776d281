"""Give a command the settings, and a database with a pool."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from pydantic import ValidationError

from waiting_list.cli.output import fail
from waiting_list.cli.stopping import end_in_order
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool
from waiting_list.settings import Settings
from waiting_list.telemetry import logs

T = TypeVar("T")


@contextmanager
def with_database(data_dir: Path | None, *, migrated: bool = True) -> Iterator[Settings]:
    """Yield the settings with a database: that of DATABASE_URL, or an embedded one that runs during the block."""
    settings = configured()
    logs.set_up(settings)
    end_in_order()
    if settings.database_url is not None:
        yield _with_schema(settings) if migrated else settings
        return
    with embedded(data_dir or settings.data_dir) as dsn:
        # In the environment, so that child processes find it.
        os.environ["WAITING_LIST_DATABASE_URL"] = dsn
        settings = configured()
        yield _with_schema(settings) if migrated else settings


def _with_schema(settings: Settings) -> Settings:
    uvloop.run(migrate(dsn_of(settings)))
    return settings


def configured() -> Settings:
    """Return the settings of the environment. If they are invalid, end the command with a sentence."""
    try:
        return Settings()
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        fail("The settings are not valid. " + "; ".join(problems))


def dsn_of(settings: Settings) -> str:
    """Return the DSN of the database in the settings."""
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def run_with_pool(settings: Settings, run: Callable[[Pool, Settings], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine with a pool of its own, and close the pool afterwards."""

    async def with_pool() -> T:
        pool = await connect_pool(settings, dsn_of(settings))
        try:
            return await run(pool, settings)
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), timeout=5)

    return uvloop.run(with_pool())
