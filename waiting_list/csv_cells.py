"""Read whole numbers and instants from the cells of CSV files, and explain why a model refuses a cell.

Each function that reads returns a value, or raises ValueError with a sentence that says how to write it.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from pydantic_core import ErrorDetails

from waiting_list.fields import LOCAL_ADDRESS, LOCAL_ADDRESS_HINT

_WHOLE = re.compile(r"([+-]?)(\d{1,18})(?:[.,]0{1,2})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ .,'\u00a0\u2009\u202f\u2019]\d{3})+", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?"
    r"(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)
_DATE_FIRST = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}\b.*", re.ASCII)
_FORMAT = "write it as 2030-01-31 20:00, year first"


def whole_number(text: str) -> int:
    """Read a whole number in digits. A spreadsheet's `3.0` is 3."""
    cell = text.strip()
    if found := _WHOLE.fullmatch(cell):
        return int(found[1] + found[2])
    if _GROUPED.fullmatch(cell):
        raise ValueError(f"{cell!r} may have a thousands separator: write digits only")
    raise ValueError(f"{cell!r} is not a whole number: write digits only, such as 120")


def clock_time(text: str) -> datetime:
    """Read a date with a time of day, year first. Without an offset, the result has no timezone."""
    cell = text.strip()
    found = _INSTANT.fullmatch(cell)
    if not found:
        if _DATE_FIRST.fullmatch(cell):
            raise ValueError(f"{cell!r} may be day or month first: {_FORMAT}")
        if re.fullmatch(r"\d{4}-\d\d-\d\d", cell, re.ASCII):
            raise ValueError(f"{cell!r} has no time of day: {_FORMAT}")
        raise ValueError(f"{cell!r} is not a date and time: {_FORMAT}")
    year, month, day, hour, minute = map(int, found.groups()[:5])
    second, fraction = int(found[6] or 0), int((found[7] or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, fraction, tzinfo=_offset(found[8]))
    except ValueError as error:
        raise ValueError(f"{cell!r} is not a date and time: {_FORMAT}") from error


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError("an offset has at most 59 minutes")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


def instant(text: str, zone: str) -> datetime:
    """Read an instant. Without an offset, the text is a local time of the timezone.

    Raises ValueError also for an hour that the timezone does not have, or has twice, when its clocks change.
    """
    found = clock_time(text)
    if found.tzinfo is not None:
        return found
    local = found.replace(tzinfo=ZoneInfo(zone))
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before == after:
        return local
    earlier, later = (found.replace(tzinfo=timezone(offset)) for offset in (before, after))
    if before < after:
        raise ValueError(
            f"{text.strip()!r} does not exist in {zone}, because its clocks go forward then:"
            f" write {earlier.astimezone(later.tzinfo):%Y-%m-%d %H:%M}"
        )
    raise ValueError(
        f"{text.strip()!r} comes twice in {zone}, because its clocks go back then:"
        f" write {earlier.isoformat(' ', 'minutes')} or {later.isoformat(' ', 'minutes')}"
    )


def reason(error: ErrorDetails) -> str:
    """Return what a cell must be that a model refuses, in the words of people who work with spreadsheets."""
    limits, text = error.get("ctx", {}), error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {limits['max_length']} characters"
        case "greater_than_equal":
            return f"must be at least {limits['ge']}"
        case "less_than_equal":
            return f"must be at most {limits['le']}"
        case kind:
            return f"{text}. {LOCAL_ADDRESS_HINT}" if kind == LOCAL_ADDRESS else text
