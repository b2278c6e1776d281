"""What one change in the history may contain: its row, and the checks that need no other row. No I/O here."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one for Python before 3.12

from waiting_list.audit.report import Check, Difference, format_value
from waiting_list.lists.events import RECORDED_AS, VERBS
from waiting_list.lists.rows import (
    CREATED_WITH,
    NOTED,
    NOTED_OF_DRAW,
    NOTED_OF_ENTRY,
    NOTED_OF_RESTORE,
    EntryRow,
    ListRow,
)

LIST_FIELDS = frozenset(CREATED_WITH)
"""The fields of a list that a change may have."""
ENTRY_FIELDS = frozenset(f.name for f in fields(EntryRow)) - {"number", "joined_at"} | NOTED_OF_ENTRY.keys()
"""The fields of an entry that a change may have."""
REPLAYED_FIELDS = tuple(f.name for f in fields(EntryRow) if f.name not in ("number", "user_id"))
"""The fields of an entry that come from its changes, or from the time of its join."""
AROUND_FIELDS = frozenset().union(*(VERBS[verb].fields for verb in RECORDED_AS["catch_up"])) - LIST_FIELDS
"""The fields of the catalogue that a change around the list may have."""

_HINTS = get_type_hints(ListRow) | get_type_hints(EntryRow) | dict(NOTED_OF_ENTRY)
_Fields = TypedDict(  # type: ignore[misc]
    "_Fields",
    {
        name: AwareDatetime | None if _HINTS[name] == datetime | None else _HINTS[name]
        for name in sorted(LIST_FIELDS | ENTRY_FIELDS)
    }
    | dict.fromkeys(("title", "venue_name", "venue_address", "timezone"), str)
    | dict.fromkeys(("start_datetime", "end_datetime"), AwareDatetime)
    | {"cancelled_at": AwareDatetime | None, "cancelled_reason": str | None}
    | NOTED
    | NOTED_OF_DRAW
    | NOTED_OF_RESTORE,
    total=False,
)
_Fields.__pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[attr-defined]
_read_fields: Callable[[str], dict[str, Any]] = TypeAdapter(_Fields).validator.validate_json
"""Parse the fields of a change. They come in the order of the names, so that the audit always reports the same of
several differences."""


class Row(NamedTuple):
    """One change in the history."""

    sequence: int
    at: datetime
    verb: str
    number: int | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    def grew(self, name: str) -> int:
        """Return by how much the change increased a quantity."""
        return self.after[name] - self.before[name] if self.before and name in self.after else 0


def read_row(record: Iterable[Any]) -> Row:
    """Parse a row of the history: the fields of Row, the last two as JSON. Raises Difference."""
    sequence, at, verb, number, before, after = record
    try:
        row = Row(
            sequence, at, verb, number, None if before is None else _read_fields(before), _read_fields(after)
        )
    except ValidationError as error:
        raise Difference(
            Check.CONTENT,
            f"Change {sequence} ({verb}) contains values that no change can have.",
            sequence=sequence,
            number=number,
            expected="fields of a list and of an entry",
            found=error.errors()[0]["msg"],
        ) from None
    names = tuple(row.after)
    known_before = None if row.before is None else tuple(row.before)
    if not _is_well_formed(verb, number is not None, known_before, names) or row.after.get("user_id") is not None:
        raise Difference(
            Check.CONTENT,
            f"Change {sequence} ({verb}) does not have the fields of such a change.",
            sequence=sequence,
            number=number,
            expected=sorted(VERBS[verb].fields) if verb in VERBS else [],
            found=sorted(names),
        )
    return row


@lru_cache(maxsize=1024)
def _is_well_formed(verb: str, about_entry: bool, before: tuple[str, ...] | None, after: tuple[str, ...]) -> bool:
    """Return whether a change of this verb can have these fields. A long history has few such shapes."""
    known = VERBS.get(verb)
    if known is None or not known.always | known.needs <= set(after) <= known.fields or not after:
        return False
    if verb == "change" and "undoes" not in after and not {"rank", "passed_over"}.isdisjoint(after):
        return False
    if (before is None) != bool(known.always) or about_entry == ENTRY_FIELDS.isdisjoint(after):
        return False
    return before is None or set(after) - {"user_id", *NOTED_OF_ENTRY, *NOTED_OF_DRAW} == set(before)


def check_before(row: Row, state: Mapping[str, Any], names: Set[str]) -> None:
    """Check that the change says of these fields what they were. Raises Difference."""
    for name, value in (row.before or {}).items():
        if name in names and state[name] != value:
            whose = "the list" if row.number is None or name in LIST_FIELDS else f"entry {row.number}"
            raise Difference(
                Check.BEFORE,
                f"Change {row.sequence} ({row.verb}) says that {name} of {whose} was {format_value(value)}; "
                f"by the changes before it, it was {format_value(state[name])}.",
                sequence=row.sequence,
                number=row.number,
                expected=state[name],
                found=value,
            )
