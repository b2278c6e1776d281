"""A database that the service cannot use is one sentence and exit code 2, for every command."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio

from tests.support.commands import OF_OUTSIDERS, commands, run_all
from tests.support.databases import connected, on
from tests.support.lists import Lists
from tests.support.ports import free_port
from tests.support.stub_server import message, refusal, stub_server, welcome

CALLS = [
    call for name, call in commands().items() if name not in {"preview-mail", "backup", "restore"} | OF_OUTSIDERS
]
SERVE = commands()["serve"]
READS = [["audit"], ["list-keys", "quay"]]
SENTENCE = re.compile(r"[A-Z][^\n]+[^\n:]\n")


async def failures(calls: list[list[str]], folder: Path, dsn: str, **environment: str) -> set[str]:
    """Return what these commands print. Each fails with 2, and prints one line without the password."""
    done = await asyncio.to_thread(run_all, calls, folder=folder, DATABASE_URL=dsn, **environment)
    for call, one in zip(calls, done, strict=True):
        assert (one.code, one.stdout) == (2, ""), (call, one)
        assert SENTENCE.fullmatch(one.stderr), (call, one.stderr)
        assert "sesame" not in one.stderr, call
    return {one.stderr.rstrip("\n") for one in done}


def as_role(dsn: str, role: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(netloc=f"{role}@"))


@pytest.fixture
def direct(server: str, dsn: str) -> str:
    """The test's database past any pooler, which would hide roles and refuse parameters."""
    return on(server, urlsplit(dsn).path.removeprefix("/"))


@pytest.fixture
def free() -> int:
    return free_port()


async def test_a_server_that_does_not_answer_is_a_sentence_of_every_command(tmp_path: Path, free: int) -> None:
    (tmp_path / "file").touch()
    place = f"127.0.0.1:{free}"
    assert await failures(CALLS, tmp_path, f"postgresql://quay:sesame@{place}/d") == {
        f"The database at {place} does not listen there: connection refused. Check host and port."
    }


@pytest.mark.parametrize(("dsn", "sentence"), [
    ("postgres://quay:sesame@db.invalid/d",
        r"The database at db.invalid cannot be found: .*\. Check the host in DATABASE_URL\."),
    ("postgres://quay:sesame@db.invalid,db2.invalid/d",
        r"The database at db.invalid,db2.invalid cannot be found: .*\. Check the host in DATABASE_URL\."),
    ("postgres://quay:sesame@/d?host=/nowhere",
        r"The database at /nowhere has no socket there\. Check the host in DATABASE_URL, or start the server\."),
])  # fmt: skip
async def test_an_address_that_leads_nowhere_is_a_sentence(tmp_path: Path, dsn: str, sentence: str) -> None:
    (found,) = await failures([*READS, ["migrate"], ["worker"], SERVE], tmp_path, dsn)
    assert re.fullmatch(sentence, found), found


async def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path, server: str) -> None:
    (found,) = await failures([*READS, ["migrate"], SERVE], tmp_path, on(server, "none"))
    assert found.endswith(" has no database none. Make it, or correct the name in DATABASE_URL.")


async def test_a_server_of_another_kind_than_the_address_asks_for_is_a_sentence(
    tmp_path: Path, direct: str
) -> None:
    mark = "&" if "?" in direct else "?"
    (found,) = await failures(READS, tmp_path, f"{direct}{mark}target_session_attrs=standby")
    assert found.endswith(
        " is not of the kind that target_session_attrs asks for. Name the right server, or change it."
    )


@pytest_asyncio.fixture
async def role(server: str) -> AsyncIterator[str]:
    """A role that may log in, and owns nothing."""
    name = "of_no_rights"
    async with connected(server) as administrator:
        await administrator.execute(f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN PASSWORD 'sesame'")
        yield name
        await administrator.execute(f"DROP ROLE {name}")


async def test_a_role_without_the_right_to_create_tables_is_a_sentence(
    tmp_path: Path, server: str, role: str
) -> None:
    async with connected(server) as administrator:
        await administrator.execute("CREATE DATABASE without_rights")
        try:
            calls = [["migrate"], SERVE, ["worker"], ["demo"]]
            (found,) = await failures(calls, tmp_path, as_role(on(server, "without_rights"), role))
        finally:
            await administrator.execute("DROP DATABASE without_rights WITH (FORCE)")
    assert found.endswith(
        f" does not let the role {role} do this: permission denied for schema public. "
        "Grant the right, or use the owner of the database."
    )


async def test_a_role_that_may_read_nothing_is_a_sentence(tmp_path: Path, direct: str, role: str) -> None:
    (found,) = await failures(READS, tmp_path, as_role(direct, role))
    assert f" does not let the role {role} do this: permission denied for table schema_migrations." in found


async def test_a_role_that_only_reads_can_change_nothing(
    tmp_path: Path, direct: str, role: str, lists: Lists
) -> None:
    async with connected(direct) as administrator:
        await administrator.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            (found,) = await failures([["create-key", "quay"]], tmp_path, as_role(direct, role))
            assert f" does not let the role {role} do this: permission denied for table api_keys." in found
            await administrator.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
            (found,) = await failures([["create-key", "quay"]], tmp_path, as_role(direct, role))
            assert " is read-only: it is a standby, or set so." in found
        finally:
            await administrator.execute(f"DROP OWNED BY {role}")


async def test_a_role_that_only_changes_rows_can_work_with_what_another_role_has_migrated(
    tmp_path: Path, direct: str, role: str, lists: Lists
) -> None:
    async with connected(direct) as administrator:
        await administrator.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        )
        try:
            done = await asyncio.to_thread(
                run_all, [["migrate"], ["create-key", "quay"]], folder=tmp_path, DATABASE_URL=as_role(direct, role)
            )
        finally:
            await administrator.execute(f"DROP OWNED BY {role}")
    assert [one.code for one in done] == [0, 0], done
    assert done[0].stdout == "Nothing to apply.\n"


