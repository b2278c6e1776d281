"""What PostgreSQL alone can do, and whether what came by calls of the service is right."""

import subprocess
import time
from collections.abc import Sequence

from bench.measured import say
from bench.scale import SECONDS
from bench.stage import Stage
from waiting_list.audit.run import audit_list
from waiting_list.lists.models import ListKey
from waiting_list.postgres.binaries import find_account, find_program
from waiting_list.postgres.pool import Pool, connection


async def version(stage: Stage) -> str:
    """PostgreSQL's own."""
    async with connection(stage.pool) as acquired:
        return str(await acquired.fetchval("SHOW server_version"))


async def pgbench(stage: Stage) -> dict[str, float]:
    """One fan a transaction, straight into PostgreSQL: lock the list, insert, commit; 32 clients on one list, and
    on one each (the best that PostgreSQL can do with such transactions)."""
    lists = [await stage.make_list(history=False) for _ in range(32)]
    cluster = stage.folder / "postgres" / "cluster"
    program = find_program(cluster, find_account(cluster))
    rows = ", ".join(f"({n}, '{key.list_id}'::uuid)" for n, key in enumerate(lists))
    async with connection(stage.pool) as acquired:
        await acquired.execute(f"CREATE TABLE bench_lists AS SELECT * FROM (VALUES {rows}) AS l (n, list_id)")
    script = stage.folder / "join.sql"
    found = {}
    for name, which in (("one list", "0"), ("a list each", ":client_id")):
        script.write_text(
            f"SELECT list_id AS l FROM bench_lists WHERE n = {which} \\gset\n"
            "BEGIN;\n"
            "SELECT last_number + 1 AS n FROM inventory WHERE list_id = ':l' FOR UPDATE \\gset\n"
            "INSERT INTO entries"
            " (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)"
            " VALUES (':l', :n, 'u' || :n, 'waiting', 2, 2, :n * 1000000::bigint, now());\n"
            "UPDATE inventory SET last_number = :n WHERE list_id = ':l';\n"
            "COMMIT;\n"
        )
        command = [
            str(program.bindir / "pgbench"),
            "--no-vacuum",
            "--client=32",
            "--jobs=2",
            f"--time={SECONDS:.0f}",
        ]
        done = subprocess.run(
            [*command, "--file", str(script), stage.dsn], capture_output=True, text=True, check=True
        )
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("tps"))
        found[name] = float(line.split()[2])
        say(f"pgbench, {name}: {found[name]:.0f} a second")
    return found


async def audit(pool: Pool, keys: Sequence[ListKey]) -> dict[str, float]:
    """Audits lists whose entries came by calls of the service alone. Raises RuntimeError for a difference."""
    began, changes, entries = time.monotonic(), 0, 0
    for key in keys:
        report = await audit_list(pool, key)
        if report.finding:
            raise RuntimeError(f"the audit of {key}: {report.finding.sentence}")
        changes, entries = changes + report.changes, entries + report.entries
    found = {
        "lists": len(keys),
        "changes": changes,
        "entries": entries,
        "seconds": time.monotonic() - began,
    }
    say(f"audited {found['lists']} lists with {changes} changes in {found['seconds']:.1f} s: no difference")
    return found
