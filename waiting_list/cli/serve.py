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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import Annotated, Any
from urllib.request import ProxyHandler, build_opener

import typer
import uvicorn
import uvloop
from fastapi import FastAPI

from waiting_list import __version__
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.app import create_app
from waiting_list.cli.context import DataDir, app, configured, fail, run_with_pool, with_database
from waiting_list.cli.stopping import call_at_stop, expect_a_stop
from waiting_list.cli.worker_port import answer_on_port
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
    expect_a_stop()
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
        with (
            share_counts() if workers > 1 else nullcontext(),
            _loading_demo(config, url) if with_demo else nullcontext(),
        ):
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
        loop="waiting_list.cli.serve:new_loop",
        http=HeaderLimits,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=configured().trusted_proxies,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the event loop of an API process."""
    if multiprocessing.parent_process() is not None:
        # Ctrl-C reaches every process of a terminal. At its end, this one leaves a second Ctrl-C to its parent.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return uvloop.new_event_loop()


def _allow_many_connections() -> None:
    # The usual soft limit of 1024 open files would limit the number of streams.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS reports a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def served_app() -> FastAPI:
    """Make the application that each API process runs."""
    if (parent := multiprocessing.parent_process()) is not None:
        end_with_parent(parent.pid or 0)  # started by `serve --workers`
    settings = Settings()
    logs.set_up(settings)
    if tracing.is_wanted():
        tracing.set_up()
    served = create_app(settings)
    loop = asyncio.get_running_loop()

    def drain() -> None:
        # uvicorn waits for running answers before it ends the application, and a stream would never end.
        if hasattr(served.state, "service"):  # else the stop comes before the application has started
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

    Until then the process answers as before. Ctrl-C or a second SIGTERM ends it at once. Further signals change
    nothing, because uvicorn would then leave out the end of the application.
    """
    delayed = ended = False

    for number in (signal.SIGTERM, signal.SIGINT):
        ends = signal.getsignal(number)
        assert callable(ends), "uvicorn has set its own"

        def finish(received: int, frame: FrameType | None, ends: Callable[..., Any] = ends) -> None:
            nonlocal ended
            if not ended:
                ended = True
                ends(received, frame)

        def end(received: int, frame: FrameType | None, finish: Callable[..., Any] = finish) -> None:
            nonlocal delayed
            loop.call_soon_threadsafe(drain)
            if received == signal.SIGTERM and seconds and not delayed:
                delayed = True
                loop.call_soon_threadsafe(loop.call_later, seconds, finish, received, frame)
            else:
                finish(received, frame)

        signal.signal(number, end)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve `/metrics` and `/health/ready` on this port."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve them on.")] = "127.0.0.1",
    data_dir: DataDir = None,
) -> None:
    """Run only the worker.

    It expires holds, ends lists and sends notices. Several workers can run at once. With `--metrics-port`,
    `/health/ready` answers 503 while the worker cannot work, for example without a database.
    """
    expect_a_stop()
    if metrics_port is not None:
        _check_port(metrics_host, metrics_port, option="--metrics-port")

    async def run(pool: Pool, config: Settings) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        engine = Engine(pool, config)
        dispatcher = Dispatcher(pool, config, SigningKeys(pool), engine.wake)
        maintenance = Maintenance(pool, engine, personal_data_kept=config.personal_data_kept)
        port = nullcontext() if metrics_port is None else answer_on_port(metrics_host, metrics_port, maintenance)
        async with port:
            call_at_stop(lambda: loop.call_soon_threadsafe(stop.set))
            await asyncio.gather(maintenance.run(stop), dispatcher.run(stop))

    with with_database(data_dir) as settings:
        run_with_pool(settings, run)


@contextmanager
def _loading_demo(settings: Settings, url: str) -> Iterator[None]:
    """Load the demo while the block serves, and print how to use it. The end of the block cancels the load."""
    ended = threading.Event()
    cancel: list[Callable[[], object]] = []
    opener = build_opener(ProxyHandler({}))

    async def load(pool: Pool, settings: Settings) -> str:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        if ended.is_set():
            task.cancel()
        return await load_demo(pool, settings, url)

    def show() -> None:
        for _ in range(600):
            with suppress(OSError), opener.open(f"{url}/health/ready", timeout=5):
                break
            if ended.wait(0.1):
                return
        with suppress(asyncio.CancelledError):
            print(run_with_pool(settings, load), flush=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        with suppress(RuntimeError):  # the load has ended, and its loop is closed
            for stop in cancel:
                stop()
        thread.join(_DRAIN_SECONDS)


def _check_port(host: str, port: int, *, option: str = "--port") -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another {option}.")
