"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Settings come from the environment, and from the file that
--env-file names. Exit codes: 0 success; 1 the audit found a difference, the import has invalid rows, or there is
no data folder; 2 failure, with the reason on stderr.
"""

import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from waiting_list import __version__
from waiting_list.catalogue import csv_import
from waiting_list.cli import audit, backup, catalogue, database, demo, keys, notices, people, serve
from waiting_list.cli.context import app, fail, load_env_file, sentence
from waiting_list.environment import ENV_FILE
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.citus import DistributionError
from waiting_list.postgres.explain import DatabaseError
from waiting_list.postgres.migrate import MigrationError
from waiting_list.problems import Problem

MODULES = (serve, backup, keys, notices, people, database, catalogue, audit, demo)
"""Modules that add their commands to the application when they are imported."""


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    # SIGTERM raises SystemExit, so that the command stops the embedded server in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except csv_import.ImportRefused as refused:
        print(f"Nothing was imported:\n{refused}", file=sys.stderr)
        sys.exit(1)
    except (
        EmbeddedError,
        DatabaseError,
        MigrationError,
        DistributionError,
        Problem,
        OSError,
        ValueError,
    ) as error:
        fail(sentence(error))
    except Exception:
        # Not 1, because that exit code of the audit means a difference.
        traceback.print_exc()
        fail("The command has a defect. The lines above are for its developers.")


@app.callback(help=__doc__, invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            envvar=ENV_FILE,
            metavar="FILE",
            help="Read variables from this file, one NAME=value on each line. Variables that are set win.",
        ),
    ] = None,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if env_file is not None:
        load_env_file(env_file)
