"""Everything that is measured, in one run; writes RESULTS.md, or with BENCH_QUICK set prints it after a short run.

make bench
"""

import asyncio
import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench import report, requests
from bench.stage import Server, Stage, ceiling, memory, service
from waiting_list.lists.models import ListKey
from waiting_list.postgres.binaries import find_account, find_program
from waiting_list.postgres.pool import connection

QUICK = bool(os.environ.get("BENCH_QUICK"))
SECONDS = 1.0 if QUICK else 4.0
ROUNDS = 1 if QUICK else 3
PROCESSES = (1,) if QUICK else (1, 2, 4)
CONNECTIONS = 128
SIZES = (1_000, 10_000) if QUICK else (1_000, 10_000, 100_000, 1_000_000)
REPEATS = 30 if QUICK else 100
FASTEST = 8_000
"""Joins a second that no run will exceed: so many are prepared for each second and process."""
POLLING = 2_000
HOLDS = 500 if QUICK else 10_000
STREAMS = 200 if QUICK else min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
"""Each takes a socket of the server, and one of the reader."""


async def main() -> None:
    """Runs all parts, one after the other."""
    results: dict[str, Any] = {"connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS}
    async with Stage.make() as stage:
        results["rates"] = {processes: await rates(stage, processes) for processes in PROCESSES}
        results["pgbench"] = await pgbench(stage)
        results["storm"] = await storm(stage, results["rates"][1]["joins, one list"]["rate"])
        results["growth"] = await growth(stage)
        results["delays"] = await delays(stage)
        results["memory"] = await streams(stage)
    text = report.write(results)
    if QUICK:
        print(text)
    else:
        (Path(__file__).parent / "RESULTS.md").write_text(text, encoding="utf-8")


def say(*words: object) -> None:
    """Progress."""
    print(f"{datetime.now(UTC):%H:%M:%S}", *words, file=sys.stderr, flush=True)


async def rates(stage: Stage, processes: int) -> dict[str, dict[str, float]]:
    """How many calls a second, each next to the ceiling's, in turn; the medians of the rounds."""
    hot, filled = await stage.make_list(), await stage.make_list(waiting=100_000)
    twenty = [await stage.make_list() for _ in range(20)]
    wanted = int(SECONDS * FASTEST * processes)
    sold = await stage.make_list(ready=wanted * ROUNDS)
    await stage.settle()
    fans = (f"p{processes}f{n}" for n in itertools.count())
    buyers = (f"u{n}" for n in itertools.count(1))
    polls = requests.polls(filled, await stage.tokens(f"u{n}" for n in range(1, POLLING + 1)))
    found: dict[str, list[dict[str, float]]] = {}
    with service(stage, processes=processes) as served:
        tag = _save_picture(stage, served, filled)
        with ceiling(stage, processes=processes) as bare:
            for _ in range(ROUNDS):
                tokens = await stage.tokens(itertools.islice(fans, wanted))
                joins = requests.joins(itertools.repeat(hot), tokens)
                spread = requests.joins(
                    itertools.cycle(twenty), await stage.tokens(itertools.islice(fans, wanted))
                )
                bought = requests.purchases(sold, itertools.islice(buyers, wanted), stage.api_key)
                for name, sent, same in (
                    ("joins, one list", joins, joins),
                    ("joins, 20 lists", spread, spread),
                    ("polls", polls, polls),
                    ("picture", requests.pictures(filled), None),
                    ("picture, 304", requests.pictures(filled, tag), None),
                    ("purchases", bought, joins),
                ):
                    settings = {"connections": CONNECTIONS, "seconds": SECONDS}
                    limit = stage.load(bare, same or sent, **settings)
                    run = stage.load(served, sent, **settings)
                    _check(name, run, once=name.startswith("joins") or name == "purchases")
                    found.setdefault(name, []).append(run | {"ceiling": limit["rate"]})
                    say(f"{processes} processes, {name}: {run['rate']:.0f} of {limit['rate']:.0f} a second")
    return {name: _medians(runs) for name, runs in found.items()}


def _check(name: str, run: dict[str, Any], *, once: bool) -> None:
    wrong = set(run["statuses"]) - {"200", "201", "304"}
    if wrong or run["lost"] or (once and run["used_up"]):
        raise RuntimeError(f"{name}: {run}")


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    ratios = [run["rate"] / run["ceiling"] for run in runs]
    found = {
        name: statistics.median(run[name] for run in runs) for name in ("rate", "ceiling", "p50", "p95", "p99")
    }
    return found | {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def _save_picture(stage: Stage, server: Server, key: ListKey) -> str:
    url = f"http://127.0.0.1:{server.port}{requests.list_path(key)}/queue"
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}, trust_env=False) as answer:
        (stage.folder / "picture").write_bytes(b"".join(answer.iter_raw()))
        return str(answer.headers["etag"])


