"""The embedded PostgreSQL, for operators who have not set `DATABASE_URL`.

A data folder has one server, shared by every command that runs on it. `<data folder>/postgres` holds

    lock           held by the supervisor and by every process of its server; inside, the supervisor's pid
    cluster/       PostgreSQL's own data folder, mode 0700
    socket/        the unix socket, mode 0700 (a folder under /tmp where this path is too long for a socket)
    postgres.log   the server's log; a start that finds more than 1 MiB in it keeps the last 64 KiB

Started by root, the server runs as the owner of the cluster; for a new one, as `postgres` or else `nobody`.
Where that account cannot enter the data folder (`/root/project/data`), `<data folder>/postgres` is a link
into /var/lib/waiting-list. There, too, is a copy of the wheel's programs when the account cannot read them.

On Linux the server cannot outlive its supervisor. Elsewhere it does when its supervisor is ended by SIGKILL:
the commands that follow then join it; `kill -INT` of the first number in `cluster/postmaster.pid` ends it.
"""

import atexit
import fcntl
import hashlib
import logging
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from waiting_list.postgres.binaries import (
    DIES_WITH_US,
    EmbeddedError,
    Program,
    explained,
    find_account,
    find_program,
    system_folder,
)

__all__ = ["EmbeddedError", "embedded", "has_data"]

logger = logging.getLogger(__name__)

_NAME = "waiting_list"  # the name of the superuser and of the database
_PORT = 15432  # there is no TCP: it names the socket, and keeps PGPORT of the environment out of the DSN
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 # nosec B108 # its folders have mode 0700, and their owner is checked
_LONGEST_SOCKET_PATH = 103  # bytes: macOS' limit; Linux has 107
_POLL_SECONDS = 0.02
_LOG_BYTES, _LOG_KEPT_BYTES = 1 << 20, 1 << 16
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "150",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log is for starts, stops, crashes and lost clients. Callers report refused statements themselves.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@contextmanager
def embedded(
    data_dir: Path,
    *,
    extra_settings: Mapping[str, str] = {},
    wait_seconds: float = 120.0,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """Yield the DSN of the PostgreSQL server of `data_dir`, and start it unless another process has.

    The process that starts the server is its supervisor. It restarts the server if that dies, under the same DSN,
    and stops it at the end of the block. Other processes join, and lose the server when the supervisor ends.
    Acknowledged commits survive any end of server and supervisor. The DSN names a unix socket that only the
    server's account and root can reach; asyncpg and psql support it.

    `extra_settings` have no effect if the server already runs. `wait_seconds` limits the start, or the wait for
    another process, with `meanwhile`, which it calls while the server starts. Raises EmbeddedError if there is no
    server by then, if this machine has no PostgreSQL, or if the data folder has another account or major version.
    """
    deadline = time.monotonic() + wait_seconds
    server = None
    with ExitStack() as stack:
        with explained(data_dir):
            home = _home(data_dir)
            lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            stack.callback(os.close, lock)
            if _get_lock_or_see_server(home, lock, deadline):
                program = find_program(home / "cluster", find_account(home / "cluster"))
                if not (home / "cluster").exists():
                    _initialise(home, program, lock, deadline)
                if _answers(home):
                    raise EmbeddedError(f"A PostgreSQL started by hand runs on {home / 'cluster'}. Stop it first.")
                # The lock is ours, so this file is from a dead server. Its pid, if reused, could block the start.
                (home / "cluster" / "postmaster.pid").unlink(missing_ok=True)
                server = _Server(home, program, lock, extra_settings)
                stack.callback(server.stop)
        meanwhile()
        with explained(data_dir):
            if server is not None:
                server.wait_until_ready(deadline)
        yield f"postgresql://{_NAME}@/{_NAME}?host={quote(str(_socket_folder(home)))}&port={_PORT}"


def has_data(data_dir: Path) -> bool:
    """Return whether a data folder has a server, or had one that it links to."""
    home = data_dir / "postgres"
    return home.exists() or home.is_symlink()


# The folders


def _home(data_dir: Path) -> Path:
    """Return the folder of the server, `data_dir/postgres` or its link target. Create it if necessary."""
    data_dir.mkdir(parents=True, exist_ok=True)
    home = data_dir.resolve() / "postgres"
    account = find_account(home / "cluster")
    if home.is_symlink() and not home.exists():
        raise EmbeddedError(
            f"The database of {data_dir} was kept in {home.readlink()}, which does not exist."
            f" Bring that folder back, or remove {home} to start with an empty database."
        )
    if account and not home.exists() and not account.may_enter(home.parent):
        _link_to_system_folder(home)
    home.mkdir(exist_ok=True)
    home = home.resolve()
    if account and home.stat().st_uid == 0:
        home.chmod(0o755)  # independent of the umask
    if account and not account.may_enter(home):
        raise EmbeddedError(
            f"{home} cannot be entered by the account {account.name}, which runs PostgreSQL for root."
            " Move the data folder, or let others pass through its parents (chmod o+x)."
        )
    return home


def _link_to_system_folder(home: Path) -> None:
    # A new name each time, so that a data folder that was deleted and created again does not find its old data.
    target = Path(tempfile.mkdtemp(prefix="data-", dir=system_folder()))
    (target / "belongs_to").write_text(f"{home.parent}\n")
    try:
        home.symlink_to(target)
    except FileExistsError:  # another process has created it
        shutil.rmtree(target)
    else:
        logger.warning("PostgreSQL's account cannot enter %s: its database is in %s", home.parent, target)


def _socket_folder(home: Path) -> Path:
    """Return the folder of the socket, and create it if necessary. Its path is the same for all, and only one
    account may enter."""
    cluster = (home / "cluster").stat()
    folder = home / "socket"
    # PostgreSQL's setting and the DSN both take lists, and each has its own rules to quote unusual characters.
    path = f"{folder}/.s.PGSQL.{_PORT}"
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH or not re.fullmatch(r"[\w./-]+", path, re.ASCII):
        folder = _SHORT_FOLDER / _short_name(home)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (cluster.st_uid, os.geteuid()):
        raise EmbeddedError(f"{folder} is for PostgreSQL's socket, but belongs to another account. Remove it.")
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, cluster.st_uid, cluster.st_gid)
    return folder


