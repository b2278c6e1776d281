"""Run the HTTP server with the application, and end it gently."""

import asyncio
import gc
import multiprocessing
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import uvicorn
import uvloop

from waiting_list.cli.context import configured, run_with_pool
from waiting_list.cli.stopping import ignore_stops
from waiting_list.postgres.binaries import end_with_parent
from waiting_list.settings import Settings
from waiting_list.telemetry import logs, tracing
from waiting_list.web.header_limits import HeaderLimits

if TYPE_CHECKING:
    from fastapi import FastAPI

_DRAIN_SECONDS = 10
"""How long a shutdown waits for running answers, because an open stream would block it for ever."""


def serve_app(app: str, *, port: int, host: str = "127.0.0.1", workers: int = 1, factory: bool = False) -> None:
    """Serve an application with the uvicorn settings of `serve`."""
    _allow_many_connections()
    uvicorn.run(
        app,
        factory=factory,
        host=host,
        port=port,
        workers=workers,
        loop="waiting_list.cli.server:new_loop",
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


def served_app() -> "FastAPI":
    """Make the application that each API process runs."""
    gc.disable()  # as in `serve`
    # Late, because of several processes the one that starts the others does not need it.
    from waiting_list.app import create_app

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
        if hasattr(served.state, "service"):  # else the stop comes before the application has started
            served.state.service.streams.close()
            served.state.service.draining.set()

    _end_gently(loop, drain, seconds=settings.drain_seconds)
    # Collect garbage less often and skip the objects from the start. With hundreds of concurrent calls, frequent
    # collections would make a join a tenth slower, and delay some calls much more. There is hardly any garbage,
    # and to look for it would take a tenth of the start.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
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


@contextmanager
def demo_loading(settings: Settings, here: str) -> Iterator[None]:
    """Load the demo beside the block. The end of the block waits, so that no demo is left half loaded."""
    ended = threading.Event()
    loading = threading.Thread(target=_show_demo, args=(settings, here, ended), daemon=True)
    loading.start()
    try:
        yield
    finally:
        ended.set()
        ignore_stops()  # the wait has a limit, and would else end at the next signal
        loading.join(_DRAIN_SECONDS)


def _show_demo(settings: Settings, here: str, ended: threading.Event) -> None:
    from waiting_list.demo.data import load_demo

    opener = build_opener(ProxyHandler({}))
    for _ in range(600):
        with suppress(OSError), opener.open(f"{here}/health/ready", timeout=5):
            break
        if ended.wait(0.1):
            return
    text = run_with_pool(settings, lambda pool, settings: load_demo(pool, settings, settings.public_url))
    print(text, flush=True)
