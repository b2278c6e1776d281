"""All commands follow the same rules: their help, their options, and how they refuse a wrong call."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from waiting_list.cli.main import COMMANDS, app
from waiting_list.postgres.pool import Pool

GROUP: Any = typer.main.get_command(app)
NAMES = [name for names in COMMANDS.values() for name in names]
ALL = {"waiting-list": GROUP, **GROUP.commands}
"""The program itself, for its own options, and its commands."""
LISTINGS = {"list-keys", "list-members", "notices", "find-user", "audit"}
"""The commands that print what they find, object by object."""
NO_LISTINGS = {
    "serve", "worker", "demo", "create-key", "rotate-key", "revoke-key", "resend", "preview-mail", "import",
    "import-people", "extend-holds", "export-user", "erase-user", "migrate", "distribute", "backup", "restore",
    "invite-member", "sign-in-link", "move-images", "rotate-ledger-key", "verify-ledger", "verify",
    "declare-restore",
}  # fmt: skip


def call(*arguments: str, program: tuple[str, ...] = ("-m", "waiting_list")) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *arguments],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "COLUMNS": "80"},
    )  # fmt: skip


def test_every_listing_has_json() -> None:
    assert set(NAMES) == LISTINGS | NO_LISTINGS, "say of a new command whether it is a listing"
    with_json = {name for name in NAMES if any("--json" in one.opts for one in GROUP.commands[name].params)}
    assert with_json == LISTINGS


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_a_command_and_of_its_options_are_whole_sentences(name: str) -> None:
    command = ALL[name]
    for paragraph in command.help.split("\n\n"):
        assert re.match(r"[A-Z].*\.$", paragraph.strip(), re.DOTALL), paragraph
    for parameter in command.params:
        assert re.match(r"[A-Z].*\.$", parameter.help or "", re.DOTALL), parameter.name


@pytest.mark.parametrize("name", ALL)
def test_every_option_with_a_value_says_its_default(name: str) -> None:
    for parameter in ALL[name].params:
        takes_value = parameter.param_type_name == "option" and not parameter.is_flag
        if takes_value and not parameter.required:
            assert parameter.default is not None or "By default" in parameter.help, parameter.name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_argument_has_the_same_name_everywhere(name: str) -> None:
    for parameter in GROUP.commands[name].params:
        if parameter.param_type_name == "argument":
            assert re.fullmatch(r"[A-Z_]+", parameter.metavar or ""), parameter.name


def test_help_prints_the_commands_under_their_headings_in_order() -> None:
    shown = call("--help").stdout
    headings = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert headings == ["Options", *COMMANDS]
    assert re.findall(r"^  ([a-z][a-z-]+)  ", shown, re.MULTILINE) == NAMES
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_without_a_command_the_help_goes_to_stderr_with_exit_code_2() -> None:
    done = call()
    assert (done.returncode, done.stdout, done.stderr) == (2, "", call("--help").stdout)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (("notics",), "No such command 'notics'. Did you mean 'notices'?"),
        (("list-keys", "acme", "--jsn"), "No such option: --jsn (Possible options: --json)"),
        (("notices", "--status", "lost"), "'lost' is not one of 'pending', 'sent', 'dead', 'dropped'."),
        (("serve", "--port", "http"), "Invalid value for '--port': Input should be a valid integer"),
        (("serve", "--port", "70000"), "Invalid value for '--port': Input should be less than or equal to 65535"),
        (("create-key",), "Missing argument 'ORGANIZATION'."),
        (("list-keys", "acme", "more"), "Got unexpected extra argument"),
    ],
)
def test_a_wrong_call_names_what_is_wrong_and_ends_with_2(wrong: tuple[str, ...], hint: str) -> None:
    done = call(*wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr
    assert done.stderr.startswith("Usage: ")
    assert "Value error" not in done.stderr
    assert "Traceback" not in done.stderr


def test_python_m_waiting_list_is_waiting_list() -> None:
    script = Path(sys.executable).parent / "waiting-list"
    for arguments in (["--help"], ["notices", "--help"], ["--version"]):
        module = call(*arguments)
        installed = call(*arguments, program=(str(script),))
        assert module.stdout.replace("python -m waiting_list", "waiting-list") == installed.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--help"], ["preview-mail", "ready"]], ids=" ".join)
def test_a_reader_that_wants_no_more_ends_a_command_quietly(arguments: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "waiting_list", *arguments],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == ""
    # 1 would be a difference of the audit.
    assert done.returncode == (1 if arguments == ["--help"] else 128 + signal.SIGPIPE)


async def test_ctrl_c_ends_a_command_with_one_line_and_130(pool: Pool, dsn: str) -> None:
    async with pool.acquire() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE api_keys")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "waiting_list", "list-keys", "acme",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"DATABASE_URL": dsn},
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not await blocker.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert await process.communicate() == (b"", b"Interrupted.\n")
    assert process.returncode == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ("arguments", "answer", "ends"),
    [
        ([], b"n\n", (2, "", "The person was not erased.")),
        ([], b"y\n", (0, "The person was erased from 0 waiting lists.\n", "[y/N]: ")),
        (["--yes"], b"", (0, "The person was erased from 0 waiting lists.\n", "")),
    ],
    ids=["no", "yes", "without a question"],
)
async def test_a_terminal_is_asked_before_a_person_is_erased(
    dsn: str, arguments: list[str], answer: bytes, ends: tuple[int, str, str]
) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, answer)
    done = subprocess.run(
        [sys.executable, "-m", "waiting_list", "erase-user", "acme", "a\x1b[2Jb", *arguments],
        stdin=terminal, capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"DATABASE_URL": dsn},
    )  # fmt: skip
    os.close(terminal)
    os.close(keyboard)
    code, printed, last = ends
    assert (done.returncode, done.stdout) == (code, printed)
    assert done.stderr.strip().endswith(last.strip())
    assert ("Erase the user a\ufffd[2Jb of acme?" in done.stderr) == (arguments == [])
