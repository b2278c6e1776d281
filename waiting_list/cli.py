"""Waiting lists for sold-out events.

Every command works on DATABASE_URL, or else on the embedded PostgreSQL of a data folder, which commands share:
the first one to need it starts it. Exit codes: 0 done; 1 the audit found a difference, or an import has bad
rows; 2 it could not be done, and a sentence on stderr says why.
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
"""Each adds its commands to the application when it is imported."""


def main() -> None:
    """Runs the command. What an operator can mend is one sentence, never a traceback."""
    # A command that is told to end leaves its blocks: the embedded server is stopped in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except importer.ImportRefused as refused:
        print(f"Nothing was imported:\n{refused}", file=sys.stderr)
        sys.exit(1)
    except (EmbeddedError, MigrationError, DistributionError, Problem, OSError, ValueError) as error:
        fail(sentence(error))


@app.callback(help=__doc__, invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command("migrate")
def migrate_(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema. Safe to repeat, and to run several times at once."""
    with with_database(data_dir, migrated=False) as settings:
        applied = uvloop.run(migrate(dsn_of(settings)))
        print(f"Applied {', '.join(applied)}." if applied else "Nothing to apply.")


@app.command("distribute")
def distribute_(
    shards: Annotated[int, typer.Option(min=1, max=1024, help="Over how many shards lists are spread.")] = 32,
    data_dir: DataDir = None,
) -> None:
    """Distribute the tables over the nodes of a Citus cluster. Safe to repeat; let the service rest meanwhile."""
    with with_database(data_dir) as settings:
        done = uvloop.run(distribute(dsn_of(settings), shards=shards))
        print(f"Distributed {', '.join(done)}." if done else "Nothing to distribute.")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With the four CSV files.")],
    shift_dates: Annotated[bool, typer.Option("--shift-dates", help="Move all dates ahead of today.")] = False,
    organization: Annotated[str | None, typer.Option(help="Instead of the one in events.csv.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Import events.csv, representations.csv, offers.csv and inventory.csv: all or nothing."""
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
    offer_id: Annotated[str | None, typer.Argument(help="Of one list; all lists unless given.")] = None,
    representation_id: Annotated[str | None, typer.Argument(help="Of that list.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a list.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Replay the history of each list against its tables, and name the first difference. Locks nothing. What an
    audit of all lists has found is in the metrics from then on.
    """
    if (offer_id is None) != (representation_id is None):
        raise ValueError("A list is named by an offer and a representation: give both, or neither.")
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
    url: Annotated[str, typer.Option(help="Where the service answers.")] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
) -> None:
    """Load a catalogue and a few dozen fans, and print what to try. Loaded once, however often it is called."""

    async def run(pool: Pool, config: Settings) -> None:
        print(await demo.load(pool, config, url))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _progress(key: ListKey, rows: int) -> None:
    if sys.stderr.isatty():
        print(f"{key.offer_id}/{key.representation_id}: {rows} rows", end="\r", file=sys.stderr, flush=True)
