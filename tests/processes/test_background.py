"""Running in the background: the service under nohup, and the tests themselves. A job must stop neither."""

import asyncio
import contextlib
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.request import ProxyHandler, build_opener

import asyncpg
import pytest

from tests.conftest import SLOW
from tests.support.ports import free_port
from waiting_list.postgres.embedded import embedded

ROOT = Path(__file__).parent.parent.parent


class Started(NamedTuple):
    """`make run`, with a port and a data folder of its own."""

    shell: "subprocess.Popen[str]"
    background: int
    url: str
    printed: str
    data: Path

    def log(self) -> str:
        """The log of its PostgreSQL."""
        return (self.data / "postgres" / "postgres.log").read_text()

    def has_ended_in_order(self) -> bool:
        cluster = self.data / "postgres" / "cluster"
        return not (cluster / "postmaster.pid").exists() and self.log().rstrip().endswith("is shut down")


@contextlib.contextmanager
def make_run(folder: Path, how: str) -> Iterator[Started]:
    """Start it from a shell in a session of its own, and wait until it has printed how to use it.

    `how` is the shell's command. It prints the id of the process that it waits for; MAKE stands for `make run`.
    """
    folder.chmod(0o755)
    port = free_port()
    program = folder / "bin" / "waiting-list"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m waiting_list "$@" --port {port}\n')
    program.chmod(0o755)
    make = f"make -f {ROOT / 'Makefile'} -o runtime run BIN={program.parent}"
    log, began = folder / "log", time.monotonic()
    shell = subprocess.Popen(
        ["sh", "-c", how.replace("MAKE", make)],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert shell.stdout is not None
        background = int(shell.stdout.readline())
        while (printed := log.read_text() if log.exists() else "").count("curl ") < 5:
            assert shell.poll() is None, printed
            assert time.monotonic() - began < 60, printed
            time.sleep(0.05)
        yield Started(shell, background, f"http://127.0.0.1:{port}", printed, (folder / "data").resolve())
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)


def test_what_nohup_runs_ends_in_order_on_sigterm_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with make_run(tmp_path, "nohup MAKE >log 2>&1 & echo $!; wait $!") as started:
        (join,) = (line for line in started.printed.splitlines() if "tickets_wanted" in line)
        assert subprocess.run(shlex.split(join), capture_output=True, text=True, check=True).stdout
        status = Path(f"/proc/{started.background}/status").read_text()
        ignored = int(re.findall(r"SigIgn:\s*(\w+)", status)[0], 16)
        for number in (signal.SIGHUP, signal.SIGINT):
            assert ignored & 1 << number - 1, "or this test shows nothing"
        os.kill(started.background, signal.SIGHUP)
        build_opener(ProxyHandler({})).open(f"{started.url}/health/ready", timeout=5).close()
        os.kill(started.background, signal.SIGTERM)
        started.shell.wait(30)
    assert started.has_ended_in_order()

    async def joined(dsn: str) -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM entries"))
        finally:
            await connection.close()

    with embedded(tmp_path / "data") as dsn:
        assert asyncio.run(joined(dsn)) > 0
    assert "automatic recovery" not in started.log()


def test_ctrl_c_in_a_terminal_ends_what_make_runs_in_order(tmp_path: Path) -> None:
    with make_run(tmp_path, "echo $$; exec MAKE >log 2>&1") as started:
        os.killpg(started.shell.pid, signal.SIGINT)  # a terminal signals the whole foreground group
        started.shell.wait(30)
    assert started.has_ended_in_order()


def test_what_the_tests_start_hears_ctrl_c_though_the_tests_were_started_in_the_background() -> None:
    numbers = (signal.SIGINT, signal.SIGQUIT)
    child = "import signal; print(*(signal.getsignal(n) == signal.SIG_IGN for n in (2, 3)))"
    started = f"import tests.conftest, subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    def ignore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    done = subprocess.run(
        [sys.executable, "-c", started],
        cwd=ROOT,
        preexec_fn=ignore,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False\n"


HANGING = """
import asyncio, pytest, pytest_asyncio

@pytest_asyncio.fixture
async def ended():
    yield
    print("the fixture was ended")

async def test_that_waits_for_ever(ended):
    await asyncio.Event().wait()

def test_that_waits_for_ever_elsewhere():
    import subprocess
    subprocess.run(["sleep", "60"])

async def test_that_comes_after(ended):
    await asyncio.sleep(0)
"""


def test_a_test_that_hangs_fails_and_the_next_ones_run(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--timeout", "1", "-rA", str(tmp_path / "test_hanging.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("Failed: Timeout") >= 2
    assert done.stdout.count("the fixture was ended") == 2


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("timeout")) <= 300
    assert pytestconfig.getini("timeout_method") == "signal"
    # Which of them needs another one says why, in a comment beside it or above.
    for path in sorted((ROOT / "tests").rglob("*.py")):
        lines = ["", *path.read_text(encoding="utf-8").splitlines()]
        for above, line in itertools.pairwise(lines):
            if re.search(r"\bmark\.timeout\b|\bmarker\W+timeout\b", line) and path != Path(__file__):
                assert "#" in line or above.lstrip().startswith("#"), f"{path}: {line}"


def test_every_name_in_the_table_of_slow_tests_exists() -> None:
    folder = ROOT / "tests"
    assert {path.stem for path in (*folder.rglob("test_*.py"), *folder.glob("*/"))} >= SLOW
