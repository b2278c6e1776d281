"""Run PgBouncer in transaction mode, in front of the tests' PostgreSQL: `make test-pooler`."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from waiting_list.postgres.pool import _PINNED_PLANS

PLANS = "; ".join(f"SET {name} = {value}" for name, value in _PINNED_PLANS.items())
"""What docs/pooling.md says that a pooler should set on its connections."""
CONFIG = """
[databases]
* = host={host} port={port} user={user} connect_query='{plans}'
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 2000
max_db_connections = 0
server_idle_timeout = 2
server_reset_query =
query_wait_timeout = 10
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


@contextmanager
def pooled(dsn: str) -> Iterator[str]:
    """Yield the DSN of the same server behind its own pooler.

    PgBouncer refuses to run as root, so it runs as the owner of the server's socket.
    """
    parts = urlsplit(dsn)
    host, port = (parse_qs(parts.query)[name][0] for name in ("host", "port"))
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "there is no pgbouncer"
    with tempfile.TemporaryDirectory(prefix="wl-pooler-") as name:
        folder, owner = Path(name), Path(host).stat().st_uid
        config = folder / "pgbouncer.ini"
        config.write_text(CONFIG.format(plans=PLANS, host=host, port=port, user=parts.username, folder=folder))
        folder.chmod(0o700)
        os.chown(folder, owner, -1)
        account = pwd.getpwuid(owner)
        as_owner = {"user": owner, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        process = subprocess.Popen([program, "-q", str(config)], cwd="/", **as_owner)  # type: ignore[call-overload]
        try:
            for _ in range(200):
                assert process.poll() is None, "pgbouncer has ended"
                if (folder / ".s.PGSQL.6432").exists():
                    break
                time.sleep(0.05)
            yield f"postgresql://{parts.username}@{parts.path}?host={quote(name)}&port=6432"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
