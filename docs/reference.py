"""Prints the pages of the reference that follow from the code: `python docs/reference.py problems`."""

import html
import json
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

from calls_page import page
from pydantic.fields import FieldInfo

from waiting_list.app import create_app
from waiting_list.environment import is_secret
from waiting_list.problems import Problem
from waiting_list.settings import Settings
from waiting_list.web.openapi_document import inlined

ABOUT_COMMANDS = """`make generate` makes this page from the help of the commands.
[Install](how-to/install.md) says where `waiting-list` is.

A listing is a table with a header. Its columns have the field names of the API, and its instants are UTC. `--json`
prints one JSON array for scripts. What was found goes to stdout, and sentences for the operator go to stderr. On a
terminal, a long last column is cut to the width; files and pipes get all of it.

`waiting-list --install-completion` lets bash, zsh and fish complete commands, options and their values at the Tab
key. To try it in one bash only: `eval "$(_WAITING_LIST_COMPLETE=source_bash waiting-list)"`; in zsh with
`source_zsh`. In fish: `_WAITING_LIST_COMPLETE=source_fish waiting-list | source`."""
"""How all commands print, and how shells complete them."""


def problems() -> str:
    """Every code, with its status and when it is answered."""
    lines = [
        "# Problems",
        "",
        "A refusal is `application/problem+json` (RFC 9457), with a `code` from this table. It changed no data.",
        "`make generate` makes this page from `waiting_list/problems`.",
        "",
        "| code | status | when | extra fields |",
        "| --- | --- | --- | --- |",
    ]
    for problem in sorted(Problem.kinds(), key=lambda found: (found.status, found.code)):
        when = " ".join((problem.__doc__ or "").split())
        carries = ", ".join(f"`{name}`" for name in problem.example)
        lines.append(f"| `{problem.code}` | {problem.status} | {when} | {carries} |")
    return "\n".join(lines)


def settings() -> str:
    """Every setting, with its variable and default."""
    lines = [
        "# Settings",
        "",
        "A process reads its settings from the environment when it starts. An empty variable counts as not set.",
        "If a variable has a wrong value or an unknown name, the process ends and names it. [Configuration]"
        "(configuration.md) has the details.",
        "`make generate` makes this page from `waiting_list/settings.py`.",
        "",
        "A file can hold a secret: add `_FILE` to the name of the variable, and set it to the path of the file.",
        "",
        "| variable | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "not set" if field.default in (None, "") else f"`{str(field.default).lower()}`"
        lines.append(f"| `WAITING_LIST_{name.upper()}` | {_type(field)} | {default} | {field.description} |")
    return "\n".join(lines)


def _type(field: FieldInfo) -> str:
    """The type of a setting, in a word or two."""
    if is_secret(field):
        return "secret"
    if get_origin(field.annotation) is Literal:
        return "choice"
    kinds = {field.annotation, *get_args(field.annotation)}
    names = {bool: "true or false", int: "whole number", float: "number", Path: "path", str: "text"}
    return next(name for kind, name in names.items() if kind in kinds)


def cli() -> str:
    """Every command, with its arguments and options, as typer documents it."""
    shown = subprocess.run(
        [sys.executable, "-m", "typer", "waiting_list.cli.main", "utils", "docs", "--name", "waiting-list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Typer escapes for HTML also what stands in Markdown's code spans, where that would be seen.
    _, _, rest = html.unescape(shown).strip().partition("\n")
    return f"# Commands\n\n{ABOUT_COMMANDS}\n" + rest.replace("```console", "```text")


def api() -> str:
    """Every call of /openapi.json, and every shape."""
    return page(inlined(create_app(Settings()).openapi()))


def document() -> str:
    """Return the API document, for the tools that check it."""
    return json.dumps(create_app(Settings(public_url="https://tickets.example")).openapi(), ensure_ascii=False)


if __name__ == "__main__":
    print(
        {"problems": problems, "settings": settings, "cli": cli, "api": api, "document": document}[sys.argv[1]]()
    )