async def pgbench(stage: Stage) -> dict[str, float]:
    """One fan a transaction, straight into PostgreSQL: lock the list, insert, commit; 32 clients on one list, and
    on one each (the best that PostgreSQL can do with such transactions)."""
    lists = [await stage.make_list() for _ in range(32)]
    cluster = stage.folder / "postgres" / "cluster"
    program = find_program(cluster, find_account(cluster))
    rows = ", ".join(f"({n}, '{key.list_id}'::uuid)" for n, key in enumerate(lists))
    async with connection(stage.pool) as acquired:
        await acquired.execute(f"CREATE TABLE bench_lists AS SELECT * FROM (VALUES {rows}) AS l (n, list_id)")
    script = stage.folder / "join.sql"
    found = {}
    for name, which in (("one list", "0"), ("a list each", ":client_id")):
        script.write_text(
            f"SELECT list_id AS l FROM bench_lists WHERE n = {which} \\gset\n"
            "BEGIN;\n"
            "SELECT last_number + 1 AS n FROM inventory WHERE list_id = ':l' FOR UPDATE \\gset\n"
            "INSERT INTO entries"
            " (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)"
            " VALUES (':l', :n, 'u' || :n, 'waiting', 2, 2, :n * 1000000::bigint, now());\n"
            "UPDATE inventory SET last_number = :n WHERE list_id = ':l';\n"
            "COMMIT;\n"
        )
        command = [
            str(program.bindir / "pgbench"),
            "--no-vacuum",
            "--client=32",
            "--jobs=2",
            f"--time={SECONDS:.0f}",
        ]
        done = subprocess.run(
            [*command, "--file", str(script), stage.dsn], capture_output=True, text=True, check=True
        )
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("tps"))
        found[name] = float(line.split()[2])
        say(f"pgbench, {name}: {found[name]:.0f} a second")
    return found


async def storm(stage: Stage, most: float) -> dict[str, float]:
    """Joins to one list at 80 % of the most that were reached, at even intervals."""
    key, rate, seconds = await stage.make_list(), 0.8 * most, 2 * SECONDS
    await stage.settle()
    tokens = await stage.tokens(f"storm{n}" for n in range(int(rate * seconds * 1.2)))
    joins = requests.joins(itertools.repeat(key), tokens)
    with service(stage) as server:
        stage.load(server, requests.pictures(key), connections=CONNECTIONS, seconds=1)
        run = stage.load(server, joins, connections=CONNECTIONS, seconds=seconds, rate=rate)
    _check("storm", run, once=True)
    say(f"storm: {run['rate']:.0f} a second of {rate:.0f}, p99 {run['p99']:.1f} ms")
    return run | {"asked": rate}


async def growth(stage: Stage) -> dict[str, dict[int, float]]:
    """The median time of one call alone, in milliseconds, on lists of several lengths, in turn."""
    lists = {}
    for size in SIZES:
        lists[size] = await stage.make_list(waiting=size)
        say(f"filled a list with {size}")
    await stage.settle()
    calls = _calls(stage)
    times: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    with service(stage) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            for repeat in range(REPEATS + 5):
                for size, key in lists.items():
                    for name, call in calls.items():
                        if name.startswith("promote") and repeat % 21:
                            continue  # each takes a hundred fans out of a thousand
                        seconds = await call(client, key, size, repeat)
                        if repeat >= 5:  # the first are for plans and caches
                            times[name][size].append(seconds * 1000)
    return {name: {size: statistics.median(of) for size, of in sizes.items()} for name, sizes in times.items()}


ApiRequest = Callable[[httpx.AsyncClient, ListKey, int, int], Awaitable[float]]


