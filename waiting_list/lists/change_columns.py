"""Turn the changes of a list into the arrays that write_changes.sql takes, one for each column. No I/O here."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from waiting_list.lists.list_settings import COLUMNS
from waiting_list.lists.models import FAN, Status
from waiting_list.lists.rows import CREATED_WITH, DRAWN, ENTRY_COLUMNS, EntryRow, ListRow


def change_arrays(
    row: ListRow,
    *,
    changed: Iterable[tuple[EntryRow, Status]],
    new: Iterable[EntryRow],
    segments: Sequence[Iterable[Any]],
    history: Sequence[Iterable[Any]],
) -> tuple[Sequence[Any], ...]:
    """Return the arrays of the entries, of the segments and of the history, and the values of the list.

    `changed` has each changed entry with the status from which it changes.
    """
    before = [(*_entry_values(entry), status) for entry, status in changed]
    entries = before + [(*_entry_values(entry), None) for entry in new]
    return (
        _columns(entries, [...] * len(_ADDED) if before else _ADDED),
        _columns(segments, [...] * 5),
        _columns(history, _RECORDED),
        _list_counts(row),
    )


def _columns(rows: Sequence[Iterable[Any]], defaults: Sequence[Any]) -> list[Sequence[Any] | None]:
    """Turn the rows into one array for each column, for `unnest`; None if every row has the column's default.

    Most columns of a join have it. asyncpg takes longer for an array than the rest of a join takes.
    """
    if not rows:
        return [None] * len(defaults)
    columns = zip(zip(*rows, strict=True), defaults, strict=True)
    return [None if column.count(default) == len(column) else column for column, default in columns]


_entry_values = attrgetter(*(name for name in ENTRY_COLUMNS if name != "joined_at"))
"""Returns the values of an entry, in the order of write_changes."""
_ADDED = (
    ...,
    ...,
    Status.WAITING,
    None,
    ...,
    ...,
    0,
    ...,
    0,
    False,
    None,
    None,
    None,
    0,
    False,
    False,
    None,
    None,
    None,
    None,
)
"""What a new entry has in each column of write_changes, if it has only joined; `...` is different for each."""
_RECORDED = (..., FAN, "join", ..., None, ..., None, ..., None, None)
"""What the history of a join by a fan has in each column."""
_COUNTERS = ("waiting", "tickets_waiting", "last_number", "last_rank", "last_sequence", "version")
_list_counts = attrgetter(*(name for name in CREATED_WITH if name not in (*DRAWN, *COLUMNS)), *_COUNTERS)
"""Returns what write_changes writes of the list, in its order."""
list_settings = attrgetter(*DRAWN, *COLUMNS)
"""Returns the settings of the list and what its draw has, in the order of write_settings."""
