"""`make restore`: a mistake is undone by going back to the instant before it, from a base backup and archived WAL.

    python -m ops.drills.restore [--per-second 150] [--seconds 6] [--keep]

The service runs under a storm of joins all the while. Then the same data goes through a `waiting-list backup`.
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import asyncpg

from ops.drills.acknowledged import Join, judge
from ops.drills.service import LISTS, ROWS, Clients, Services, clients, rows
from waiting_list.postgres.binaries import find_account, find_program
from waiting_list.postgres.embedded import embedded

HARMED = LISTS[0]
RECOVERY = """
restore_command = 'cp "{archive}/%f" "%p"'
recovery_target_time = '{instant}'
recovery_target_action = 'promote'
"""
"""What PostgreSQL reads in postgresql.auto.conf when it finds recovery.signal beside it."""


class Archive:
    """A folder for archived WAL and base backups, which PostgreSQL's account can write."""

    def __init__(self, folder: Path) -> None:
        self.wal = folder / "wal"
        self.base = folder / "base"
        self._account = find_account(folder / "none")
        self.wal.mkdir(parents=True)
        self.own(self.wal)
        self._bindir = find_program(folder / "none", self._account).bindir

    @property
    def settings(self) -> dict[str, str]:
        """Those of a server that archives here. A file that is there already is never replaced."""
        return {
            "archive_mode": "on",
            "archive_command": f'test ! -f "{self.wal}/%f" && cp "%p" "{self.wal}/%f"',
            "archive_timeout": "60",
        }

    def own(self, place: Path) -> None:
        """Gives a folder, and all that is in it, to PostgreSQL's account."""
        if self._account:
            for path in (place, *place.rglob("*")):
                os.chown(path, self._account.uid, self._account.gid, follow_symlinks=False)

    def take_base_backup(self, dsn: str) -> None:
        """Copies the whole server while it runs, and checks the copy."""
        host, port = (parse_qs(urlsplit(dsn).query)[name][0] for name in ("host", "port"))
        server = ["--host", host, "--port", port, "--username", str(urlsplit(dsn).username)]
        copy = [str(self._bindir / "pg_basebackup"), *server, "--pgdata", str(self.base), "--checkpoint", "fast"]
        subprocess.run(copy, check=True, timeout=300)
        verify = [str(self._bindir / "pg_verifybackup"), "--quiet", str(self.base)]
        subprocess.run(verify, check=True, timeout=300)

    def restore(self, data_dir: Path, instant: datetime) -> None:
        """Makes a new data folder that goes to this instant when it is started. Then it is one like any other."""
        cluster = data_dir / "postgres" / "cluster"
        shutil.copytree(self.base, cluster)
        with (cluster / "postgresql.auto.conf").open("a") as settings:
            settings.write(RECOVERY.format(archive=self.wal, instant=instant.isoformat()))
        (cluster / "recovery.signal").touch()
        cluster.chmod(0o700)
        self.own(cluster)


async def ask(dsn: str, query: str) -> list[asyncpg.Record]:
    """What a database says."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query)
        return found
    finally:
        await connection.close()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints how long a step took."""
    began = time.monotonic()
    yield
    print(f"| {what} | {time.monotonic() - began:.1f} |", flush=True)


async def archived(dsn: str) -> None:
    """Has all WAL that there is archived, and waits for it. Raises TimeoutError."""
    name = (await ask(dsn, "SELECT pg_walfile_name(pg_switch_wal())"))[0][0]
    async with asyncio.timeout(60):
        while (await ask(dsn, "SELECT last_archived_wal FROM pg_stat_archiver"))[0][0] < name:
            await asyncio.sleep(0.1)


async def do_harm(shop: Clients) -> int:
    """An organizer takes everybody off a list, one call after the other; returns how many."""
    taken = 0
    for join in [one for one in shop.joins if one.where == HARMED]:
        await shop.call("DELETE", f"/waiting-lists/{HARMED}/entries/{join.user_id}")
        taken += 1
    return taken


class Wrong(Exception):
    """What was restored is not what it should be."""


def require(true: bool, what: str) -> None:
    """Raises Wrong unless it is so."""
    if not true:
        raise Wrong(what)


class Told(NamedTuple):
    """What clients were told before the service was stopped, and the instant to go back to; by the clients' clock,
    it was between `before` and `after`."""

    key: str
    joins: list[Join]
    instant: datetime
    before: float
    after: float
    taken_off: int


