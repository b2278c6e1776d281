"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Exit codes: 0 success; 1 the audit found a difference, or the
import has invalid rows; 2 failure, with the reason on stderr.
"""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from waiting_list import (
    __version__,
    backup_commands,
    demo,
    importer,
    key_commands,
    notice_commands,
    serve_commands,
    user_commands,
)
from waiting_list.audit import audit_lists, remember_audit
from waiting_list.database import MigrationError, Pool, migrate
from waiting_list.distribute import DistributionError, distribute
from waiting_list.models import ListKey
from waiting_list.postgres_program import EmbeddedError
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.terminal import DataDir, app, dsn_of, fail, run_with_pool, sentence, with_database

MODULES = (serve_commands, backup_commands, key_commands, notice_commands, user_commands)
"""Modules that add their commands to the application when they are imported."""


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    # SIGTERM raises SystemExit, so that the command stops the embedded server in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except importer.ImportRefused as refused:
        print(f"Nothing was imported:\n{refused}", file=sys.stderr)
        sys.exit(1)
    except (EmbeddedError, MigrationError, DistributionError, Problem, OSError, ValueError) as error:
        fail(sentence(error))


@app.callback(help=__doc__, invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command("migrate")
def migrate_(data_dir: DataDir = None) -> None:
    """Migrate the database to the newest schema.

    The command is safe to repeat, and to run on several machines at once.
    """
    with with_database(data_dir, migrated=False) as settings:
        applied = uvloop.run(migrate(dsn_of(settings)))
        print(f"Applied {', '.join(applied)}." if applied else "Nothing to apply.")


@app.command("distribute")
def distribute_(
    shards: Annotated[int, typer.Option(min=1, max=1024, help="Number of shards for the lists.")] = 32,
    data_dir: DataDir = None,
) -> None:
    """Distribute the tables over a Citus cluster.

    Stop the service first. The command is safe to repeat.
    """
    with with_database(data_dir) as settings:
        done = uvloop.run(distribute(dsn_of(settings), shards=shards))
        print(f"Distributed {', '.join(done)}." if done else "All tables are already distributed.")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the four CSV files.")],
    shift_dates: Annotated[
        bool, typer.Option("--shift-dates", help="Move all dates by whole weeks, so that they lie after today.")
    ] = False,
    organization: Annotated[
        str | None, typer.Option(help="Import into this organization, and ignore the one in events.csv.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Import a catalogue from four CSV files.

    The files are events.csv, representations.csv, offers.csv and inventory.csv. An invalid row stops the whole
    import.
    """
    found = importer.read(folder, organization_id=organization)
    if shift_dates:
        found = importer.shifted(found, datetime.now(UTC).date())

    async def run(pool: Pool, config: Settings) -> None:
        made = await importer.load(pool, found, sends_mail=config.sends_mail)
        for name, objects in (
            ("events", found.events),
            ("representations", found.representations),
            ("offers", found.offers),
            ("inventory", found.inventory),
        ):
            print(f"{name}: {len(objects)} read, {made[name]} made")

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@app.command()
def audit(
    offer_id: Annotated[
        str | None, typer.Argument(help="Audit only one list: the id of its offer. By default all lists.")
    ] = None,
    representation_id: Annotated[
        str | None, typer.Argument(help="The id of the representation of that list.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each list.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Compare each list with its history.

    The command replays the history, compares the result with the tables, and prints the first difference of each
    list. It takes no locks. The metrics show the result of the last audit of all lists.
    """
    if (offer_id is None) != (representation_id is None):
        raise ValueError("Give both the offer and the representation of a list, or neither.")
    only = ListKey(offer_id, representation_id) if offer_id and representation_id else None
    differences = lists = 0

    async def run(pool: Pool, _: Settings) -> None:
        nonlocal differences, lists
        async for report in audit_lists(pool, only=only, progress=_progress):
            lists += 1
            differences += report.finding is not None
            if as_json:
                print(report.model_dump_json())
            elif report.finding:
                print(f"{report.offer_id} at {report.representation_id}: {report.finding.sentence}")
        if only is None:
            await remember_audit(pool, lists=lists, differences=differences)

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)
    if not as_json:
        print(f"{lists} lists, {differences} with a difference")
    if differences:
        raise typer.Exit(1)


@app.command("demo")
def demo_(
    url: Annotated[
        str, typer.Option(help="Address of the service, for the printed examples.")
    ] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
) -> None:
    """Load the demo, and print examples to try.

    The demo is a catalogue with a few dozen fans. The command is safe to repeat.
    """

    async def run(pool: Pool, config: Settings) -> None:
        print(await demo.load(pool, config, url))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _progress(key: ListKey, rows: int) -> None:
    if sys.stderr.isatty():
        print(f"{key.offer_id}/{key.representation_id}: {rows} rows", end="\r", file=sys.stderr, flush=True)
