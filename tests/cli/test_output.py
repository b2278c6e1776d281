"""Listings are tables that people read, and JSON that scripts read."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rich.cells import cell_len

from tests.support.lists import Lists
from waiting_list.access.api_keys import KeyInfo
from waiting_list.access.scopes import Scope
from waiting_list.cli.output import print_listing

NAMES = ("till", "東京の売り場", "🎟️ tickets", "café", "", "x\x1b[2J\ny", "long " * 30)
FIELDS = ("key_id", "name", "scopes", "created_at", "revoked_at")
TABLE = """
import json, sys
from waiting_list.cli.output import print_table
print_table(*json.loads(sys.argv[1]))
"""
LOG = """
import structlog
from waiting_list.settings import Settings
from waiting_list.telemetry import logs
logs.set_up(Settings())
structlog.get_logger("x").warning("looked")
"""
PROGRESS = """
from waiting_list.cli.output import show_progress
show_progress("one/list: 100000 rows " + "x" * 200)
show_progress("")
print("1 list")
"""
COMMAND = "from waiting_list.cli.main import main; main()"
START = """
import pathlib
from waiting_list.cli.serve import print_addresses
from waiting_list.settings import Settings
print_addresses(Settings(), "http://127.0.0.1:8000", data=pathlib.Path("/srv/data"))
"""


def keys(names: Sequence[str] = NAMES) -> list[KeyInfo]:
    at = datetime(2030, 1, 31, 20, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))
    return [
        KeyInfo(
            key_id=f"{number:012}", name=name, read_only=False, scopes=(Scope.READ, Scope.STOCK), created_at=at,
            expires_at=None, last_used_at=None, revoked_at=None,
        )
        for number, name in enumerate(names)
    ]  # fmt: skip


def test_a_table_has_a_header_and_aligned_columns_also_with_wide_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_listing(keys(), FIELDS, as_json=False, empty="")
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["KEY_ID", "NAME", "SCOPES", "CREATED_AT", "REVOKED_AT"]
    assert len(lines) == len(NAMES)
    starts = {cell_len(line[: line.index("read,stock")]) for line in lines}
    assert starts == {cell_len(header[: header.index("SCOPES")])}
    assert [line.split("  ")[1] for line in lines[:2]] == ["till", "東京の売り場"]
    assert all(line.endswith("  read,stock  2030-01-31T19:30:05Z  -") for line in lines)


def test_a_table_prints_no_control_characters_and_no_line_ends_with_a_space(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_listing(keys(), ("key_id", "name"), as_json=False, empty="")
    lines = capsys.readouterr().out.split("\n")
    assert all(line.isprintable() and line == line.rstrip() for line in lines)
    assert lines[5] == "000000000004  -"


def test_json_is_one_array_with_the_field_names_and_values_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    found = keys()
    print_listing(found, FIELDS, as_json=True, empty="")
    assert json.loads(capsys.readouterr().out) == [json.loads(key.model_dump_json()) for key in found]


def test_an_empty_listing_is_a_sentence_on_stderr_or_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    print_listing([], FIELDS, as_json=False, empty="There are no keys.")
    assert capsys.readouterr() == ("", "There are no keys.\n")
    print_listing([], FIELDS, as_json=True, empty="There are no keys.")
    assert capsys.readouterr() == ("[]\n", "")


def on_a_terminal(program: str, *arguments: str, **environment: str) -> str:
    """Return what a terminal shows of a program."""
    reader, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdout=terminal, stderr=terminal, check=True, timeout=30, env=os.environ | environment,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(reader, 65_536):
            shown += part
    except OSError:  # Linux ends so when no program has the terminal any more
        pass
    os.close(reader)
    return shown.decode().replace("\r\n", "\n")


def table_on_a_terminal(columns: int, titles: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines that a terminal of this width shows of a table."""
    return on_a_terminal(TABLE, json.dumps([titles, rows]), COLUMNS=str(columns)).splitlines()


