"""The limits on the size of the engine: each part has its own, and code cannot hide elsewhere."""

import shutil
from pathlib import Path

import pytest

from ops import engine_size
from ops.engine_size import PACKAGE, PARTS, SHARED, check, python_lines, sql_lines

STATEMENTS = {
    "engine": "write_changes",
    "rules": "read_mailboxes",
    "wishes": "write_wishes",
    "holds": "read_checkout",
    "draws": "draw_lots",
    "citus": "write_list",
}
"""One of each part's."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, which a test may change."""
    ignored = shutil.ignore_patterns("__pycache__", "static", "locales", "templates")
    shutil.copytree(engine_size.ROOT / PACKAGE, tmp_path / PACKAGE, ignore=ignored)
    monkeypatch.setattr(engine_size, "ROOT", tmp_path)
    return tmp_path / PACKAGE


def module_of(package: Path, part: str) -> Path:
    first = package / PARTS[part].modules[0]
    return next(first.rglob("*.py")) if first.is_dir() else first


def test_the_engine_is_within_its_ceilings(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine_size.main() == 0
    said = capsys.readouterr()
    assert said.err == ""
    for name in PARTS:
        assert name in said.out


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_grows_above_its_ceiling_is_told_of(
    package: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes, _ = check(package, PARTS, SHARED)
    room = PARTS[part].most_python - sizes[part].python
    file = module_of(package, part)
    source = file.read_text()
    file.write_text(source + "_GROWN = 1\n" * room)
    assert engine_size.main() == 0
    file.write_text(source + "_GROWN = 1\n" * (room + 1))
    assert engine_size.main() == 1
    most = PARTS[part].most_python
    assert capsys.readouterr().err == f"The {part} has {most + 1:,} lines of Python: {most:,} are allowed.\n"


@pytest.mark.parametrize("part", PARTS)
def test_a_statement_that_grows_counts_for_the_part_that_names_it(package: Path, part: str) -> None:
    sizes, _ = check(package, PARTS, SHARED)
    (file,) = package.rglob(f"{STATEMENTS[part]}.sql")
    with file.open("a") as statement:
        statement.write("AND true\n" * (PARTS[part].most_sql - sizes[part].sql + 1))
    most = PARTS[part].most_sql
    assert check(package, PARTS, SHARED)[1] == [f"The {part} has {most + 1:,} lines of SQL: {most:,} are allowed."]


@pytest.mark.parametrize("imported", ["from waiting_list import hidden", "from waiting_list.hidden import rule"])
def test_code_cannot_move_to_where_it_is_not_counted(package: Path, imported: str) -> None:
    (package / "hidden.py").write_text("def rule() -> None: ...\n")
    file = module_of(package, "engine")
    file.write_text(f"{file.read_text()}\n{imported}\n")
    _, (problem,) = check(package, PARTS, SHARED)
    assert problem == (
        f"{file.relative_to(package)} of the engine imports hidden.py, which is in none of PARTS and SHARED."
    )
    assert check(package, PARTS, [*SHARED, "hidden.py"])[1] == []


def test_only_code_counts() -> None:
    source = '''"""What it is."""

X = 1  # why
"""What X is."""
# why

def f(
    a,
):
    """Do."""
    return """

    """
'''
    assert python_lines(source) == 7
    assert sql_lines("SELECT 1\nFROM (\n    -- v of $1\n    SELECT 2\n    -- end of v\n) AS v\n") == 3
    assert sql_lines("-- What it does.\n\nSELECT 1\n  -- why\nFROM t -- here\n") == 2
