"""What an operator configures, in real processes: every command reads it alike, and refuses it at once."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.commands import OF_OUTSIDERS, commands, run_all
from tests.support.databases import connected, on
from tests.support.lists import Lists
from tests.support.standby import standby_of
from tests.support.until import until
from waiting_list.postgres.migrate import newest_migration

NEEDS_NO_DATABASE = {"preview-mail"} | OF_OUTSIDERS
MAKES_A_FOLDER = {"serve", "demo", "restore"}
MIGRATES = {"serve", "worker", "demo", "migrate", "restore"}
ONLY_FOR_FOLDERS = {"backup", "restore"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder, but for the file that `restore` reads."""
    (tmp_path / "file").touch()
    return tmp_path


@pytest.fixture
def direct(server: str, dsn: str) -> str:
    """The test's database past any pooler, which would hide roles and refuse parameters."""
    return on(server, urlsplit(dsn).path.removeprefix("/"))


def test_every_command_refuses_wrong_settings_at_once(folder: Path) -> None:
    calls = [call for name, call in commands().items() if name not in OF_OUTSIDERS]
    done = run_all(calls, folder=folder, WAITING_LIST_POOLSIZE="5", WAITING_LIST_POOL_SIZE="many")
    for call, one in zip(calls, done, strict=True):
        assert (one.code, one.stdout) == (2, ""), call
        assert one.stderr == (
            "The settings are not valid:\n"
            "  WAITING_LIST_POOLSIZE is not a setting. Did you mean WAITING_LIST_POOL_SIZE?\n"
            "  WAITING_LIST_POOL_SIZE must be a whole number, not 'many'.\n"
        ), call
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_no_command_makes_a_data_folder_but_those_that_begin_with_one(folder: Path) -> None:
    calls = {
        name: [*call[:1], "new", *call[2:]] if name == "backup" else call
        for name, call in commands().items()
        if name not in MAKES_A_FOLDER | NEEDS_NO_DATABASE
    }
    assert len(calls) > 10
    # An empty variable is no database.
    for call, one in zip(
        calls.values(), run_all(list(calls.values()), folder=folder, DATABASE_URL=""), strict=True
    ):
        # Of the audit, 1 would say that there is a difference.
        assert (one.code, one.stdout) == (2 if call[0] == "audit" else 1, ""), call
        assert one.stderr == (
            f"There is no data folder here ({folder}/data). Name one with --data-dir, or set DATABASE_URL.\n"
        ), call
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_a_data_folder_that_is_named_is_made(folder: Path) -> None:
    folder.parent.parent.chmod(0o755)  # for the account of the server
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    made, listed = run_all([["create-key", "quay", "--data-dir", "new"], ["list-keys", "quay"]], folder=folder,
                           WAITING_LIST_DATA_DIR="new")  # fmt: skip
    assert (made.code, made.stderr) == (0, "")
    assert made.stdout.startswith("wl_")
    assert (listed.code, made.stdout.split("_")[1] in listed.stdout) == (0, True), listed