def test_a_terminal_shows_what_fits_of_the_last_column_and_every_id_whole() -> None:
    answer = "451 4.7.1 Try again later, 東京 " * 9
    rows = [["0123456789ab" * 3, "dead", answer], ["b" * 36, "pending", "short"]]
    for columns in (60, 80, 81, 82, 200):
        header, first, second = table_on_a_terminal(columns, ["id", "status", "answer"], rows)
        assert first.startswith("0123456789ab" * 3 + "  dead     451 4.7.1 ")
        assert first.endswith("…")
        assert columns - 1 <= cell_len(first) <= columns
        assert second == "b" * 36 + "  pending  short"
        assert header == "ID".ljust(38) + "STATUS   ANSWER"
    assert table_on_a_terminal(20, ["id", "status", "answer"], rows)[1].startswith(
        "0123456789ab" * 3 + "  dead     451"
    )
    assert table_on_a_terminal(999, ["id", "status", "answer"], rows)[1].endswith(answer.rstrip())


def test_a_pipe_gets_the_whole_text_without_colours() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TABLE, json.dumps([["id", "answer"], [["1", "long " * 200]]])],
        capture_output=True, text=True, check=True, timeout=30, env=os.environ | {"COLUMNS": "20"},
    )  # fmt: skip
    assert done.stdout == "ID  ANSWER\n1   " + ("long " * 200).rstrip() + "\n"


def test_an_instant_is_the_same_in_every_zone(capsys: pytest.CaptureFixture[str]) -> None:
    instant = keys()[0].created_at
    for one in (instant, instant.astimezone(UTC)):
        print_listing([keys()[0].model_copy(update={"created_at": one})], ("created_at",), as_json=False, empty="")
        assert capsys.readouterr().out == "CREATED_AT\n2030-01-31T19:30:05Z\n"


def test_log_lines_have_colours_on_a_terminal_unless_no_color_is_set() -> None:
    assert "\x1b[" in on_a_terminal(LOG, NO_COLOR="", TERM="xterm")
    shown = on_a_terminal(LOG, NO_COLOR="1", TERM="xterm")
    assert "looked" in shown
    assert "\x1b" not in shown


def test_the_first_lines_of_serve_say_where_the_data_is_and_on_a_terminal_how_to_stop() -> None:
    shown = on_a_terminal(START)
    assert "\n  docs       http://127.0.0.1:8000/docs\n" in shown
    assert "\n  data       /srv/data\n" in shown
    assert shown.endswith("\nCtrl-C stops the service. The data stays.\n")
    logged = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert shown.startswith(logged)
    assert "Ctrl-C" not in logged


def test_progress_takes_one_line_of_a_terminal_and_leaves_no_trace() -> None:
    shown = on_a_terminal(PROGRESS, COLUMNS="80")
    first, last = shown.split("\x1b[K\r\x1b[K")
    assert first.startswith("\rone/list: 100000 rows xxx")
    assert len(first) == len("\r") + 79
    assert last == "1 list\n"
    piped = subprocess.run(
        [sys.executable, "-c", PROGRESS], capture_output=True, text=True, check=True, timeout=30
    )
    assert (piped.stdout, piped.stderr) == ("1 list\n", "")


async def test_an_audit_says_on_a_terminal_which_list_it_reads(lists: Lists, dsn: str) -> None:
    await lists.join("ada")
    shown = on_a_terminal(COMMAND, "audit", DATABASE_URL=dsn)
    assert "\rList 1 of 1, off_1 at rep_1: 0 % of 2 changes\x1b[K" in shown
    assert shown.endswith("\r\x1b[K1 list, 0 with a difference\n")


async def test_a_new_key_stands_alone_in_a_script_and_a_terminal_says_to_keep_it(dsn: str) -> None:
    shown = on_a_terminal(COMMAND, "create-key", "acme", DATABASE_URL=dsn)
    key_id = shown.split("_")[1]
    assert re.fullmatch(
        rf"wl_{key_id}_[0-9a-f]{{64}}\nKeep this key: it cannot be shown again\. Its id is {key_id}\.\n", shown
    )
    shown = on_a_terminal(COMMAND, "rotate-key", "acme", key_id, DATABASE_URL=dsn)
    assert shown.endswith("\nKeep this key: it cannot be shown again. The old key works for 24 hours at most.\n")
    piped = subprocess.run(
        [sys.executable, "-m", "waiting_list", "create-key", "acme"],
        capture_output=True, text=True, check=True, timeout=30, env=os.environ | {"DATABASE_URL": dsn},
    )  # fmt: skip
    assert re.fullmatch(r"wl_[0-9a-f]{12}_[0-9a-f]{64}\n", piped.stdout)
    assert piped.stderr == ""
