"""A stop ends every command in order: exit code 0 for what runs until it is stopped, and never a traceback."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port

LIMIT_SECONDS = 60
COMMANDS = {
    "serve": ["serve", "--port", "PORT"],
    "two processes": ["serve", "--workers", "2", "--port", "PORT"],
    "demo": ["serve", "--demo", "--port", "PORT"],
    "worker": ["worker", "--metrics-port", "PORT", "--data-dir", "data"],
    "worker with an env file": [
        "--env-file",
        os.devnull,
        "worker",
        "--metrics-port",
        "PORT",
        "--data-dir",
        "data",
    ],
}


class Command:
    """A command with an embedded PostgreSQL of its own, in a session of its own."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.port = free_port()
        self.folder = folder
        self.errors = folder / "errors"
        self._output = (folder / "output").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "waiting_list", *(word.replace("PORT", str(self.port)) for word in arguments)],
            cwd=folder,
            stdout=self._output,
            stderr=self.errors.open("w"),
            env=os.environ | {"WAITING_LIST_DRAIN_SECONDS": "0.2"},
            start_new_session=True,
        )

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not condition():
            assert self.process.poll() is None, self.errors.read_text()
            assert time.monotonic() < deadline, self.errors.read_text()
            time.sleep(0.002)

    def end(self, *, within: float = LIMIT_SECONDS) -> int:
        return self.process.wait(within)

    # The moments

    def handles_signals(self) -> bool:
        """The first moment at which the command can notice a signal; it still imports its modules."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(re.findall(r"SigCgt:\s*(\w+)", status)[0], 16)
        return bool(caught & 1 << signal.SIGTERM - 1)

    def makes_the_cluster(self) -> bool:
        return (self._home / "cluster.new").exists()

    def starts_the_server(self) -> bool:
        """PostgreSQL has begun to start. Meanwhile `serve` imports the application."""
        return (self._home / "cluster" / "postmaster.pid").exists()

    def migrates(self) -> bool:
        """PostgreSQL is ready, so that the command connects and migrates."""
        file = self._home / "cluster" / "postmaster.pid"
        return file.exists() and file.read_text().splitlines()[7:8] == ["ready   "]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5):
                return True
        except OSError:
            return False

    # The end

    @property
    def _home(self) -> Path:
        return self.folder / "data" / "postgres"

    def postgres_ended_in_order(self) -> bool:
        log = self._home / "postgres.log"
        started = log.exists() and "ready to accept connections" in log.read_text()
        ended = not started or log.read_text().rstrip().endswith("is shut down")
        return ended and not (self._home / "cluster" / "postmaster.pid").exists()


MOMENTS: dict[str, Callable[[Command], bool]] = {
    "importing": Command.handles_signals,
    "making the database": Command.makes_the_cluster,
    "starting the database": Command.starts_the_server,
    "migrating": Command.migrates,
    "ready": Command.is_ready,
}


@contextmanager
def running(folder: Path, arguments: list[str]) -> Iterator[Command]:
    folder.chmod(0o755)  # started by root, PostgreSQL runs as another account
    for parent in list(folder.parents)[:2]:
        parent.chmod(0o755)
    command = Command(folder, arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            os.killpg(command.process.pid, signal.SIGKILL)


def assert_ended_in_order(command: Command) -> None:
    assert command.end() == 0, command.errors.read_text()
    assert "Traceback" not in command.errors.read_text()
    assert "never retrieved" not in command.errors.read_text()
    assert command.postgres_ended_in_order()


# The commands share the start of the database, so two of them show it.
CASES = [
    (name, moment)
    for name in COMMANDS
    for moment in MOMENTS
    if moment in ("importing", "ready") or name in ("serve", "worker")
]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize(("name", "moment"), CASES)
def test_a_command_that_runs_until_it_is_stopped_ends_with_0(
    name: str, moment: str, number: signal.Signals, tmp_path: Path
) -> None:
    with running(tmp_path, COMMANDS[name]) as command:
        command.wait(lambda: MOMENTS[moment](command))
        command.process.send_signal(number)
        assert_ended_in_order(command)


@pytest.mark.parametrize("name", ["two processes", "worker"])
def test_a_second_ctrl_c_ends_it_in_order_too(name: str, tmp_path: Path) -> None:
    with running(tmp_path, COMMANDS[name]) as command:
        command.wait(command.is_ready)
        processes = 2 if name == "two processes" else 0
        command.wait(lambda: command.errors.read_text().count("Application startup complete") >= processes)
        os.killpg(command.process.pid, signal.SIGINT)  # a terminal signals the whole group
        for _ in range(5):
            if command.process.poll() is None:
                os.killpg(command.process.pid, signal.SIGINT)
                time.sleep(0.1)
        assert_ended_in_order(command)


@pytest.mark.parametrize(("processes", "number"), [("1", signal.SIGINT), ("2", signal.SIGTERM)])
def test_open_streams_do_not_change_how_it_ends(processes: str, number: signal.Signals, tmp_path: Path) -> None:
    arguments = ["serve", "--demo", "--workers", processes, "--port", "PORT"]
    with running(tmp_path, arguments) as command, ExitStack() as open_streams:
        output = tmp_path / "output"
        command.wait(lambda: "tickets_wanted" in output.read_text())
        (page,) = re.findall(r"private page .*: http://\S+?(/e/\S+)", output.read_text())
        for _ in range(4):
            stream = open_streams.enter_context(
                urllib.request.urlopen(f"http://127.0.0.1:{command.port}{page}/live", timeout=30)
            )
            assert stream.readline().startswith(b"retry:")
        command.process.send_signal(number)
        assert_ended_in_order(command)


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        ("importing", signal.SIGTERM, 143),
        ("making the database", signal.SIGINT, 130),
        ("migrating", signal.SIGTERM, 143),
    ],
)
def test_any_other_command_says_that_it_was_interrupted(
    moment: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with running(tmp_path, ["migrate", "--data-dir", "data"]) as command:
        command.wait(lambda: MOMENTS[moment](command))
        command.process.send_signal(number)
        assert command.end() == code
        assert "Traceback" not in command.errors.read_text()
        assert command.postgres_ended_in_order()


HELD = """
import os, signal, sys
from waiting_list.cli import stopping

sys.argv = ["waiting-list", "migrate"]
stopping.handle_stops()
stopping.end_in_order()
with stopping.stop_held():
    os.kill(os.getpid(), signal.SIGTERM)
    print("the block ended")
print("not reached")
"""


LOGGED = """
import logging
from waiting_list.cli import stopping

stopping.end_in_order()
logging.getLogger("asyncio").error("in a callback", exc_info=SystemExit(143))
logging.getLogger("asyncio").error("in a callback", exc_info=ValueError("a defect"))
"""


def test_a_stop_in_a_callback_of_the_loop_is_not_logged_as_a_defect() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGED], capture_output=True, text=True, check=True)
    assert "SystemExit" not in done.stderr
    assert "a defect" in done.stderr


def test_a_stop_that_is_held_ends_the_command_after_the_block() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, "the block ended\n", "")
