"""What a call alone takes on lists of several lengths."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from bench import requests
from bench.measured import say
from bench.scale import REPEATS, SIZES
from bench.stage import Stage, service
from waiting_list.lists.models import ListKey


async def growth(stage: Stage) -> dict[str, dict[int, float]]:
    """The median time of one call alone, in milliseconds, on lists of several lengths, in turn."""
    lists = {}
    for size in SIZES:
        lists[size] = await stage.make_list(waiting=size)
        say(f"filled a list with {size}")
    await stage.settle()
    calls = _calls(stage)
    times: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    with service(stage) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            for repeat in range(REPEATS + 5):
                for size, key in lists.items():
                    for name, call in calls.items():
                        if name.startswith("promote") and repeat % (REPEATS // 5 + 1):
                            continue  # each takes a hundred fans out of a thousand
                        seconds = await call(client, key, size, repeat)
                        if repeat >= 5:  # the first are for plans and caches
                            times[name][size].append(seconds * 1000)
    return {name: {size: statistics.median(of) for size, of in sizes.items()} for name, sizes in times.items()}


ApiRequest = Callable[[httpx.AsyncClient, ListKey, int, int], Awaitable[float]]


def _calls(stage: Stage) -> dict[str, ApiRequest]:
    async def timed(client: httpx.AsyncClient, method: str, path: str, token: str, **more: Any) -> float:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        begun = time.perf_counter()
        answer = await client.request(method, path, headers=headers, **more)
        seconds = time.perf_counter() - begun
        answer.raise_for_status()
        return seconds

    async def token(user: str) -> str:
        return (await stage.tokens([user]))[0]

    async def join(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        body = {"tickets_wanted": 2}
        return await timed(
            client, "POST", f"{requests.list_path(key)}/entry", await token(f"g{repeat}"), json=body
        )

    async def poll(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        # The fan at the end is the most expensive one.
        user = await token(f"u{size - repeat}")
        return await timed(client, "GET", f"{requests.list_path(key)}/entry", user)

    async def picture(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        return await timed(client, "GET", f"{requests.list_path(key)}/queue", "")

    async def leave(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        user = await token(f"u{size - 110 - repeat}")
        return await timed(client, "DELETE", f"{requests.list_path(key)}/entry", user)

    async def promote(client: httpx.AsyncClient, key: ListKey, size: int, repeat: int) -> float:
        path = f"/v1/organizer/inventory/{key.offer_id}/{key.representation_id}/add-stock"
        return await timed(client, "POST", path, stage.api_key, json={"quantity": 200})

    return {
        "join": join,
        "poll": poll,
        "picture (it has just changed)": picture,
        "picture (it is known)": picture,
        "leave": leave,
        "promote 100": promote,
    }
