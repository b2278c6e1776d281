"""The Makefile installs what a target needs, and no more.

A program stands in for Python: it makes an environment of itself, and writes down what it was asked for.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = ("pyproject.toml", "requirements.txt", "requirements-dev.txt")
STAND_IN = """#!/bin/sh
log() { echo "$*" >> log; }
case "$(basename "$0") $*" in
    "python -c "*) ;;
    "python -m venv "*)
        rm -rf .venv && mkdir -p .venv/bin && log venv
        for name in python pytest waiting-list; do cp "$0" .venv/bin/$name; done ;;
    "python -m pip "*) log "install ${*##* }" ;;
    "python -m compileall "*) log compile ;;
    *) log "$(basename "$0") $1" ;;
esac
"""
RUNTIME = ["venv", "install requirements.txt", "install .", "compile"]
RUN = ["waiting-list serve"]
TOOLS = ["install requirements-dev.txt"]
TEST = ["pytest --numprocesses"]


class Clone:
    """A folder with the Makefile, in which a reader types targets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Makefile").write_text((ROOT / "Makefile").read_text())
        for number, name in enumerate(FILES):
            (folder / name).touch()
            os.utime(folder / name, (number, number))
        (folder / "python").write_text(STAND_IN)
        (folder / "python").chmod(0o755)

    def make(self, *targets: str) -> list[str]:
        """Return what the targets did."""
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        command = ["make", "--silent", f"PYTHON={self.folder}/python", *targets]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        subprocess.run(command, cwd=self.folder, env=clean, check=True, capture_output=True, timeout=60)
        return log.read_text().splitlines() if log.exists() else []

    def change(self, name: str) -> None:
        """Let a file be newer than all that was made of it."""
        newest = max(stamp.stat().st_mtime for stamp in (self.folder / ".venv").glob(".*"))
        os.utime(self.folder / name, (newest + 0.001, newest + 0.001))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_make_run_in_a_new_clone_installs_the_runtime_lock_alone(clone: Clone) -> None:
    assert clone.make("run") == RUNTIME + RUN
    assert clone.make("run") == RUN


def test_make_test_adds_the_tools_to_what_make_run_installed(clone: Clone) -> None:
    clone.make("run")
    assert clone.make("test") == TOOLS + TEST
    assert clone.make("test") == TEST
    assert clone.make("run") == RUN


def test_make_test_in_a_new_clone_installs_everything(clone: Clone) -> None:
    assert clone.make("test") == RUNTIME + TOOLS + TEST
    assert clone.make("run", "test") == RUN + TEST


@pytest.mark.parametrize(
    ("changed", "run", "test"),
    [
        ("requirements.txt", RUNTIME, TOOLS),
        ("requirements-dev.txt", [], ["venv", *TOOLS, "install .", "compile"]),
        ("pyproject.toml", ["install .", "compile"], []),
    ],
)
def test_a_changed_lock_file_rebuilds_and_a_changed_setting_installs_the_package(
    clone: Clone, changed: str, run: list[str], test: list[str]
) -> None:
    clone.make("test")
    clone.change(changed)
    assert clone.make("run") == run + RUN
    assert clone.make("test") == test + TEST
    assert clone.make("run", "test") == RUN + TEST
