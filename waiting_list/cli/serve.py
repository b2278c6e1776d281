"""Define the commands `serve` and `worker`, which run until the operator stops them."""

import gc
import os
import socket
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from waiting_list import __version__, public_url
from waiting_list.cli.options import DataDir
from waiting_list.cli.output import fail, note_on_terminal

if TYPE_CHECKING:
    from waiting_list.settings import Settings


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. By default WAITING_LIST_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port to listen on. With 0, it takes a free one. By default WAITING_LIST_PORT, else 8000.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of API processes.")] = 1,
    data_dir: DataDir = None,
    with_demo: Annotated[bool, typer.Option("--demo", help="Load the demo, and print how to use it.")] = False,
) -> None:
    """Serve the API and the pages. The worker runs, too, unless WAITING_LIST_WORKER is false."""
    # Because the imports make very many objects that stay, and the collector would look through all of them again
    # and again: for a fifth of the start.
    gc.disable()
    from waiting_list.cli.context import configured, run_with_pool, with_database
    from waiting_list.cli.stopping import expect_a_stop

    expect_a_stop()
    given = configured()
    host = host or given.host
    port = _free_port(host, given.port if port is None else port)
    # In the environment, for the processes that this one starts, too. The public address follows unless it is set.
    os.environ |= {"WAITING_LIST_HOST": host, "WAITING_LIST_PORT": str(port)}
    imports = partial(_import_service, with_application=workers == 1)
    with with_database(data_dir, schema="migrate", makes_folder=True, meanwhile=imports) as settings:
        from waiting_list.access.first_run import first_link
        from waiting_list.cli.keys import how_to_make_a_key
        from waiting_list.cli.server import demo_loading, serve_app
        from waiting_list.web.deployment_metrics import share_counts

        if with_demo and not settings.sends_mail:
            mails = (data_dir or settings.data_dir) / "mail"
            mails.mkdir(parents=True, exist_ok=True)
            os.environ["WAITING_LIST_MAIL_FOLDER"] = str(mails)
        if with_demo:
            os.environ["WAITING_LIST_DEMO"] = "true"
        config = configured()
        here = public_url.of_server(host, port)
        folder = None if given.database_url else data_dir or settings.data_dir
        print_addresses(config, here, data=folder)
        if not with_demo and (link := run_with_pool(config, lambda pool, _: first_link(pool, config.public_url))):
            print(f"Set up your organization in a browser, once: {link}")
            print(f"There is no API key yet. {how_to_make_a_key(folder)}", flush=True)
        _warn_of_dead_links(config)
        _check_image_store(config)
        if workers > 1:
            gc.enable()  # `served_app` does so in the processes that serve
        with (
            share_counts() if workers > 1 else nullcontext(),
            demo_loading(config, here) if with_demo else nullcontext(),
        ):
            serve_app("waiting_list.cli.server:served_app", factory=True, host=host, port=port, workers=workers)


def _import_service(*, with_application: bool) -> None:
    """Import what serves, while PostgreSQL starts. Of several processes, each imports the application itself."""
    from waiting_list.cli.stopping import stop_held

    # An exception in the middle of an import could get lost, or come out as another.
    with stop_held():
        import waiting_list.access.first_run
        import waiting_list.cli.server
        import waiting_list.web.deployment_metrics

        if with_application:
            import waiting_list.app  # noqa: F401


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Serve `/metrics` and `/health/ready` on this port. By default on none."
        ),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve them on.")] = "127.0.0.1",
    data_dir: DataDir = None,
) -> None:
    """Run only the worker.

    It expires holds, ends lists and sends notices. Several workers can run at once. With `--metrics-port`,
    `/health/ready` answers 503 while the worker cannot work, for example without a database.
    """
    import asyncio

    from waiting_list.access.signing_keys import SigningKeys
    from waiting_list.catalogue.image_store import ImageStore
    from waiting_list.catalogue.images import Images
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.cli.stopping import call_at_stop, expect_a_stop
    from waiting_list.cli.worker_port import answer_on_port
    from waiting_list.ledger.checkpoints import Checkpoints
    from waiting_list.lists.engine import Engine
    from waiting_list.maintenance import Maintenance
    from waiting_list.notifications.dispatcher import Dispatcher
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    expect_a_stop()
    if metrics_port is not None:
        _free_port(metrics_host, metrics_port, option="--metrics-port")

    async def run(pool: Pool, config: Settings) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        engine = Engine(pool, config)
        dispatcher = Dispatcher(pool, config, SigningKeys(pool), engine)
        maintenance = Maintenance(
            pool,
            engine,
            end_grace=config.end_grace,
            personal_data_kept=config.personal_data_kept,
            checkpoints=Checkpoints(pool, config.public_url),
            drand_url=config.drand_url,
            witnesses=config.ledger_witnesses,
        )
        port = nullcontext() if metrics_port is None else answer_on_port(metrics_host, metrics_port, maintenance)
        async with port:
            call_at_stop(lambda: loop.call_soon_threadsafe(stop.set))
            files = asyncio.create_task(Images(pool, ImageStore.of(config)).run())
            await asyncio.gather(maintenance.run(stop), dispatcher.run(stop))
            files.cancel()

    with with_database(data_dir, schema="migrate") as settings:
        _check_image_store(settings)
        note_on_terminal("The worker runs. Ctrl-C stops it.")
        _warn_of_dead_links(settings)
        run_with_pool(settings, run)


def print_addresses(settings: "Settings", here: str, *, data: Path | None) -> None:
    """Print what a newcomer opens first, and where the data is; the operator of a terminal reads how to stop."""
    url = settings.public_url
    addresses = {
        "fans": f"{url}/",
        "organizers": f"{url}/dashboard",
        "API": url,
        "docs": f"{url}/docs",
        "health": f"{here}/health/ready",
        "mails": settings.mail_folder and f"{url}/mails",
        "data": data and data.absolute(),
    }
    print(f"Waiting List Service {__version__}")
    for name, address in addresses.items():
        if address:
            print(f"  {name:10} {address}")
    if sys.stdout.isatty():
        print("Ctrl-C stops the service. The data stays.")
    sys.stdout.flush()


def _warn_of_dead_links(settings: "Settings") -> None:
    import structlog

    if settings.mails_dead_links:
        structlog.get_logger(__name__).warning(
            "public_url_is_loopback",
            public_url=settings.public_url,
            detail="E-mails link to this address, and fans cannot open it. Set WAITING_LIST_PUBLIC_URL.",
        )


def _free_port(host: str, port: int, *, option: str = "--host or --port") -> int:
    """Return the port if the service can listen on it, or a free one for port 0; else end with a sentence."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address[0], port, *address[2:]))
                port = probe.getsockname()[1]
    except OSError as error:
        shown = f"[{host}]" if ":" in host else host
        fail(f"Cannot listen on {shown}:{port}: {error.strerror}. Choose another {option}.")
    return port


def _check_image_store(config: "Settings") -> None:
    """End the command if the store of images refuses the settings. One that is down may come back."""
    if config.images_s3_url is None:
        return
    import asyncio

    from waiting_list.catalogue.image_store import ImageStore, StoreRefuses
    from waiting_list.problems import Unavailable

    store = ImageStore.of(config)
    assert store is not None
    try:
        asyncio.run(store.check())
    except StoreRefuses as error:
        fail(str(error))
    except Unavailable as error:
        print(f"The pages show no images for now: {error}", file=sys.stderr)
