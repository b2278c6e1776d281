"""Many readers of live entries: a process of its own that opens streams, and says when all were told.

    python -m bench.streams FILE PORT

FILE holds one request a stream, with a NUL between them. Prints `open` when each has got its first event; then,
for each line on stdin, the seconds (since 1970) at which the last of them got its next event.
"""

import asyncio
import resource
import sys
import time
from pathlib import Path
from typing import Any

import uvloop


class Reader(asyncio.Protocol):
    """One stream."""

    def __init__(self, readers: "Readers", request: bytes) -> None:
        self._readers = readers
        self._request = request

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        # An event fits one write; signs of life do not count.
        if b"data: {" in data:
            self._readers.told()


class Readers:
    """All streams, and how many were told."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._count = 0
        self._all = asyncio.Event()

    def told(self) -> None:
        self._count += 1
        if self._count == self._wanted:
            self._all.set()

    async def all_told(self) -> float:
        await asyncio.wait_for(self._all.wait(), 300)
        self._all.clear()
        self._count = 0
        return time.time()


async def main(file: str, port: int) -> None:
    """Opens all streams, a hundred at a time, and keeps them."""
    requests = Path(file).read_bytes().split(b"\0")
    readers, loop = Readers(len(requests)), asyncio.get_running_loop()
    kept = []
    for start in range(0, len(requests), 100):
        kept += await asyncio.gather(
            *(
                loop.create_connection(lambda one=one: Reader(readers, one), "127.0.0.1", port)  # type: ignore[misc]
                for one in requests[start : start + 100]
            )
        )
    await readers.all_told()
    print("open", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(await readers.all_told(), flush=True)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
