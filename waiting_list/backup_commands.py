"""`backup` and `restore`: the database of a data folder in one file, by PostgreSQL's own programs.

Whoever has set DATABASE_URL has those of that server: a file of one version is not for an older one. For going
back to an instant between two backups there is WAL archiving: docs/backup.md.
"""

import os
import subprocess
from pathlib import Path
from typing import IO, Annotated

import typer
import uvloop

from waiting_list.database import Pool, connection, migrate, sql
from waiting_list.postgres_program import find_program
from waiting_list.settings import Settings
from waiting_list.terminal import DataDir, app, configured, dsn_of, fail, run_with_pool, with_database


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file.")], data_dir: DataDir = None) -> None:
    """Write the database of a data folder to one file, as of one instant, while the service runs.

    It holds personal data, and the keys that this deployment signs with: only its owner can read it.
    """
    _refuse_other_servers()
    if file.exists():
        fail(f"{file} exists already: name a new file.")
    # The name stands for a whole backup: one that is cut off keeps this one.
    part = file.with_name(f"{file.name}.part")
    # Not migrated: this is what one does before an upgrade.
    with with_database(data_dir, migrated=False) as settings:
        if not run_with_pool(settings, _has_tables):
            fail("There is nothing in this data folder yet.")
        with open(part, "wb", opener=_for_its_owner) as output:
            _run("pg_dump", settings, data_dir, "--format=custom", output=output)
            os.fsync(output.fileno())
    part.rename(file)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `backup` has written.")],
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back, into a new data folder: all of it, or nothing. Then migrates it."""
    _refuse_other_servers()
    with with_database(data_dir, migrated=False) as settings:
        if run_with_pool(settings, _has_tables):
            fail("This data folder has a database already: restore into a new one, and then serve from that.")
        _run("pg_restore", settings, data_dir, "--single-transaction", "--exit-on-error", str(file))
        uvloop.run(migrate(dsn_of(settings)))
    print("Restored. Look with: waiting-list audit")


def _refuse_other_servers() -> None:
    if configured().database_url is not None:
        fail(
            "DATABASE_URL names a server: use its own pg_dump and pg_restore, or better its WAL (docs/backup.md)."
        )


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _has_tables(pool: Pool, _: Settings) -> bool:
    async with connection(pool) as acquired:
        found: bool = await acquired.fetchval(sql("read_has_tables"))
    return found


def _run(
    name: str, settings: Settings, data_dir: Path | None, *arguments: str, output: IO[bytes] | None = None
) -> None:
    """One of PostgreSQL's programs on this database; ends the command with what it says if it fails."""
    cluster = (data_dir or settings.data_dir) / "postgres" / "cluster"
    done = subprocess.run(
        [str(find_program(cluster, None).bindir / name), f"--dbname={dsn_of(settings)}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip())
