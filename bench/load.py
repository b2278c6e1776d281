"""The load: a process of its own that sends prepared requests over kept connections, and times the answers.

    python -m bench.load FILE PORT CONNECTIONS SECONDS [RATE]

FILE holds whole HTTP/1.1 requests with a NUL between them, sent in order and over again from the start; joins
are prepared in such numbers that they do not run out. Without RATE each connection sends its next request when
the answer is there. With RATE (a second, over all connections) requests fall due at even intervals, and time
counts from when one was due, not from when a connection was free for it. Prints one JSON object.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import uvloop


class Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = b""
        self._due = 0.0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r", 1)[0]) if at >= 0 else 0
        if len(self._received) < end + 4 + length:
            return
        self._received = b""
        self._load.answered(self, int(head[9:12]), time.perf_counter() - self._due, end + 4 + length)

    def connection_lost(self, _: Exception | None) -> None:
        self._load.lost += not self._load.over


class Load:
    """Counts what was answered, and gives out what to send next."""

    def __init__(self, requests: list[bytes], seconds: float, rate: float | None) -> None:
        self._requests = requests
        self._seconds = seconds
        self._rate = rate
        self._sent = 0
        self._idle: deque[Connection] = deque()
        self._late: deque[float] = deque()
        self._times: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._bytes = 0
        self.lost = 0
        self.over = False

    async def run(self, port: int, connections: int) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        begun = time.perf_counter()
        self._end = begun + self._seconds
        if self._rate is None:
            for one in opened:
                self._send(one, time.perf_counter())
            await asyncio.sleep(self._seconds)
        else:
            self._idle.extend(opened)
            await self._keep_time(begun, self._rate)
        self.over = True
        elapsed = time.perf_counter() - begun
        answered = len(self._times)
        for one in opened:
            one.transport.abort()
        self._times.sort()
        return {
            "rate": answered / elapsed,
            "statuses": dict(self._statuses),
            "lost": self.lost,
            "used_up": self._sent > len(self._requests),
            "bytes": self._bytes / max(answered, 1),
            **{name: self._quantile(q) for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("most", 1.0))},
        }

    async def _keep_time(self, begun: float, rate: float) -> None:
        fell_due = 0
        while (now := time.perf_counter()) < self._end:
            while fell_due < (now - begun) * rate:
                self._late.append(begun + fell_due / rate)
                fell_due += 1
            while self._idle and self._late:
                self._send(self._idle.popleft(), self._late.popleft())
            await asyncio.sleep(0.001)

    def _send(self, connection: Connection, due: float) -> None:
        connection.send(self._requests[self._sent % len(self._requests)], due)
        self._sent += 1

    def answered(self, connection: Connection, status: int, seconds: float, size: int) -> None:
        if self.over:
            return
        self._times.append(seconds)
        self._statuses[status] += 1
        self._bytes += size
        if self._rate is None:
            self._send(connection, time.perf_counter())
        elif self._late:
            self._send(connection, self._late.popleft())
        else:
            self._idle.append(connection)

    def _quantile(self, q: float) -> float | None:
        """Milliseconds."""
        return self._times[int(q * (len(self._times) - 1))] * 1000 if self._times else None


def main() -> None:
    """Reads the command line, runs, prints."""
    file, port, connections, seconds, *rate = sys.argv[1:]
    load = Load(Path(file).read_bytes().split(b"\0"), float(seconds), float(rate[0]) if rate else None)
    print(json.dumps(uvloop.run(load.run(int(port), int(connections)))))


if __name__ == "__main__":
    main()
