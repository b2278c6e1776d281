"""Every file is in its package, short enough to read, and easy to find."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "waiting_list"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
LAYERS = (
    "telemetry",
    "postgres",
    "lists",
    "lists/queries",
    "access",
    "catalogue",
    "audit",
    "notifications",
    "personal_data",
    "web",
    "pages",
    "api",
    "demo",
    "cli",
)
"""The packages that may have statements, from the innermost outwards."""
MOST_LINES = 400
FOLDERS_WITHOUT_PACKAGE = {"proofs", "processes", "browser", "support", "project", "data", "replay"}
"""Folders of tests that no package has, beside those of the packages."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    """The package whose folder `sql` a module uses: verbs share that of `lists`."""
    parts = path.relative_to(PACKAGE).parts[:-1]
    if parts[:2] == ("lists", "queries"):
        return "lists/queries"
    return parts[0] if parts else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_says_what_it_is_and_defines_something(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MOST_LINES
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "has no docstring"
    rest = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
    assert rest, "only passes on"


@pytest.mark.parametrize("folder", PACKAGES, ids=name_of)
def test_a_package_says_what_it_is_and_is_named_in_the_architecture(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), "has no docstring"
    name = folder.name
    assert re.search(rf"\b{name}\b", (ROOT / "ARCHITECTURE.md").read_text()), "is not in ARCHITECTURE.md"


def test_what_the_architecture_names_exists() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:waiting_list/)?(?:\w+/)*\w+\.py)`", page))
    assert len(named) > 10
    there = {name_of(path).removeprefix("waiting_list/") for path in PACKAGE.rglob("*.py")}
    absent = {
        name
        for name in named
        if not any(f"/{known}".endswith(f"/{name.removeprefix('waiting_list/')}") for known in there)
    }
    assert absent == set()


def test_a_statement_stands_beside_its_innermost_caller() -> None:
    """`sql/` of the package that calls it; of several, of the one that the others may import."""
    sources = {path: path.read_text() for path in MODULES}
    wrong = []
    for statement in sorted(PACKAGE.rglob("sql/*.sql")):
        callers = {
            layer_of(path)
            for path, source in sources.items()
            if re.search(rf"""\b(?:sql|read)\(\s*["']{statement.stem}["']""", source)
        } - {""}
        home = statement.parent.parent.relative_to(PACKAGE).as_posix()
        if callers and home != min(callers, key=LAYERS.index):
            wrong.append(f"{name_of(statement)} is called by {sorted(callers)}")
    assert wrong == []


def test_no_two_statements_have_one_name() -> None:
    names = [path.stem for path in PACKAGE.rglob("sql/*.sql")]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


def test_tests_mirror_the_packages() -> None:
    folders = {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
    }
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders <= packages | FOLDERS_WITHOUT_PACKAGE
    stray = {path.name for path in (ROOT / "tests").glob("test_*.py")}
    modules = {f"test_{path.name}" for path in PACKAGE.glob("*.py")}
    assert stray <= modules, "a test at the top is of a module at the top"