def _calls(stage: Stage) -> dict[str, ApiRequest]:
    async def timed(client: httpx.AsyncClient, method: str, path: str, token: str, **more: Any) -> float:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        begun = time.perf_counter()
        answer = await client.request(method, path, headers=headers, **more)
        seconds = time.perf_counter() - begun
        answer.raise_for_status()
        return seconds

    async def token(user: str) -> str:
        return (await stage.tokens([user]))[0]

    async def join(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        body = {"tickets_wanted": 2}
        return await timed(
            client, "POST", f"{requests.list_path(key)}/entry", await token(f"g{repeat}"), json=body
        )

    async def poll(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        # Whoever stands at the end is the most expensive one.
        user = await token(f"u{size - repeat}")
        return await timed(client, "GET", f"{requests.list_path(key)}/entry", user)

    async def picture(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        return await timed(client, "GET", f"{requests.list_path(key)}/queue", "")

    async def leave(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        user = await token(f"u{size - 110 - repeat}")
        return await timed(client, "DELETE", f"{requests.list_path(key)}/entry", user)

    async def promote(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        path = f"/v1/organizer/inventory/{key.offer_id}/{key.representation_id}/add-stock"
        return await timed(client, "POST", path, stage.api_key, json={"quantity": 200})

    return {
        "join": join,
        "poll": poll,
        "picture (it has just changed)": picture,
        "picture (it is known)": picture,
        "leave": leave,
        "promote 100": promote,
    }


async def delays(stage: Stage) -> dict[str, Any]:
    """How late the next fan is made ready after a hold has lapsed, in milliseconds, among many other holds."""
    others = await stage.make_list(ready=HOLDS)
    lapsing = 100 if QUICK else 400
    begin = datetime.now(UTC) + timedelta(seconds=8)
    key = await stage.make_list(ready=lapsing, waiting=lapsing, until=begin)
    async with connection(stage.pool) as acquired:
        await acquired.execute(
            "UPDATE entries SET ready_until = ready_until + number * interval '20 ms' WHERE list_id = $1"
            " AND status = 'ready'",
            key.list_id,
        )
    await stage.settle()
    with service(stage):
        wait = (begin - datetime.now(UTC)).total_seconds() + lapsing * 0.02 + 2
        await asyncio.sleep(max(wait, 0))
    async with connection(stage.pool) as acquired:
        late = await acquired.fetch(
            "SELECT extract(epoch FROM p.at - e.ready_until)::float8 * 1000 AS late"
            " FROM entries e JOIN history x ON x.list_id = e.list_id AND x.number = e.number AND x.verb = 'expire'"
            " JOIN history p ON p.list_id = e.list_id AND p.verb = 'promote' AND p.number = e.number + $2"
            " WHERE e.list_id = $1",
            key.list_id,
            lapsing,
        )
        held = await acquired.fetchval("SELECT held FROM inventory WHERE list_id = $1", others.list_id)
    if len(late) != lapsing or held != 2 * HOLDS:
        raise RuntimeError(f"{len(late)} holds of {lapsing} passed on, {held} tickets still held")
    found = sorted(record["late"] for record in late)
    say(f"lapsed holds passed on after {statistics.median(found):.0f} ms, at most {found[-1]:.0f}")
    return {
        "lapsing": lapsing,
        "others": HOLDS,
        "p50": statistics.median(found),
        "p99": found[int(0.99 * (lapsing - 1))],
        "most": found[-1],
    }


async def streams(stage: Stage) -> dict[str, float]:
    """Memory of a process, and of an idle stream; how long until the last of all streams was told of a change."""
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
            await asyncio.sleep(3)
            after = memory(pid)
            readers.stdin.write("next\n")
            readers.stdin.flush()
            left_at = time.time()
            httpx.delete(url, headers=headers, trust_env=False).raise_for_status()
            told_at = await asyncio.to_thread(_next_number, said)
            readers.stdin.close()
    found = {
        "streams": float(STREAMS),
        "process": before / 2**20,
        "stream": (after - before) / STREAMS / 1024,
        "told": told_at - left_at,
    }
    say(f"a stream takes {found['stream']:.1f} KB; all told after {found['told']:.2f} s")
    return found


def _next_number(lines: Iterator[str]) -> float:
    return float(next(lines))


if __name__ == "__main__":
    asyncio.run(main())
