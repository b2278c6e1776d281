"""Define `backup` and `restore`, which write and read the database of a data folder with PostgreSQL's programs.

They refuse a database in DATABASE_URL, because only the programs of its own server version fit it. To restore the
database to any instant, use WAL archiving: docs/backup.md.
"""

import os
import shlex
import subprocess
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import fail

if TYPE_CHECKING:
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write. It must not exist yet.")],
    data_dir: DataDir = None,
) -> None:
    """Write a backup of a data folder to one file.

    The backup is a snapshot of one instant, and the service can keep running. The file has personal data and the
    deployment's signing keys, so only its owner can read it.
    """
    from waiting_list.cli.context import run_with_pool, with_database

    began = monotonic()
    _refuse_other_servers()
    if file.exists():
        fail(f"{file} already exists. Name a new file.")
    # A separate name, so that a file with the final name is always complete.
    part = file.with_name(f"{file.name}.part")
    # Without a migration, because operators make backups before an upgrade.
    with with_database(data_dir, schema="leave") as settings:
        if not run_with_pool(settings, _has_tables):
            fail("This data folder has no database to back up.")
        with open(part, "wb", opener=_for_its_owner) as output:
            _run("pg_dump", settings, data_dir, "--format=custom", output=output)
            os.fsync(output.fileno())
    part.rename(file)
    print(f"Wrote {file}: {file.stat().st_size / 1e6:.1f} MB in {monotonic() - began:.1f} s.")


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="File that `backup` wrote.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into a new data folder.

    The command then migrates the database. If the restore fails, the folder stays empty.
    """
    import uvloop

    from waiting_list.cli.context import dsn_of, run_with_pool, with_database
    from waiting_list.postgres.migrate import migrate

    began = monotonic()
    _refuse_other_servers()
    with with_database(data_dir, schema="leave", makes_folder=True) as settings:
        if run_with_pool(settings, _has_tables):
            fail("This data folder already has a database. Restore into a new one, then serve from that.")
        _run("pg_restore", settings, data_dir, "--single-transaction", "--exit-on-error", str(file))
        uvloop.run(migrate(dsn_of(settings)))
    folder = f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
    print(f"Restored {file} in {monotonic() - began:.1f} s. Check the result with: waiting-list audit{folder}")


def _refuse_other_servers() -> None:
    from waiting_list.cli.context import configured

    if configured().database_url is not None:
        fail(
            "DATABASE_URL names a server. Use its own pg_dump and pg_restore, or its WAL archive (docs/backup.md)."
        )


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _has_tables(pool: "Pool", _: "Settings") -> bool:
    from waiting_list.postgres.pool import connection
    from waiting_list.postgres.statements import sql

    async with connection(pool) as acquired:
        found: bool = await acquired.fetchval(sql("read_has_tables"))
    return found


def _run(
    name: str, settings: "Settings", data_dir: Path | None, *arguments: str, output: IO[bytes] | None = None
) -> None:
    """Run one of PostgreSQL's programs on this database. If it fails, end the command with its error."""
    from waiting_list.cli.context import dsn_of
    from waiting_list.postgres.binaries import find_program

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
