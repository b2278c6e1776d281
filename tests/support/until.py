"""What tests of things that happen by themselves share: run them for a while, and await what they do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Works(Protocol):
    """What the worker runs: maintenance, or the dispatcher."""

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
    """How long it took until the condition was true."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await condition():
        assert loop.time() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.01)
    return loop.time() - began
