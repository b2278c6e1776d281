"""Run the command line: each command with arguments that it accepts, in a process of its own or many in one."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from tests.support.ports import free_port
from waiting_list.cli.main import app

CATALOGUE = Path(__file__).parent.parent / "data" / "first"
_PEOPLE = Path(__file__).parent.parent / "data" / "sheets" / "pretix-semicolons.csv"
_INTO = ["--offer", "some", "--representation", "some"]
_VALUES = {"folder": str(CATALOGUE), "letter": "ready", "file": "file", "address": "ada@example.org"}
"""Values of arguments that are not free text."""
_SCRIPT = """
import contextlib, gc, io, json, os, sys
from waiting_list.cli.main import main

done, environment = [], dict(os.environ)
for arguments in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["waiting-list", *arguments]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        gc.collect()  # tells of futures whose exception was never retrieved
    done.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(done))
"""


OF_OUTSIDERS = {"verify", "verify-ledger"}
"""The commands of people who have no installation: they read no setting and no database."""
_OUTAGE = ["--since", "2026-01-01T20:00:00Z", "--until", "2026-01-01T21:00:00Z"]


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def commands() -> dict[str, list[str]]:
    """Return every command with arguments, read from the application, so that a new command is among them."""
    group = typer.main.get_command(app)
    found: dict[str, list[str]] = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        required = [one for one in command.params if one.param_type_name == "argument" and one.required]
        found[name] = [name, *(_VALUES.get(str(one.name), "some") for one in required)]
        if name == "import-people":
            found[name] = [name, str(_PEOPLE), *_INTO]
        options = {"resend": ["--all-dead"], "serve": ["--port", str(free_port())], "extend-holds": _OUTAGE} | {
            "invite-member": ["--name", "Ada"]
        }
        found[name] += options.get(name, [])
    return found


def run_all(calls: Sequence[Sequence[str]], *, folder: Path, **environment: str) -> list[Done]:
    """Run several commands in one process, which works in `folder` and has only this environment."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps([list(call) for call in calls])],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"} | environment,
    )
    assert not done.stderr, done.stderr
    return [Done(*one) for one in json.loads(done.stdout)]