def _short_name(home: Path) -> str:
    return f"waiting-list-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _initialise(home: Path, program: Program, lock: int, deadline: float) -> None:
    """Create the cluster and its database. The cluster gets its name only when it is complete and on disk."""
    new = home / "cluster.new"
    child = program.child(lock, signal.SIGKILL)

    def trouble_with(name: str, *arguments: str, given: str = "") -> str:
        command = [str(program.bindir / name), *arguments]
        left = max(1.0, deadline - time.monotonic())
        # In a thread, because Python drops the exception of a signal handler that runs during a fork.
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(
                lambda: subprocess.run(
                    command, input=given, capture_output=True, text=True, timeout=left, check=False, **child
                )
            ).result()
        failed = done.returncode != 0 or "ERROR" in done.stderr  # the latter is how `--single` fails
        return f"{name} said: {done.stderr.strip()}" if failed else ""

    locales = [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    if program.major < 17:
        locales = [["--locale=C.UTF-8"], ["--locale=C"]]  # not every system has the first
    trouble = ""
    for locale in locales:
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        if program.account:
            os.chown(new, program.account.uid, program.account.gid)
        access = [f"--username={_NAME}", "--auth-local=trust", "--auth-host=reject"]
        form = ["--encoding=UTF8", "--data-checksums", *locale]
        trouble = trouble_with("initdb", f"--pgdata={new}", *access, *form)
        if not trouble:
            create = f"CREATE DATABASE {_NAME}\n"
            trouble = trouble_with("postgres", "--single", "-D", str(new), "postgres", given=create)
            break
    if trouble:
        raise EmbeddedError(f"PostgreSQL could not make its files in {home}: {trouble}")
    new.rename(home / "cluster")
    folder = os.open(home, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


# Supervisor or guest


def _get_lock_or_see_server(home: Path, lock: int, deadline: float) -> bool:
    """Return True with the lock, or False when the server of the lock's holder is ready."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            return True
        supervisor = os.pread(lock, 20, 0).decode().strip()
        # A server that lost its supervisor is about to end, even if it has not noticed yet.
        guarded = bool(supervisor) and (Path("/proc", supervisor).exists() or not DIES_WITH_US)
        if guarded and _says_ready(home) and _answers(home):
            return False
        if time.monotonic() > deadline:
            left = f"processes of an earlier one, called 'postgres: {_short_name(home)}', did not end"
            state = f"process {supervisor} did not get it ready" if guarded else left
            raise EmbeddedError(f"No PostgreSQL for {home}: {state} in time.{_log_end(home)}")
        time.sleep(_POLL_SECONDS)


def _pid_file(home: Path) -> list[str]:
    # Of its lines, 1 is the server's pid, 4 and 5 say where its socket is, 8 is its state. After a kill it is
    # left as it was: only the pid of a child, or an answer from the socket, makes it credible.
    with suppress(FileNotFoundError):
        lines = (home / "cluster" / "postmaster.pid").read_text().splitlines()
        return [line.strip() for line in lines]
    return []


def _says_ready(home: Path, pid: int | None = None) -> bool:
    lines = _pid_file(home)
    return lines[7:8] == ["ready"] and (pid is None or lines[0] == str(pid))


def _answers(home: Path) -> bool:
    if len(lines := _pid_file(home)) > 4:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.settimeout(1)
            probe.connect(f"{lines[4]}/.s.PGSQL.{lines[3]}")
            return True
    return False


def _log_end(home: Path, start: int = 0) -> str:
    """Return the last lines of the log after byte `start`, for the end of an error message."""
    with suppress(FileNotFoundError), (home / "postgres.log").open("rb") as log:
        log.seek(max(start, log.seek(0, os.SEEK_END) - 4096))
        if lines := log.read().decode(errors="replace").splitlines()[-12:]:
            return "\n".join(["", f"The end of {log.name}:", *lines])
    return ""


def _kill_orphans(home: Path) -> None:
    """End the processes of a killed `postgres`, because a busy one may run for hours and block a new start."""
    # Without /proc, the next start has to wait for them.
    title = f"postgres: {_short_name(home)}: ".encode()
    with suppress(OSError):
        owner = (home / "cluster").stat().st_uid
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if process.stat().st_uid == owner and (process / "cmdline").read_bytes().startswith(title):
                    os.kill(int(process.name), signal.SIGKILL)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore further stops during the block, because without its checkpoint the server would need a recovery."""
    in_main = threading.current_thread() is threading.main_thread()  # only there can Python change handlers
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM) if in_main else ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server:
    """The `postgres` process, and the thread that owns it.

    The thread must live as long as the server, because the server ends with the thread that started it.
    """

    def __init__(self, home: Path, program: Program, lock: int, extra_settings: Mapping[str, str]) -> None:
        ours = {"unix_socket_directories": str(_socket_folder(home)), "cluster_name": _short_name(home)}
        self._command = [str(program.bindir / "postgres"), "-D", str(home / "cluster")]
        self._command += [f"--{name}={value}" for name, value in (_SETTINGS | ours | dict(extra_settings)).items()]
        self._child_options = program.child(lock, signal.SIGQUIT)
        self._home = home
        self._child: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._was_ready = False
        self._end = ""
        self._log_start = 0
        self._thread = threading.Thread(target=self._supervise, name="postgres-supervisor", daemon=True)
        self._thread.start()
        if not DIES_WITH_US:
            atexit.register(self.stop)

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until the server is ready. Raises EmbeddedError if it ends, or is not ready by the deadline."""
        while not (self._child and _says_ready(self._home, self._child.pid)):
            alive = self._thread.is_alive()
            if not alive or time.monotonic() > deadline:
                state = "was not ready in time" if alive else self._end
                log = _log_end(self._home, self._log_start)
                raise EmbeddedError(f"PostgreSQL did not start in {self._home}: it {state}.{log}")
            time.sleep(_POLL_SECONDS)
        self._was_ready = True

    def stop(self) -> None:
        """Stop the server in order, with a checkpoint; by force if that takes more than 30 seconds."""
        with self._starting:
            self._stopping.set()
        with _undisturbed():
            self._end_server()
        with suppress(OSError):
            _socket_folder(self._home).rmdir()

    def _end_server(self) -> None:
        for number, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if self._child and self._thread.is_alive():
                self._child.send_signal(number)
            self._thread.join(seconds)

    def _supervise(self) -> None:
        pause = 0.1
        while True:
            began = time.monotonic()
            self._end = self._run()
            if self._stopping.is_set() or not self._was_ready:
                return
            _kill_orphans(self._home)
            pause = 0.1 if time.monotonic() - began > 10 else min(2 * pause, 5.0)
            logger.error("PostgreSQL %s: starting it again in %.1f s", self._end, pause)
            if self._stopping.wait(pause):
                return

    def _run(self) -> str:
        """Run the server until it ends, and return how it ended."""
        try:
            with self._starting, self._open_log() as log:
                if self._stopping.is_set():
                    return "was stopped"
                self._child = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._child_options
                )
        except (OSError, subprocess.SubprocessError) as error:
            return f"could not be run ({error})"
        status = self._child.wait()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"

    def _open_log(self) -> IO[bytes]:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags | os.O_NOFOLLOW, 0o600)

        log = open(self._home / "postgres.log", "ab+", opener=opener)  # noqa: SIM115 - closed by the caller
        if log.tell() > _LOG_BYTES:
            log.seek(-_LOG_KEPT_BYTES, os.SEEK_END)
            kept = log.read()
            log.truncate(0)
            log.write(kept)
            log.flush()
        self._log_start = log.tell()
        return log
