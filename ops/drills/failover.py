"""`make failover`: the leader is killed under a storm of joins, again and again; nothing acknowledged may be lost.

python -m ops.drills.failover [--rounds postgres,node,lost] [--per-second 200] [--seconds 8]
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from ops.drills.acknowledged import Verdict, judge, longest_silence
from ops.drills.cluster import Cluster, Node
from ops.drills.service import ROWS, WATCHED, Clients, Services, clients, is_ready, rows

ROUNDS = ("postgres", "node", "lost") * 2
KINDS = {
    "postgres": "PostgreSQL of the leader, kill -9",
    "node": "Patroni and PostgreSQL of the leader, kill -9",
    "lost": "the leader's machine, lost: nothing answers, nothing refuses",
}
_BACK_SECONDS = 90.0
"""Joins must be acknowledged again so soon after a kill."""
_NEWS_SECONDS = 10.0
_LOOK_SECONDS = 0.1


@dataclass
class Round:
    """What one fail-over showed."""

    number: int
    kind: str
    leader: str
    acknowledged: int = 0
    repeats: int = 0
    gap: float = 0.0
    unready: float = 0.0
    verdict: Verdict | None = None
    faults: tuple[str, ...] = ()

    def line(self) -> str:
        """A row of the table."""
        assert self.verdict is not None
        lost, doubled = len(self.verdict.lost), len(self.verdict.doubled)
        return (
            f"| {self.number} | {KINDS[self.kind]} | {self.leader} | {self.acknowledged:,} | {lost} | {doubled} "
            f"| {self.gap:.1f} | {self.unready:.1f} | {self.repeats:,} |"
        )


HEAD = """| round | killed | leader | acknowledged | lost | doubled | gap s | not ready s | repeats |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


class Drill:
    """The rounds, on a cluster and a service that run."""

    def __init__(
        self, cluster: Cluster, service: Services, shop: Clients, *, per_second: int, seconds: float
    ) -> None:
        self._cluster, self._service, self._shop = cluster, service, shop
        self._per_second, self._seconds = per_second, seconds

    async def round(self, number: int, kind: str) -> Round:
        """One kill under a storm, the return of whom was killed, and the checks."""
        await asyncio.to_thread(self._cluster.wait_until_healthy)
        leader = await asyncio.to_thread(self._cluster.leader)
        shown = Round(number, kind, f"{leader.name} → ?")
        before, repeats = len(self._shop.joins), self._shop.repeats
        logged = {event: self._service.logged(event) for event in _OUTAGE}
        async with self._watched(shown) as watched, self._shop.storm(per_second=self._per_second):
            await asyncio.sleep(self._seconds)
            await self._kill(leader, kind)
            await self._wait_for_a_join(after=time.monotonic())
            await asyncio.sleep(self._seconds)
        if kind != "postgres":
            await asyncio.to_thread(self._cluster.kill_node, leader)
            self._cluster.start_node(leader)
        await asyncio.to_thread(self._cluster.wait_until_healthy)
        shown.leader = f"{leader.name} → {(await asyncio.to_thread(self._cluster.leader)).name}"
        shown.acknowledged = len(self._shop.joins) - before
        shown.repeats = self._shop.repeats - repeats
        shown.gap = longest_silence(one.answered for one in self._shop.joins[before:])
        shown.verdict = judge(self._shop.joins, rows(await self._read(ROWS)))
        await asyncio.to_thread(self._service.command, "audit")
        faults = [] if shown.verdict.clean else [str(shown.verdict)]
        for event in _OUTAGE:
            times = [after - once for after, once in zip(self._service.logged(event), logged[event], strict=True)]
            if times != [1] * len(times):
                faults.append(f"{event} was logged {times} times by the processes")
        shown.faults = (*faults, *await watched.faults(), *self._shop.wrong)
        return shown

    async def _kill(self, leader: Node, kind: str) -> None:
        do = {
            "postgres": self._cluster.kill_postgres,
            "node": self._cluster.kill_node,
            "lost": self._cluster.freeze_node,
        }[kind]
        await asyncio.to_thread(do, leader)

    async def _wait_for_a_join(self, *, after: float) -> None:
        # Answers that were on the way may still come.
        async with asyncio.timeout(_BACK_SECONDS):
            while not any(one.answered > after + 1 for one in self._shop.joins[-50:]):
                await asyncio.sleep(_LOOK_SECONDS)

    async def _read(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._cluster.dsn, timeout=10)
        try:
            found: list[asyncpg.Record] = await connection.fetch(query)
            return found
        finally:
            await connection.close()

    @asynccontextmanager
    async def _watched(self, shown: Round) -> "AsyncIterator[_Watch]":
        watch = _Watch(self._service, self._shop, shown)
        await watch.start()
        try:
            yield watch
        finally:
            await watch.stop()


_OUTAGE = ("database_unreachable", "database_reachable_again")


