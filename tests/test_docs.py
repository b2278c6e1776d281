"""The documents say what is there, and all of it."""

import re
from pathlib import Path

from tests.pooler import PLANS
from waiting_list.findings import Check
from waiting_list.problems import Problem
from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text()


def test_every_guarantee_names_tests_that_exist() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").glob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", GUARANTEES))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in tests} == set()
    rows = [line for line in GUARANTEES.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert [row for row in rows if "`test_" not in row] == []


def test_every_named_constraint_and_every_check_stands_behind_a_guarantee() -> None:
    schema = "\n".join(path.read_text() for path in (ROOT / "waiting_list" / "migrations").glob("*.sql"))
    constraints = set(re.findall(r"CONSTRAINT (\w+)", schema)) | {"entries_active", "entries_order"}
    assert {name for name in constraints if f"`{name}`" not in GUARANTEES} == set()
    assert {check for check in Check if f"`{check}`" not in GUARANTEES} == set()
    for file in re.findall(r"`(sql/\w+\.sql)`", GUARANTEES):
        assert (ROOT / "waiting_list" / file).exists()


def test_every_problem_and_setting_is_in_the_reference() -> None:
    problems = (ROOT / "docs" / "problems.md").read_text()

    def codes(problem: type[Problem]) -> set[str]:
        below = {code for child in problem.__subclasses__() for code in codes(child)}
        return below | ({problem.code} if "code" in vars(problem) else set())

    assert {code for code in codes(Problem) - {"conflict"} if f"| `{code}` |" not in problems} == set()
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert {name for name in Settings.model_fields if f"WAITING_LIST_{name.upper()}`" not in settings} == set()
    assert all(field.description for field in Settings.model_fields.values())


def test_every_module_is_in_the_architecture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    modules = {path.name for path in (ROOT / "waiting_list").glob("*.py") if not path.name.startswith("__")}
    assert {name for name in modules if f"`{name}`" not in page} == set()


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_what_a_pooler_should_set_is_what_we_set_without_one() -> None:
    assert PLANS in (ROOT / "docs" / "pooling.md").read_text()


def test_every_attack_that_the_page_on_security_names_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").glob("*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 25
    assert [name for name in named if f"def {name}(" not in tests] == []
