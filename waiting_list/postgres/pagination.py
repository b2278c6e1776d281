"""Make the pages of a listing, and the cursors that say where the next page begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from waiting_list.fields import MOST_ID_CHARACTERS
from waiting_list.postgres.pool import Record
from waiting_list.problems import InvalidRequest

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some items of a listing. `next_cursor` fetches the next page; None at the end."""

    items: list[T]
    next_cursor: str | None

    def map(self, change: Callable[[T], T]) -> "Page[T]":
        """Return the page with each item changed."""
        return Page([change(one) for one in self.items], self.next_cursor)


def page_of(records: Sequence[Record], limit: int, make: Any, *keys: str) -> Page[Any]:
    """Return the page with the first `limit` of these records, and a cursor if there are more.

    The listing must be ordered by `keys`. The cursor has their values in the last record of the page.
    """
    shown = records[:limit]
    more = len(records) > limit
    return Page([make(record) for record in shown], encode([shown[-1][key] for key in keys]) if more else None)


def encode(values: Sequence[Any]) -> str:
    """Return the cursor with these values: instants, numbers and texts."""
    # As UTF-8, because an escape of ASCII takes up to twelve bytes for a character.
    text = json.dumps(
        [v.isoformat() if isinstance(v, datetime) else v if isinstance(v, int) else str(v) for v in values],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_LONGEST_ID = "\U0010ffff" * MOST_ID_CHARACTERS
LONGEST_CURSOR = len(encode([datetime.max.replace(tzinfo=UTC), _LONGEST_ID, _LONGEST_ID]))
"""The most characters of a cursor: of a listing by an instant and two ids, the longest keys of all listings."""


def decode(cursor: str | None, *kinds: type, name: str = "cursor") -> list[Any]:
    """Return the values of a cursor, or Nones without one. Raises InvalidRequest if it has not these types.

    `name` is the parameter that the problem names.
    """
    if cursor is None:
        return [None] * len(kinds)
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError("not of this listing")
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError) as error:
        raise InvalidRequest.of(name, "is not a cursor of this listing") from error


def _value(value: object, kind: type) -> Any:
    if kind is int and type(value) is int and abs(value) < 2**63:
        return value
    if not isinstance(value, str) or kind is int:
        raise ValueError("of another kind")
    if kind is datetime:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("without offset")
        return instant.astimezone(UTC)
    if kind is str:
        value.encode()
        if "\x00" in value:
            raise ValueError("has NUL")
        return value
    return kind(value)
