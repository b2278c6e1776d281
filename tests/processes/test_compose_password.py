"""The password of the database in compose.yml: the script of its container, with a real PostgreSQL.

The tests run the script outside of a container. Small programs stand in for two of the image: `gosu`,
which changes the account, and `docker-entrypoint.sh`, which makes the files and starts the server.
"""

import asyncio
import contextlib
import os
import re
import signal
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from ruamel.yaml import YAML

from tests.support.ports import free_port
from waiting_list.postgres.binaries import find_account, find_program

ROOT = Path(__file__).parent.parent.parent
DATABASE = YAML(typ="safe").load((ROOT / "compose.yml").read_text())["services"]["database"]
LIMIT_SECONDS = 60

ENTRYPOINT = """#!/bin/bash
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s\\n' "$POSTGRES_PASSWORD" > "$PGDATA.pw"; chmod 644 "$PGDATA.pw"
  gosu postgres initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile="$PGDATA.pw" $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' | gosu postgres tee -a "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | gosu postgres postgres --single -D "$PGDATA" postgres
fi
exec gosu postgres "$@" -D "$PGDATA" -p "$PORT" -k "$PGDATA" -c listen_addresses=127.0.0.1 -c fsync=off
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to the user of the service")


class Container:
    """The container of the database: a volume for its data, and one for the password."""

    def __init__(self, folder: Path) -> None:
        account = find_account(folder / "absent")
        assert account is not None
        for place in (folder, folder.parent, folder.parent.parent):
            place.chmod(0o755)
        self.passfile = folder / "run" / "pgpass"
        self.port = free_port()
        self.passfile.parent.mkdir()
        data, programs = folder / "data", folder / "programs"
        programs.mkdir()
        data.mkdir(mode=0o700)
        os.chown(data, account.uid, account.gid)
        as_account = f"setpriv --reuid={account.uid} --regid={account.gid} --clear-groups"
        self._write(programs / "gosu", f'#!/bin/sh\nshift\nexec {as_account} "$@"\n')
        self._write(programs / "docker-entrypoint.sh", ENTRYPOINT)
        binaries = find_program(data, account).bindir
        self._environment = {
            "PATH": f"{programs}:{binaries}:/usr/bin:/bin",
            "PGDATA": str(data),
            "PORT": str(self.port),
            **{name: value for name, value in DATABASE["environment"].items() if "$" not in value},
        }
        *self._command, script = (word.replace("$$", "$") for word in DATABASE["entrypoint"])
        self._command.append(script.replace("/run/waiting-list", str(self.passfile.parent)))

    @staticmethod
    def _write(program: Path, text: str) -> None:
        program.write_text(text)
        program.chmod(0o755)

    @contextlib.asynccontextmanager
    async def up(self, password: str = "") -> AsyncIterator[str]:
        """Start it, and yield the password in the file, with which the service connects."""
        process = subprocess.Popen(
            self._command, env=self._environment | {"POSTGRES_PASSWORD": password}, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                while not await self._listens():
                    assert process.poll() is None, process.stderr and process.stderr.read()
                    await asyncio.sleep(0.05)
            yield self.passfile.read_text().removesuffix("\n").split(":", 4)[4]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT_SECONDS)

    async def _listens(self) -> bool:
        with contextlib.suppress(OSError, asyncpg.CannotConnectNowError, asyncpg.InvalidPasswordError):
            await self.can_log_in("")
            return True
        return False

    async def can_log_in(self, password: str) -> bool:
        """Return whether the password opens the database from another container, over TCP."""
        try:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=self.port, user="waiting_list", database="waiting_list", password=password
            )
        except asyncpg.InvalidPasswordError:
            return False
        await connection.close()
        return True


async def test_without_a_password_of_the_operator_it_is_random_and_stays(tmp_path: Path) -> None:
    container = Container(tmp_path)
    async with container.up() as password:
        assert re.fullmatch(r"[\w-]{32}", password)
        assert await container.can_log_in(password)
        assert not await container.can_log_in("waiting_list")
    async with container.up() as again:
        assert again == password
        assert await container.can_log_in(again)


async def test_a_password_of_the_operator_holds_from_the_next_start_on(tmp_path: Path) -> None:
    container = Container(tmp_path)
    async with container.up() as first:
        pass
    # The operator sets it, changes it, and removes it from .env: then the last one stays.
    for chosen in ('it\'s: a\\b "c" $d %40 é', "another"):
        async with container.up(chosen) as password:
            assert password == chosen
            assert await container.can_log_in(chosen)
            assert not await container.can_log_in(first)
    async with container.up() as password:
        assert password == "another"
        assert await container.can_log_in("another")


async def test_a_lost_file_is_made_again_with_a_new_password(tmp_path: Path) -> None:
    container = Container(tmp_path)
    async with container.up() as first:
        pass
    container.passfile.unlink()
    async with container.up() as second:
        assert second != first
        assert await container.can_log_in(second)


async def test_the_service_alone_reads_the_file_and_connects_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container(tmp_path)
    async with container.up("a:b\\c\\\\d") as password:
        found = container.passfile.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (10001, 0o600)
        assert await container.can_log_in(password)
        here = container.passfile.read_text().replace("database:5432", f"127.0.0.1:{container.port}")
        copy = tmp_path / "pgpass"
        copy.touch(0o600)
        copy.write_text(here)
        monkeypatch.setenv("PGPASSFILE", str(copy))
        connection = await asyncpg.connect(f"postgresql://waiting_list@127.0.0.1:{container.port}/waiting_list")
        await connection.close()
