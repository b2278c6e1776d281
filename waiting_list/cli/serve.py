"""Define the commands `serve` and `worker`, which run until the operator stops them."""

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

from waiting_list import __version__
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.app import create_app
from waiting_list.cli.context import DataDir, app, configured, fail, run_with_pool, with_database
from waiting_list.demo.data import load_demo
from waiting_list.lists.engine import Engine
from waiting_list.maintenance import Maintenance
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.postgres.binaries import end_with_parent
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings
from waiting_list.telemetry import logs, tracing
from waiting_list.web.deployment_metrics import share_counts
from waiting_list.web.header_limits import HeaderLimits

_DRAIN_SECONDS = 10
"""How long a shutdown waits for running answers, because an open stream would block it for ever."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Number of API processes.")] = 1,
    data_dir: DataDir = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Load the demo, and print how to use it.")] = False,
) -> None:
    """Serve the API and the pages. The worker runs, too, unless WAITING_LIST_WORKER is false."""
    _check_port(host, port)
    with with_database(data_dir, schema="migrate", makes_folder=True) as settings:
        url = f"http://{host}:{port}"
        # In the environment, for the processes that this one starts, too.
        if with_demo and not settings.sends_mail:
            mails = (data_dir or settings.data_dir) / "mail"
            mails.mkdir(parents=True, exist_ok=True)
            os.environ["WAITING_LIST_MAIL_FOLDER"] = str(mails)
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
            serve_app("waiting_list.cli.serve:served_app", factory=True, host=host, port=port, workers=workers)


def serve_app(app: str, *, port: int, host: str = "127.0.0.1", workers: int = 1, factory: bool = False) -> None:
    """Serve an application with the uvicorn settings of `serve`."""
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
    # The usual soft limit of 1024 open files would limit the number of streams.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS reports a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def served_app() -> FastAPI:
    """Make the application that each API process runs."""
    if (parent := multiprocessing.parent_process()) is not None:
        end_with_parent(parent.pid or 0)  # started by `serve --workers`
    settings = configured()
    logs.set_up(settings)
    if tracing.is_wanted():
        tracing.set_up()
    served = create_app(settings)
    loop = asyncio.get_running_loop()

    def drain() -> None:
        # uvicorn waits for running answers before it ends the application, and a stream would never end.
        served.state.service.live.close()
        served.state.service.draining.set()

    _end_gently(loop, drain, seconds=settings.drain_seconds)
    # Collect garbage less often and skip the objects from the start. With hundreds of concurrent calls, frequent
    # collections would make a join a tenth slower, and delay some calls much more.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return served


def _end_gently(loop: asyncio.AbstractEventLoop, drain: Callable[[], None], *, seconds: float) -> None:
    """Delay the end of the process after SIGTERM by `seconds`, so that load balancers notice that it is not ready.

    Until then the process answers as before. Ctrl-C or a second SIGTERM ends it at once.
    """
    delayed = False

    for number in (signal.SIGTERM, signal.SIGINT):
        ends = signal.getsignal(number)
        assert callable(ends), "uvicorn has set its own"

        def end(received: int, frame: FrameType | None, ends: Callable[..., Any] = ends) -> None:
            nonlocal delayed
            loop.call_soon_threadsafe(drain)
            if received == signal.SIGTERM and seconds and not delayed:
                delayed = True
                loop.call_soon_threadsafe(loop.call_later, seconds, ends, received, frame)
            else:
                ends(received, frame)

        signal.signal(number, end)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run only the worker.

    It expires holds, ends lists and sends notices. Several workers can run at once.
    """
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

    with with_database(data_dir, schema="migrate") as settings:
        run_with_pool(settings, run)


def _show_demo(settings: Settings, url: str) -> None:
    opener = build_opener(ProxyHandler({}))
    pause = threading.Event()
    for _ in range(600):
        with suppress(OSError), opener.open(f"{url}/health/ready", timeout=5):
            break
        pause.wait(0.1)
    text = run_with_pool(settings, lambda pool, settings: load_demo(pool, settings, url))
    print(text, flush=True)


def _check_port(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")
