"""The figures of earlier full runs, one JSON object a line. Their ratios are comparable; absolute figures are not.

The simulation (bench/simulate.py) reads its costs from the newest line.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waiting_list import __version__

FOLDER = Path(__file__).parent
NAME = "history.jsonl"
SHOWN = 10
"""How many runs the page shows."""


def read(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The runs, the oldest first."""
    return [json.loads(line) for line in (folder / NAME).read_text(encoding="utf-8").splitlines()]


def run(results: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a run: when and of what it was, its ratios, and what a call costs. It names no machine."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit(),
        "version": __version__,
        "python": platform.python_version(),
        "postgresql": results["postgresql"],
        "cores": os.cpu_count(),
        "ratios": {
            str(processes): {name: round(one["ratio"], 2) for name, one in calls.items()}
            for processes, calls in results["rates"].items()
        },
        "pgbench": {name: round(rate) for name, rate in results["pgbench"].items()},
        "costs": results.get("costs"),  # a short run has none, and is not kept
    }


def append(folder: Path, one: dict[str, Any]) -> None:
    """Adds a run at the end."""
    with (folder / NAME).open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(one) + "\n")


def rows(runs: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """A table of the last runs, with one process: the columns are those of the newest."""
    names = list(runs[-1]["ratios"]["1"])
    found = []
    for one in runs[-SHOWN:]:
        ratios = [f"{ratio:.2f}" if (ratio := one["ratios"]["1"].get(name)) else "" for name in names]
        found.append([one["date"], f"`{one['commit']}`", f"{one['cores']}", *ratios])
    return ["date", "commit", "cores", *names], found


def commit() -> str:
    """The commit that was measured; with `+` where files differ from it."""
    commit, changes = (
        subprocess.run(["git", *words], cwd=FOLDER, capture_output=True, text=True, check=True).stdout.strip()
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
    )
    return commit + "+" * bool(changes)
