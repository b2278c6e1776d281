"""Texts for callers and operators are plain English: no riddles, no long sentences, and a role for the actor.

The tests read each text where it is made: the OpenAPI document, the problems, the settings, the help of the
commands, the metrics, the alerts, and the details of every refusal in the code.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import REGISTRY

from waiting_list.app import create_app
from waiting_list.cli.main import app as commands
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.web.deployment_metrics import DEPLOYMENT_METRICS

ROOT = Path(__file__).parent.parent.parent
MOST_WORDS = 25
"""Of a sentence. The aim is 20; a list of names may take more."""
RIDDLES = re.compile(
    r"\b(whoever|whichever|somebody|someone|anybody|everybody|nobody|none is|nothing is|hangs? on|of ours"
    r"|good (no more|until|for)|is good|stays? good|(is|are|be) told|told of|no more|no fewer|any more|than it was"
    r"|by themselves|by their own will|stands? (there|in|besides)|left out|unless (given|said)|(is|are) kept of"
    r"|mend(s|ed)?)\b",
    re.IGNORECASE,
)
"""Phrases at which readers stopped. Each has a plainer one, such as the name of the role: fan, organizer,
operator."""


def faults(text: str) -> list[str]:
    """Name what is not plain in a text."""
    plain = " ".join(re.sub(r"`[^`]+`|(?<= )'[^']+'", "x", text).split())
    found = [match[0] for match in RIDDLES.finditer(plain)]
    sentences = re.split(r"(?<=[.!?;])\s", plain)
    return found + [f"{len(words)} words" for one in sentences if len(words := one.split()) > MOST_WORDS]


def openapi_texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Find each summary and description of the OpenAPI document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("summary", "description") and isinstance(value, str):
                yield path, value
            else:
                yield from openapi_texts(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from openapi_texts(value, f"{path}/{index}")


def problem_texts(problem: type[Problem] = Problem) -> Iterator[tuple[str, str]]:
    for child in problem.__subclasses__():
        yield child.code, child.title
        yield child.code, child.__doc__ or ""
        yield from problem_texts(child)


def help_texts() -> Iterator[tuple[str, str]]:
    group = typer.main.get_command(commands)
    yield "waiting-list", group.help or ""
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        yield name, command.help or ""
        for parameter in command.params:
            yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""


def metric_texts() -> Iterator[tuple[str, str]]:
    yield from DEPLOYMENT_METRICS.items()
    for metric in REGISTRY.collect():
        if metric.name.startswith("waiting_list_"):
            yield metric.name, metric.documentation


def alert_texts() -> Iterator[tuple[str, str]]:
    rules = (ROOT / "ops" / "prometheus" / "alerts.yml").read_text()
    for name, summary in re.findall(r"alert: (\w+)$.*?summary: ([^\n]+)$", rules, re.MULTILINE | re.DOTALL):
        yield name, re.sub(r"\{\{.*?\}\}", "5", summary)


def refusal_texts() -> Iterator[tuple[str, str]]:
    """Find the texts of all errors that the code raises; a value in them counts as a word."""
    for file in sorted((ROOT / "waiting_list").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for part in ast.walk(node.exc):
                    if isinstance(part, ast.JoinedStr):
                        yield f"{file.name}:{part.lineno}", "".join(_piece(one) for one in part.values)
                    elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{file.name}:{part.lineno}", part.value


def _piece(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "5"


SOURCES = {
    "openapi": lambda: openapi_texts(create_app(Settings()).openapi()),
    "problems": problem_texts,
    "settings": lambda: ((name, field.description or "") for name, field in Settings.model_fields.items()),
    "help": help_texts,
    "metrics": metric_texts,
    "alerts": alert_texts,
    "refusals": refusal_texts,
}
FEWEST = {"openapi": 500, "problems": 70, "settings": 45, "help": 70, "metrics": 20, "alerts": 10, "refusals": 150}
"""How many texts each source has at least: fewer mean that this test no longer finds them."""


@pytest.mark.parametrize("source", SOURCES)
def test_every_text_is_plain(source: str) -> None:
    texts = list(SOURCES[source]())  # type: ignore[no-untyped-call]
    assert len(texts) >= FEWEST[source]
    assert [f"{where}: {text} ({found})" for where, text in texts if (found := faults(text))] == []


@pytest.mark.parametrize("source", ["settings", "help", "metrics", "alerts"])
def test_every_text_is_a_whole_sentence(source: str) -> None:
    texts = [(where, text) for where, text in SOURCES[source]() if not where.endswith((" help", " version"))]  # type: ignore[no-untyped-call]
    assert [
        where for where, text in texts if not re.match(r"[\"'`A-Z0-9]", text) or text.strip("\"'")[-1] != "."
    ] == []


def test_the_summary_of_a_call_is_its_first_sentence() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    summaries = {call["operationId"]: call["summary"] for calls in paths.values() for call in calls.values()}
    assert summaries["join"] == "Join the list at its end"
    assert summaries["leave"] == "Leave the list, or give up the hold"
    assert [name for name, summary in summaries.items() if not summary[0].isupper() or len(summary) > 120] == []


@pytest.mark.parametrize(
    "text",
    [
        "This link is good no more.",
        "Whoever asks gets it.",
        "That a list was made is told to nobody.",
        "Only those that stand there.",
        "Something hangs on this.",
        "A code that is good.",
        "A word " * 16 + "ends here.",
    ],
)
def test_a_riddle_is_found(text: str) -> None:
    assert faults(text)


def test_plain_texts_pass() -> None:
    assert faults("The hold has expired. Join again.") == []
    assert faults("Use `whoever` as the id.") == []
