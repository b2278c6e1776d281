"""Print what the commands found, and why they end."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import NoReturn

_GAP = "  "
_LEAST_WIDTH = 12
"""The width that a narrow terminal leaves to the last column."""


def print_listing(found: Sequence[object], fields: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print objects as one JSON array, or as a table with these fields of them.

    Of no objects, the array is empty, and instead of a table the sentence `empty` goes to stderr.
    """
    if as_json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())
    elif found:
        print_table(fields, [[format_value(getattr(one, field)) for field in fields] for one in found])
    else:
        note(empty)


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose last column may have long text.

    A terminal shows as much of that column as fits. A file or a pipe gets all of it.
    """
    from rich.cells import cell_len, set_cell_size

    lines = [[title.upper() for title in titles], *rows]
    *widths, last = (max(map(cell_len, column)) for column in zip(*lines, strict=True))
    if sys.stdout.isatty():
        room = get_terminal_size().columns - sum(width + len(_GAP) for width in widths)
        last = min(last, max(room, _LEAST_WIDTH))
    for *first, text in lines:
        shown = text if cell_len(text) <= last else set_cell_size(text, last - 1) + "…"
        print(_GAP.join([*map(set_cell_size, first, widths), shown]).rstrip())


def format_value(value: object) -> str:
    """Return the text of a cell: `-` for no value, and an instant in UTC to the second."""
    match value:
        case None | "":
            return "-"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case list() | tuple():
            return ",".join(map(format_value, value)) or "-"
    return printable(str(value))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 list` or `2 lists`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def note(sentence: str) -> None:
    """Print a sentence for the operator on stderr, so that stdout has only what scripts read."""
    print(sentence, file=sys.stderr)


def note_on_terminal(sentence: str) -> None:
    """Print a sentence for a person who reads the output on a terminal; scripts do not need it."""
    if sys.stdout.isatty():
        note(sentence)


def show_progress(text: str) -> None:
    """Replace the line of progress on a terminal; an empty text removes it. Files and pipes get no progress."""
    if sys.stderr.isatty():
        width = get_terminal_size().columns - 1
        print(f"\r{printable(text)[:width]}\x1b[K", end="", file=sys.stderr, flush=True)


def printable(line: str) -> str:
    """Replace characters that are not printable, because they could control the terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def fail(why: str, *, code: int = 2) -> NoReturn:
    """End the command with a sentence on stderr, and exit code 2 unless `code` is another."""
    note(why)
    sys.exit(code)
