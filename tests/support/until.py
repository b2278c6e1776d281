"""Run background work in tests for a while, and wait for its effects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Works(Protocol):
    """A part of the worker: maintenance or the dispatcher."""

    async def run(self, stop: asyncio.Event) -> None: ...


@asynccontextmanager
async def working(*workers: Works) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), timeout=10)


async def until(condition: Callable[[], Any], *, seconds: float = 5.0) -> float:
    """Wait until the condition is true, and return how long that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await condition():
        assert loop.time() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.01)
    return loop.time() - began
