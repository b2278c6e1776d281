"""The documents describe everything that exists, and only that."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import typer
from markdown_it import MarkdownIt

from docs.conf import sections
from tests.support.pooler import PLANS
from waiting_list.audit.report import Check
from waiting_list.cli.main import app
from waiting_list.environment import ENV_FILE, OF_CLIENTS, is_service_link
from waiting_list.problems import Problem
from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = (*ROOT.glob("*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("docs/**/*.md"))
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text()


def test_every_guarantee_names_tests_that_exist() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", GUARANTEES))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in tests} == set()
    rows = [line for line in GUARANTEES.splitlines() if line.startswith("| ") and "---" not in line]
    rows = [line for line in rows if line != "| guarantee | enforced by | proven by |"]
    assert len(rows) > 60
    assert [row for row in rows if "`test_" not in row] == []


def test_every_named_constraint_and_every_check_stands_behind_a_guarantee() -> None:
    schema = "\n".join(
        path.read_text() for path in (ROOT / "waiting_list" / "postgres" / "migrations").glob("*.sql")
    )
    constraints = set(re.findall(r"CONSTRAINT (\w+)", schema)) | {"entries_active", "entries_order"}
    assert {name for name in constraints if f"`{name}`" not in GUARANTEES} == set()
    assert {check for check in Check if f"`{check}`" not in GUARANTEES} == set()
    for file in re.findall(r"`(waiting_list/[\w/]+\.sql)`", GUARANTEES):
        assert (ROOT / file).exists()


def test_every_problem_and_setting_is_in_the_reference() -> None:
    problems = (ROOT / "docs" / "problems.md").read_text()

    def codes(problem: type[Problem]) -> set[str]:
        below = {code for child in problem.__subclasses__() for code in codes(child)}
        return below | ({problem.code} if "code" in vars(problem) else set())

    assert {code for code in codes(Problem) - {"conflict"} if f"| `{code}` |" not in problems} == set()
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert {name for name in Settings.model_fields if f"WAITING_LIST_{name.upper()}`" not in settings} == set()
    assert all(field.description for field in Settings.model_fields.values())


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 450


def test_every_module_that_a_page_names_exists() -> None:
    named = {
        path
        for page in DOCUMENTS
        if page.name != "CHANGELOG.md"
        for path in re.findall(r"waiting_list/[\w/]+\.py", page.read_text())
    }
    assert len(named) > 30
    assert {path for path in named if not (ROOT / path).is_file()} == set()


def test_links_between_the_documents_lead_somewhere() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in DOCUMENTS
        for target in _links(page)
        if not _leads_somewhere(page, target)
    ]
    assert not wrong, "\n".join(wrong)


def _links(page: Path) -> set[str]:
    inline = [
        one
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text())
        for one in token.children or ()
    ]
    return {str(one.attrs["href"]) for one in inline if one.type == "link_open"} | {
        str(one.attrs["src"]) for one in inline if one.type == "image"
    }


def _leads_somewhere(page: Path, target: str) -> bool:
    """A file that is there, and in it a heading of that name, as the site and code forges name headings."""
    parts = urlsplit(target)
    if parts.scheme:
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    path = page.parent / parts.path if parts.path else page
    if not parts.fragment:
        return path.is_file()
    words = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE) if path.is_file() else []
    return parts.fragment in {re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words}


def test_the_changelog_says_nothing_twice() -> None:
    """Git merges two changes of a paragraph by keeping the lines of both."""
    text = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    sentences = Counter(one for one in re.split(r"(?<=[.:;])\**\s+", text) if len(one) > 30)
    assert [one for one, times in sentences.items() if times > 1] == []


def test_headings_skip_no_level() -> None:
    """The documentation site does not build otherwise."""
    for page in DOCUMENTS:
        headings = [
            one
            for one in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text())
            if one.type == "heading_open"
        ]
        levels = [int(one.tag[1:]) for one in headings]
        assert levels[0] == 1, page
        assert all(below <= above + 1 for above, below in pairwise(levels)), page


def test_settings_and_commands_that_are_named_exist() -> None:
    settings = {f"WAITING_LIST_{name.upper()}" for name in Settings.model_fields}
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for page in DOCUMENTS:
        text = page.read_text()
        named = set(re.findall(r"(?<!_)WAITING_LIST_[A-Z0-9_]*[A-Z0-9]", text))  # with `_` before it, a shell's
        named = {name for name in named if not is_service_link(name, "")}
        assert named <= settings | OF_CLIENTS | {ENV_FILE}, page
        assert set(re.findall(r"`waiting-list ([a-z][a-z-]*)", text)) <= commands, page


def test_every_page_is_once_in_the_contents_of_the_site() -> None:
    placed = [page for pages in sections().values() for page in pages]
    assert sorted(placed) == sorted(
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in DOCUMENTS
        if path.name != "index.md" or path.parent.name != "docs"
    )


def test_every_decision_is_in_their_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\d+\. \[.*\]\((.*)\)$", (folder / "index.md").read_text(), re.MULTILINE)
    assert listed == sorted(path.name for path in folder.glob("0*.md"))


def test_what_a_pooler_should_set_is_what_we_set_without_one() -> None:
    assert PLANS in (ROOT / "docs" / "pooling.md").read_text()


def test_every_attack_that_the_page_on_security_names_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 25
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_the_cluster_that_the_page_shows_is_the_one_that_is_practised() -> None:
    page = (ROOT / "docs" / "failover.md").read_text()
    practised = (ROOT / "ops" / "drills" / "patroni.yml").read_text()
    shown = re.search(r"^        bootstrap:\n(?:        .*\n)+", page, re.MULTILINE)
    assert shown
    assert "".join(line.removeprefix("        ") for line in shown[0].splitlines(keepends=True)) in practised
