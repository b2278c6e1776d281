"""Waiting lists for sold-out events.

Every command works on DATABASE_URL, or else on the embedded PostgreSQL of a data folder, which commands share:
the first one to need it starts it. Exit codes: 0 done; 1 the audit found a difference, or an import has bad
rows; 2 it could not be done, and a sentence on stderr says why.
"""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, TypeVar
from urllib.request import ProxyHandler, build_opener

import typer
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from waiting_list import __version__, catalogue, demo, importer, logs, resend
from waiting_list.app import create_app
from waiting_list.audit import audit_lists
from waiting_list.auth import Authority
from waiting_list.database import MigrationError, Pool, connect_pool, migrate
from waiting_list.delivery import Delivery
from waiting_list.embedded import EmbeddedError, embedded
from waiting_list.engine import Engine
from waiting_list.i18n import LOCALES, SOURCE
from waiting_list.letters import Letters, example
from waiting_list.models import ListKey
from waiting_list.notices import Letter, Notice, NoticeStatus
from waiting_list.postgres_program import end_with_parent
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.worker import Worker

T = TypeVar("T")
app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded PostgreSQL [default: WAITING_LIST_DATA_DIR, or data]"),
]
_DRAIN_SECONDS = 10
"""How long a shutdown waits for answers under way; an open stream would block it for ever."""


def main() -> None:
    """Runs the command. What an operator can mend is one sentence, never a traceback."""
    # A command that is told to end leaves its blocks: the embedded server is stopped in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except importer.ImportRefused as refused:
        print(f"Nothing was imported:\n{refused}", file=sys.stderr)
        sys.exit(1)
    except (EmbeddedError, MigrationError, Problem, OSError, ValueError) as error:
        _fail(_sentence(error))


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


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
    with _database(data_dir) as settings:
        url = f"http://{host}:{port}"
        # In the environment, for the processes that this one starts, too.
        if with_demo and not settings.sends_mail:
            os.environ["WAITING_LIST_MAIL_FOLDER"] = str((data_dir or settings.data_dir) / "mail")
        if with_demo:
            os.environ["WAITING_LIST_DEMO"] = "true"
        if with_demo and "public_url" not in settings.model_fields_set:
            os.environ["WAITING_LIST_PUBLIC_URL"] = url
        configured = _settings()
        print(
            f"Waiting List Service {__version__}\n  fans       {url}/\n  organizers {url}/dashboard\n"
            f"  API        {url}\n  docs       {url}/docs\n  health     {url}/health/ready"
        )
        if configured.mail_folder is not None:
            print(f"  mails      {url}/mails")
        sys.stdout.flush()
        if with_demo:
            threading.Thread(target=_show_demo, args=(configured, url), daemon=True).start()
        serve_app("waiting_list.cli:served_app", factory=True, host=host, port=port, workers=workers)


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
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _allow_many_connections() -> None:
    # The usual soft limit of 1024 open files would be a limit of streams.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def served_app() -> FastAPI:
    """What each API process runs."""
    if multiprocessing.parent_process() is not None:
        end_with_parent()  # started by `serve --workers`
    settings = Settings()
    logs.set_up(settings)
    served = create_app(settings)
    loop = asyncio.get_running_loop()

    def end_streams() -> None:
        # uvicorn waits for answers under way before it tells the application to end, and a stream has no end.
        loop.call_soon_threadsafe(served.state.service.live.close)

    for number in (signal.SIGTERM, signal.SIGINT):
        _before(number, end_streams)
    # What is there now stays, and hundreds of calls are under way at once: looking through all of that for garbage
    # every few calls costs a join a tenth, and holds up whoever comes at the wrong moment.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return served


