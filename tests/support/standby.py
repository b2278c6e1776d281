"""Run a real standby of the tests' PostgreSQL, by streaming replication."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, quote, urlsplit

from waiting_list.postgres.binaries import _as, find_account, find_program

Standby: TypeAlias = "tuple[str, subprocess.Popen[bytes]]"


@contextmanager
def standby_of(dsn: str) -> Iterator[Standby]:
    """Yield the DSN of a new standby of this server, for the same database, and its process."""
    parts = urlsplit(dsn)
    host, port = (parse_qs(parts.query)[name][0] for name in ("host", "port"))
    cluster = Path(host).parent / "cluster"
    account = find_account(cluster)
    program = find_program(cluster, account)
    with tempfile.TemporaryDirectory(prefix="wl-standby-") as name:
        folder = Path(name)
        data, pid_file = folder / "data", folder / "data" / "postmaster.pid"
        if account:
            os.chown(folder, account.uid, account.gid)
        copy = [str(program.bindir / "pg_basebackup"), "-h", host, "-p", port, "-U", str(parts.username), "-D"]
        subprocess.run([*copy, str(data), "-R", "-c", "fast"], check=True, timeout=60, **_as(account))
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": name,
            "port": "15432",
            "max_connections": "300",
        }
        command = [str(program.bindir / "postgres"), "-D", str(data)]
        command += [f"--{key}={value}" for key, value in settings.items()]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **_as(account))
        try:
            for _ in range(400):
                assert process.poll() is None, "the standby has ended"
                if pid_file.exists() and pid_file.read_text().rstrip().endswith("ready"):
                    break
                time.sleep(0.05)
            yield f"postgresql://{parts.username}@{parts.path}?host={quote(name)}&port=15432", process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            shutil.rmtree(data, ignore_errors=True)
