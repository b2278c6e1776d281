"""What a benchmark runs on: a PostgreSQL, the service and the ceiling as processes, lists of any length."""

import base64
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from bench.fill import fill
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.scopes import Scope
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import User, UserTokens
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import EventFields, InventoryFields, OfferFields, RepresentationFields
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.models import ListKey
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.settings import Settings

ORGANIZATION = "bench"
CALLER = Caller(ORGANIZATION, "organizer:bench")


class Stage:
    """The database of a benchmark and what is in it."""

    def __init__(self, dsn: str, pool: Pool, folder: Path) -> None:
        self.dsn = dsn
        self.pool = pool
        self.folder = folder
        self.engine = Engine(pool, Settings())
        self._signing_keys = SigningKeys(pool)
        self.user_tokens = UserTokens(self._signing_keys, SignOuts(pool, Settings()))
        self.api_key = ""
        self.audited: list[ListKey] = []
        """The lists whose entries came by calls of the service alone."""
        self._lists = 0

    @classmethod
    @asynccontextmanager
    async def make(cls, settings: Mapping[str, str] = {}) -> AsyncIterator["Stage"]:
        """A migrated, empty database on durable settings, for as long as the block runs; with more of PostgreSQL's
        own `settings`."""
        with tempfile.TemporaryDirectory(prefix="waiting-list-bench-") as folder:
            os.chmod(folder, 0o711)  # started by root, the server runs as another account
            with embedded(Path(folder), extra_settings=settings) as dsn:
                await migrate(dsn)
                pool = await connect_pool(Settings(), dsn)
                stage = cls(dsn, pool, Path(folder))
                event = EventFields(title="Benchmark", timezone="Europe/Paris")
                await catalogue_changes.put_event(pool, ORGANIZATION, "event", event)
                created, _ = await create_api_key(pool, ORGANIZATION, name="bench", scopes=[Scope.ADMIN])
                stage.api_key = created.key
                yield stage
                await pool.close()

    async def make_list(
        self,
        waiting: int = 0,
        ready: int = 0,
        *,
        total: int = 2_000_000,
        until: datetime | None = None,
        history: bool = True,
    ) -> ListKey:
        """A sold-out list with so many in it, two tickets each, which are filled in without a history. The audit
        takes those that are empty now, unless what comes then has no `history` either."""
        self._lists += 1
        key = ListKey(f"offer{self._lists}", f"date{self._lists}")
        start = datetime.now(UTC) + timedelta(days=30)
        date = RepresentationFields(event_id="event", start_datetime=start, end_datetime=start)
        await catalogue_changes.put_representation(self.pool, self.engine, CALLER, key.representation_id, date)
        offer = OfferFields(event_id="event", name="Floor", max_quantity_per_order=6)
        await catalogue_changes.put_offer(self.pool, self.engine, CALLER, key.offer_id, offer)
        stock = InventoryFields(total_stock=total, available_stock=0)
        await catalogue_changes.put_inventory(self.pool, self.engine, CALLER, key, stock)
        async with connection(self.pool) as acquired:
            await fill(
                acquired,
                key.list_id,
                ready=ready,
                waiting=waiting,
                joined_at=datetime.now(UTC),
                ready_until=until or start,
            )
        if history and not waiting and not ready:
            self.audited.append(key)
        return key

    async def settle(self) -> None:
        """Statistics are made and dirty pages written, so that a measurement does not pay for the filling."""
        async with connection(self.pool) as acquired:
            await acquired.execute("VACUUM ANALYZE", timeout=600)
            await acquired.execute("CHECKPOINT", timeout=600)

    def backends(self) -> list[int]:
        """The pids of PostgreSQL's processes."""
        file = self.folder / "postgres" / "cluster" / "postmaster.pid"
        postmaster = int(file.read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    async def tokens(self, users: Iterable[str]) -> list[str]:
        """User tokens: one as the service makes it, and others like it, because each would ask the database."""
        minted, _ = await self.user_tokens.mint(User("user", ORGANIZATION), expires_in=7200)
        key, head = (await self._signing_keys.keys()).user_token, minted.partition(".")[0]
        claims = await self.user_tokens.claims(minted)

        def signed(user: str) -> str:
            body = _base64(json.dumps(claims | {"sub": user}, separators=(",", ":")).encode())
            return f"{head}.{body}.{_base64(hmac.digest(key, f'{head}.{body}'.encode(), 'sha256'))}"

        return [signed(user) for user in users]

    def load(
        self,
        server: "Server",
        requests: list[bytes],
        *,
        connections: int,
        seconds: float,
        kinds: Iterable[str] = (),
        **options: float | None,
    ) -> dict[str, Any]:
        """Runs the load (bench/load.py) against a server, and returns what it prints."""
        file = self.folder / "requests"
        file.write_bytes(b"\0".join(requests))
        command = [sys.executable, "-m", "bench.load", str(file), str(server.port), str(connections), str(seconds)]
        command += [f"--kinds={','.join(kinds)}"]
        command += [f"--{name}={value}" for name, value in options.items() if value]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=seconds + 60)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


class Server:
    """A server process that listens on a port of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port

    def processes(self) -> list[int]:
        """The pids that serve: the children where there are several, else the process itself."""
        pids = [self.process.pid]
        children = Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()
        serving = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return serving or pids


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Seconds of CPU time that processes have taken (Linux)."""
    ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
    return sum(int(one) for of in ticks for one in of) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Bytes of memory that a process has of its own (Linux)."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Private_Dirty:")


def peak_memory(pid: int) -> int:
    """Bytes of memory that a process has had at most, shared ones too (Linux)."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:")


def _kilobytes(file: Path, name: str) -> int:
    (line,) = (line for line in file.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], **streams: int
) -> "Iterator[subprocess.Popen[Any]]":
    """A process for as long as the block runs: then it is told to end, and killed if it does not."""
    with subprocess.Popen(command, env=os.environ | environment, **streams) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _served(command: list[str], port: int, path: str, environment: Mapping[str, str]) -> Iterator[Server]:
    with running(command, environment, stdout=subprocess.DEVNULL) as process:
        _await_answer(process, f"http://127.0.0.1:{port}{path}")
        yield Server(process, port)


def service(stage: Stage, *, processes: int = 1, environment: Mapping[str, str] | None = None) -> Any:
    """The service as `waiting-list serve` runs it, worker included unless the environment says otherwise."""
    port = free_port()
    command = [sys.executable, "-m", "waiting_list", "serve", "--port", str(port), "--workers", str(processes)]
    quiet = {"DATABASE_URL": stage.dsn, "WAITING_LIST_LOG_LEVEL": "warning"}
    return _served(command, port, "/health/ready", quiet | dict(environment or {}))


def ceiling(stage: Stage, *, processes: int = 1) -> Any:
    """The bare FastAPI application, on the same server settings."""
    port = free_port()
    serve = f"serve_app('bench.ceiling:app', port={port}, workers={processes})"
    code = f"from waiting_list.cli.server import serve_app; {serve}"
    return _served(
        [sys.executable, "-c", code], port, "/openapi.json", {"BENCH_PICTURE": str(stage.folder / "picture")}
    )


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(process: "subprocess.Popen[bytes]", url: str) -> None:
    opener = build_opener(ProxyHandler({}))
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"{url} ended with {process.returncode}")
        try:
            with opener.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")
