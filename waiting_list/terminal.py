"""What the commands share: the application that they belong to, their database, and how they fail."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from pydantic import ValidationError

from waiting_list import logs
from waiting_list.database import Pool, connect_pool, migrate
from waiting_list.embedded import embedded
from waiting_list.problems import Problem
from waiting_list.settings import Settings

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded PostgreSQL; WAITING_LIST_DATA_DIR, or data, unless given."),
]


@contextmanager
def with_database(data_dir: Path | None, *, migrated: bool = True) -> Iterator[Settings]:
    """The settings with a database: DATABASE_URL's, or the embedded one for as long as the block runs."""
    settings = configured()
    logs.set_up(settings)
    if settings.database_url is not None:
        yield _with_schema(settings) if migrated else settings
        return
    with embedded(data_dir or settings.data_dir) as dsn:
        # Processes that this one starts find it there.
        os.environ["WAITING_LIST_DATABASE_URL"] = dsn
        settings = configured()
        yield _with_schema(settings) if migrated else settings


def _with_schema(settings: Settings) -> Settings:
    uvloop.run(migrate(dsn_of(settings)))
    return settings


def configured() -> Settings:
    """The settings of the environment; ends the command with a sentence if they are wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        fail("Settings: " + "; ".join(problems))


def dsn_of(settings: Settings) -> str:
    """Where the database is that the settings name."""
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def run_with_pool(settings: Settings, run: Callable[[Pool, Settings], Coroutine[Any, Any, T]]) -> T:
    """Runs something with a pool of its own, which is closed afterwards."""

    async def with_pool() -> T:
        pool = await connect_pool(settings, dsn_of(settings))
        try:
            return await run(pool, settings)
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), timeout=5)

    return uvloop.run(with_pool())


def sentence(error: BaseException) -> str:
    """What went wrong, for people."""
    if isinstance(error, Problem) and error.__cause__ is not None:
        return f"The database cannot be used: {error.__cause__}"
    return str(error) or type(error).__name__


def printable(line: str) -> str:
    """Foreign text on one line: a terminal obeys some of what cannot be seen."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def fail(why: str) -> NoReturn:
    """Ends the command with a sentence on stderr."""
    print(why, file=sys.stderr)
    sys.exit(2)
