"""Where notices go: a mail server or a webhook's receiver on loopback, a process of its own that counts.

    python -m bench.sinks mail|webhook

Prints its port; then, for each line on stdin, one JSON object: `taken`, how many it took; `different`, how many of
those had a recipient or an id that no other had; `last_at`, when it took the last (seconds since 1970).
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP


class Sink:
    """Counts what it takes."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._taken = 0
        self._last_at = 0.0

    def take(self, name: str) -> None:
        self._seen.add(name)
        self._taken += 1
        self._last_at = time.time()

    def counts(self) -> str:
        return json.dumps({"taken": self._taken, "different": len(self._seen), "last_at": self._last_at})

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.take(",".join(envelope.rcpt_tos))
        return "250 OK"

    async def receive(self, request: web.Request) -> web.Response:
        await request.read()
        self.take(request.headers["webhook-id"])
        return web.Response(status=204)


async def main(kind: str) -> None:
    """Serves until stdin ends, or it is interrupted."""
    sink, loop = Sink(), asyncio.get_running_loop()
    if kind == "mail":
        server = await loop.create_server(lambda: SMTP(sink, hostname="localhost", loop=loop), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    else:
        application = web.Application()
        application.router.add_post("/", sink.receive)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    while await asked.readline():
        print(sink.counts(), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1]))
