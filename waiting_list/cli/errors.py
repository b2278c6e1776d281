"""End a command with its error: one sentence for what the operator can correct."""

import sys
from typing import NoReturn

from waiting_list.catalogue.csv_import import ImportRefused
from waiting_list.cli.output import fail
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.citus import DistributionError
from waiting_list.postgres.migrate import MigrationError
from waiting_list.problems import Problem


def end_with(error: Exception) -> NoReturn:
    """End the process with a sentence and its exit code. Any other error is a defect, and is raised again."""
    if isinstance(error, ImportRefused):
        print(f"Nothing was imported:\n{error}", file=sys.stderr)
        sys.exit(1)
    if isinstance(error, EmbeddedError | MigrationError | DistributionError | Problem | OSError | ValueError):
        fail(sentence(error))
    raise error


def sentence(error: BaseException) -> str:
    """Describe an error in one sentence."""
    if isinstance(error, Problem) and error.__cause__ is not None:
        return f"The command cannot use the database: {error.__cause__}"
    return str(error) or type(error).__name__
