"""The command line answers questions about itself without importing the service, and the service starts soon."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.ports import free_port
from waiting_list.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent.parent
LIGHT = {"typer", "pydantic"}
"""The dependencies that `--help` needs: typer reads the options with pydantic."""
VOCABULARY = {
    "waiting_list.access.scopes",
    "waiting_list.lists.notice_kinds",
    "waiting_list.notifications.notice_status",
    "waiting_list.people_import.choices",
    "waiting_list.access.roles",
}
"""The modules of the service that options take their words from."""
MOST_MODULES = 600
"""All modules of a process, those of the standard library included. The service brings more than 1,000."""
PROGRAM = """
import contextlib, io, json, sys
from waiting_list.cli.main import main
for arguments in json.loads(sys.stdin.read()):
    sys.argv = ["waiting-list", *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        main()
    assert printed.getvalue(), arguments
print(json.dumps(sorted(sys.modules)))
"""


LATE = {
    "aiohttp",
    "waiting_list.notifications.webhook_client",
    "waiting_list.web.openapi_document",
    "waiting_list.web.openapi_bodies",
    "waiting_list.web.openapi_examples",
    "waiting_list.web.openapi_texts",
    "waiting_list.demo.data",
    "yarl",
}
"""What the service imports at its first use: each takes a hundredth of the start or more."""
MOST_SERVING = 1245
"""All modules of a service that is ready. A library more is some 50 modules, and some 30 ms."""
SERVED = """
import gc, json, os, signal, sys, threading, time, urllib.request

def look():
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[-1]}/health/ready", timeout=5):
                break
        except OSError:
            time.sleep(0.02)
    print(json.dumps([gc.isenabled(), gc.get_freeze_count(), *sorted(sys.modules)]))
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=look, daemon=True).start()
from waiting_list.cli.main import main
main()
"""


def imported_by(*calls: list[str], **environment: str) -> set[str]:
    """Return the modules of a process that runs these calls, each of which prints something."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(calls), capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | environment,
    )  # fmt: skip
    return set(json.loads(done.stdout))


def dependencies() -> set[str]:
    """Return the distributions that the service needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[\[<>=,]", one, maxsplit=1)[0] for one in project["dependencies"]}


COMPLETION = {
    "_WAITING_LIST_COMPLETE": "complete_bash",
    "COMP_WORDS": "waiting-list notices --status ",
    "COMP_CWORD": "3",
}
CALLS: dict[str, tuple[list[list[str]], dict[str, str]]] = {
    "version": ([["--version"]], {}),
    "help": ([["--help"], *([name, "--help"] for commands in COMMANDS.values() for name in commands)], {}),
    "completion": ([[]], COMPLETION),
}


@pytest.mark.parametrize(("calls", "environment"), CALLS.values(), ids=CALLS)
def test_version_help_and_completion_import_neither_the_service_nor_what_it_needs(
    calls: list[list[str]], environment: dict[str, str]
) -> None:
    modules = imported_by(*calls, **environment)
    ours = {name for name in modules if name.startswith("waiting_list.") and name.count(".") > 1}
    assert {name for name in ours if not name.startswith("waiting_list.cli.")} <= VOCABULARY
    assert not ours & {"waiting_list.cli.context", "waiting_list.cli.server", "waiting_list.cli.errors"}
    distributions = packages_distributions()
    brought = {
        one.lower() for name in {name.partition(".")[0] for name in modules} for one in distributions.get(name, ())
    }
    assert brought & dependencies() <= LIGHT
    assert "typer" in brought
    assert len(modules) < MOST_MODULES


def test_a_service_that_is_ready_has_not_imported_what_later_calls_need(dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVED, "serve", "--port", str(free_port())],
        capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"DATABASE_URL": dsn, "WAITING_LIST_DRAIN_SECONDS": "0"},
    )  # fmt: skip
    collects, frozen, *modules = json.loads(done.stdout.splitlines()[-1])
    assert collects, "the garbage collector rests during the start only"
    assert frozen > 50_000
    assert "waiting_list.notifications.dispatcher" in modules
    assert not LATE.intersection(modules)
    assert len(modules) < MOST_SERVING
