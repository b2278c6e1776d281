"""What one call costs each part: CPU time of the service and of PostgreSQL, WAL, disk, memory.

make bench-costs  measures it for half a minute, and prints one JSON object

A full run notes these figures in the history. The simulation (bench/simulate.py) is made of them.
"""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from bench import history, requests
from bench.fill import fill_contacts
from bench.measured import Run, check, say
from bench.scale import CONNECTIONS, COST_SECONDS, FASTEST, POLLING, TOLD
from bench.stage import Server, Stage, cpu_seconds, running, service
from bench.waits import streams
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection

MICROSECONDS = 1e6
KINDS = (
    "joins, one list",
    "joins, 20 lists",
    "joins, 200 lists",
    "leaves",
    "polls",
    "picture",
    "picture, 304",
    "purchases",
)
"""The calls whose costs are measured, each alone."""


async def costs(stage: Stage, memory: dict[str, float]) -> dict[str, Any]:
    """What a call, an e-mail and a stream cost with one process; `memory` is what `bench.waits.streams` found.

    CPU times are microseconds, sizes are bytes, `transactions` are those of one call.
    """
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": history.commit(),
        "calls": await _calls(stage),
        "email": await _email(stage),
        "stream": {
            "bytes": round(memory["stream"] * 1024),
            "event": round(memory["event"] * MICROSECONDS, 1),
            "event_postgresql": round(memory["event_postgresql"] * MICROSECONDS, 1),
            "process": round(memory["process"] * 2**20),
        },
    }
    say(f"costs: {json.dumps(found)}")
    return found


async def _calls(stage: Stage) -> dict[str, dict[str, float]]:
    wanted = int(COST_SECONDS * FASTEST)
    hot, twenty, many = [[await stage.make_list() for _ in range(lists)] for lists in (1, 20, 200)]
    watched = await stage.make_list(waiting=wanted)
    sold, left = await stage.make_list(ready=wanted), await stage.make_list(waiting=wanted)
    await stage.settle()
    fans = (f"cost{n}" for n in itertools.count())
    users = [f"u{n}" for n in range(1, wanted + 1)]
    tokens = await stage.tokens(users)
    found = {}
    with service(stage) as server:
        url = f"http://127.0.0.1:{server.port}{requests.list_path(watched)}/queue"
        tag = httpx.get(url, headers={"Accept-Encoding": "gzip"}, trust_env=False).headers["etag"]
        sent = {
            "joins, one list": requests.joins(hot, await stage.tokens(itertools.islice(fans, wanted))),
            "joins, 20 lists": requests.joins(twenty, await stage.tokens(itertools.islice(fans, wanted))),
            "joins, 200 lists": requests.joins(many, await stage.tokens(itertools.islice(fans, wanted))),
            "leaves": requests.leaves([left], tokens),
            "polls": requests.polls([watched], tokens[:POLLING]),
            "picture": requests.pictures(watched),
            "picture, 304": requests.pictures(watched, tag),
            "purchases": requests.purchases([sold], users, stage.api_key),
        }
        stage.load(server, sent["polls"], connections=CONNECTIONS, seconds=0.5)
        before = await _counters(stage, server)
        for name in KINDS:
            run = stage.load(server, sent[name], connections=CONNECTIONS, seconds=COST_SECONDS)
            check(name, run, once=not name.startswith(("polls", "picture")))
            after = await _counters(stage, server)
            found[name] = _call(run, before, after)
            before = after
    return found


def _call(run: Run, before: Sequence[float], after: Sequence[float]) -> dict[str, float]:
    api, postgresql, wal, transactions, disk = (
        max(now - then, 0) / run["answered"] for now, then in zip(after, before, strict=True)
    )
    return {
        "rate": round(run["rate"], 1),
        "api": round(api * MICROSECONDS, 1),
        "postgresql": round(postgresql * MICROSECONDS, 1),
        "wal": round(wal, 1),
        "transactions": round(transactions, 4),
        "disk": round(disk, 1),
        "bytes": round(run["bytes"], 1),
    }


async def _counters(stage: Stage, server: Server) -> Sequence[float]:
    """CPU seconds of the service and of PostgreSQL, bytes of WAL, transactions, bytes of the database."""
    async with connection(stage.pool) as acquired:
        # A backend reports its transactions at most once a second, so this call waits until all have.
        await asyncio.sleep(1.1)
        wal, transactions, size = await acquired.fetchrow(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, xact_commit::float8,"
            " pg_database_size(datname)::float8 FROM pg_stat_database WHERE datname = current_database()"
        ) or (0.0, 0.0, 0.0)
    return cpu_seconds(server.processes()), cpu_seconds(stage.backends()), wal, transactions, size


async def _email(stage: Stage) -> dict[str, float]:
    """What an e-mail costs over SMTP to a sink on this machine, the change that it tells of included."""
    crowd = await stage.make_list(waiting=TOLD)
    async with connection(stage.pool) as acquired:
        await fill_contacts(acquired, crowd.list_id)
    await stage.settle()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running([sys.executable, "-m", "bench.sinks", "mail"], {}, text=True, **pipes) as sink:
        assert sink.stdout
        port = int(sink.stdout.readline())
        environment = {
            "WAITING_LIST_SMTP_HOST": "127.0.0.1",
            "WAITING_LIST_SMTP_PORT": str(port),
            "WAITING_LIST_SMTP_SECURITY": "none",
        }
        with service(stage, environment=environment) as server:
            began, before = asyncio.get_running_loop().time(), await _counters(stage, server)
            await _make_ready(stage, server, crowd)
            while (counts := await asyncio.to_thread(_ask, sink))["different"] < TOLD:
                if asyncio.get_running_loop().time() - began > 120:
                    raise RuntimeError(f"the mail server took {counts['different']} e-mails of {TOLD}")
                await asyncio.sleep(0.05)
            seconds = asyncio.get_running_loop().time() - began - 1.1
            after = await _counters(stage, server)
    api, postgresql, wal, transactions, _ = ((now - then) / TOLD for now, then in zip(after, before, strict=True))
    return {
        "rate": round(TOLD / seconds, 1),
        "api": round(api * MICROSECONDS, 1),
        "postgresql": round(postgresql * MICROSECONDS, 1),
        "wal": round(wal, 1),
        "transactions": round(transactions, 4),
    }


def _ask(sink: Any) -> dict[str, Any]:
    sink.stdin.write("counts\n")
    sink.stdin.flush()
    found: dict[str, Any] = json.loads(sink.stdout.readline())
    return found


async def _make_ready(stage: Stage, server: Server, key: ListKey) -> None:
    path = f"/v1/organizer/inventory/{key.offer_id}/{key.representation_id}/add-stock"
    headers = {"Authorization": f"Bearer {stage.api_key}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60
    ) as client:
        answer = await client.post(path, headers=headers, json={"quantity": 2 * TOLD})
    answer.raise_for_status()


async def main() -> None:
    """Measures, and prints."""
    async with Stage.make() as stage:
        print(json.dumps(await costs(stage, await streams(stage))))


if __name__ == "__main__":
    asyncio.run(main())
