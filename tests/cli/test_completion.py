"""Shells complete commands, options and their values."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ENVIRONMENT = {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ ", "COLUMNS": "200"}


def waiting_list(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "waiting-list", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=ENVIRONMENT | environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "declares"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")]
)
def test_each_shell_gets_its_script(shell: str, declares: str) -> None:
    script = waiting_list(_WAITING_LIST_COMPLETE=f"source_{shell}")
    assert script.returncode == 0
    assert declares in script.stdout
    assert f"_WAITING_LIST_COMPLETE=complete_{shell}" in script.stdout


def test_a_shell_that_runs_the_command_gets_its_script_without_naming_itself() -> None:
    shown = subprocess.run(
        ["bash", "-c", "waiting-list --show-completion; true"],
        capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT,
    )  # fmt: skip
    assert shown.stdout.strip() == waiting_list(_WAITING_LIST_COMPLETE="source_bash").stdout.strip()


def test_install_completion_writes_the_script_and_the_line_that_reads_it(tmp_path: Path) -> None:
    subprocess.run(
        ["bash", "-c", "waiting-list --install-completion; true"],
        capture_output=True, check=True, timeout=60, env=ENVIRONMENT | {"HOME": str(tmp_path)},
    )  # fmt: skip
    script = tmp_path / ".bash_completions" / "waiting-list.sh"
    assert f"source '{script}'" in (tmp_path / ".bashrc").read_text()
    assert "complete_bash" in script.read_text()


class Bash:
    """An interactive bash on a terminal."""

    def __init__(self) -> None:
        self._terminal, other = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=other, stdout=other, stderr=other, env=ENVIRONMENT,
            start_new_session=True,
        )  # fmt: skip
        os.close(other)

    def type(self, keys: str, expected: str) -> str:
        """Type keys, and return what the terminal shows when that contains what is expected."""
        os.write(self._terminal, keys.encode())
        shown = ""
        deadline = time.monotonic() + 30
        while expected not in shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{expected!r} is not in {shown!r}"
            if select.select([self._terminal], [], [], left)[0]:
                shown += os.read(self._terminal, 4096).decode()
        return shown

    def end(self) -> None:
        """End the shell, and close its terminal."""
        self._process.kill()
        self._process.wait(10)
        os.close(self._terminal)


def test_bash_completes_commands_options_and_values_at_the_tab_key() -> None:
    bash = Bash()
    try:
        bash.type('eval "$(_WAITING_LIST_COMPLETE=source_bash waiting-list)"; echo rea""dy\n', "ready")
        bash.type("waiting-list cre\t", "waiting-list create-key ")
        bash.type("acme --rea\t", "acme --read-only ")
        bash.type("--scope ent\t", "--scope entries ")
    finally:
        bash.end()
