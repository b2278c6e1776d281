"""Give a command the settings, and a database with a pool."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, assert_never

import uvloop

from waiting_list.cli.output import fail
from waiting_list.cli.stopping import end_in_order
from waiting_list.environment import SettingsError, read_env_file
from waiting_list.postgres.embedded import embedded, has_data
from waiting_list.postgres.explain import explained
from waiting_list.postgres.migrate import check_schema, migrate
from waiting_list.postgres.outage import log_outages
from waiting_list.postgres.pool import Pool, connect_pool
from waiting_list.settings import Settings, read_settings
from waiting_list.telemetry import logs

T = TypeVar("T")


Schema: TypeAlias = Literal["check", "migrate", "leave"]
"""What a command does about the schema: check it, migrate it, or leave both to its own code."""


@contextmanager
def with_database(
    data_dir: Path | None,
    *,
    schema: Schema = "check",
    makes_folder: bool = False,
    code_without_folder: int = 1,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[Settings]:
    """Yield the settings with a database: that of DATABASE_URL, or an embedded one that runs during the block.

    A data folder that does not exist yet is an error, unless `data_dir` names it, or the command `makes_folder`.
    `meanwhile` is called before the block: while the embedded server starts, if there is one.
    """
    settings = configured()
    logs.set_up(settings)
    end_in_order()
    log_outages(schema == "migrate")  # the others end at the first outage, and report it
    if settings.database_url is not None:
        meanwhile()
        with explained(dsn_of(settings)):
            yield _with_schema(settings, schema)
        return
    folder = data_dir or settings.data_dir
    is_new = not has_data(folder)
    if is_new and data_dir is None and not makes_folder:
        fail(
            f"There is no data folder here ({folder.absolute()}). Name one with --data-dir, or set DATABASE_URL.",
            code=code_without_folder,
        )
    with embedded(folder, meanwhile=meanwhile) as dsn:
        # In the environment, so that child processes find it.
        os.environ["WAITING_LIST_DATABASE_URL"] = dsn
        with explained(dsn):
            yield _with_schema(configured(), "migrate" if is_new and schema == "check" else schema)


def _with_schema(settings: Settings, schema: Schema) -> Settings:
    match schema:
        case "check":
            uvloop.run(check_schema(dsn_of(settings)))
        case "migrate":
            uvloop.run(migrate(dsn_of(settings)))
        case "leave":
            pass
        case _:
            assert_never(schema)
    return settings


def configured() -> Settings:
    """Return the settings of the environment. If they are invalid, end the command with a sentence for each."""
    try:
        return read_settings()
    except SettingsError as error:
        fail("\n  ".join(("The settings are not valid:", *error.problems)))


def load_env_file(file: Path) -> None:
    """Add the variables of an env file to the environment. A variable that is set there already stays."""
    try:
        found = read_env_file(file)
    except ValueError as error:
        fail(str(error))
    os.environ.update({name: value for name, value in found.items() if not os.environ.get(name)})


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
