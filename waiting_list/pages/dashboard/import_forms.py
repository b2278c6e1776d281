"""What the pages that import a CSV file share: the file or the pasted text, its columns, and its errors.

The text of the file travels in the form from step to step, so that the service keeps nothing, and so that a person
can mend a row in place.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from waiting_list.csv_files import CsvFile, Fault, NotText, Refusals, decoded, header_key, parse_csv
from waiting_list.pages.page import PageRequest

MOST_BYTES = 512 * 1024
"""The size limit of a file. `FILE_LIMIT` of web/body_guard.py leaves room for the rest of the form."""
_MOST_COLUMNS = 100
_LONGEST_EXAMPLE = 60
_SHOWN_FAULTS = 20
_NAME = "file"
_NOT_SAID = ("form_token", "do", "seen", "encoding")


class Column(NamedTuple):
    """A column of a file, with the first cell of it that has text."""

    place: int
    name: str
    example: str


class Upload(NamedTuple):
    """What was sent: the text, how the file was encoded, its table unless it is none, and what is wrong."""

    text: str
    encoding: str
    file: CsvFile | None
    refusals: Refusals

    @property
    def columns(self) -> list[Column]:
        """The columns, for the selects."""
        if self.file is None:
            return []
        return [
            Column(
                place,
                name or str(place + 1),
                next((cell for row in self.file.rows if (cell := row.cells[place].strip())), "")[
                    :_LONGEST_EXAMPLE
                ],
            )
            for place, name in enumerate(self.file.columns[:_MOST_COLUMNS])
        ]


def uploaded(call: PageRequest, known: set[str]) -> Upload | None:
    """Return what the form has: a chosen file goes before a text. None if it has neither."""
    refusals = Refusals()
    data, encoding = call.files.get("file"), call.sent.get("encoding", "")[:20]
    text = call.sent.get("text", "")
    if data is not None:
        if len(data) > MOST_BYTES:
            refusals.add(_NAME, None, f"is larger than {MOST_BYTES // 1024} KiB", kind="size")
            return Upload("", "", None, refusals)
        try:
            text, _, encoding = decoded(data)
        except NotText as error:
            refusals.add(_NAME, error.line, error.why, kind="text")
            return Upload("", "", None, refusals)
    if not text.strip():
        return None
    if len(text.encode()) > 2 * MOST_BYTES:
        refusals.add(_NAME, None, f"is larger than {MOST_BYTES // 1024} KiB", kind="size")
        return Upload("", "", None, refusals)
    file = parse_csv(_NAME, text.encode(), refusals, known=known)
    return Upload(text, encoding, file, refusals)


def guessed(file: CsvFile, fields: Mapping[str, str]) -> dict[str, int]:
    """Return the place of the column of each field, as far as the names of the columns say it."""
    places = file.places()
    found: dict[str, int] = {}
    for name, keys in fields.items():
        for key in map(header_key, keys.split()):
            if key in places and places[key] not in found.values():
                found[name] = places[key]
                break
    return found


def mapped(call: PageRequest, file: CsvFile, fields: Mapping[str, str]) -> dict[str, int]:
    """Return the place of the column of each field as the form says, or as the names say if it has no fields."""
    if not any(f"map_{name}" in call.sent for name in fields):
        return guessed(file, fields)
    chosen = {name: call.sent.get(f"map_{name}", "") for name in fields}
    return {
        name: int(place)
        for name, place in chosen.items()
        if place.isascii() and place.isdecimal() and len(place) < 4 and int(place) < len(file.columns)
    }


def digest_of(call: PageRequest) -> str:
    """Return what a form says, in short: an import that differs from its preview is previewed again."""
    # Browsers send the lines of a text in their own way.
    sent = {name: text.splitlines() for name, text in call.sent.items() if name not in _NOT_SAID}
    said = json.dumps(sent, sort_keys=True)
    return sha256(said.encode()).hexdigest()


def wants_import(call: PageRequest) -> bool:
    """Whether the form asks to import what it has previewed."""
    return call.sent.get("do") == "import" and call.sent.get("seen") == digest_of(call)


def shown_faults(faults: Sequence[Fault]) -> dict[str, object]:
    """Return the first reasons for the page, how many more there are, and how many lines have one."""
    return {
        "faults": faults[:_SHOWN_FAULTS],
        "more_faults": max(0, len(faults) - _SHOWN_FAULTS),
        "bad_lines": len({one.line for one in faults if one.line}),
    }
