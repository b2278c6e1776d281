"""The load that waiting lists of other systems are measured with: a few clients, one list, then a release."""

import itertools
import time
from typing import Any

import httpx

from bench import requests
from bench.measured import check, say
from bench.scale import CLIENTS, LENGTH, PEERS_SECONDS, RELEASED
from bench.stage import Stage, peak_memory, service
from waiting_list.postgres.pool import connection


async def peers(stage: Stage) -> dict[str, Any]:
    """Clients with a connection each join one list, call after call, each with a new fan, from the first to the
    last. Then as many places as `RELEASED` are released at once: how long until they are all ready.

    The joins end early when their time is up; `reached` is how many there are then.
    """
    key = await stage.make_list()
    await stage.settle()
    joins = requests.joins([key], await stage.tokens(f"peer{n}" for n in range(LENGTH)), wanted=1)
    stretch = LENGTH // 10
    with service(stage) as server:
        run = stage.load(server, joins, connections=CLIENTS, seconds=PEERS_SECONDS, until=LENGTH, every=stretch)
        check("joins of a few clients", run, once=True)
        seconds = await _release(stage, server.port, f"{key.offer_id}/{key.representation_id}")
        peak = max(peak_memory(pid) for pid in server.processes())
    async with connection(stage.pool) as acquired:
        counted = "SELECT count(*) FROM entries WHERE list_id = $1 AND status = 'ready'"
        ready = await acquired.fetchval(counted, key.list_id)
    if ready != RELEASED:
        raise RuntimeError(f"{ready} fans of {RELEASED} were made ready")
    marks = [0.0, *run["marks"]]
    found = {
        "clients": CLIENTS,
        "reached": run["answered"],
        "released": RELEASED,
        "stretch": stretch,
        "rates": [stretch / (end - start) for start, end in itertools.pairwise(marks)] or [run["rate"]],
        "release": seconds,
        "peak": peak / 2**20,
        **{name: run[name] for name in ("rate", "p50", "p99")},
    }
    say(f"{CLIENTS} clients: {run['rate']:.0f} joins a second up to {run['answered']}; release {seconds:.3f} s")
    return found


async def _release(stage: Stage, port: int, path: str) -> float:
    """The call makes the fans ready in its own transaction, so its answer says that they are."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        begun = time.perf_counter()
        answer = await client.post(
            f"http://127.0.0.1:{port}/v1/organizer/inventory/{path}/add-stock",
            headers={"Authorization": f"Bearer {stage.api_key}"},
            json={"quantity": RELEASED},
        )
        seconds = time.perf_counter() - begun
    answer.raise_for_status()
    return seconds
