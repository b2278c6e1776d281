"""Turns what was measured into RESULTS.md and its plots."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import history, plots
from bench.scale import POLLING
from waiting_list import __version__

METHOD = """\
# What was measured

`make bench` writes this page; do not edit it. {when}, version {version}, Python {python}, {cores} cores,
PostgreSQL {postgresql} of the wheel on its shipped settings (fsync and synchronous_commit on). The load, the
service and PostgreSQL share the cores of one machine. Read the ratios, because machines are noisy: each ratio
compares runs that took turns within minutes.

- **Ceiling**: a bare FastAPI application (`bench/ceiling.py`) on the same uvicorn settings. It validates the
  same body and gives the same answer, without credentials, middleware or any system behind it. Purchases have
  the ceiling of joins. The ceiling of the picture answers ready bytes.
- **Load**: a process of its own (`bench/load.py`). It has {connections} connections, each with one request in
  flight. Each figure is the median of {rounds} rounds of {seconds:g} s, service and ceiling in turn. Each
  joining fan brings a new token; {polling:,} fans poll again and again. The last column is the share of a core
  that the load took, beside the service and beside the ceiling.
- **Mixed**: of 20 calls, 14 are polls, 4 joins, a leave and a purchase, in one fixed order. The lists are filled
  before: with fans who poll, fans who leave and fans who can buy. The ceiling has the same mix; it answers a leave
  as a poll, and a purchase as a join.
