"""Put a machine between the service and the tests' PostgreSQL, which can fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class Relay:
    """Pass on TCP data until it is `silent`. Then it neither answers nor refuses, like a machine that lost its
    network.

    Use `relayed`.
    """

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        host, port = (parse_qs(parts.query)[name][0] for name in ("host", "port"))
        self._socket = f"{host}/.s.PGSQL.{port}"
        self.connections = 0
        """How many have come."""
        self.tasks: set[asyncio.Task[None] | None] = set()
        self._speaks = asyncio.Event()
        self._speaks.set()

    def fall_silent(self) -> None:
        """Pass on no more data."""
        self._speaks.clear()

    def speak(self) -> None:
        """Pass on data again."""
        self._speaks.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        with suppress(asyncio.CancelledError):
            await self._speaks.wait()
            there, back = await asyncio.open_unix_connection(self._socket)
            try:
                await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
            finally:
                back.close()
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await reader.read(1 << 16):
                await self._speaks.wait()
                writer.write(said)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relayed(dsn: str, *, relays: int) -> AsyncIterator[tuple[list[Relay], str]]:
    """Run this many relays before the database, and yield them with the DSN that names them all."""
    made, servers = [Relay(dsn) for _ in range(relays)], []
    for relay in made:
        servers.append(await asyncio.start_server(relay.serve, "127.0.0.1", 0))
    hosts = ",".join(f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    parts = urlsplit(dsn)
    try:
        yield made, f"postgresql://{parts.username}@{hosts}{parts.path}?target_session_attrs=read-write"
    finally:
        for server in servers:
            server.close()
        for task in {task for relay in made for task in relay.tasks if task}:
            task.cancel()
            await asyncio.wait([task])
