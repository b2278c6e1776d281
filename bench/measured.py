"""What all measurements share: progress, the check that a run was whole, and medians of rounds."""

import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Run = dict[str, Any]
"""What the load prints."""


def say(*words: object) -> None:
    """Progress."""
    print(f"{datetime.now(UTC):%H:%M:%S}", *words, file=sys.stderr, flush=True)


def check(name: str, run: Run, *, once: bool) -> None:
    """Raises RuntimeError unless all calls succeeded and, if each may be sent `once`, none was repeated."""
    wrong = set(run["statuses"]) - {"200", "201", "304"}
    if wrong or run["lost"] or not run["answered"] or (once and run["used_up"]):
        raise RuntimeError(f"{name}: {run}")


def next_to_ceiling(run: Run, ceiling: Run) -> Run:
    """A run beside the ceiling's: its rate, and how much of a core the load took in each."""
    return run | {"ceiling": ceiling["rate"], "ceiling_cpu": ceiling["cpu"]}


def medians(runs: Sequence[Run]) -> Run:
    """The medians of the rounds, and the ratio to the ceiling with its least and most."""
    ratios = [run["rate"] / run["ceiling"] for run in runs]
    names = ("rate", "ceiling", "p50", "p95", "p99", "cpu", "ceiling_cpu")
    found: Run = {name: statistics.median(run[name] for run in runs) for name in names}
    found["kinds"] = {
        kind: {name: statistics.median(run["kinds"][kind][name] for run in runs) for name in ("p50", "p95", "p99")}
        for kind in runs[0]["kinds"]
    }
    return found | {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