- `make bench-quick` prints a short run instead of writing this page.
"""


def write(results: dict[str, Any], folder: Path) -> None:
    """Writes the page and its plots into the folder, and adds the run to the history there."""
    history.append(folder, history.run(results))
    (folder / "plots").mkdir(exist_ok=True)
    for name, drawn in draw(results).items():
        (folder / "plots" / f"{name}.svg").write_text(drawn, encoding="utf-8")
    (folder / "RESULTS.md").write_text(page(results, history.read(folder)), encoding="utf-8")


def draw(results: dict[str, Any]) -> dict[str, str]:
    """The plots, by the names of their files."""
    calls = {
        name: {_processes(count): of[name]["ratio"] for count, of in results["rates"].items()}
        for name in results["rates"][1]
    }
    waits = {
        f"{name}: {kind}": of
        for name, one in results["rates"][1].items()
        if len(one["kinds"]) > 1
        for kind, of in one["kinds"].items()
    }
    peers = results["peers"]
    sizes = list(next(iter(results["growth"].values())))
    return {
        "ratios": plots.bars(
            "Calls a second, next to a bare FastAPI application",
            "ratio to the ceiling",
            calls,
            limit=(1.0, "ceiling"),
        ),
        "storm": plots.bars("How long a call of a mixed storm takes, one process", "milliseconds", waits),
        "peers": plots.lines(
            f"Joins of {peers['clients']} clients, as the list grows",
            "waiting",
            "joins a second",
            {"this service": [((n + 0.5) * peers["stretch"], rate) for n, rate in enumerate(peers["rates"])]},
        ),
        "growth": plots.lines(
            "The time of one call, as the list grows",
            "waiting",
            f"times as long as with {sizes[0]:,} waiting",
            {name: [(size, of[size] / of[sizes[0]]) for size in sizes] for name, of in results["growth"].items()},
            powers=True,
        ),
    }


def page(results: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """The whole page."""
    method = METHOD.format(
        when=f"{datetime.now(UTC):%Y-%m-%d}",
        version=__version__,
        python=platform.python_version(),
        cores=os.cpu_count(),
        polling=POLLING,
        **{name: results[name] for name in ("postgresql", "connections", "rounds", "seconds")},
    )
    parts = [method, *_rates(results), *_mixed(results), *_storm(results), *_peers(results), *_growth(results)]
    parts += [*_waits(results), *_audit(results), *_history(runs)]
    return "\n".join(parts)


def _rates(results: dict[str, Any]) -> list[str]:
    best = results["rates"][1]["joins, one list"]["rate"]
    head = ["processes", "call", "ratio", "(least to most)", "service /s", "ceiling /s", *_PERCENTILES, "load"]
    return [
        "## Calls a second, next to the ceiling\n",
        "![Ratios to the ceiling](plots/ratios.svg)\n",
        table(
            head,
            (
                [
                    processes,
                    name,
                    f"**{one['ratio']:.2f}**",
                    f"{one['least']:.2f} to {one['most']:.2f}",
                    _whole(one["rate"]),
                    _whole(one["ceiling"]),
                    *_percentiles(one),
                    f"{one['cpu']:.0%} / {one['ceiling_cpu']:.0%}",
                ]
                for processes, calls in results["rates"].items()
                for name, one in calls.items()
            ),
        ),
        "PostgreSQL alone, one fan a transaction (lock the list, insert, update, commit), by pgbench with 32 "
        "clients:\n",
        table(
            ["", "transactions /s", "joins to one list, one process, are"],
            ([name, _whole(rate), f"{best / rate:.2f} times"] for name, rate in results["pgbench"].items()),
        ),
    ]


def _mixed(results: dict[str, Any]) -> list[str]:
    return [
        "## A mixed storm, by kind of call\n",
        "![Times of calls in a mixed storm](plots/storm.svg)\n",
        table(
            ["processes", "storm", "call", *_PERCENTILES],
            (
                [processes, name, kind, *_percentiles(of)]
                for processes, calls in results["rates"].items()
                for name, one in calls.items()
                if len(one["kinds"]) > 1
                for kind, of in one["kinds"].items()
            ),
        ),
    ]


def _storm(results: dict[str, Any]) -> list[str]:
    storm = results["storm"]
    return [
        "## A storm at 80 % of the most\n",
        f"One process, one list, {_whole(storm['asked'])} joins a second at even intervals, timed from when each "
        f"was due: {_whole(storm['rate'])} answered a second; p50 {storm['p50']:.1f} ms, "
        f"p95 {storm['p95']:.1f} ms, p99 **{storm['p99']:.1f} ms**.\n",
    ]


def _peers(results: dict[str, Any]) -> list[str]:
    one = results["peers"]
    first, last = one["rates"][0], one["rates"][-1]
    return [
        "## Eight clients, from an empty list to a long one\n",
        "![Joins a second, as the list grows](plots/peers.svg)\n",
        f"{one['clients']} clients over HTTP, each with a connection of its own, join one list: call after call, "
        f"each with a new fan. All {_whole(one['reached'])} joins are calls; none was filled in. The first "
        f"{_whole(one['stretch'])} came at {_whole(first)} a second, the last at {_whole(last)}; "
        f"p50 {one['p50']:.1f} ms, p99 {one['p99']:.1f} ms. Then one call released {one['released']} places: "
        f"**{one['release'] * 1000:.0f} ms** until all {one['released']} fans were ready. The process had at most "
        f"**{one['peak']:.0f} MB** of memory.\n",
        "For comparison, measured before on a machine of the same kind in 2026, not in this run: pretix took 101 "
        "joins a second at first, and 44 at the end. Its release of 100 places at 100,000 waiting took 22.6 s and "
        "1.35 GB.\n",
    ]


def _growth(results: dict[str, Any]) -> list[str]:
    sizes = list(next(iter(results["growth"].values())))
    return [
        "## Growth\n",
        "![Times of calls, as the list grows](plots/growth.svg)\n",
        "The median of one call alone over HTTP, in milliseconds, on lists of so many waiting, in turn. Polls are "
        "by those at the end of the list.\n",
        table(
            ["call", *map(_whole, sizes), f"{_whole(sizes[-1])} to {_whole(sizes[0])}"],
            (
                [name, *(f"{of[size]:.2f}" for size in sizes), f"**{of[sizes[-1]] / of[sizes[0]]:.2f} times**"]
                for name, of in results["growth"].items()
            ),
        ),
    ]


def _waits(results: dict[str, Any]) -> list[str]:
    late, live = results["delays"], results["memory"]
    return [
        "## Delays\n",
        "A returned ticket makes the next fan ready in its own transaction: no delay. "
        f"{late['lapsing']} holds that lapsed 20 ms apart, among {_whole(late['others'])} others, passed on after "
        f"{late['p50']:.0f} ms (p50), **{late['p99']:.0f} ms** (p99), {late['most']:.0f} ms at most.\n",
        "## Live streams and memory\n",
        f"A process that has begun to serve has {live['process']:.0f} MB of its own. With "
        f"{_whole(live['streams'])} open streams, each costs **{live['stream']:.1f} KB**. When the first in line "
        f"left, the last of these streams had its new place {live['told']:.2f} s later.\n",
    ]


def _audit(results: dict[str, Any]) -> list[str]:
    one = results["audit"]
    return [
        "## The audit of the run\n",
        f"After the storms, the audit replayed {one['lists']} lists with {_whole(one['changes'])} changes in "
        f"{one['seconds']:.1f} s, and found no difference. These are all lists whose entries came by calls; a "
        "difference would have ended the run.\n",
    ]


def _history(runs: list[dict[str, Any]]) -> list[str]:
    return [
        "## Earlier runs\n",
        "Ratios to the ceiling with one process. `bench/history.jsonl` has all runs, with more processes too.\n",
        table(*history.rows(runs)),
    ]


_PERCENTILES = ("p50 ms", "p95 ms", "p99 ms")


def _percentiles(of: dict[str, float]) -> list[str]:
    return [f"{of[name.split()[0]]:.0f}" for name in _PERCENTILES]


def table(head: list[Any], rows: Iterable[list[Any]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _whole(number: float) -> str:
    return f"{number:,.0f}"
