"""How long fans wait: for a call in a storm, for the next free place, for a change on an open stream."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bench import requests
from bench.measured import check, say
from bench.scale import CONNECTIONS, HOLDS, LAPSING, QUICK, SECONDS, STREAMS
from bench.stage import Stage, cpu_seconds, memory, service
from waiting_list.postgres.pool import connection


async def storm(stage: Stage, most: float) -> dict[str, float]:
    """Joins to one list at 80 % of the most that were reached, at even intervals."""
    key, rate, seconds = await stage.make_list(), 0.8 * most, 2 * SECONDS
    await stage.settle()
    tokens = await stage.tokens(f"storm{n}" for n in range(int(rate * seconds * 1.2)))
    joins = requests.joins([key], tokens)
    with service(stage) as server:
        stage.load(server, requests.pictures(key), connections=CONNECTIONS, seconds=1)
        run = stage.load(server, joins, connections=CONNECTIONS, seconds=seconds, rate=rate)
    check("storm", run, once=True)
    say(f"storm: {run['rate']:.0f} a second of {rate:.0f}, p99 {run['p99']:.1f} ms")
    return run | {"asked": rate}


async def delays(stage: Stage) -> dict[str, Any]:
    """How late the next fan is made ready after a hold has lapsed, in milliseconds, among many other holds."""
    others = await stage.make_list(ready=HOLDS)
    begin = datetime.now(UTC) + timedelta(seconds=4 if QUICK else 8)
    key = await stage.make_list(ready=LAPSING, waiting=LAPSING, until=begin)
    async with connection(stage.pool) as acquired:
        await acquired.execute(
            "UPDATE entries SET ready_until = ready_until + number * interval '20 ms' WHERE list_id = $1"
            " AND status = 'ready'",
            key.list_id,
        )
    await stage.settle()
    with service(stage):
        wait = (begin - datetime.now(UTC)).total_seconds() + LAPSING * 0.02 + 2
        await asyncio.sleep(max(wait, 0))
    async with connection(stage.pool) as acquired:
        late = await acquired.fetch(
            "SELECT extract(epoch FROM p.at - e.ready_until)::float8 * 1000 AS late"
            " FROM entries e JOIN history x ON x.list_id = e.list_id AND x.number = e.number AND x.verb = 'expire'"
            " JOIN history p ON p.list_id = e.list_id AND p.verb = 'promote' AND p.number = e.number + $2"
            " WHERE e.list_id = $1",
            key.list_id,
            LAPSING,
        )
        held = await acquired.fetchval("SELECT held FROM inventory WHERE list_id = $1", others.list_id)
    if len(late) != LAPSING or held != 2 * HOLDS:
        raise RuntimeError(f"{len(late)} holds of {LAPSING} passed on, {held} tickets still held")
    found = sorted(record["late"] for record in late)
    say(f"lapsed holds passed on after {statistics.median(found):.0f} ms, at most {found[-1]:.0f}")
    return {
        "lapsing": LAPSING,
        "others": HOLDS,
        "p50": statistics.median(found),
        "p99": found[int(0.99 * (LAPSING - 1))],
        "most": found[-1],
    }


async def streams(stage: Stage) -> dict[str, float]:
    """Memory of a process, and of an idle stream; how long until the last of all streams was told of a change, and
    the CPU seconds of the service and of PostgreSQL for each that was told."""
    key = await stage.make_list(waiting=STREAMS + 1)
    await stage.settle()
    tokens = await stage.tokens(f"u{n}" for n in range(2, STREAMS + 2))
    path = f"{requests.list_path(key)}/entry/live"
    sent = [requests.request("GET", path, f"Authorization: Bearer {token}") for token in tokens]
    file = stage.folder / "streams"
    file.write_bytes(b"\0".join(sent))
    (first,) = await stage.tokens(["u1"])
    with service(stage) as server:
        (pid,) = server.processes()
        url = f"http://127.0.0.1:{server.port}{requests.list_path(key)}/entry"
        headers = {"Authorization": f"Bearer {first}"}
        httpx.get(url, headers=headers, trust_env=False).raise_for_status()
        before = memory(pid)
        with subprocess.Popen(
            [sys.executable, "-m", "bench.streams", str(file), str(server.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as readers:
            assert readers.stdin
            assert readers.stdout
            said = iter(readers.stdout)
            if next(said) != "open\n":
                raise RuntimeError("the streams did not open")
            await asyncio.sleep(1 if QUICK else 3)
            after = memory(pid)
            cpu_before = [cpu_seconds(of) for of in ([pid], stage.backends())]
            readers.stdin.write("next\n")
            readers.stdin.flush()
            left_at = time.time()
            httpx.delete(url, headers=headers, trust_env=False).raise_for_status()
            told_at = await asyncio.to_thread(_next_number, said)
            cpu_after = [cpu_seconds(of) for of in ([pid], stage.backends())]
            readers.stdin.close()
    found = {
        "streams": float(STREAMS),
        "process": before / 2**20,
        "stream": (after - before) / STREAMS / 1024,
        "told": told_at - left_at,
        "event": (cpu_after[0] - cpu_before[0]) / STREAMS,
        "event_postgresql": (cpu_after[1] - cpu_before[1]) / STREAMS,
    }
    say(f"a stream takes {found['stream']:.1f} KB; all told after {found['told']:.2f} s")
    return found


def _next_number(lines: Iterator[str]) -> float:
    return float(next(lines))
