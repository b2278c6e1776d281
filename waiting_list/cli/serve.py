"""Define the commands `serve` and `worker`, which run until the operator stops them."""

import os
import signal
import socket
import sys
import threading
from contextlib import nullcontext
from typing import Annotated

import typer

from waiting_list import __version__
from waiting_list.cli.options import DataDir
from waiting_list.cli.output import fail


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Number of API processes.")] = 1,
    data_dir: DataDir = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Load the demo, and print how to use it.")] = False,
) -> None:
    """Serve the API and the pages. The worker runs, too, unless WAITING_LIST_WORKER is false."""
    from waiting_list.cli.context import configured, with_database
    from waiting_list.cli.server import serve_app, show_demo
    from waiting_list.web.deployment_metrics import share_counts

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
            threading.Thread(target=show_demo, args=(config, url), daemon=True).start()
        with share_counts() if workers > 1 else nullcontext():
            serve_app("waiting_list.cli.server:served_app", factory=True, host=host, port=port, workers=workers)


def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run only the worker.

    It expires holds, ends lists and sends notices. Several workers can run at once.
    """
    import asyncio

    from prometheus_client import start_http_server

    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.lists.engine import Engine
    from waiting_list.maintenance import Maintenance
    from waiting_list.notifications.dispatcher import Dispatcher
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

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


def _check_port(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")
