"""The glossary is in use: its terms occur, and its retired words do not, in code or in documentation."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
CODE = (*ROOT.glob("waiting_list/**/*.py"), *ROOT.glob("examples/*.py"))
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"))
    if page.name not in ("glossary.md", "CHANGELOG.md")  # history may use the words of its time
]


def _rows(section: str) -> Iterator[list[str]]:
    """The cells of the rows of a section's table, without its head."""
    text = GLOSSARY.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for row in rows[2:]:
        yield [cell.strip() for cell in row.strip("|").split("|")]


TERMS = [row[0] for row in _rows("Terms")]
RETIRED = [word.strip() for row in _rows("Retired words") for word in row[0].split(",")]
NAMES = {word.strip("`") for word in RETIRED if word.startswith("`")}
"""Retired as a whole name in the code."""
WORDS = {word for word in RETIRED if not word.startswith("`")}
"""Retired in pages, and as a part of any name in the code."""


def retired_in_code(source: str, module: str = "") -> set[str]:
    """Which retired words a module uses in names: its own, and those in its source."""
    nodes = list(ast.walk(ast.parse(source)))
    defined = {module, *_defined(nodes)}
    parts = {
        part.lower()
        for name in defined | _named(nodes)
        for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    }
    return (defined & NAMES) | (parts & WORDS)


def _defined(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The classes, functions and attributes that a module defines, and its constants; no local variables."""
    for node in nodes:
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body):
                yield from (name for statement in body for name in _assigned(statement))
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _assigned(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _named(nodes: Iterable[ast.AST]) -> set[str]:
    """All variables, parameters and attributes."""
    found = set()
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                found.add(name)
    return found


def retired_in_page(text: str) -> set[str]:
    """Which retired words a page uses. Paths of modules are the code's business."""
    plain = " ".join(re.sub(r"waiting_list/[\w/]+\.py|\w+\.py|]\([^)]*\)", " ", text).split())
    return {word for word in WORDS if re.search(rf"\b{re.escape(word)}s?\b", plain, re.IGNORECASE)}


def test_every_term_is_used() -> None:
    text = " ".join(_texts()).lower().replace("_", " ")
    assert [term for term in TERMS if term.lower() not in text] == []


def _texts() -> Iterator[str]:
    for path in (*CODE, *PAGES):
        yield " ".join(path.read_text().split())


def test_terms_are_in_order_and_said_once_in_a_sentence() -> None:
    assert len(TERMS) > 50
    assert sorted(set(TERMS), key=str.lower) == TERMS
    assert [row for row in _rows("Terms") if len(row) != 2 or not row[1].endswith(".")] == []


def test_every_retired_word_has_its_successor_and_no_successor_is_retired() -> None:
    assert len(RETIRED) == len(set(RETIRED)) > 30
    successors = [row[1] for row in _rows("Retired words")]
    assert all(successors)
    used = {name for row in successors for name in re.findall(r"`(\w+)`", row)}
    assert used & NAMES == set()


def test_a_retired_word_is_found_wherever_it_is_a_name() -> None:
    def found(source: str, module: str = "") -> set[str]:
        return retired_in_code(source, module)

    assert found("class Courier: ...") == {"courier"}
    assert found("def open_courier(): ...") == {"courier"}
    assert found("_CouriersOf = {}\nclass CourierTask: ...") == {"courier"}
    assert found("def send(poster): ...") == {"poster"}
    assert found("poster = 1") == {"poster"}
    assert found("async def told(record): ...") == {"told"}
    assert found("class A:\n    def __init__(self):\n        self.told = 1") == {"told"}
    assert found("FIGURES = ()") == {"FIGURES"}
    assert found("", module="telling") == {"telling"}
    assert (
        found("class LockedList:\n    told_at: int\ndef sender(text):\n    told = text\n    return told") == set()
    )


def test_a_retired_word_is_found_on_a_page_but_not_in_the_path_of_a_module() -> None:
    assert retired_in_page("Each list has a courier\nof its own; two Couriers.") == {"courier"}
    assert retired_in_page("asks for the picture of\nthe queue") == {"picture of the queue"}
    assert (
        retired_in_page("See `waiting_list/lists/locked_list.py` and [why](decisions/0001-a-courier.md).") == set()
    )


def test_no_retired_word_comes_back() -> None:
    in_code = _union(retired_in_code(path.read_text(), path.stem) for path in CODE)
    in_pages = {
        f"{page.relative_to(ROOT)}: {word}" for page in PAGES for word in retired_in_page(page.read_text())
    }
    assert in_code == set()
    assert in_pages == set()


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)
