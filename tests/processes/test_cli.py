"""The command line, with real processes on a data folder of their own."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.lists import Lists
from tests.support.ports import free_port
from tests.support.until import until
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.cli.keys import how_to_make_a_key
from waiting_list.demo.data import load_demo
from waiting_list.demo.shop import ORGANIZATION
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent.parent


def _passed_on() -> dict[str, str]:
    """What `make test-pooler` sets for every process of the service."""
    return {name: value for name, value in os.environ.items() if name == "WAITING_LIST_STATEMENT_CACHE"}


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "waiting_list", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin"} | _passed_on() | environment,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for place in (folder, folder.parent, folder.parent.parent):
        place.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def served(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`serve --demo`, and what it printed until it was ready to be tried."""
    process = subprocess.Popen(
        [sys.executable, "-m", "waiting_list", "serve", "--demo", "--port", str(port), "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    while printed.count("curl ") < 5:
        line = process.stdout.readline()
        assert line, printed
        printed += line
    yield process, printed
    if process.poll() is None:
        process.kill()


def test_the_five_curl_lines_work_as_they_stand(served: tuple[subprocess.Popen[str], str]) -> None:
    lines = [line for line in served[1].splitlines() if line.startswith("curl ")]
    answers = [
        subprocess.run(shlex.split(line), capture_output=True, text=True, check=True).stdout for line in lines
    ]
    for answer, expected in zip(
        answers,
        ('"items":', '"open":true', '"status":"waiting"', '"promoted":[{', '"status":"ready"'),
        strict=True,
    ):
        assert expected in answer, answer


def test_the_demo_names_the_page_of_its_e_mails(
    served: tuple[subprocess.Popen[str], str], port: int, folder: Path
) -> None:
    assert f"  mails      http://127.0.0.1:{port}/mails\n" in served[1]
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/mails", timeout=5).read().decode()
    assert f"{folder}/mail" in page


def test_a_person_is_found_exported_and_erased_from_the_command_line(
    served: tuple[subprocess.Popen[str], str], folder: Path
) -> None:
    def run(name: str, *arguments: str) -> str:
        done = command(name, ORGANIZATION, *arguments, "--data-dir", str(folder))
        assert done.returncode == 0, done.stderr
        return done.stdout

    export = json.loads(run("export-user", "ines"))
    assert [entry["user_id"] for entry in export["entries"]] == ["ines", "ines"]
    contact = export["contacts"][0]
    header, *users = run("find-user", contact["email"].upper()).splitlines()
    assert header == "USER_ID"
    assert "ines" in users
    assert {"user_id": "ines"} in json.loads(run("find-user", contact["email"], "--json"))
    assert run("erase-user", "ines") == "The person was erased from 2 waiting lists.\n"
    assert json.loads(run("export-user", "ines"))["entries"] == []


def test_after_an_outage_holds_are_extended_once_from_the_command_line(
    served: tuple[subprocess.Popen[str], str], folder: Path
) -> None:
    # Every hold of the demo has begun by now; the outage ends with the first of these calls.
    ended_at = datetime.now(UTC)
    instants = ("--since", (ended_at - timedelta(minutes=5)).isoformat(), "--until", ended_at.isoformat())

    def run(*arguments: str) -> list[str]:
        done = command("extend-holds", *instants, *arguments, "--data-dir", str(folder))
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    would = run("--dry-run")
    assert would[0].split() == ["OFFER", "REPRESENTATION", "EXTENDED", "EXPIRED"]
    count = re.fullmatch(r"(\d+) holds? would be extended; \d+ holds? expired in the outage\.", would[-1])
    assert count
    assert int(count[1]) > 0
    assert run("--organization", "elsewhere") == ["0 holds extended; 0 holds expired in the outage."]
    assert run()[-1].startswith(f"{count[1]} hold")
    assert run()[-1].startswith("0 holds extended")
    wrong = command("extend-holds", "--since", "yesterday", "--until", ended_at.isoformat())
    assert wrong.returncode == 2
    assert "with offset, such as" in wrong.stderr


def test_other_commands_share_the_server_that_runs(
    served: tuple[subprocess.Popen[str], str], folder: Path
) -> None:
    key = command("create-key", "acme", "--data-dir", str(folder))
    assert key.returncode == 0, key.stderr
    assert re.fullmatch(r"wl_[0-9a-f]{12}_[0-9a-f]{64}\n", key.stdout)
    key_id = key.stdout.split("_")[1]
    rotated = command("rotate-key", "acme", key_id, "--overlap-hours", "1", "--data-dir", str(folder))
    assert re.fullmatch(r"wl_[0-9a-f]{12}_[0-9a-f]{64}\n", rotated.stdout)
    till = command(
        "create-key", "acme", "--scope", "stock", "--scope", "read", "--expires-days", "30",
        "--name", "till\x1b[2J", "--data-dir", str(folder),
    )  # fmt: skip
    assert till.returncode == 0, till.stderr
    revoked = command("revoke-key", "acme", rotated.stdout.split("_")[1], "--data-dir", str(folder))
    assert revoked.returncode == 0, revoked.stderr
    header, *lines = command("list-keys", "acme", "--data-dir", str(folder)).stdout.splitlines()
    assert header.split() == [
        "KEY_ID", "SCOPES", "CREATED_AT", "EXPIRES_AT", "LAST_USED_AT", "REVOKED_AT", "NAME",
    ]  # fmt: skip
    instant = r"\d{4}-\d\d-\d\dT[\d:]+Z"
    for line, shown in zip(
        lines,
        (
            rf"{key_id} +admin +{instant} +{instant} +- +- +command line",
            rf"\w+ +admin +{instant} +- +- +{instant} +command line",
            rf"\w+ +read,stock +{instant} +{instant} +- +- +till\ufffd\[2J",
        ),
        strict=True,
    ):
        assert re.fullmatch(shown, line), line
    listed = json.loads(command("list-keys", "acme", "--json", "--data-dir", str(folder)).stdout)
    assert [key["scopes"] for key in listed] == [["admin"], ["admin"], ["read", "stock"]]
    assert "key" not in listed[0], "a key is shown once"
    for wrong in (
        ("create-key", "acme", "--scope", "all"),
        ("create-key", "acme", "--scope", "read", "--read-only"),
        ("create-key", "a\nb"),
        ("rotate-key", "acme", "unknown"),
        ("revoke-key", "other", key_id),
    ):
        refused = command(*wrong, "--data-dir", str(folder))
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
    audit = command("audit", "--data-dir", str(folder))
    assert (audit.returncode, audit.stdout) == (0, "30 lists, 0 with a difference\n")
    one = command("audit", "--json", "wl-demo-jazz-floor", "wl-demo-jazz-fri", "--data-dir", str(folder))
    assert '"finding":null' in one.stdout
    files = str(ROOT / "tests" / "data" / "first")
    imported = command("import", files, "--shift-dates", "--data-dir", str(folder))
    assert "inventory: 28 read, 28 made" in imported.stdout


def test_a_port_in_use_is_one_sentence(
    served: tuple[subprocess.Popen[str], str], port: int, tmp_path: Path
) -> None:
    refused = command("serve", "--port", str(port), "--data-dir", str(tmp_path))
    assert refused.returncode == 2
    assert (
        refused.stderr
        == f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --host or --port.\n"
    )
    assert not any(tmp_path.iterdir())


def test_a_bad_import_names_each_row_and_ends_with_1(
    served: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    refused = command("import", str(tmp_path))
    assert refused.returncode == 1
    assert "events.csv: the file is missing" in refused.stderr


def test_what_an_operator_can_mend_is_a_sentence_and_never_a_traceback() -> None:
    for environment in (
        {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        {"DATABASE_URL": "nonsense"},
        {"WAITING_LIST_POOL_SIZE": "many"},
    ):
        refused = command("audit", **environment)
        assert refused.returncode == 2
        assert refused.stderr.strip()
        assert "Traceback" not in refused.stderr


def test_a_command_that_is_told_to_end_stops_everything(
    served: tuple[subprocess.Popen[str], str], folder: Path, port: int
) -> None:
    process, printed = served
    (join,) = (shlex.split(line) for line in printed.splitlines() if "tickets_wanted" in line)
    # An open stream has no end of its own, and must not hold up the end of everything.
    with subprocess.Popen(
        ["curl", "-sSN", "-H", join[join.index("-H") + 1], f"{join[-1]}/live"], stdout=subprocess.PIPE, text=True
    ) as stream:
        assert stream.stdout is not None
        assert stream.stdout.readline().startswith("retry:")
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = stream.stdout.read()
        assert stream.wait(20) == 0  # the stream was ended, not cut off
    assert '"position":' in rest
    process.wait(20)
    assert time.monotonic() - begun < 8
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2)
    assert not list((folder / "postgres").resolve().glob("cluster/postmaster.pid"))


def test_two_api_processes_end_with_the_one_that_was_killed(folder: Path, port: int) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "waiting_list",
            "serve",
            "--workers",
            "2",
            "--port",
            str(port),
            "--data-dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).status == 200)
        except OSError:
            return False

    deadline = time.monotonic() + 40
    while not answers():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # The second may only just have begun: it must notice that nobody is there any more.
    process.kill()
    process.wait(10)
    while answers() or any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def first_lines(arguments: Sequence[str], cwd: Path, **environment: str) -> list[str]:
    """What `serve` prints, without its log, until it answers."""
    port = free_port()
    process = subprocess.Popen(
        [*arguments, "serve", "--port", str(port), *(["--data-dir", "a b"] if not environment else [])],
        cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", "WAITING_LIST_DRAIN_SECONDS": "0"} | _passed_on() | environment,
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            if "Application startup complete" in line:
                break
            lines.append(line)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    return [line.strip() for line in lines if not line.startswith("20")]


def test_serving_without_any_key_prints_the_command_that_makes_one(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        place.chmod(0o755)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    program = [".venv/bin/waiting-list"]
    said = "There is no API key yet. Make one in another terminal: "
    (line,) = [line for line in first_lines(program, tmp_path) if line.startswith(said)]
    command = line.removeprefix(said)
    assert command == ".venv/bin/waiting-list create-key my-organization --data-dir 'a b'"
    made = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.startswith("wl_")
    assert not [line for line in first_lines(program, tmp_path) if "API key" in line]


async def test_serving_a_database_of_ones_own_without_any_key_names_no_folder(dsn: str, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "waiting_list"]
    lines = await asyncio.to_thread(first_lines, program, tmp_path, DATABASE_URL=dsn)
    assert lines[-1] == (
        "There is no API key yet. Make one with the same DATABASE_URL: "
        f"{sys.executable} -m waiting_list create-key my-organization"
    )


@pytest.mark.parametrize(
    ("started", "environment", "typed"),
    [
        (".venv/bin/waiting-list", {}, ".venv/bin/waiting-list"),
        ("{here}/bin/waiting-list", {}, "waiting-list"),
        ("{here}/bin/waiting-list", {"VIRTUAL_ENV": "x"}, "bin/waiting-list"),
        ("/opt/elsewhere/waiting-list", {}, "/opt/elsewhere/waiting-list"),
    ],
)
def test_the_command_that_makes_a_key_names_the_program_as_another_terminal_finds_it(
    started: str, environment: dict[str, str], typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "waiting-list").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [started.format(here=tmp_path), "serve"])
    assert how_to_make_a_key(Path("data")) == (
        f"Make one in another terminal: {typed} create-key my-organization --data-dir data"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_service_that_ends_while_the_demo_loads_leaves_a_whole_demo(
    number: signal.Signals, dsn: str, pool: Pool, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "waiting_list", "serve", "--demo", "--port", str(free_port())],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": dsn, "WAITING_LIST_DRAIN_SECONDS": "0"} | _passed_on(),
    )  # fmt: skip

    async def has_begun() -> bool:
        assert process.poll() is None
        return bool(await pool.fetchval("SELECT count(*) FROM entries"))

    try:
        await until(has_begun, seconds=40)
        assert not await pool.fetchval("SELECT count(*) FROM api_keys"), "the demo is loaded already"
    finally:
        process.send_signal(number)
    await asyncio.to_thread(process.wait, 30)
    page = await entry_queries.entries(pool, ORGANIZATION, entry_queries.EntryFilter(), limit=500, cursor=None)
    assert {entry.left_reason for entry in page.items} - {None} == set(LeftReason)
    assert "(erased)" not in await load_demo(pool, Settings(), "http://x")


async def test_the_demo_shows_every_state_and_loads_once(pool: Pool) -> None:
    text = await load_demo(pool, Settings(), "http://x")
    page = await entry_queries.entries(pool, ORGANIZATION, entry_queries.EntryFilter(), limit=500, cursor=None)
    assert {entry.status for entry in page.items} == set(Status)
    assert {entry.left_reason for entry in page.items} - {None} == set(LeftReason)
    assert any(0 < entry.tickets_held < entry.tickets_wanted for entry in page.items)
    assert len(page.items) >= 36
    # Who can buy now waits for another date as well.
    wished = [(one.user_id, one.status, one.set_aside_at is None) for one in page.items if one.wish_id]
    assert sorted(wished) == [("ines", Status.READY, True), ("ines", Status.WAITING, False)]
    await Lists(pool, Engine(pool, Settings())).audit()
    keys = re.findall(r"wl_\w+", text)
    again = await load_demo(pool, Settings(), "http://x")
    assert re.findall(r"wl_\w+", again) == keys
    assert (
        await entry_queries.entries(pool, ORGANIZATION, entry_queries.EntryFilter(), limit=500, cursor=None)
        == page
    )
    upcoming = await catalogue_queries.upcoming_events(pool, [ORGANIZATION], limit=50, cursor=None)
    assert len(upcoming.items) == 11


def test_every_command_is_in_the_reference_and_every_make_target_in_the_readme_exists() -> None:
    readme, reference = (ROOT / "README.md").read_text(), (ROOT / "docs" / "cli.md").read_text()
    shown = command("--help").stdout
    commands = set(re.findall(r"^## `waiting-list ([a-z-]+)`$", reference, re.MULTILINE))
    assert commands == {
        "serve", "worker", "migrate", "import", "create-key", "list-keys", "rotate-key", "revoke-key", "audit",
        "rotate-ledger-key", "verify-ledger", "verify", "declare-restore",
        "notices", "resend", "preview-mail", "find-user", "export-user", "erase-user", "backup", "restore",
        "distribute", "demo", "import-people", "extend-holds", "invite-member", "sign-in-link", "list-members",
        "move-images",
    }  # fmt: skip
    assert all(f" {name} " in shown for name in commands)
    assert set(re.findall(r"^make ([a-z-]+)$", readme, re.MULTILINE)) == {"run", "test"}
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"make ([a-z]+)\n", readme))
    for page, target in re.findall(r"\[([^\]]+)\]\(((?!http)[^)]+)\)", readme):
        assert (ROOT / target).exists(), page