async def live(folder: Path, archive: Archive, *, per_second: int, seconds: float) -> Told:
    """The service under a storm: a base backup, an instant, a mistake after it. Then all of it is stopped."""
    with ExitStack() as stack:
        dsn = stack.enter_context(embedded(folder / "live", extra_settings=archive.settings))
        service = Services(folder, dsn)
        stack.callback(service.stop)
        await asyncio.to_thread(service.command, "migrate")
        key = (await asyncio.to_thread(service.command, "create-key", "org_1")).splitlines()[-1]
        await service.start()
        async with clients(service, key) as shop:
            await shop.open_lists()
            async with shop.storm(per_second=per_second):
                await asyncio.sleep(seconds)
                with timed("base backup, under load, and its check"):
                    await asyncio.to_thread(archive.take_base_backup, dsn)
                await asyncio.sleep(seconds)
                before = time.monotonic()
                instant: datetime = (await ask(dsn, "SELECT clock_timestamp()"))[0][0]
                after = time.monotonic()
                taken_off = await do_harm(shop)
                await asyncio.sleep(seconds)
            with timed("the last WAL archived"):
                await archived(dsn)
        require(not shop.wrong, f"answers that no client should see: {shop.wrong[:3]}")
    return Told(key, shop.joins, instant, before, after, taken_off)


async def restored(folder: Path, told: Told, *, per_second: int) -> None:
    """The service on what was restored: what must be there is, what must not be is not. Raises Wrong."""
    with ExitStack() as stack:
        with timed("PostgreSQL goes to the instant"):
            dsn = stack.enter_context(embedded(folder / "restored"))
        service = Services(folder, dsn)
        stack.callback(service.stop)
        with timed("audit"):
            audit = await asyncio.to_thread(service.command, "audit")
        found = rows(await ask(dsn, ROWS))
        kept = [one for one in told.joins if one.answered < told.before]
        undone = {(one.where, one.user_id) for one in told.joins if one.sent > told.after}
        verdict = judge(kept, found, all_answered=False)
        require(verdict.clean, str(verdict))
        too_new = [row for row in found if (row.where, row.user_id) in undone]
        require(not too_new, f"{len(too_new)} joins are there that came after the instant")
        still_off = (await ask(dsn, "SELECT count(*) FROM entries WHERE left_reason = 'removed'"))[0][0]
        require(still_off == 0, f"{still_off} are still taken off the list")
        with timed("the service is ready"):
            await service.start()
        async with clients(service, told.key, first=10_000_000) as shop:
            # The platform's key is as good as before, and so is what was answered to an Idempotency-Key.
            number = await shop.join(int(kept[-1].user_id.removeprefix("fan-")))
            require(number == kept[-1].number, f"{kept[-1]} was answered {number} when it was repeated")
            async with shop.storm(per_second=per_second):
                with timed("waiting-list backup, under load"):
                    await asyncio.to_thread(command_on, folder / "restored", "backup", str(folder / "file"))
        require(not shop.wrong, f"answers that no client should see: {shop.wrong[:3]}")
        told_since = len(shop.joins)
    print(
        f"\n{len(told.joins):,} joins acknowledged; {len(kept):,} before the instant: {len(verdict.lost)} lost; "
        f"{len(undone):,} after it: {len(too_new)} there; {told.taken_off} taken off a list after it: "
        f"{still_off} now; {told_since:,} acknowledged since. Audit: {audit}\n"
    )


def command_on(data_dir: Path, *arguments: str) -> str:
    """What a command prints on a data folder. Raises Wrong."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    command = [sys.executable, "-m", "waiting_list", *arguments, "--data-dir", str(data_dir)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    require(done.returncode == 0, f"{arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


async def drill(folder: Path, *, per_second: int, seconds: float) -> None:
    """Everything, step by step. Raises Wrong."""
    archive = Archive(folder / "archive")
    print("| step | seconds |\n| --- | --- |")
    told = await live(folder, archive, per_second=per_second, seconds=seconds)
    with timed("base backup copied to a new data folder"):
        archive.restore(folder / "restored", told.instant)
    await restored(folder, told, per_second=per_second)
    with timed("waiting-list restore, into another data folder"):
        await asyncio.to_thread(command_on, folder / "from-file", "restore", str(folder / "file"))
    print(f"\nAudit of that: {await asyncio.to_thread(command_on, folder / 'from-file', 'audit')}")


def main() -> None:
    """Runs the drill in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(prog="make restore", description="Restore to the instant before a mistake.")
    parser.add_argument("--per-second", type=int, default=150, help="joins a second")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long the storm goes on between the steps")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="waiting-list-restore-"))
    folder.chmod(0o711)
    try:
        asyncio.run(drill(folder, per_second=options.per_second, seconds=options.seconds))
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
    finally:
        if options.keep:
            print(f"Everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
