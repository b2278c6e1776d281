"""Turns what was measured into RESULTS.md."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from waiting_list import __version__

METHOD = """\
# What was measured

`make bench` writes this page; do not edit it. {when}, version {version}, Python {python}, {cores} cores,
PostgreSQL of the wheel on its shipped settings (fsync and synchronous_commit on). The load, the service and
PostgreSQL share the cores of one machine. Read the ratios, because machines are noisy: each ratio compares
runs that took turns within minutes.

- **Ceiling**: a bare FastAPI application (`bench/ceiling.py`) on the same uvicorn settings. It validates the
  same body and gives the same answer, without credentials, middleware or any system behind it. Purchases have
  the ceiling of joins. The ceiling of the picture answers ready bytes.
- **Load**: a process of its own (`bench/load.py`). It has {connections} connections for each process of the
  service, each with one request in flight. Each figure is the median of {rounds} rounds of {seconds:.0f} s,
  service and ceiling in turn. Each joining fan brings a new token; {polling} fans poll again and again.
- `BENCH_QUICK=1 make bench` prints a short run instead of writing this file.
"""


def write(results: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        METHOD.format(
            when=f"{datetime.now(UTC):%Y-%m-%d}",
            version=__version__,
            python=platform.python_version(),
            cores=os.cpu_count(),
            connections=results["connections"],
            rounds=results["rounds"],
            seconds=results["seconds"],
            polling="2,000",
        ),
        "## Calls a second, next to the ceiling\n",
        table(
            [
                "processes",
                "call",
                "ratio",
                "(least to most)",
                "service /s",
                "ceiling /s",
                "p50 ms",
                "p95 ms",
                "p99 ms",
            ],
            (
                [
                    processes,
                    name,
                    f"**{one['ratio']:.2f}**",
                    f"{one['least']:.2f} to {one['most']:.2f}",
                    _whole(one["rate"]),
                    _whole(one["ceiling"]),
                    *(f"{one[p]:.0f}" for p in ("p50", "p95", "p99")),
                ]
                for processes, calls in results["rates"].items()
                for name, one in calls.items()
            ),
        ),
    ]
    best = results["rates"][1]["joins, one list"]["rate"]
    parts += [
        "PostgreSQL alone, one fan a transaction (lock the list, insert, update, commit), by pgbench with 32 "
        "clients:\n",
        table(
            ["", "transactions /s", "joins to one list, one process, are"],
            ([name, _whole(rate), f"{best / rate:.2f} times"] for name, rate in results["pgbench"].items()),
        ),
    ]
    storm = results["storm"]
    parts += [
        "## A storm at 80 % of the most\n",
        f"One process, one list, {_whole(storm['asked'])} joins a second at even intervals, timed from when each "
        f"was due: {_whole(storm['rate'])} answered a second; p50 {storm['p50']:.1f} ms, "
        f"p95 {storm['p95']:.1f} ms, p99 **{storm['p99']:.1f} ms**.\n",
        "## Growth\n",
        "The median of one call alone over HTTP, in milliseconds, on lists of so many waiting, in turn. Polls are "
        "by those at the end of the list.\n",
    ]
    sizes = list(next(iter(results["growth"].values())))
    parts += [
        table(
            ["call", *map(_whole, sizes), f"{_whole(sizes[-1])} to {_whole(sizes[0])}"],
            (
                [name, *(f"{of[size]:.2f}" for size in sizes), f"**{of[sizes[-1]] / of[sizes[0]]:.2f} times**"]
                for name, of in results["growth"].items()
            ),
        )
    ]
    late, live = results["delays"], results["memory"]
    parts += [
        "## Delays\n",
        "A returned ticket makes the next fan ready in its own transaction: no delay. "
        f"{late['lapsing']} holds that lapsed 20 ms apart, among {_whole(late['others'])} others, passed on after "
        f"{late['p50']:.0f} ms (p50), **{late['p99']:.0f} ms** (p99), {late['most']:.0f} ms at most.\n",
        "## Live streams and memory\n",
        f"A process that has begun to serve has {live['process']:.0f} MB of its own. With "
        f"{_whole(live['streams'])} open streams, each costs **{live['stream']:.1f} KB**. When the first in line "
        f"left, the last of these streams had its new place {live['told']:.2f} s later.\n",
    ]
    return "\n".join(parts)


def table(head: list[Any], rows: Iterable[list[Any]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _whole(number: float) -> str:
    return f"{number:,.0f}"
