"""A real cluster on the loopback: three nodes of Patroni and PostgreSQL with synchronous replication, and etcd.

Everything lives in one folder and runs as an unprivileged account. PostgreSQL is the one that the service brings
along. Patroni is installed from PyPI into the folder; etcd is the system's.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from waiting_list.postgres.binaries import Program, find_account, find_program

PATRONI = ("patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9")
PASSWORD = "of-a-drill-on-the-loopback"  # noqa: S105 - of a cluster that is gone minutes later
NODES = ("a", "b", "c")
_CONFIG = Path(__file__).with_name("patroni.yml")
_HEALTHY_SECONDS = 120.0
_http = build_opener(ProxyHandler({}))


@dataclass
class Node:
    """One machine of the cluster: Patroni, and the PostgreSQL that it runs."""

    name: str
    data: Path
    port: int
    api_port: int
    patroni: "subprocess.Popen[bytes] | None" = None
    frozen: list[int] = field(default_factory=list)

    def postmasters(self) -> list[int]:
        """The pid of its PostgreSQL; also of programs that Patroni has just begun to run on the same data."""
        named = f"{self.data}\0".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if named in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
        return found

    def processes(self) -> list[int]:
        """Everything of it that runs."""
        found = [pid for postmaster in self.postmasters() for pid in (postmaster, *_children(postmaster))]
        if self.patroni is not None and self.patroni.poll() is None:
            found.append(self.patroni.pid)
        return found


class Cluster:
    """The cluster. `start` it, and `stop` it whatever happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = find_account(folder / "none")
        self.program: Program = find_program(folder / "none", self.account)
        self.nodes = [Node(name, folder / name / "data", free_port(), free_port()) for name in NODES]
        self.given_up = threading.Event()
        """Ends every wait for the cluster, in whichever thread."""
        self._etcd: subprocess.Popen[bytes] | None = None
        self._etcd_port = free_port()
        folder.chmod(0o711)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    @property
    def dsn(self) -> str:
        """How the service reaches whichever node is the leader."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://waiting_list:{PASSWORD}@{hosts}/waiting_list?target_session_attrs=read-write"

    def superuser_dsn(self, node: Node, database: str = "postgres") -> str:
        """How its superuser reaches one node."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{node.port}/{database}"

    def start(self) -> None:
        """etcd, then the nodes; returns when two standbys follow the leader, one of them synchronously."""
        self._install()
        self._start_etcd()
        for node in self.nodes:
            self.start_node(node)
        self.wait_until_healthy()
        self._create_database()

    def _install(self) -> None:
        target = ["--target", str(self.folder / "patroni"), *PATRONI]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "--quiet"]
        subprocess.run([*pip, "--python", str(self._python()), "install", *target], check=True)

    def _python(self) -> Path:
        """An interpreter that the account may run: ours can be root's own."""
        for candidate in (Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve()):
            if candidate.exists() and (self.account is None or self.account.may_enter(candidate.parent)):
                return candidate
        raise FileNotFoundError("the account that runs PostgreSQL can run no Python: install /usr/bin/python3")

    def _start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{free_port()}"
        data = str(self._home("etcd") / "data")
        command = [shutil.which("etcd") or "etcd", "--name", "drill", "--data-dir", data]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"drill={peer}"]
        self._etcd = self._popen("etcd", command, {})

        def answers() -> bool:
            with _http.open(f"{client}/health", timeout=2) as answer:
                return bool(json.loads(answer.read())["health"] == "true")

        self._wait_until(answers, seconds=30, what="etcd answers")

    def start_node(self, node: Node) -> None:
        """Patroni, which then starts PostgreSQL: for the first time, as leader or standby, or to come back."""
        self._home(node.name)
        address, api = f"127.0.0.1:{node.port}", f"127.0.0.1:{node.api_port}"
        environment = {
            "PYTHONPATH": str(self.folder / "patroni"),
            "PATRONI_NAME": node.name,
            "PATRONI_RESTAPI_LISTEN": api,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": api,
            "PATRONI_POSTGRESQL_LISTEN": address,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": address,
            "PATRONI_POSTGRESQL_DATA_DIR": str(node.data),
            "PATRONI_POSTGRESQL_BIN_DIR": str(self.program.bindir),
            "PATRONI_POSTGRESQL_PGPASS": str(node.data.with_name("pgpass")),
            "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{self._etcd_port}",
            "PATRONI_SUPERUSER_PASSWORD": PASSWORD,
            "PATRONI_REPLICATION_PASSWORD": PASSWORD,
        }
        config = self.folder / "patroni.yml"
        if not config.exists():
            shutil.copy(_CONFIG, config)
            config.chmod(0o644)
        command = [str(self._python()), "-m", "patroni", str(config)]
        node.patroni = self._popen(node.name, command, environment)

    def _home(self, name: str) -> Path:
        home = self.folder / name
        home.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(home, self.account.uid, self.account.gid)
        return home

    def _popen(self, name: str, command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        options = self.program.child(self._lock, signal.SIGTERM)
        options["env"] |= environment
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)

    def _create_database(self) -> None:
        psql = [str(self.program.bindir / "psql"), "--quiet", "--no-psqlrc", self.superuser_dsn(self.leader())]
        role = f"CREATE ROLE waiting_list LOGIN PASSWORD '{PASSWORD}'"
        for statement in (role, "CREATE DATABASE waiting_list OWNER waiting_list"):
            subprocess.run([*psql, "--command", statement], check=True, timeout=30)

    # What it is

    def members(self) -> list[dict[str, str]]:
        """The nodes as Patroni sees them: name, role, state; nothing while nobody answers."""
        for node in self.nodes:
            if node.frozen or node.patroni is None or node.patroni.poll() is not None:
                continue
            address = f"http://127.0.0.1:{node.api_port}/cluster"
            with contextlib.suppress(OSError, ValueError), _http.open(address, timeout=3) as answer:
                members: list[dict[str, str]] = json.loads(answer.read())["members"]
                return members
        return []

    def leader(self) -> Node:
        """The node that takes writes."""
        name = next(one["name"] for one in self.members() if one["role"] == "leader")
        return next(node for node in self.nodes if node.name == name)

    def wait_until_healthy(self) -> None:
        """Until there is a leader whom all others follow, one of them synchronously."""

        def healthy() -> bool:
            members = self.members()
            roles = sorted(one["role"] for one in members)
            # A standby that does not stream is not there again yet.
            expected = {"leader": "running", "replica": "streaming", "sync_standby": "streaming"}
            return roles == [*expected] and all(one["state"] == expected[one["role"]] for one in members)

        self._wait_until(healthy, seconds=_HEALTHY_SECONDS, what="the cluster is whole")

    def _wait_until(self, true: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Waits for something that some program does in its own time. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.given_up.wait(0.1):
            with contextlib.suppress(OSError, ValueError):
                if true():
                    return
        raise TimeoutError(f"not within {seconds:.0f} s: {what}")

    # What is done to it

    def kill_postgres(self, node: Node) -> None:
        """kill -9 of its PostgreSQL; Patroni lives."""
        for postmaster in node.postmasters():
            os.kill(postmaster, signal.SIGKILL)

    def kill_node(self, node: Node) -> None:
        """kill -9 of everything on it, Patroni first."""
        if node.patroni is not None:
            node.patroni.kill()
            node.patroni.wait(10)
        # Patroni may have been about to start one: until it is seen that there is none any more.
        while pids := node.processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        node.frozen = []

    def freeze_node(self, node: Node) -> None:
        """Nothing on it answers any more and nothing refuses: as when a machine drops out of the network."""
        node.frozen = node.processes()
        for pid in node.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def stop(self) -> None:
        """Ends everything that was started."""
        for node in self.nodes:
            self.kill_node(node)
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait(10)
        os.close(self._lock)


def _children(pid: int) -> list[int]:
    said = subprocess.run(  # nosec B607 # wherever it is
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return [int(one) for one in said.split()]


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
