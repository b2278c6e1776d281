"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Exit codes: 0 success; 1 the audit found a difference, or an
import has invalid rows; 2 failure, with the reason on stderr.
"""

import signal
import sys
from typing import Annotated

import typer

from waiting_list import __version__
from waiting_list.cli import audit, backup, catalogue, database, demo, keys, notices, people, people_import, serve
from waiting_list.cli.context import app, fail, printable, sentence
from waiting_list.csv_files import ImportRefused
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.citus import DistributionError
from waiting_list.postgres.migrate import MigrationError
from waiting_list.problems import Problem

MODULES = (serve, backup, keys, notices, people, database, catalogue, people_import, audit, demo)
"""Modules that add their commands to the application when they are imported."""


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    # SIGTERM raises SystemExit, so that the command stops the embedded server in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ImportRefused as refused:
        print("Nothing was imported:", *map(printable, refused.errors), sep="\n", file=sys.stderr)
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
