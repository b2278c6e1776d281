"""Run a storm of clients against real processes that are killed meanwhile, and check what must hold afterwards.

There are four processes: one owns the embedded PostgreSQL, one is the API, one the worker, and this one runs the
clients. A killed process is started again. A client that gets no answer, or `unavailable`, repeats the request
with the same Idempotency-Key until it gets an answer, as a shop would.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.support.ports import free_port
from tests.support.shop import EVENT, LIST, Shop

ANSWER_SECONDS = 20.0
"""No request may take longer, whatever is being killed: it is a hang."""
BACK_SECONDS = 2.0
"""The service must be itself again so soon after the database is."""
_DATABASE = """
import sys, threading
from pathlib import Path
from waiting_list.postgres.embedded import embedded
with embedded(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    threading.Event().wait()
"""


@dataclass
class Storm:
    """The requests of the clients, and the answers that they got."""

    requests: int = 0
    repeats: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)
    """The number that each user was told."""
    order: list[tuple[float, float, int]] = field(default_factory=list)
    """(sent, answered, number) of each join that was answered at the first try."""
    bought: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Answers that no client should see."""
    back_after: list[float] = field(default_factory=list)
    """Seconds from the database's return to the first good answer, for each of its kills."""


class Deployment:
    """The processes of one deployment. `killed` counts the kills of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.dsn = ""
        self.port = free_port()

    async def start(self) -> None:
        """Start all processes, and migrate the database."""
        await self._start_database()
        await asyncio.to_thread(self._command, "migrate")
        self._start_api()
        self._start_worker()
        await self.wait_until_ready()

    def _command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "waiting_list", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def create_key(self) -> str:
        """Create an API key of the organization."""
        return self._command("create-key", "org_1")

    def audit(self) -> str:
        """Return the output of `waiting-list audit`. Fail if it finds a difference."""
        return self._command("audit")

    async def kill(self, what: str) -> None:
        """Send SIGKILL to `api`, `worker`, `database` (PostgreSQL alone) or `supervisor` (with its children)."""
        if what == "database":
            os.kill(self._postmaster(), signal.SIGKILL)
            return
        process = self._processes[what]
        process.kill()
        await asyncio.to_thread(process.wait, 10)
        match what:
            case "api":
                self._start_api()
            case "worker":
                self._start_worker()
            case "supervisor":
                await self._start_database()

    async def stall(self, seconds: float) -> None:
        """Stop PostgreSQL for a while, and let it continue."""
        postmaster = self._postmaster()
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True, check=False)
        stopped = [postmaster, *map(int, children.stdout.split())]
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    async def cut_connections(self) -> None:
        """End every connection to the database at once."""
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    async def wait_until_database_is_back(self) -> float:
        """Wait until PostgreSQL takes connections again, and return that instant."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(self.dsn, timeout=2)
                await connection.close()
                return time.monotonic()
            await asyncio.sleep(0.02)
        raise AssertionError("PostgreSQL did not come back")

    async def wait_until_ready(self) -> float:
        """Wait until the API says that it is ready, and return that instant."""
        deadline = time.monotonic() + 30
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return time.monotonic()
                await asyncio.sleep(0.02)
        raise AssertionError("the API did not become ready")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End all started processes, the database last."""
        for name in ("api", "worker", "supervisor"):
            if process := self._processes.get(name):
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()

    def _postmaster(self) -> int:
        cluster = (self._folder / "postgres").resolve() / "cluster"
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])

    async def _start_database(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", _DATABASE, str(self._folder)], stdout=subprocess.PIPE, text=True
        )
        self._processes["supervisor"] = process
        assert process.stdout is not None
        self.dsn = (await asyncio.to_thread(process.stdout.readline)).strip()
        assert self.dsn

    def _start_api(self) -> None:
        self._processes["api"] = self._popen("serve", "--port", str(self.port))

    def _start_worker(self) -> None:
        self._processes["worker"] = self._popen("worker")

    def _popen(self, *arguments: str) -> subprocess.Popen[str]:
        log = (self._folder / f"{arguments[0]}.log").open("a")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "waiting_list", *arguments],
                env=self._environment(),
                stdout=log,
                stderr=log,
                text=True,
            )

    def _environment(self) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.dsn, "WAITING_LIST_WORKER": "false"}


class Clients:
    """Fans and an organizer who repeat every request until it is answered."""

    def __init__(self, shop: Shop, storm: Storm, random_: random.Random) -> None:
        self._shop = shop
        self._storm = storm
        self._random = random_
        self._keys = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self.stopped = asyncio.Event()

    async def fan(self, name: str) -> None:
        """Join as one user after another. Most stay, some leave."""
        for turn in itertools.count(1):
            if self.stopped.is_set():
                return
            user_id = f"{name}-{turn}"
            wanted = self._random.randint(1, 3)
            body = {"user_id": user_id, "tickets_wanted": wanted, "email": f"{user_id}@example.org"}
            answer, sent, tries = await self._insist("POST", f"/waiting-lists/{LIST}/entries", body, (201, 409))
            if answer is None:
                continue
            if answer.status_code == 409:  # the show is cancelled for a moment
                if answer.json()["code"] != "waiting_list_ended":
                    self._storm.wrong.append(answer.text[:300])
                continue
            number = answer.json()["number"]
            self._storm.joined[user_id] = number
            if tries == 1:
                self._storm.order.append((sent, time.monotonic(), number))
            if self._random.random() < 0.3:
                await self._insist("DELETE", f"/waiting-lists/{LIST}/entries/{user_id}", None, (200, 409))

    async def organizer(self) -> None:
        """Return a few tickets again and again. Most of the fans who become ready buy. Sometimes change what is
        around the list."""
        for turn in itertools.count(1):
            if self.stopped.is_set():
                return
            quantity = self._random.randint(1, 3)
            path = f"/inventory/{LIST}/add-total-stock"
            answer, _, _ = await self._insist("POST", path, {"quantity": quantity}, (200,))
            for entry in answer.json()["promoted"] if answer else ():
                path = f"/waiting-lists/{LIST}/entries/{entry['user_id']}"
                steer: tuple[str, Any] = self._random.choice(
                    [("extend", {"minutes": 1}), ("checkout", None), ("give-back", {"quantity": 1}), ("", None)]
                )
                if steer[0]:
                    await self._insist("POST", f"{path}/{steer[0]}", steer[1], (200, 409))
                if self._random.random() < 0.8:
                    bought, _, _ = await self._insist("POST", f"{path}/purchase", {}, (200, 409))
                    if bought is not None and bought.status_code == 200:
                        self._storm.bought[entry["user_id"]] = entry["tickets_held"]
            await self._insist("POST", f"/inventory/{LIST}/remove-stock", {"quantity": 1}, (200, 409))
            await self._around(turn)

    async def _around(self, turn: int) -> None:
        match self._random.randrange(8):
            case 0:
                granted = {"tickets": 1, "add_stock": True}
                path = f"/waiting-lists/{LIST}/entries/guest-{turn}/grant"
                answer, _, _ = await self._insist("POST", path, granted, (200,))
                if answer is not None:
                    self._storm.joined[f"guest-{turn}"] = answer.json()["number"]
            case 1:
                await self._insist("POST", "/representations/rep_1/cancel", {"reason": "Rain"}, (200,))
                await self._insist("POST", "/representations/rep_1/reinstate", None, (200,))
            case 2:
                limit = {"event_id": "ev_1", "name": "Floor", "max_quantity_per_order": self._random.randint(3, 6)}
                await self._insist("PUT", "/offers/off_1", limit, (200,))
            case 3:
                event = EVENT | {"venue_name": self._random.choice(["Olympia", "The Quay"])}
                await self._insist("PUT", "/events/ev_1", event, (200,))
            case 4:
                body = {"to": ["waiting", "ready"], "subject": {"en": "Doors"}, "text": {"en": "At 19:00."}}
                # A list takes few messages a day.
                await self._insist("POST", f"/waiting-lists/{LIST}/messages", body, (200, 429))

    async def _insist(
        self, method: str, path: str, body: Any, good: tuple[int, ...]
    ) -> tuple[httpx.Response | None, float, int]:
        headers = {"Idempotency-Key": f"storm-{next(self._keys)}"} if method == "POST" else {}
        sent = time.monotonic()
        for tries in itertools.count(1):
            self._storm.requests += 1
            began = time.monotonic()
            try:
                answer = await self._shop.organizer(method, path, body, headers=headers)
            except httpx.TransportError as error:
                if isinstance(error, httpx.TimeoutException):
                    self._storm.wrong.append(f"{method} {path}: no answer in {ANSWER_SECONDS} s")
            else:
                if answer.status_code in good:
                    return answer, sent, tries
                if answer.status_code != 503 or "retry-after" not in answer.headers:
                    self._storm.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
                    return None, sent, tries
            self._storm.repeats += 1
            await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))
        raise AssertionError("unreachable")


async def rage(
    folder: Path, *, fans: int, faults: list[str], seed: int, between: Callable[[], Awaitable[None]]
) -> Storm:
    """Run a storm in which these faults happen one after the other. Fail if a change was lost or half done."""
    storm, random_ = Storm(), random.Random(seed)
    deployment = Deployment(folder)
    async with _started(deployment), _client(deployment) as http:
        shop = Shop(http, deployment.create_key())
        await shop.stock(total=100, available=0)
        settings = {"policy": random_.choice(["strict", "skip"]), "hold_minutes": 1}
        await shop.made("PATCH", f"/waiting-lists/{LIST}", settings)
        clients = Clients(shop, storm, random_)
        tasks = [asyncio.create_task(clients.fan(f"fan{n}")) for n in range(fans)]
        tasks.append(asyncio.create_task(clients.organizer()))
        for fault in faults:
            await between()
            storm.kills[fault] = storm.kills.get(fault, 0) + 1
            if fault == "stall":
                await deployment.stall(1.0)
            elif fault == "cut":
                await deployment.cut_connections()
            else:
                await deployment.kill(fault)
            if fault in ("database", "supervisor"):
                back = await deployment.wait_until_database_is_back()
                storm.back_after.append(await deployment.wait_until_ready() - back)
            else:
                await deployment.wait_until_ready()
        await between()
        clients.stopped.set()
        await asyncio.gather(*tasks)
        await check(deployment, storm)
    return storm


async def check(deployment: Deployment, storm: Storm) -> None:
    """Check that no acknowledged change is lost or half done, and that the order is the one that clients saw."""
    assert not storm.wrong, storm.wrong[:5]
    connection = await asyncpg.connect(deployment.dsn)
    try:
        rows = await connection.fetch("SELECT user_id, number, left_reason, tickets_wanted FROM entries")
        last = await connection.fetchval("SELECT last_number FROM inventory")
    finally:
        await connection.close()
    numbers = {row["user_id"]: row["number"] for row in rows}
    missing = {user: number for user, number in storm.joined.items() if numbers.get(user) != number}
    assert not missing, f"acknowledged joins that are not as acknowledged: {missing}"
    assert sorted(numbers.values()) == list(range(1, last + 1))
    bought = {row["user_id"] for row in rows if row["left_reason"] == "bought"}
    assert storm.bought.keys() <= bought
    # Who was answered before another asked is ahead of them.
    latest_answered = -1
    by_answer = sorted(storm.order, key=lambda seen: seen[1])
    by_sent = sorted(storm.order)
    answered = iter(by_answer)
    pending = next(answered, None)
    for sent, _, number in by_sent:
        while pending is not None and pending[1] < sent:
            latest_answered = max(latest_answered, pending[2])
            pending = next(answered, None)
        assert number > latest_answered
    deployment.audit()
    slow = [seconds for seconds in storm.back_after if seconds > BACK_SECONDS]
    assert not slow, f"the service was away for {slow} s after the database was back"


@contextlib.asynccontextmanager
async def _started(deployment: Deployment) -> AsyncIterator[None]:
    try:
        await deployment.start()
        yield
    finally:
        await asyncio.to_thread(deployment.stop)


@contextlib.asynccontextmanager
async def _client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=deployment.url, timeout=ANSWER_SECONDS, limits=limits) as client:
        yield client
