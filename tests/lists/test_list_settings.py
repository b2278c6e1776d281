"""The settings of a list: each is declared once, and everything that follows from it is complete."""

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.settings_columns import with_columns
from tests.support import added_setting
from tests.support.lists import Lists
from waiting_list.lists.list_settings import COLUMNS, FORM, SETTINGS, STORED_DEFAULTS
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.queries.models import WaitingList
from waiting_list.lists.setting import DeclaredSetting, enum_of
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.postgres.migrate import migrations
from waiting_list.postgres.pool import connection, transaction

REPOSITORY = Path(__file__).parent.parent.parent
STATEMENTS = sorted((REPOSITORY / "waiting_list").rglob("sql/*.sql"))
MOST_EDITS = 6


def test_every_statement_that_names_the_settings_names_all_of_them() -> None:
    with_blocks = {path.stem for path in STATEMENTS if "-- end of settings" in path.read_text()}
    assert with_blocks == {
        "audit_list",
        "insert_lists",
        "read_list",
        "read_locked_list",
        "read_place",
        "write_settings",
    }
    for path in STATEMENTS:
        text = path.read_text()
        assert with_columns(text) == text, f"{path.name} is stale: make generate"
        if path.stem in with_blocks:
            body = text.partition("-- settings")[2].partition("-- end of settings")[0].replace('"', "")
            assert re.findall(r"\b([a-z_]+\b)(?: = \$\d+)?(?:,|\n)", body.partition("\n")[2]) == [*COLUMNS]


def test_a_new_column_takes_its_place_in_every_kind_of_block() -> None:
    read = "SELECT a,\n    -- settings: i.\n    i.x,\n    -- end of settings\n    b\nFROM t\n"
    assert with_columns(read, ["x", "y"]) == read.replace("i.x,", "i.x, i.y,")
    last = "SELECT a,\n    -- settings\n    x\n    -- end of settings\nFROM t\n"
    assert with_columns(last, ["y"]) == last.replace(" x\n", " y\n")
    written = "SET a = $2,\n    -- settings = $3\n    -- end of settings\nWHERE b = $1\n"
    lines = with_columns(written, ["x" * 60, "y" * 60]).splitlines()
    assert lines[2:4] == [f"    {'x' * 60} = $3,", f"    {'y' * 60} = $4"]
    assert "\n".join([*lines[:2], *lines[4:]]) + "\n" == written


async def test_a_new_list_has_the_defaults_that_are_declared(lists: Lists) -> None:
    async with connection(lists.pool) as acquired:
        locked = await LockedList.open(acquired, lists.key, now=lists.now)
    assert locked is not None
    assert {name: getattr(locked.list, name) for name in COLUMNS} == STORED_DEFAULTS


async def test_a_setting_that_is_changed_and_changed_back_in_one_transaction_is_as_before(lists: Lists) -> None:
    async with transaction(lists.pool, list_id=lists.key.list_id) as acquired:
        locked = await LockedList.read_locked(acquired, lists.key, (), lists.now, b"")
        assert locked is not None
        stored = []
        for most in (5, 5, None, 7):
            locked.record("configure", on_list={"max_waiting": most})
            await locked.flush()
            stored.append(await acquired.fetchval("SELECT max_waiting FROM inventory"))
    assert stored == [5, 5, None, 7]


def test_every_column_is_added_by_the_migration_that_its_setting_names() -> None:
    texts = {migration.version: migration.text for migration in migrations()}
    for name in COLUMNS:
        text = texts[SETTINGS[name].setting.migration].replace('"', "")
        assert re.search(rf"(ADD COLUMN (IF NOT EXISTS )?|^\s+){name}\b", text, re.MULTILINE), name


def test_what_fans_see_of_a_setting_has_its_type() -> None:
    shown = {name: info.annotation for name, info in WaitingList.model_fields.items() if name in SETTINGS}
    assert len(shown) > 10
    assert shown == {name: SETTINGS[name].type for name in shown}


def test_every_setting_has_its_place_in_the_form() -> None:
    placed = [one.name for settings in FORM.values() for one in settings]
    assert sorted(placed) == sorted(SETTINGS)


@pytest.mark.parametrize("one", SETTINGS.values(), ids=SETTINGS)
def test_every_value_of_a_choice_has_its_text(one: DeclaredSetting) -> None:
    enum = enum_of(one.type)
    assert set(one.setting.choices) == (set(enum) if enum else set())


def test_a_change_moves_the_queue_if_one_of_its_settings_does() -> None:
    assert not SettingsChange(max_waiting=3, purchase_url=None).moves_queue
    assert SettingsChange(max_waiting=3, policy="skip").moves_queue
    assert SettingsChange(automatic=True).moves_queue


def test_a_setting_is_added_with_few_edits_and_then_is_everywhere(tmp_path: Path, server: str) -> None:
    for name in ("waiting_list", "tests", "ops", "docs"):
        without = shutil.ignore_patterns("browser", "screenshots")
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=without)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, tmp_path)
    added_setting.add(tmp_path)
    by_hand = _edited(tmp_path)
    added_setting.generate(tmp_path)
    generated = _edited(tmp_path) - by_hand
    assert len(by_hand) + 1 <= MOST_EDITS, by_hand
    assert {path.suffix for path in generated} == {".sql", ".md"}
    assert "| `most_per_entry` | whole number, 1 to 50 |" in (tmp_path / "docs" / "api.md").read_text()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/support/added_setting.py"],
        cwd=tmp_path,
        env=os.environ | {"TEST_DATABASE_URL": server, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 passed" in run.stdout


def _edited(tree: Path) -> set[Path]:
    """The files of a copy that differ from ours, or that we do not have."""
    copied = {
        path.relative_to(tree) for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    return {
        path
        for path in copied
        if not (REPOSITORY / path).exists() or not filecmp.cmp(REPOSITORY / path, tree / path, shallow=False)
    }