def _before(number: signal.Signals, do: Callable[[], None]) -> None:
    handler = signal.getsignal(number)

    def both(received: int, frame: FrameType | None) -> None:
        do()
        if callable(handler):
            handler(received, frame)

    signal.signal(number, both)


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run the worker alone: holds lapse and pass on, lists end, notices are sent. Several at once do no harm."""

    async def run(pool: Pool, config: Settings) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        engine = Engine(pool, config)
        delivery = Delivery(pool, config, Authority(pool, config), engine.told)
        await asyncio.gather(Worker(pool, engine).run(stop), delivery.run(stop))

    with _database(data_dir) as settings:
        _run(settings, run)


@app.command("migrate")
def migrate_(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema. Safe to repeat, and to run several times at once."""
    with _database(data_dir, migrated=False) as settings:
        applied = uvloop.run(migrate(_dsn(settings)))
        print(f"Applied {', '.join(applied)}." if applied else "Nothing to apply.")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With the four CSV files.")],
    shift_dates: Annotated[bool, typer.Option("--shift-dates", help="Move all dates ahead of today.")] = False,
    organization: Annotated[str | None, typer.Option(help="Instead of the one in events.csv.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Import events.csv, representations.csv, offers.csv and inventory.csv: all or nothing."""
    found = importer.read(folder, organization_id=organization)
    if shift_dates:
        found = importer.shifted(found, datetime.now(UTC).date())

    async def run(pool: Pool, config: Settings) -> None:
        made = await importer.load(pool, found, sends_mail=config.sends_mail)
        for name, objects in (
            ("events", found.events),
            ("representations", found.representations),
            ("offers", found.offers),
            ("inventory", found.inventory),
        ):
            print(f"{name}: {len(objects)} read, {made[name]} made")

    with _database(data_dir) as settings:
        _run(settings, run)


@app.command()
def create_key(
    organization: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    read_only: Annotated[bool, typer.Option("--read-only", help="It may only read.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Create an API key, and print it alone. It is not shown again."""
    if not 1 <= len(organization) <= 200 or not organization.isprintable():
        raise ValueError("An organization's id has 1 to 200 printable characters.")

    async def run(pool: Pool, _config: Settings) -> None:
        created, _ = await catalogue.create_api_key(pool, organization, name=name, read_only=read_only)
        print(created.key)

    with _database(data_dir) as settings:
        _run(settings, run)


@app.command()
def audit(
    offer_id: Annotated[str | None, typer.Argument(help="Of one list; all lists unless given.")] = None,
    representation_id: Annotated[str | None, typer.Argument(help="Of that list.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a list.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Replay the history of each list against its tables, and name the first difference. Locks nothing."""
    if (offer_id is None) != (representation_id is None):
        raise ValueError("A list is named by an offer and a representation: give both, or neither.")
    only = ListKey(offer_id, representation_id) if offer_id and representation_id else None
    differences = lists = 0

    async def run(pool: Pool, _: Settings) -> None:
        nonlocal differences, lists
        async for report in audit_lists(pool, only=only, progress=_progress):
            lists += 1
            differences += report.finding is not None
            if as_json:
                print(report.model_dump_json())
            elif report.finding:
                print(f"{report.offer_id} at {report.representation_id}: {report.finding.sentence}")

    with _database(data_dir) as settings:
        _run(settings, run)
    if not as_json:
        print(f"{lists} lists, {differences} with a difference")
    if differences:
        raise typer.Exit(1)


@app.command()
def preview_mail(
    letter: Annotated[Letter, typer.Argument(help="Which e-mail.")],
    locale: Annotated[str, typer.Option(help="Its language: en or fr.")] = SOURCE,
    organization: Annotated[str, typer.Option(help="Whose templates.")] = "demo",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of the text.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.eml", help="Write the whole message there instead.")
    ] = None,
) -> None:
    """Print an e-mail as fans would get it, with made-up facts. Needs no database."""
    if locale not in LOCALES:
        raise ValueError(f"There is no translation into {locale}: choose {' or '.join(LOCALES)}.")
    settings = _settings()
    logs.set_up(settings)
    message = example(Letters(settings), letter, locale=locale, organization_id=organization)
    if output is not None:
        output.write_bytes(message.as_bytes())
        return
    body = message.get_body(("html" if html else "plain",))
    assert body is not None
    print(body.get_content() if html else f"{message['Subject']}\n\n{body.get_content()}", end="")


@app.command("notices")
def notices_(
    organization: Annotated[str | None, typer.Option(help="Of one organization; of all unless given.")] = None,
    status: Annotated[NoticeStatus | None, typer.Option(help="Only those that stand there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """List e-mails and webhook deliveries, the newest first: id, status, tries, type, list, last answer."""
    only = resend.NoticeFilter(status=[status] if status else None)

    async def run(pool: Pool, _: Settings) -> None:
        found = await resend.notices(pool, organization, only, limit=limit, cursor=None)
        for notice in found.items:
            print(_line(notice))

    with _database(data_dir) as settings:
        _run(settings, run)


@app.command("resend")
def resend_(
    notice_ids: Annotated[
        list[str] | None, typer.Argument(metavar="NOTICE_ID", help="What to send again.")
    ] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="All that were given up.")] = False,
    organization: Annotated[str | None, typer.Option(help="Of one organization; of any unless given.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Have the worker send notices again, each with the id that it had. None is sent if one is unknown."""
    if bool(notice_ids) == all_dead:
        raise ValueError("Name the notices, or give --all-dead.")

    async def run(pool: Pool, _: Settings) -> None:
        if notice_ids:
            sent = await resend.resend_all(pool, notice_ids, organization_id=organization)
        else:
            sent = await resend.resend_dead(pool, organization_id=organization)
        print(f"{sent} to be sent again")

    with _database(data_dir) as settings:
        _run(settings, run)


@app.command("demo")
def demo_(
    url: Annotated[str, typer.Option(help="Where the service answers.")] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
) -> None:
    """Load a catalogue and a few dozen fans, and print what to try. Loaded once, however often it is called."""

    async def run(pool: Pool, config: Settings) -> None:
        print(await demo.load(pool, config, url))

    with _database(data_dir) as settings:
        _run(settings, run)


@contextmanager
def _database(data_dir: Path | None, *, migrated: bool = True) -> Iterator[Settings]:
    """The settings with a database: DATABASE_URL's, or the embedded one for as long as the block runs."""
    settings = _settings()
    logs.set_up(settings)
    if settings.database_url is not None:
        yield _with_schema(settings) if migrated else settings
        return
    with embedded(data_dir or settings.data_dir) as dsn:
        # Processes that this one starts find it there.
        os.environ["WAITING_LIST_DATABASE_URL"] = dsn
        settings = _settings()
        yield _with_schema(settings) if migrated else settings


def _with_schema(settings: Settings) -> Settings:
    uvloop.run(migrate(_dsn(settings)))
    return settings


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
        _fail("Settings: " + "; ".join(problems))


def _dsn(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def _run(settings: Settings, run: Callable[[Pool, Settings], Coroutine[Any, Any, T]]) -> T:
    async def with_pool() -> T:
        pool = await connect_pool(settings, _dsn(settings))
        try:
            return await run(pool, settings)
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), timeout=5)

    return uvloop.run(with_pool())


def _show_demo(settings: Settings, url: str) -> None:
    opener = build_opener(ProxyHandler({}))
    pause = threading.Event()
    for _ in range(600):
        with suppress(OSError), opener.open(f"{url}/health/ready", timeout=5):
            break
        pause.wait(0.1)
    text = _run(settings, lambda pool, settings: demo.load(pool, settings, url))
    print(text, flush=True)


def _line(notice: Notice) -> str:
    place = f"{notice.offer_id}/{notice.representation_id}" if notice.offer_id else None
    fields = (
        notice.notice_id,
        notice.status,
        notice.tries,
        notice.type,
        place,
        notice.answer_status,
        notice.answer,
    )
    line = "  ".join("-" if field is None else str(field) for field in fields)
    # A receiver's answer is foreign text, and a terminal obeys some of it.
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def _progress(key: ListKey, rows: int) -> None:
    if sys.stderr.isatty():
        print(f"{key.offer_id}/{key.representation_id}: {rows} rows", end="\r", file=sys.stderr, flush=True)


def _check_port(host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                _fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")


def _sentence(error: BaseException) -> str:
    if isinstance(error, Problem) and error.__cause__ is not None:
        return f"The database cannot be used: {error.__cause__}"
    return str(error) or type(error).__name__


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(2)