class _Watch:
    """Fans whose pages are open, and whoever asks each process whether it is ready."""

    def __init__(self, service: Services, shop: Clients, shown: Round) -> None:
        self._service, self._shop, self._shown = service, shop, shown
        self._tasks: list[asyncio.Task[None]] = []
        self._fans = [f"watcher-{shown.number}-{process}" for process, _ in enumerate(service.urls)]
        self._told = {fan: asyncio.Event() for fan in self._fans}
        self._rounds = 0.0
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """A fan waits in the first list for each process, and watches there."""
        for fan, url in zip(self._fans, self._service.urls, strict=True):
            path = f"/waiting-lists/{WATCHED}/entries"
            await self._shop.call("POST", path, {"user_id": fan, "tickets_wanted": 1})
            token = (await self._shop.call("POST", "/user-tokens", {"user_id": fan}))["token"]
            self._tasks.append(asyncio.create_task(self._watch(fan, url, token)))
        self._tasks.append(asyncio.create_task(self._ask()))

    async def stop(self) -> None:
        """The asking ends; the pages stay open."""
        self._stopped.set()
        await self._tasks[-1]

    async def faults(self) -> list[str]:
        """What did not come back: pages that are told nothing, a worker that does nothing."""
        found = []
        for fan in self._fans:
            await self._shop.call("DELETE", f"/waiting-lists/{WATCHED}/entries/{fan}")
            try:
                await asyncio.wait_for(self._told[fan].wait(), _NEWS_SECONDS)
            except TimeoutError:
                found.append(f"the page of {fan} was not told")
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                found.append(f"a page ended: {result!r}")
        before = await self._worker_rounds()
        with suppress(TimeoutError):
            async with asyncio.timeout(_NEWS_SECONDS):
                while await self._worker_rounds() < before + 2:
                    await asyncio.sleep(_LOOK_SECONDS)
                return found
        return [*found, "the worker does nothing"]

    async def _watch(self, fan: str, url: str, token: str) -> None:
        """An open page: one stream, which must live through it all."""
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{url}/v1/user/waiting-lists/{WATCHED}/entry/live"
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._shop.http.get(address, headers=headers, timeout=timeout) as answer:
            async for line in answer.content:
                if line.startswith(b"data:") and json.loads(line[5:])["status"] == "left":
                    self._told[fan].set()
                    return
        raise RuntimeError(f"the stream of {fan} has ended")

    async def _ask(self) -> None:
        asking = [asyncio.create_task(self._ask_one(url)) for url in self._service.urls]
        self._shown.unready = max(await asyncio.gather(*asking))

    async def _ask_one(self, url: str) -> float:
        """For how long a process said that it was not ready, or did not say anything."""
        unready, asked = 0.0, time.monotonic()
        while not self._stopped.is_set():
            ready = await is_ready(self._shop.http, url)
            now = time.monotonic()
            unready += 0 if ready else now - asked
            asked = now
            await asyncio.sleep(_LOOK_SECONDS)
        return unready

    async def _worker_rounds(self) -> float:
        async with self._shop.http.get(self._service.worker_metrics) as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith("waiting_list_worker_rounds_total"))


async def drill(cluster: Cluster, kinds: list[str], *, per_second: int, seconds: float) -> bool:
    """All rounds, on a cluster that runs; whether nothing was wrong. Prints the table as it grows."""
    service = Services(cluster.folder, cluster.dsn)
    began = time.monotonic()
    try:
        await asyncio.to_thread(service.command, "migrate")
        key = (await asyncio.to_thread(service.command, "create-key", "org_1")).splitlines()[-1]
        await service.start()
        good = True
        async with clients(service, key) as shop:
            await shop.open_lists()
            ready = Drill(cluster, service, shop, per_second=per_second, seconds=seconds)
            print(HEAD, flush=True)
            for number, kind in enumerate(kinds, 1):
                shown = await ready.round(number, kind)
                print(shown.line(), flush=True)
                for fault in shown.faults[:10]:
                    print(f"  WRONG: {fault}", flush=True)
                good &= not shown.faults
            print(
                f"{len(shop.joins):,} acknowledged joins, slowest answer {shop.slowest:.1f} s, "
                f"{time.monotonic() - began:.0f} s in all"
            )
        return good
    finally:
        cluster.given_up.set()
        service.stop()


def main() -> None:
    """Runs the drill in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(prog="make failover", description="Kill the leader under a storm of joins.")
    parser.add_argument("--rounds", default=",".join(ROUNDS), help=f"of {', '.join(KINDS)}, with commas between")
    parser.add_argument("--per-second", type=int, default=200, help="joins a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long before a kill, and after the return")
    parser.add_argument("--keep", action="store_true", help="keep the folder, with the log of every process")
    options = parser.parse_args()
    kinds = options.rounds.split(",")
    if not set(kinds) <= KINDS.keys():
        parser.error(f"--rounds takes {', '.join(KINDS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="waiting-list-failover-"))
    cluster = Cluster(folder)
    began = time.monotonic()
    try:
        # In this thread: Ctrl-C ends it wherever it is, and its processes end with it however it ends.
        cluster.start()
        took = time.monotonic() - began
        print(f"three nodes of PostgreSQL {cluster.program.major} and etcd started in {took:.0f} s", flush=True)
        good = asyncio.run(drill(cluster, kinds, per_second=options.per_second, seconds=options.seconds))
    finally:
        cluster.stop()
        if options.keep:
            print(f"The logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
