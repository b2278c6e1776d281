"""Read rounds of the drand network over HTTP, for draws that name it: docs/draws.md.

The operator allows it with the address of a server. The signature of a round is not verified here: the randomness
must be its hash, and anybody can compare both with another server.
"""

import asyncio
import json
import time
from datetime import datetime
from hashlib import sha256

import structlog

from waiting_list.lists.draws import drand_round
from waiting_list.lists.verbs.draw import Beacon

log = structlog.get_logger(__name__)

QUICKNET = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
"""The hash of the chain of the network whose rounds are meant."""
_SECONDS = 10.0
_RETRY_SECONDS = 30.0
_MOST_BYTES = 10_000


class Drand:
    """A server of the drand network. After a failure, it is not asked again for half a minute."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._next_at = float("-inf")

    async def round_at(self, at: datetime) -> Beacon | None:
        """Return the first round at or after an instant; None if the server does not have it, or gives another."""
        if time.monotonic() < self._next_at:
            return None
        number = drand_round(at)
        try:
            return _beacon(at, number, await _get(f"{self._url}/{QUICKNET}/public/{number}"))
        except Exception as error:  # whatever a server answers, the draw waits
            self._next_at = time.monotonic() + _RETRY_SECONDS
            log.warning("drand_failing", error=repr(error))
            return None


def _beacon(at: datetime, number: int, body: bytes) -> Beacon:
    found = json.loads(body)
    randomness, signature = found["randomness"], found["signature"]
    if found["round"] != number or sha256(bytes.fromhex(signature)).hexdigest() != randomness:
        raise ValueError(f"the answer is not round {number}")
    return Beacon(at, number, randomness, signature)


async def _get(url: str) -> bytes:
    import aiohttp  # noqa: PLC0415 - only deployments that name a server need it

    async with (
        asyncio.timeout(_SECONDS),
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        body = bytearray()
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _MOST_BYTES:
                raise ValueError("answered too much")
    return bytes(body)
