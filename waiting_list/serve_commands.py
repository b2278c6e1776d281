"""`serve` and `worker`: what runs for as long as nobody ends it."""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from types import FrameType
from typing import Annotated, Any
from urllib.request import ProxyHandler, build_opener

import typer
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from waiting_list import __version__, demo, logs, tracing
from waiting_list.app import create_app
from waiting_list.database import Pool
from waiting_list.delivery import Dispatcher
from waiting_list.engine import Engine
from waiting_list.figures import share_counts
from waiting_list.postgres_program import end_with_parent
from waiting_list.protocol import HeaderLimits
from waiting_list.settings import Settings
from waiting_list.signing_keys import SigningKeys
from waiting_list.terminal import DataDir, app, configured, fail, run_with_pool, with_database
from waiting_list.worker import Maintenance

_DRAIN_SECONDS = 10
"""How long a shutdown waits for answers under way; an open stream would block it for ever."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="API processes.")] = 1,
    data_dir: DataDir = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Load the demo, and print how to use it.")] = False,
) -> None:
    """Serve the API, with the worker unless WAITING_LIST_WORKER is false."""
    _check_port(host, port)
    with with_database(data_dir) as settings:
        url = f"http://{host}:{port}"
        # In the environment, for the processes that this one starts, too.
        if with_demo and not settings.sends_mail:
            os.environ["WAITING_LIST_MAIL_FOLDER"] = str((data_dir or settings.data_dir) / "mail")
        if with_demo:
            os.environ["WAITING_LIST_DEMO"] = "true"
        if with_demo and "public_url" not in settings.model_fields_set:
            os.environ["WAITING_LIST_PUBLIC_URL"] = url
        config = configured()
        print(
            f"Waiting List Service {__version__}\n  fans       {url}/\n  organizers {url}/dashboard\n"
            f"  API        {url}\n  docs       {url}/docs\n  health     {url}/health/ready"
        )
        if config.mail_folder is not None:
            print(f"  mails      {url}/mails")
        sys.stdout.flush()
        if with_demo:
            threading.Thread(target=_show_demo, args=(config, url), daemon=True).start()
        with share_counts() if workers > 1 else nullcontext():
            serve_app(
                "waiting_list.serve_commands:served_app", factory=True, host=host, port=port, workers=workers
            )


def serve_app(app: str, *, port: int, host: str = "127.0.0.1", workers: int = 1, factory: bool = False) -> None:
    """Serves an application as `serve` does, on the same settings of uvicorn."""
    _allow_many_connections()
    uvicorn.run(
        app,
        factory=factory,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=HeaderLimits,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=configured().trusted_proxies,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _allow_many_connections() -> None:
    # The usual soft limit of 1024 open files would be a limit of streams.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def served_app() -> FastAPI:
    """What each API process runs."""
    if (parent := multiprocessing.parent_process()) is not None:
        end_with_parent(parent.pid or 0)  # started by `serve --workers`
    settings = Settings()
    logs.set_up(settings)
    if tracing.is_wanted():
        tracing.set_up()
    served = create_app(settings)
    loop = asyncio.get_running_loop()

    def drain() -> None:
        # uvicorn waits for answers under way before it tells the application to end, and a stream has no end.
        served.state.service.live.close()
        served.state.service.draining.set()

    _end_gently(loop, drain, seconds=settings.drain_seconds)
    # What is there now stays, and hundreds of calls are under way at once: looking through all of that for garbage
    # every few calls costs a join a tenth, and holds up whoever comes at the wrong moment.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return served


def _end_gently(loop: asyncio.AbstractEventLoop, drain: Callable[[], None], *, seconds: float) -> None:
    """On SIGTERM: answers as before for so many seconds, while whoever distributes requests learns that this
    process is not ready any more; then ends as uvicorn does. At once on Ctrl-C, or when told twice."""
    told = False

    for number in (signal.SIGTERM, signal.SIGINT):
        ends = signal.getsignal(number)
        assert callable(ends), "uvicorn has set its own"

        def end(received: int, frame: FrameType | None, ends: Callable[..., Any] = ends) -> None:
            nonlocal told
            loop.call_soon_threadsafe(drain)
            if received == signal.SIGTERM and seconds and not told:
                told = True
                loop.call_soon_threadsafe(loop.call_later, seconds, ends, received, frame)
            else:
                ends(received, frame)

        signal.signal(number, end)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Answer Prometheus on this port of the loopback.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the worker alone: holds lapse and pass on, lists end, notices are sent. Several at once do no harm."""
    if metrics_port is not None:
        start_http_server(metrics_port, "127.0.0.1")

    async def run(pool: Pool, config: Settings) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        engine = Engine(pool, config)
        dispatcher = Dispatcher(pool, config, SigningKeys(pool), engine.wake)
        maintenance = Maintenance(pool, engine, personal_data_kept=config.personal_data_kept)
        await asyncio.gather(maintenance.run(stop), dispatcher.run(stop))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


def _show_demo(settings: Settings, url: str) -> None:
    opener = build_opener(ProxyHandler({}))
    pause = threading.Event()
    for _ in range(600):
        with suppress(OSError), opener.open(f"{url}/health/ready", timeout=5):
            break
        pause.wait(0.1)
    text = run_with_pool(settings, lambda pool, settings: demo.load(pool, settings, url))
    print(text, flush=True)


def _check_port(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")
