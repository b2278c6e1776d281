"""The service as it is run for real, two API processes and a worker; and clients who do not give up."""

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from ops.drills.acknowledged import Join, Row
from ops.drills.cluster import free_port

LISTS = tuple(f"floor/night-{number}" for number in range(1, 7))
WATCHED = "floor/night-7"
"""One more, for fans who watch their place."""
ANSWER_SECONDS = 30.0
"""No request may take longer, whatever is being killed: it is a hang."""
_RETRY_SECONDS = 0.25
_START_SECONDS = 60.0


class Services:
    """The processes. Their logs are in the folder."""

    def __init__(self, folder: Path, dsn: str, *, processes: int = 2) -> None:
        self._folder = folder
        self._environment = os.environ | {
            "WAITING_LIST_DATABASE_URL": dsn,
            "WAITING_LIST_WORKER": "false",
            "WAITING_LIST_LOG_JSON": "true",
        }
        self._ports = [free_port() for _ in range(processes)]
        self._metrics_port = free_port()
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def urls(self) -> list[str]:
        """Of each API process."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    @property
    def worker_metrics(self) -> str:
        """Where the worker says how many rounds it has made."""
        return f"http://127.0.0.1:{self._metrics_port}/metrics"

    @property
    def logs(self) -> list[Path]:
        """Of every process."""
        return [self._folder / f"api-{port}.log" for port in self._ports] + [self._folder / "worker.log"]

    def command(self, *arguments: str) -> str:
        """What a command of `waiting-list` prints. Raises RuntimeError with what it said when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "waiting_list", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"waiting-list {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout.strip()

    async def start(self) -> None:
        """The processes; returns when all of them are ready."""
        for port, log in zip(self._ports, self.logs, strict=False):
            self._popen(log, "serve", "--port", str(port))
        self._popen(self.logs[-1], "worker", "--metrics-port", str(self._metrics_port))
        async with aiohttp.ClientSession() as http, asyncio.timeout(_START_SECONDS):
            for url in self.urls:
                while not await is_ready(http, url):
                    await asyncio.sleep(0.1)

    def _popen(self, log: Path, *arguments: str) -> None:
        with log.open("ab") as output:
            command = [sys.executable, "-m", "waiting_list", *arguments]
            self._running.append(subprocess.Popen(command, env=self._environment, stdout=output, stderr=output))

    def stop(self) -> None:
        """Ends the processes."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait(5)

    def logged(self, event: str) -> list[int]:
        """How often each process has logged an event."""
        return [sum(f'"{event}"' in line for line in log.read_text().splitlines()) for log in self.logs]


async def is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether a process says that it is ready."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(f"{url}/health/ready", timeout=aiohttp.ClientTimeout(ANSWER_SECONDS)) as answer:
            return answer.status == 200
    return False


@dataclass
class Clients:
    """An organizer, and shops through which fans join."""

    http: aiohttp.ClientSession
    urls: list[str]
    key: str
    joins: list[Join] = field(default_factory=list)
    """All that were acknowledged, in the order of the answers."""
    repeats: int = 0
    slowest: float = 0.0
    """The longest that any request took, in seconds."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no client should see."""
    first: int = 1
    """The number of their first fan: whoever is known already must be others."""

    def __post_init__(self) -> None:
        """Their fans are numbered."""
        self._names = itertools.count(self.first)

    async def call(self, method: str, path: str, body: Any = None, *, url: str | None = None) -> Any:
        """An organizer's call that must succeed while the service is whole."""
        url = f"{url or self.urls[0]}/v1/organizer{path}"
        headers = self._headers | ({"Idempotency-Key": f"call-{next(self._names)}"} if method == "POST" else {})
        tries = itertools.count(1)
        while True:
            try:
                async with self.http.request(method, url, json=body, headers=headers) as answer:
                    said = await answer.text()
                    break
            except aiohttp.ClientError:
                # A connection that was kept is closed by the server at some time, perhaps just now.
                if next(tries) == 3:
                    raise
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status} {said}")
        return json.loads(said)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def open_lists(self) -> None:
        """An event with an offer that is sold out on all nights."""
        await self.call("PUT", "/events/tour", {"title": "The tour", "timezone": "Europe/Paris"})
        offer = {"event_id": "tour", "name": "Floor", "max_quantity_per_order": 4}
        await self.call("PUT", "/offers/floor", offer)
        for day, where in enumerate((*LISTS, WATCHED), 30):
            start = datetime.now(UTC) + timedelta(days=day)
            dates = {"start_datetime": start.isoformat(), "end_datetime": (start + timedelta(hours=3)).isoformat()}
            night = where.split("/")[1]
            await self.call("PUT", f"/representations/{night}", {"event_id": "tour"} | dates)
            await self.call("PUT", f"/inventory/{where}", {"total_stock": 1000, "available_stock": 0})

    @contextlib.asynccontextmanager
    async def storm(self, *, per_second: int) -> AsyncIterator[None]:
        """Joins, so many a second while the service answers, until the block ends and each of them is answered."""
        stopped = asyncio.Event()
        shops = max(8, per_second // 8)
        tasks = [asyncio.create_task(self._shop(stopped, pause=shops / per_second)) for _ in range(shops)]
        try:
            yield
        finally:
            stopped.set()
            await asyncio.gather(*tasks)

    async def _shop(self, stopped: asyncio.Event, *, pause: float) -> None:
        while not stopped.is_set():
            began = time.monotonic()
            await self.join(next(self._names))
            left = pause - (time.monotonic() - began)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), max(left, 0.001))

    async def join(self, name: int) -> int | None:
        """A fan's join, with one Idempotency-Key, sent to one process or another until it is answered: with which
        number, or None if it was refused."""
        where, user_id = LISTS[name % len(LISTS)], f"fan-{name}"
        body = {"user_id": user_id, "tickets_wanted": 1 + name % 4}
        headers = self._headers | {"Idempotency-Key": f"join-{name}"}
        sent = time.monotonic()
        for tries in itertools.count():
            url = self.urls[(name + tries) % len(self.urls)]
            began = time.monotonic()
            try:
                async with self.http.post(
                    f"{url}/v1/organizer/waiting-lists/{where}/entries", json=body, headers=headers
                ) as answer:
                    said = await answer.text()
            except TimeoutError:
                self.wrong.append(f"no answer in {ANSWER_SECONDS} s")
            except aiohttp.ClientError:
                pass  # refused or cut off: sent again
            else:
                if answer.status == 201:
                    number = json.loads(said)["number"]
                    self.joins.append(Join(where, user_id, number, sent, time.monotonic(), tries == 0))
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    return int(number)
                if answer.status != 503 or "Retry-After" not in answer.headers:
                    self.wrong.append(f"{answer.status} {said[:300]}")
                    return None
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.repeats += 1
            await asyncio.sleep(_RETRY_SECONDS)
        raise AssertionError("a client does not give up")


@contextlib.asynccontextmanager
async def clients(service: Services, key: str, *, first: int = 1) -> AsyncIterator[Clients]:
    """Clients of all API processes."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        yield Clients(http, service.urls, key, first=first)


ROWS = """
SELECT i.offer_id || '/' || i.representation_id AS where, e.user_id, e.number
FROM entries e JOIN inventory i USING (list_id) WHERE e.user_id LIKE 'fan-%'
"""


def rows(records: list[Any]) -> list[Row]:
    """The entries that ROWS reads."""
    return [Row(*record) for record in records]
