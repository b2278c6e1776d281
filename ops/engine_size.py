"""How large the engine is, which one person must be able to read in one sitting: `python -m ops.engine_size`.

Prints the lines of code of each part, Python and the SQL statements that it names, next to their ceilings. Blank
lines, comments and docstrings do not count. Exits with 1 where a part is above a ceiling, and where it imports a
module that is in no part and not in SHARED: so a part cannot shrink by moving code to where it is not counted.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "waiting_list"


_VIEW = re.compile(r" *-- (?P<view>\w+) of \$1\n(?: .*\n)*? *-- end of (?P=view)\n")


class Part(NamedTuple):
    """Modules that are counted together, and how many lines of code they may have."""

    modules: tuple[str, ...]
    """Paths within the package; a folder stands for all modules in it."""
    most_python: int
    most_sql: int


PARTS = {
    "engine": Part(
        (
            "batching.py",
            "lists/change_columns.py",
            "lists/ending.py",
            "lists/leaves.py",
            "lists/change_letters.py",
            "lists/engine.py",
            "lists/entry_contacts.py",
            "lists/holds.py",
            "lists/idempotency.py",
            "lists/line.py",
            "lists/list_clock.py",
            "lists/list_state.py",
            "lists/locked_list.py",
            "lists/ranks.py",
            "lists/rows.py",
            "lists/outbox.py",
            "lists/outbox_rows.py",
            "lists/verbs/__init__.py",
            "lists/verbs/buy.py",
            "lists/verbs/catch_up.py",
            "lists/verbs/change.py",
            "lists/verbs/checks.py",
            "lists/verbs/configure.py",
            "lists/verbs/contact.py",
            "lists/verbs/declare_restore.py",
            "lists/verbs/erase.py",
            "lists/verbs/expire.py",
            "lists/verbs/join.py",
            "lists/verbs/leave.py",
            "lists/verbs/move.py",
            "lists/policy.py",
            "lists/verbs/promote.py",
            "lists/verbs/stock.py",
        ),
        2473,
        # Each statement asks the node of its list alone, which takes a line or two.
        455,
    ),
    # Each is off unless a list or an event asks for it, and is read by itself.
    "rules": Part(
        (
            "lists/challenges.py",
            "lists/event_limit.py",
            "lists/join_limit.py",
            "lists/verbs/address.py",
            "lists/verbs/lookalikes.py",
            "lists/verbs/take_back.py",
            "lists/verbs/undo.py",
            "lists/one_place.py",
            "lists/traces.py",
            "lists/unverified_places.py",
            "lists/verbs/message.py",
            "lists/verbs/pause.py",
            "lists/verbs/alert.py",
            "lists/verbs/transfer.py",
            "lists/verbs/share.py",
        ),
        774,
        165,
    ),
    # What steers a hold after the fan has it.
    "holds": Part(
        ("lists/verbs/give_back.py", "lists/verbs/extend.py", "lists/verbs/checkout.py", "lists/verbs/grant.py"),
        165,
        15,
    ),
    # Only for lists whose order is drawn by lot.
    "draws": Part(("lists/draws.py", "lists/verbs/draw.py"), 138, 30),
    # Wishes over several lists: without one, they need no statement.
    "wishes": Part(("lists/wishes.py", "lists/verbs/wish.py"), 160, 40),
    # Only on Citus.
    "citus": Part(("lists/write_by_parts.py",), 30, 70),
}
SHARED = (
    "postgres/pool.py",
    "postgres/statements.py",
    "lists/events.py",
    "lists/notice_kinds.py",
    "fields.py",
    "key_material.py",
    "lists/list_settings.py",
    "lists/draw_settings.py",
    "lists/setting_values.py",
    "lists/settings_models.py",
    "lists/mailboxes.py",
    "telemetry/metrics.py",
    "lists/models.py",
    "lists/contact.py",
    "notifications/models.py",
    "postgres/pagination.py",
    "problems/__init__.py",
    "settings.py",
    "telemetry/tracing.py",
)
"""What the whole service uses: the nouns that clients see, the problems, the database."""


class Size(NamedTuple):
    """Lines of code of one part."""

    python: int
    sql: int


def main() -> int:
    """Print the sizes, then what is wrong. Returns the exit status."""
    sizes, wrong = check(ROOT / PACKAGE, PARTS, SHARED)
    print(f"{'':10} {'Python':>13} {'SQL':>13}")
    for name, size in sizes.items():
        part = PARTS[name]
        print(f"{name:10} {size.python:5,} of {part.most_python:5,} {size.sql:5,} of {part.most_sql:5,}")
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


def check(package: Path, parts: Mapping[str, Part], shared: Iterable[str]) -> tuple[dict[str, Size], list[str]]:
    """The size of each part, and a sentence for each ceiling or import that is wrong."""
    statements = {file.stem: sql_lines(file.read_text()) for file in package.rglob("*.sql")}
    modules = {name: _modules(package, part) for name, part in parts.items()}
    counted = {file for files in modules.values() for file in files} | {package / path for path in shared}
    sizes, wrong = {}, []
    for name, part in parts.items():
        trees = {file: ast.parse(file.read_text()) for file in modules[name]}
        named = {text for tree in trees.values() for text in _texts(tree) if text in statements}
        sizes[name] = size = Size(
            sum(python_lines(file.read_text()) for file in trees), sum(statements[one] for one in named)
        )
        for language, lines, most in (("Python", size.python, part.most_python), ("SQL", size.sql, part.most_sql)):
            if lines > most:
                wrong.append(f"The {name} has {lines:,} lines of {language}: {most:,} are allowed.")
        for file, tree in trees.items():
            for other in sorted(_imported(package, tree) - counted):
                wrong.append(
                    f"{file.relative_to(package)} of the {name} imports {other.relative_to(package)}, which "
                    "is in none of PARTS and SHARED."
                )
    return sizes, wrong


def python_lines(source: str) -> int:
    """Lines of code of a module, without blank lines, comments and docstrings."""
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        # A text that is a statement by itself is a docstring, also that of a field.
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def sql_lines(source: str) -> int:
    """Lines of a statement, without blank lines, comments and the text of views (ops/list_views.py)."""
    source = _VIEW.sub("", source)
    return sum(1 for line in source.splitlines() if line.strip() and not line.strip().startswith("--"))


def _modules(package: Path, part: Part) -> list[Path]:
    paths = [package / name for name in part.modules]
    return sorted({file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])})


def _texts(tree: ast.Module) -> set[str]:
    return {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _imported(package: Path, tree: ast.Module) -> set[Path]:
    """The modules of the package that a module imports: `from waiting_list import verbs`, `from waiting_list.verbs
    import join`."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(package.name):
            continue
        folder = package.parent.joinpath(*(node.module or "").split("."))
        for alias in node.names:
            inner = folder / alias.name
            files = (
                inner.with_suffix(".py"),
                inner / "__init__.py",
                folder.with_suffix(".py"),
                folder / "__init__.py",
            )
            found.update([next(file for file in files if file.exists())])
    return found


if __name__ == "__main__":
    sys.exit(main())