def test_an_env_file_sets_what_the_environment_does_not(folder: Path) -> None:
    (folder / "quay.env").write_text(
        "# of the box office\nexport WAITING_LIST_MAIL_FROM='Quay <${HOME}@quay.example>'\n"
        "WAITING_LIST_LOG_LEVEL=chatty\nWAITING_LIST_POOL_SIZE=many\n"
    )
    preview = ["preview-mail", "ready"]
    by_option, by_variable = (
        run_all([call], folder=folder, WAITING_LIST_POOL_SIZE="5", **more)[0]
        for call, more in (
            (["--env-file", "quay.env", *preview], {}),
            (preview, {"WAITING_LIST_ENV_FILE": "quay.env"}),
        )
    )
    assert by_option == by_variable
    assert by_option.stderr == (
        "The settings are not valid:\n"
        "  WAITING_LIST_LOG_LEVEL must be debug, info, warning or error, not 'chatty'.\n"
    )
    (written,) = run_all(
        [["--env-file", "quay.env", *preview, "--output", "mail.eml"]], folder=folder,
        WAITING_LIST_POOL_SIZE="5", WAITING_LIST_LOG_LEVEL="info",
    )  # fmt: skip
    assert written == (0, "", "")
    assert "From: Quay <${HOME}@quay.example>\n" in (folder / "mail.eml").read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "The env file none.env cannot be read: No such file or directory."),
        (b"A=1\nPASSWORD sesame\n", "Line 2 of none.env is not NAME=value."),
        (b"A='1\n", "Line 1 of none.env is not NAME=value."),
        (b"A=\xff\n", "The env file none.env cannot be read: it is not text in UTF-8."),
    ],
)
def test_an_env_file_that_is_wrong_is_refused(folder: Path, text: bytes | None, sentence: str) -> None:
    if text is not None:
        (folder / "none.env").write_bytes(text)
    (done,) = run_all([["--env-file", "none.env", "preview-mail", "ready"]], folder=folder)
    assert done == (2, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            f"DELETE FROM schema_migrations WHERE version = {newest_migration()}",
            f"The database is at version {newest_migration() - 1}, this program needs {newest_migration()}. "
            "Run: waiting-list migrate",
        ),
        (
            "UPDATE schema_migrations SET version = 9001, works_from = 9001 WHERE version = 1",
            "The database is at version 9001, which needs a newer version of the service: "
            f"this program knows {newest_migration()}.",
        ),
        (
            "DROP TABLE schema_migrations",
            "The database has no tables of this service yet. Run: waiting-list migrate",
        ),
    ],
)
async def test_only_commands_that_migrate_change_the_schema(
    folder: Path, direct: str, change: str, sentence: str
) -> None:
    calls = [
        call for name, call in commands().items() if name not in MIGRATES | ONLY_FOR_FOLDERS | NEEDS_NO_DATABASE
    ]
    assert len(calls) > 10
    async with connected(direct) as administrator:
        await administrator.execute(change)
        state = "SELECT relname, xmin::text, relfilenode FROM pg_class ORDER BY oid"
        before = await administrator.fetch(state)
        for call, one in zip(calls, run_all(calls, folder=folder, DATABASE_URL=direct), strict=True):
            assert one == (2, "", f"{sentence}\n"), call
        assert await administrator.fetch(state) == before


async def test_a_role_that_only_reads_can_audit(folder: Path, direct: str, lists: Lists) -> None:
    await lists.join("ines", 2)
    database = urlsplit(direct).path.removeprefix("/")
    role = f"reader_of_{database}"
    as_reader = urlunsplit(urlsplit(direct)._replace(netloc=f"{role}@"))
    async with connected(direct) as administrator:
        await administrator.execute(
            f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
            f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"
        )
        try:
            for read_only in ("off", "on"):
                await administrator.execute(f"ALTER ROLE {role} SET default_transaction_read_only = {read_only}")
                (done,) = run_all([["audit"]], folder=folder, DATABASE_URL=as_reader)
                assert done == (0, "1 list, 0 with a difference\n", "")
            assert await administrator.fetchval("SELECT count(*) FROM audits") == 0
        finally:
            await administrator.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_a_standby_can_be_audited(folder: Path, direct: str, lists: Lists) -> None:
    await lists.join("ines", 2)
    with standby_of(direct) as (standby, _):
        async with connected(standby) as reader:

            async def has_the_list() -> bool:
                return bool(await reader.fetchval("SELECT count(*) FROM entries"))

            await until(has_the_list)
        audit, key = run_all([["audit"], ["create-key", "quay"]], folder=folder, DATABASE_URL=standby)
    assert audit == (0, "1 list, 0 with a difference\n", "")
    assert key.code == 2
    assert "Traceback" not in key.stderr
