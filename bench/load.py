"""The load: a process of its own that sends prepared requests over kept connections, and times the answers.

    python -m bench.load FILE PORT CONNECTIONS SECONDS [--rate RATE] [--kinds A,B,…] [--until N] [--every N]

FILE holds whole HTTP/1.1 requests with a NUL between them, sent in order and over again from the start; joins
are prepared in such numbers that they do not run out. Without `--rate` each connection sends its next request when
the answer is there. With it (a second, over all connections) requests fall due at even intervals, and time
counts from when one was due, not from when a connection was free for it.

`--kinds` names the kind of each request, and repeats when it ends: the times of each kind are then given apart.
A run lasts SECONDS, and longer only until each kind has an answer. `--until` ends it early, after so many answers.
`--every` notes the seconds at each so many answers. Prints one JSON object; `cpu` is the share of a core that this
process took, `cpu_times` its seconds of user and of system time.
"""

import argparse
import asyncio
import json
import os
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
        self._kind = 0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, kind: int, due: float) -> None:
        self._kind, self._due = kind, due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        # Nearly every answer arrives at once: it is then read where it lies.
        received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        at = received.find(b"content-length: ", 0, end)
        length = int(received[at + 16 : received.find(b"\r", at)]) if at >= 0 else 0
        if end < 0 or len(received) < end + 4 + length:
            self._received = received
            return
        self._received = b""
        seconds = time.perf_counter() - self._due
        self._load.answered(self, received[9:12], self._kind, seconds, end + 4 + length)

    def connection_lost(self, _: Exception | None) -> None:
        self._load.lost += not self._load.over


class Load:
    """Counts what was answered, and gives out what to send next."""

    def __init__(self, requests: list[bytes], given: argparse.Namespace) -> None:
        self._requests = requests
        self._seconds: float = given.seconds
        self._rate: float | None = given.rate
        self._kinds: list[str] = given.kinds.split(",")
        self._until: int | None = given.until
        self._every: int | None = given.every
        self._sent = 0
        self._idle: deque[Connection] = deque()
        self._late: deque[float] = deque()
        self._times: list[list[float]] = [[] for _ in self._kinds]
        self._statuses: Counter[bytes] = Counter()
        self._marks: list[float] = []
        self._bytes = 0
        self._answered = 0
        self._overdue = False
        self.lost = 0
        self.over = False

    async def run(self, port: int, connections: int) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        self._done = asyncio.Event()
        began_cpu = os.times()
        self._begun = time.perf_counter()
        self._end = self._begun + self._seconds
        if self._rate is None:
            for one in opened:
                self._send(one, time.perf_counter())
            loop.call_later(self._seconds, self._end_when_all_kinds_are_answered)
            await self._done.wait()
        else:
            self._idle.extend(opened)
            await self._keep_time(self._rate)
        self.over = True
        elapsed = time.perf_counter() - self._begun
        ended_cpu = os.times()
        cpu = [end - begin for begin, end in zip(began_cpu[:2], ended_cpu[:2], strict=True)]
        for one in opened:
            one.transport.abort()
        times: dict[str, list[float]] = {}
        for kind, some in zip(self._kinds, self._times, strict=True):
            times.setdefault(kind, []).extend(some)
        return {
            "answered": self._answered,
            "rate": self._answered / elapsed,
            "statuses": {status.decode(): count for status, count in self._statuses.items()},
            "lost": self.lost,
            "used_up": self._sent > len(self._requests),
            "bytes": self._bytes / max(self._answered, 1),
            "cpu": sum(cpu) / elapsed,
            "cpu_times": cpu,
            "marks": self._marks,
            **quantiles([seconds for some in self._times for seconds in some]),
            "kinds": {kind: {"answered": len(some), **quantiles(some)} for kind, some in times.items()},
        }

    async def _keep_time(self, rate: float) -> None:
        fell_due = 0
        while (now := time.perf_counter()) < self._end or not self._answered:
            while fell_due < (now - self._begun) * rate:
                self._late.append(self._begun + fell_due / rate)
                fell_due += 1
            while self._idle and self._late:
                self._send(self._idle.popleft(), self._late.popleft())
            await asyncio.sleep(0.001)

    def _end_when_all_kinds_are_answered(self) -> None:
        # A busy machine may take longer for the first answers: a figure needs at least one.
        self._overdue = True
        if all(self._times):
            self._done.set()

    def _send(self, connection: Connection, due: float) -> None:
        sent = self._sent
        connection.send(self._requests[sent % len(self._requests)], sent % len(self._kinds), due)
        self._sent = sent + 1

    def answered(self, connection: Connection, status: bytes, kind: int, seconds: float, size: int) -> None:
        if self.over:
            return
        self._times[kind].append(seconds)
        self._statuses[status] += 1
        self._bytes += size
        self._answered += 1
        if self._every and self._answered % self._every == 0:
            self._marks.append(time.perf_counter() - self._begun)
        if self._overdue:
            self._end_when_all_kinds_are_answered()
        if self._until:
            if self._answered >= self._until:
                self._done.set()
            if self._sent >= self._until:
                return
        if self._rate is None:
            self._send(connection, time.perf_counter())
        elif self._late:
            self._send(connection, self._late.popleft())
        else:
            self._idle.append(connection)


def quantiles(times: list[float]) -> dict[str, float | None]:
    """Milliseconds."""
    times.sort()
    names = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("most", 1.0))
    return {name: times[int(q * (len(times) - 1))] * 1000 if times else None for name, q in names}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--until", type=int)
    parser.add_argument("--every", type=int)
    return parser.parse_args(words)


def main() -> None:
    """Runs, and prints."""
    given = arguments()
    load = Load(given.file.read_bytes().split(b"\0"), given)
    print(json.dumps(uvloop.run(load.run(given.port, given.connections))))


if __name__ == "__main__":
    main()
