"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Exit codes: 0 success, or a stop of `serve` or `worker`; 1 the
audit found a difference, or the import has invalid rows; 2 failure, with the reason on stderr. Any other command
that is stopped ends with 143, or with 130 for Ctrl-C.
"""

import sys
from typing import Annotated

import typer

from waiting_list import __version__
from waiting_list.catalogue import csv_import
from waiting_list.cli import audit, backup, catalogue, database, demo, keys, notices, people, serve
from waiting_list.cli.context import app, fail, sentence
from waiting_list.cli.stopping import handle_stops, ignore_stops
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.citus import DistributionError
from waiting_list.postgres.migrate import MigrationError
from waiting_list.problems import Problem

MODULES = (serve, backup, keys, notices, people, database, catalogue, audit, demo)
"""Modules that add their commands to the application when they are imported."""


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    handle_stops()
    try:
        app()
    except csv_import.ImportRefused as refused:
        print(f"Nothing was imported:\n{refused}", file=sys.stderr)
        sys.exit(1)
    except (EmbeddedError, MigrationError, DistributionError, Problem, OSError, ValueError) as error:
        fail(sentence(error))
    finally:
        ignore_stops()


@app.callback(help=__doc__, invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