async def test_a_wrong_password_is_a_sentence(tmp_path: Path, server: str, role: str) -> None:
    async with connected(server) as administrator:
        file = Path(await administrator.fetchval("SELECT current_setting('hba_file')"))
        before = file.read_text()
        file.write_text(f"local all {role} scram-sha-256\n{before}")
        try:
            await administrator.execute("SELECT pg_reload_conf()")
            dsn = as_role(server, f"{role}:wrong-sesame")
            (found,) = await failures([*READS, ["migrate"], SERVE], tmp_path, dsn)
        finally:
            file.write_text(before)
            await administrator.execute("SELECT pg_reload_conf()")
    assert found.endswith(f" refuses the password of the role {role}.")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_another_encoding_is_a_sentence(tmp_path: Path, server: str, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    async with connected(server) as administrator:
        await administrator.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        try:
            found = await failures([*READS, ["migrate"], SERVE], tmp_path, on(server, name))
            async with connected(on(server, name)) as inside:
                assert await inside.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert found == {
        f"The encoding of the database is {encoding}, and the service needs UTF8. Make a new database: "
        "CREATE DATABASE waiting_list ENCODING 'UTF8' TEMPLATE template0"
    }


PG14 = welcome(server_version="14.19 (Debian 14.19-1)", server_encoding="UTF8", client_encoding="UTF8")


@pytest.mark.parametrize(("answer", "query", "sentence"), [
    (PG14, "", "The database runs on PostgreSQL 14. The service needs 15 or newer."),
    (PG14, "?sslmode=require", "The database at {} cannot be reached: .*rejected SSL upgrade."),
    (refusal("28000", 'no pg_hba.conf entry for host "10.0.0.9", user "quay", database "d", no encryption'), "",
        "The database at {} refuses the role quay: no pg_hba.conf entry .*, no encryption."),
    (refusal("53300", "sorry, too many clients already"), "",
        "The database at {} has no connection left: sorry, too many clients already. Lower .*"),
    (refusal("57P03", "the database system is starting up"), "",
        "The database at {} is not ready: the database system is starting up. Try again in a moment."),
    (refusal("08P01", "unsupported startup parameter: options"), "?options=-c%20work_mem%3D1MB",
        "The database at {} refused .*: unsupported startup parameter: options.*"),
    (refusal("53100", "could not write: No space left on device"), "",
        "The database at {} has a full disk. Make room, then try again."),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "", "The database at {} .*"),
    (b"", "", "The database at {} .*"),
    (message(b"R", b"\0\0\0\7"), "", "The database at {} .*"),
])  # fmt: skip
async def test_a_server_that_refuses_is_a_sentence(
    tmp_path: Path, answer: bytes, query: str, sentence: str
) -> None:
    async with stub_server(answer) as port:
        place = f"127.0.0.1:{port}"
        (found,) = await failures([["audit"], ["migrate"]], tmp_path, f"postgresql://quay:sesame@{place}/d{query}")
    assert re.fullmatch(sentence.format(re.escape(place)), found), found


async def test_a_server_that_speaks_no_tls_after_all_is_a_sentence(tmp_path: Path) -> None:
    async with stub_server(PG14, tls=b"Sno handshake") as port:
        dsn = f"postgresql://quay:sesame@127.0.0.1:{port}/d?sslmode=require"
        (found,) = await failures([["audit"], ["migrate"]], tmp_path, dsn)
    assert found.startswith(f"The database at 127.0.0.1:{port} ")


async def test_a_statement_that_the_server_stops_is_a_sentence(tmp_path: Path, direct: str, lists: Lists) -> None:
    async with connected(direct) as administrator, administrator.transaction():
        await administrator.execute("LOCK TABLE api_keys")
        (found,) = await failures([["list-keys", "quay"]], tmp_path, f"{direct}&statement_timeout=200ms")
    assert " stopped a statement: canceling statement due to statement timeout. " in found
