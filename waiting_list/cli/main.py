"""Run waiting lists for sold-out events.

Each command uses the database in DATABASE_URL. Without it, the command uses the embedded PostgreSQL of a data
folder, and starts that server if it is not running. Settings come from the environment, and from the file that
--env-file names. Exit codes: 0 success, or a stop of `serve` or `worker`; 1 the audit found a difference, an
import has invalid rows, or there is no data folder (for the audit 2); 2 failure, with the reason on stderr. Any
other command that is stopped ends with 143, or with 130 for Ctrl-C.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from waiting_list import __version__
from waiting_list.cli import (
    audit,
    backup,
    catalogue,
    database,
    demo,
    holds,
    images,
    keys,
    members,
    notices,
    people,
    people_import,
    restores,
    serve,
    verify,
)
from waiting_list.cli.output import note
from waiting_list.cli.stopping import handle_stops, ignore_stops

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
        "rotate-ledger-key": keys.rotate_ledger_key,
    },
    "Proof": {
        "verify-ledger": verify.verify_public_ledger,
        "verify": verify.verify_receipt,
    },
    "Members": {
        "invite-member": members.invite_member,
        "sign-in-link": members.sign_in_link,
        "list-members": members.list_members,
    },
    "Notices": {
        "notices": notices.list_notices,
        "resend": notices.resend_notices,
        "preview-mail": notices.preview_mail,
    },
    "Data": {
        "import": catalogue.import_catalogue,
        "import-people": people_import.import_people,
        "extend-holds": holds.extend_holds,
        "find-user": people.find_user,
        "export-user": people.export_user,
        "erase-user": people.erase_user,
    },
    "Database": {
        "audit": audit.audit,
        "migrate": database.migrate_database,
        "move-images": images.move_images,
        "distribute": database.distribute_tables,
        "backup": backup.backup,
        "restore": backup.restore,
        "declare-restore": restores.declare_restore,
    },
}
"""The commands by the heading that `--help` prints above them."""


class Group(TyperGroup):
    """The commands, which `--help` prints under their headings."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. End quietly if the reader of its output, such as `head`, wants no more of it."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except typer.BadParameter as error:
            # The prefix is pydantic's, which checks the values for typer.
            error.message = error.message.removeprefix("Value error, ")
            raise
        except BrokenPipeError as error:
            output = sys.stdout.fileno()
            if not _is_pipe_closed(output):
                raise ConnectionError(str(error)) from error  # typer would be silent about it
            # Python flushes again when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), output)
            raise typer.Exit(128 + signal.SIGPIPE) from error
        return result

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 # as typer calls it
        """Write the headings, and below each its commands with the first sentence of their help."""
        width = max(map(len, self.commands))
        for heading, names in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(width), _first_sentence(self.commands[name].help or "")) for name in names]
                )


def _is_pipe_closed(output: int) -> bool:
    pipe = select.poll()
    pipe.register(output, 0)
    return bool(pipe.poll(0))  # POLLERR: the reader has closed its end


def _first_sentence(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".") + "."


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Plain text, because it suits terminals, files and screen readers alike.
    rich_markup_mode=None,
)
for _commands in COMMANDS.values():
    for _name, _command in _commands.items():
        app.command(_name)(_command)


def main() -> None:
    """Run the command. An error that the operator can fix prints one sentence, without a traceback."""
    handle_stops()
    try:
        app()
    except SystemExit as end:
        if end.code == 128 + signal.SIGINT:
            note("Interrupted.")
        raise
    except Exception as error:
        from waiting_list.cli import errors

        errors.end_with(error)
    finally:
        ignore_stops()


@app.callback(help=__doc__, invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            envvar="WAITING_LIST_ENV_FILE",
            metavar="FILE",
            help="Read variables from this file, one NAME=value a line. By default no file. "
            "Variables that are set win.",
        ),
    ] = None,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if env_file is not None:
        from waiting_list.cli.context import load_env_file

        load_env_file(env_file)
