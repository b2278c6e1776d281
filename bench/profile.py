"""Where the microseconds of a join go: CPU time of each process, statements, and a flame graph of the service.

    make bench-profile GRAPH=join

One process serves joins to one list. First as it is, for the CPU time and the statements; then with py-spy beside
it, which reads its stacks from outside. Prints the figures, and writes them to docs/decisions/GRAPH.txt and the
graph to docs/decisions/GRAPH.svg.
"""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench import flames, history, requests
from bench.measured import Run, check, say
from bench.scale import CONNECTIONS
from bench.stage import Server, Stage, service
from waiting_list.postgres.pool import connection

FOLDER = Path(__file__).parent.parent / "docs" / "decisions"
WARM_SECONDS, SECONDS, SAMPLED_SECONDS = 1.0, 4.0, 10.0
SAMPLES = 250
"""A second."""
FASTEST = 8_000
"""Joins a second that one process will not exceed: so many are prepared for each second."""
_TICK = os.sysconf("SC_CLK_TCK")
TITLE = "Where the time of a join goes: the service process, commit {commit}"
PAGE = """\
Joins to one list, one process, {connections} connections, commit {commit}, {when}.

CPU time of a join, microseconds       user   system
{cpu}

PostgreSQL, by pg_stat_statements: {statements:.2f} statements a join, {execution:.0f} microseconds of execution
(waiting for locks and for the disk included).

The samples of the service process, by the layer whose code ran:
{layers}
"""


class Cpu(NamedTuple):
    """Seconds of CPU time, or microseconds of a join."""

    user: float
    system: float

    def since(self, before: "Cpu", joins: int) -> "Cpu":
        """Microseconds for each join."""
        return Cpu(*((now - then) / joins * 1e6 for now, then in zip(self, before, strict=True)))


async def main(py_spy: str, name: str) -> None:
    """Measures, samples, writes."""
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    async with Stage.make(settings) as stage:
        key = await stage.make_list()
        fans = [f"fan{n}" for n in range(int((WARM_SECONDS + SECONDS + SAMPLED_SECONDS) * FASTEST))]
        say(f"makes tokens for {len(fans)} fans")
        joins = requests.joins([key], await stage.tokens(fans))
        await stage.settle()
        with service(stage) as server:
            warm, measured = int(WARM_SECONDS * FASTEST), int((WARM_SECONDS + SECONDS) * FASTEST)
            _load(stage, server, joins[:warm], WARM_SECONDS)
            figures = await _measure(stage, server, joins[warm:measured])
            raw = _sample(stage, server, joins[measured:], py_spy)
    stacks = flames.read(raw)
    page = PAGE.format(layers=flames.table(stacks), **figures)
    print(page)
    title = TITLE.format(commit=figures["commit"])
    (FOLDER / f"{name}.svg").write_text(flames.draw(title, stacks), encoding="utf-8")
    (FOLDER / f"{name}.txt").write_text(page, encoding="utf-8")


def _load(stage: Stage, server: Server, sent: list[bytes], seconds: float) -> Run:
    run = stage.load(server, sent, connections=CONNECTIONS, seconds=seconds)
    say(f"{run['rate']:.0f} joins a second")
    check("joins", run, once=True)
    return run


async def _measure(stage: Stage, server: Server, sent: list[bytes]) -> dict[str, object]:
    (served,), backends = server.processes(), stage.backends()
    async with connection(stage.pool) as acquired:
        await acquired.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await acquired.execute("SELECT pg_stat_statements_reset()")
    before = [_cpu([served]), _cpu(backends)]
    run = _load(stage, server, sent, SECONDS)
    after = [_cpu([served]), _cpu(stage.backends())]
    async with connection(stage.pool) as acquired:
        statements, execution = await acquired.fetchrow(
            "SELECT sum(calls)::float8, sum(total_exec_time)::float8 * 1000 FROM pg_stat_statements"
            " WHERE query NOT LIKE '%pg_stat_statements%'"
        ) or (0.0, 0.0)
    joins = run["answered"]
    load = Cpu(*(seconds / joins * 1e6 for seconds in run["cpu_times"]))
    service_cpu, database_cpu = (now.since(then, joins) for now, then in zip(after, before, strict=True))
    rows = {"service": service_cpu, "PostgreSQL, all processes": database_cpu, "load": load}
    return {
        "commit": history.commit(),
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "connections": CONNECTIONS,
        "cpu": "\n".join(f"  {name:32} {cpu.user:8.0f} {cpu.system:8.0f}" for name, cpu in rows.items()),
        "statements": statements / joins,
        "execution": execution / joins,
    }


def _sample(stage: Stage, server: Server, sent: list[bytes], py_spy: str) -> str:
    """The stacks of the service under load, in the collapsed format: one a line, with its count."""
    (served,), file = server.processes(), stage.folder / "stacks"
    command = [py_spy, "record", "--native", "--full-filenames", "--format", "raw", "--output", str(file)]
    command += ["--rate", str(SAMPLES), "--duration", f"{SAMPLED_SECONDS - 2:.0f}", "--pid", str(served)]
    with ThreadPoolExecutor(1) as thread:
        sampling = thread.submit(subprocess.run, command, check=True, capture_output=True, timeout=120)
        _load(stage, server, sent, SAMPLED_SECONDS)
        sampling.result()
    return file.read_text(encoding="utf-8")


def _cpu(pids: list[int]) -> Cpu:
    ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
    return Cpu(*(sum(map(int, column)) / _TICK for column in zip(*ticks, strict=True)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
