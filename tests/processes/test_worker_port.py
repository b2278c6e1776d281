"""The port of the `worker` command: health checks and metrics, on the host that the operator chooses."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.ports import free_port
from tests.support.until import until

SECONDS = 60


@contextlib.asynccontextmanager
async def worker(dsn: str, *arguments: str) -> AsyncIterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "waiting_list", "worker", *arguments],
        env=os.environ | {"DATABASE_URL": dsn},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
        assert process.stderr
        process.stderr.close()


async def test_a_worker_answers_health_checks_and_scrapes_on_the_host_of_choice(dsn: str) -> None:
    port = free_port()
    arguments = ("--metrics-port", str(port), "--metrics-host", "127.0.0.2")
    async with worker(dsn, *arguments), aiohttp.ClientSession(f"http://127.0.0.2:{port}") as http:

        async def is_ready() -> bool:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get("/health/ready") as answer:
                    return answer.status == 200
            return False

        await until(is_ready, seconds=SECONDS)
        async with http.get("/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            rounds = next(
                line
                for line in (await answer.text()).splitlines()
                if line.startswith("waiting_list_worker_rounds_total")
            )
            assert float(rounds.split()[1]) > 0
        async with http.head("/health/live") as answer:
            assert answer.status == 200
        async with http.get("/other") as answer:
            assert answer.status == 404
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_worker_whose_port_is_taken_says_so_in_one_sentence(dsn: str) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with server, worker(dsn, "--metrics-port", str(port)) as process:
        assert process.stderr
        errors = await asyncio.wait_for(asyncio.to_thread(process.stderr.read), SECONDS)
        assert await asyncio.to_thread(process.wait) == 2
        assert errors == (
            f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --metrics-port.\n"
        )
