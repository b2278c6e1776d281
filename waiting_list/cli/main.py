"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Exit codes: 0 success; 1 the audit found a difference, or the
import has invalid rows; 2 failure, with the reason on stderr.
"""

import signal
import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from waiting_list import __version__
from waiting_list.cli import audit, backup, catalogue, database, demo, keys, notices, people, serve

COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "Run": {
        "serve": serve.serve,
        "worker": serve.worker,
        "demo": demo.demo,
    },
    "API keys": {
        "create-key": keys.create_key,
        "list-keys": keys.list_keys,
        "rotate-key": keys.rotate_key,
        "revoke-key": keys.revoke_key,
    },
    "Notices": {
        "notices": notices.list_notices,
        "resend": notices.resend_notices,
        "preview-mail": notices.preview_mail,
    },
    "Data": {
        "import": catalogue.import_catalogue,
        "find-user": people.find_user,
        "export-user": people.export_user,
        "erase-user": people.erase_user,
    },
    "Database": {
        "audit": audit.audit,
        "migrate": database.migrate_database,
        "distribute": database.distribute_tables,
        "backup": backup.backup,
        "restore": backup.restore,
    },
}
"""The commands by the heading that `--help` prints above them."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for _heading, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_heading)(_command)


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    # SIGTERM raises SystemExit, so that the command stops the embedded server in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except Exception as error:
        from waiting_list.cli import errors

        errors.end_with(error)


@app.callback(help=__doc__, invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
