"""A rolling restart under load: two processes behind a balancer restart in turn, and no request fails."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.support.credentials import credentials
from tests.support.lists import ORGANIZATION, Lists
from tests.support.ports import free_port
from tests.support.until import until
from waiting_list.access.user_tokens import User
from waiting_list.postgres.pool import Pool, connect_pool
from waiting_list.settings import Settings


class Process:
    """One `serve`, on a port of its own, which it keeps when it is started again."""

    def __init__(self, dsn: str) -> None:
        self.port = free_port()
        self._environment = os.environ | {"DATABASE_URL": dsn, "WAITING_LIST_DRAIN_SECONDS": "0.8"}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "waiting_list", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 20)


class Balancer:
    """What a load balancer does: asks each process several times a second whether it is ready, and sends requests
    to those that are, over connections that it keeps. It repeats nothing."""

    def __init__(self, processes: list[Process]) -> None:
        self._urls = [f"http://127.0.0.1:{process.port}" for process in processes]
        self._ready: list[str] = []
        self._turn = 0
        self.http = aiohttp.ClientSession()

    async def look(self) -> None:
        while True:
            ready = []
            for url in self._urls:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with self.http.get(f"{url}/health/ready", timeout=aiohttp.ClientTimeout(2)) as answer:
                        ready += [url] if answer.status == 200 else []
            self._ready = ready
            await asyncio.sleep(0.1)

    async def all_are_ready(self) -> bool:
        return self._ready == self._urls

    async def one_is_not(self) -> bool:
        return len(self._ready) < len(self._urls)

    def url(self) -> str:
        self._turn += 1
        return self._ready[self._turn % len(self._ready)]


@pytest.fixture
def processes(dsn: str) -> Iterator[list[Process]]:
    started = [Process(dsn) for _ in range(2)]
    try:
        yield started
    finally:
        for one in started:
            one.process.kill()
            one.process.wait(10)


@contextlib.asynccontextmanager
async def balancing(processes: list[Process]) -> AsyncIterator[Balancer]:
    balancer = Balancer(processes)
    looking = asyncio.create_task(balancer.look())
    try:
        yield balancer
    finally:
        looking.cancel()
        await balancer.http.close()


async def test_a_rolling_restart_fails_no_request_and_loses_no_join(
    dsn: str, pool: Pool, processes: list[Process]
) -> None:
    lists = await Lists.make(pool, total=100_000)
    tokens = credentials(await connect_pool(Settings(), dsn), Settings()).user_tokens
    statuses: Counter[object] = Counter()
    joined: dict[str, int] = {}
    over = asyncio.Event()
    path = f"/v1/user/waiting-lists/{lists.key.offer_id}/{lists.key.representation_id}/entry"

    async def fans(balancer: Balancer, name: str) -> None:
        number = 0
        while not over.is_set():
            number += 1
            user_id = f"{name}-{number}"
            token, _ = await tokens.mint(User(user_id, ORGANIZATION), expires_in=600)
            headers = {"Authorization": f"Bearer {token}"}
            try:
                url = balancer.url() + path
                async with balancer.http.post(url, headers=headers, json={"tickets_wanted": 1}) as answer:
                    statuses[answer.status] += 1
                    joined[user_id] = (await answer.json())["number"]
                async with balancer.http.get(balancer.url() + path, headers=headers) as answer:
                    statuses[answer.status] += 1
            except aiohttp.ClientError as error:
                statuses[repr(error)] += 1
            await asyncio.sleep(0.01)

    async with balancing(processes) as balancer:
        await until(balancer.all_are_ready, seconds=30)
        crowd = [asyncio.create_task(fans(balancer, f"fan{number}")) for number in range(8)]
        for process in processes:
            ending = asyncio.create_task(process.end())
            await until(balancer.one_is_not, seconds=10)
            assert await ending == 0
            process.start()
            await until(balancer.all_are_ready, seconds=30)
        over.set()
        await asyncio.gather(*crowd)
    assert set(statuses) == {200, 201}, statuses
    assert statuses[201] > 50
    assert sorted(joined.values()) == list(range(1, len(joined) + 1))
    await lists.audit()


async def test_a_process_that_drains_says_so_and_asks_for_no_more_on_a_connection(
    dsn: str, processes: list[Process]
) -> None:
    async with balancing(processes) as balancer:
        await until(balancer.all_are_ready, seconds=30)
        first = processes[0]
        url = f"http://127.0.0.1:{first.port}"
        ending = asyncio.create_task(first.end())
        await until(balancer.one_is_not, seconds=10)
        async with balancer.http.get(f"{url}/health/ready") as answer:
            assert (answer.status, answer.headers["Connection"]) == (503, "close")
        async with balancer.http.get(f"{url}/v1/user/events") as answer:
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
        await ending
