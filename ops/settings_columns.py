"""Writes the columns of list settings into the SQL statements that name them: `python -m ops.settings_columns`.

A block begins with `-- settings`, with `-- settings: i.` for columns of the table `i`, or with `-- settings = $13`
for columns that are set to the parameters from $13 on. It ends with `-- end of settings`. With `--check` it
writes nothing, and fails for a stale block.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import waiting_list
from waiting_list.lists.list_settings import COLUMNS

_WIDTH = 115
_RESERVED = frozenset({"order"})
"""Names that SQL wants in quotes, unless that of a table stands before them."""
_BLOCK = re.compile(
    r"(?P<indent> *)-- settings(?:: (?P<table>\w+\.)| = \$(?P<first>\d+))?\n"
    r"(?: .*\n)*? *-- end of settings\n(?P<clause> *(?:FROM|WHERE)\b)?"
)


def with_columns(text: str, columns: Sequence[str] = COLUMNS) -> str:
    """Return the statement with every block written anew."""
    return _BLOCK.sub(lambda found: _block(found, columns), text)


def _block(found: re.Match[str], columns: Sequence[str]) -> str:
    head = found[0].partition("\n")[0]
    indent, table, first = found["indent"], found["table"] or "", found["first"]
    names = [name if table or name not in _RESERVED else f'"{name}"' for name in columns]
    items = [f"{name} = ${int(first) + place}" if first else f"{table}{name}" for place, name in enumerate(names)]
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 1 > _WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{item}, "
    lines.append(line.rstrip())
    if found["clause"]:
        lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([head, *lines, f"{indent}-- end of settings", found["clause"] or ""])


def main() -> int:
    """Write the blocks of all statements; with `--check`, name those that are stale."""
    stale = []
    for path in sorted(Path(waiting_list.__file__).parent.rglob("*.sql")):
        text = path.read_text()
        if (written := with_columns(text)) != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(written)
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)}: stale columns of settings: make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
