"""What each page and each reading call costs at size: 10,000 lists, and one with a million entries and changes.

make bench-size

Prints Markdown. Each address is asked for once cold, then a few times warm, one request at a time. The exports are
read to their ends. BENCH_QUICK=1 takes a twentieth of the data.
"""

import asyncio
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.crowd import LONG, fill_lists, fill_long
from bench.report import table
from bench.stage import ORGANIZATION, Server, Stage, memory, service
from bench.visits import FILES, Visit, visits
from waiting_list.app import create_app
from waiting_list.lists.counts import count_changes
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings

QUICK = bool(os.environ.get("BENCH_QUICK"))
LISTS = 500 if QUICK else 10_000
ENTRIES = 50_000 if QUICK else 1_000_000
READY = 1_000
NOTICES = ENTRIES // 10
WARM = 5
USER = f"u{ENTRIES // 2 + 1}"
"""A fan who waits in the middle of the long list."""
WEBHOOK = "wh_size"
_TICKS = os.sysconf("SC_CLK_TCK")
METHOD = """\
# Pages and calls at size

{when}, {cores} cores. {lists:,} lists with {entries:,} entries in one of them, which has {changes:,} changes. One
request at a time: the first is cold, the others are warm ({warm}; medians). CPU is that of the service's process.
"""


async def main() -> None:
    """Fills, measures, and prints."""
    async with Stage.make() as stage:
        changes = await _fill(stage)
        rows, before, after = await measure(stage)
    figures = {"lists": LISTS, "entries": ENTRIES, "changes": changes, "warm": WARM}
    print(METHOD.format(when=f"{datetime.now(UTC):%Y-%m-%d}", cores=os.cpu_count(), **figures))
    rows.sort(key=lambda row: -float(row[3]))
    print(table(["address", "status", "cold ms", "warm ms", "CPU ms", "KB", "first byte ms"], rows))
    print(f"The process had {before / 2**20:.1f} MB of its own before, and {after / 2**20:.1f} MB after.")


async def measure(stage: Stage) -> tuple[list[list[str]], int, int]:
    """A row for each address, and the memory of the process before and after all of them."""
    rows: list[list[str]] = []
    token = (await stage.tokens([USER]))[0]
    with service(stage) as server:
        address = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=120) as client:
            await _sign_in(client, stage, token)
            link = await _link(client, stage)
            (pid,) = server.processes()
            before = memory(pid)
            for visit in visits(create_app(Settings(worker=False))):
                more = {"token": link} if "/e/" in visit.route else {}
                path = visit.path(user_id=USER, webhook_id=WEBHOOK, **more)
                key = stage.api_key if visit.who == "organizer" else token
                headers = {} if visit.page else {"Authorization": f"Bearer {key}"}
                rows.append(await _row(client, server, visit, path, headers))
                print(*rows[-1], file=sys.stderr, flush=True)
            return rows, before, memory(pid)


async def _fill(stage: Stage) -> int:
    now = datetime.now(UTC)
    async with connection(stage.pool) as acquired:
        await fill_lists(acquired, ORGANIZATION, lists=LISTS, people=20, now=now)
        await fill_long(acquired, ORGANIZATION, entries=ENTRIES, ready=READY, notices=NOTICES, now=now, days=60)
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at, disabled_at,"
            " disabled_reason) VALUES ($1, $2, 'https://example.org/', '', '{}', now(), now(), 'bench')",
            WEBHOOK,
            ORGANIZATION,
        )
        changes: int = await acquired.fetchval(
            "SELECT last_sequence FROM inventory WHERE list_id = $1", LONG.list_id
        )
    while await count_changes(stage.pool, at_once=20_000):
        pass  # the worker would, two thousand at a time
    await stage.settle()
    return changes


async def _sign_in(client: httpx.AsyncClient, stage: Stage, token: str) -> None:
    for address, form in (
        ("/dashboard/sign-in", {"api_key": stage.api_key, "next": "/dashboard"}),
        ("/sign-in/with-token", {"token": token, "next": "/"}),
    ):
        answer = await client.post(address, data=form)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(f"{address}: {answer.status_code}")


async def _link(client: httpx.AsyncClient, stage: Stage) -> str:
    path = f"/v1/organizer/waiting-lists/{LONG.offer_id}/{LONG.representation_id}/entries/{USER}/link"
    answer = await client.post(path, headers={"Authorization": f"Bearer {stage.api_key}"}, json={})
    return str(answer.raise_for_status().json()["url"]).rpartition("/e/")[2]


async def _row(
    client: httpx.AsyncClient, server: Server, visit: Visit, path: str, headers: dict[str, str]
) -> list[str]:
    """One address: the cold time, then the medians of the warm ones."""
    times, firsts, cpu, size, status = [], [], [], 0, 0
    for _ in range(2 if visit.route in FILES else WARM + 1):
        used, begun, size, first = _cpu(server), time.perf_counter(), 0, 0.0
        async with client.stream("GET", path, headers=headers) as answer:
            status = answer.status_code
            async for chunk in answer.aiter_raw():
                first = first or time.perf_counter() - begun
                size += len(chunk)
        times.append((time.perf_counter() - begun) * 1000)
        firsts.append(first * 1000)
        cpu.append((_cpu(server) - used) * 1000)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        raise RuntimeError(f"{path}: {status}")
    warm = statistics.median(times[1:])
    return [
        visit.name,
        str(status),
        f"{times[0]:.0f}",
        f"{warm:.1f}",
        f"{statistics.mean(cpu[1:]):.0f}",
        f"{size / 1000:.0f}",
        f"{statistics.median(firsts[1:]):.1f}",
    ]


def _cpu(server: Server) -> float:
    """Seconds of a processor that the service has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    asyncio.run(main())
