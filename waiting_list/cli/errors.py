"""End a command with its error: one sentence for what the operator can correct."""

import sys
import traceback
from typing import NoReturn

from waiting_list.cli.output import fail, printable
from waiting_list.csv_files import ImportRefused
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.citus import DistributionError
from waiting_list.postgres.explain import DatabaseError
from waiting_list.postgres.migrate import MigrationError
from waiting_list.problems import Problem

_EXPLAINED = (
    EmbeddedError,
    DatabaseError,
    MigrationError,
    DistributionError,
    Problem,
    OSError,
    ValueError,
)


def end_with(error: Exception) -> NoReturn:
    """End the process with a sentence and its exit code. Any other error is a defect, with its traceback."""
    if isinstance(error, ImportRefused):
        print("Nothing was imported:", *map(printable, error.errors), sep="\n", file=sys.stderr)
        sys.exit(1)
    if isinstance(error, _EXPLAINED):
        fail(sentence(error))
    # Not 1, because that exit code of the audit means a difference.
    traceback.print_exception(error)
    fail("The command has a defect. The lines above are for its developers.")


def sentence(error: BaseException) -> str:
    """Describe an error in one sentence."""
    return str(error) or type(error).__name__
