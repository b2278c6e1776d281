"""Writes views of lists into the statements about one list that name them: `python -m ops.list_views`.

Citus finds the node of a list by values alone. So a statement about one list cannot use a view, in which only the
outermost table is compared with the value. It has the view's query instead, in which every table is.

A block begins with `-- shown_entries of $1`, where `$1` is the list, and ends with `-- end of shown_entries`. The
text comes from the newest migration that makes the view. With `--check` it writes nothing, and fails for a stale
block.
"""

import re
import sys
from functools import cache
from pathlib import Path

import waiting_list
from waiting_list.postgres.migrate import migrations

# What is not compared with another table's list, and so needs its own comparison. The history is read between
# two values: PostgreSQL takes such a range for short, and would read the whole history for another one.
_FIRST_TABLES = {
    "shown_entries": [
        ("e.tickets_held < e.tickets_wanted)", "e.tickets_held < e.tickets_wanted)\nWHERE e.list_id = $1"),
    ],
    "uncounted_changes": [
        ("    LEFT JOIN counted_lists l ON l.list_id = $1\n", ""),
        (
            "h.sequence > coalesce(l.sequence, 0)\n",
            "h.sequence > (\n"
            "            SELECT coalesce(sum(l.sequence), 0)::bigint FROM counted_lists l WHERE l.list_id = $1\n"
            "        ) AND h.sequence <= (SELECT l.last_sequence FROM inventory l WHERE l.list_id = $1)\n",
        ),
        ("WHERE h.verb <> 'erase'", "WHERE i.list_id = $1 AND h.verb <> 'erase'"),
    ],
}
_BLOCK = re.compile(r"(?P<indent> *)-- (?P<view>\w+) of \$1\n(?: .*\n)*? *-- end of (?P=view)\n")


@cache
def query_of(view: str) -> str:
    """Return the query of a view, with every table compared with the list `$1`."""
    made = rf"^CREATE (?:OR REPLACE )?VIEW {view} AS\n(.*?);$"
    texts = [found for one in migrations() for found in re.findall(made, one.text, re.MULTILINE | re.DOTALL)]
    text = re.sub(r"(\w+\.list_id) = \w+\.list_id", r"\1 = $1", texts[-1])
    for first, compared in _FIRST_TABLES[view]:
        assert text.count(first) == 1, f"{view} has changed: say how its first table is compared"
        text = text.replace(first, compared)
    return text


def with_views(text: str) -> str:
    """Return the statement with every block written anew."""
    return _BLOCK.sub(_block, text)


def _block(found: re.Match[str]) -> str:
    indent, view = found["indent"], found["view"]
    lines = [f"-- {view} of $1", *query_of(view).splitlines(), f"-- end of {view}"]
    return "".join(f"{indent}{line}\n" for line in lines)


def main() -> int:
    """Write the blocks of all statements; with `--check`, name those that are stale."""
    stale = []
    for path in sorted(Path(waiting_list.__file__).parent.rglob("sql/*.sql")):
        text = path.read_text()
        if (written := with_views(text)) != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(written)
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)}: stale views: make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
