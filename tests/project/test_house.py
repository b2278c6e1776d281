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
    "ledger",
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
LONGER = {"waiting_list/ledger/verify_ledger.py": 700}
"""Modules that may have more lines. The verifier is one file, so that outsiders can copy it and read it alone."""
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
    assert len(source.splitlines()) <= LONGER.get(name_of(path), MOST_LINES)
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


def first_of_a_dict(source: str) -> list[str]:
    """Return each `next(iter(x))` where the module does not say that x is an OrderedDict."""
    tree = ast.parse(source)
    ordered = {
        node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign | ast.arg)
        and node.annotation is not None
        and ast.unparse(node.annotation).startswith("OrderedDict[")
    }
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    firsts = [one for one in calls if one.startswith("next(iter(")]
    return [one for one in firsts if re.sub(r"\.(keys|values|items)\(\)|\)+$", "", one[10:]) not in ordered]


def test_the_oldest_of_a_dict_is_found_without_a_walk() -> None:
    """A dict keeps the gaps of its deleted items, and each `next(iter(…))` walks over them from the start."""
    found = {name_of(path): first_of_a_dict(path.read_text()) for path in MODULES}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("a: dict[int, int] = {}\ndel a[next(iter(a))]", ["next(iter(a))"]),
        ("self.a: dict[int, int] = {}\nnext(iter(self.a.values()))", ["next(iter(self.a.values()))"]),
        ("self.a: OrderedDict[int, int] = OrderedDict()\nnext(iter(self.a.values()))", []),
        ("def f(a: OrderedDict[int, int]): next(iter(a))", []),
    ],
)
def test_a_walk_over_a_dict_is_seen(source: str, calls: list[str]) -> None:
    assert first_of_a_dict(source) == calls
