"""Answer on the port of a `worker` process: whether the worker works, and its metrics.

The paths are those of the API, so one health check and one scrape configuration fit both.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from waiting_list.maintenance import Maintenance


@asynccontextmanager
async def answer_on_port(host: str, port: int, maintenance: Maintenance) -> AsyncIterator[None]:
    """Answer `/health/live`, `/health/ready` and `/metrics` during the block, on the worker's own event loop.

    So a worker that hangs does not answer. Raises OSError if it cannot listen.
    """

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(_: web.Request) -> web.Response:
        if maintenance.is_working():
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "failing"}, status=503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    for path, handler in (("/health/live", live), ("/health/ready", ready), ("/metrics", metrics)):
        application.router.add_get(path, handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
