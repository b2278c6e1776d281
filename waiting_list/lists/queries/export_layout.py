"""Lay out entries as rows of CSV: for programs, or for people with a spreadsheet.

The layout for spreadsheets begins with a byte order mark, names its columns and states in the reader's language,
and gives instants as local times of the event. Spreadsheets take those for dates, and show `é` as `é`. Its
delimiter is the one that spreadsheets of that language expect.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from waiting_list.fields import Locale
from waiting_list.i18n import translations
from waiting_list.lists.models import Entry, LeftReason, Status
from waiting_list.lists.setting import N_

_DELIMITERS: dict[Locale, str] = {"en": ",", "de": ";", "es": ";", "fr": ";", "it": ";"}
_WORDS = {
    "offer_id": N_("Offer ID"),
    "representation_id": N_("Representation ID"),
    "event_id": N_("Event ID"),
    "user_id": N_("User ID"),
    "status": N_("Status"),
    "left_reason": N_("Reason for leaving"),
    "tickets_wanted": N_("Tickets wanted"),
    "tickets_minimum": N_("Fewest tickets accepted"),
    "tickets_held": N_("Tickets held"),
    "number": N_("Arrival number"),
    "rank": N_("Sort rank"),
    "position": N_("Place"),
    "tickets_ahead": N_("Tickets ahead"),
    "joined_at": N_("Joined (local time)"),
    "ready_at": N_("Ready since (local time)"),
    "ready_until": N_("Can buy until (local time)"),
    "left_at": N_("Left (local time)"),
    "keep_waiting_for_rest": N_("Keeps waiting for the rest"),
    "paused_at": N_("Paused since (local time)"),
    "wish_id": N_("Wish ID"),
    "set_aside_at": N_("Held elsewhere since (local time)"),
    "address_failed": N_("Address failed"),
    "name": N_("Name"),
    "email": N_("Email address"),
    "timezone": N_("Timezone"),
}
_STATES: dict[object, str] = {
    Status.WAITING: N_("waiting"),
    Status.READY: N_("ready"),
    Status.LEFT: N_("left"),
    LeftReason.BOUGHT: N_("bought"),
    LeftReason.CANCELLED: N_("left the list"),
    LeftReason.EXPIRED: N_("did not buy in time"),
    LeftReason.REMOVED: N_("removed by the organizer"),
    LeftReason.ENDED: N_("the list ended"),
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With what a cell begins that a spreadsheet may run (OWASP, CSV injection); the last four are full-width."""


class ExportedEntry(Entry):
    """An entry with the timezone of its event, and whether e-mails to its address fail.

    The name and the address are null in an export without contacts.
    """

    address_failed: bool
    timezone: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Layout:
    """How the rows of an export look: its first bytes, delimiter and header, and the cell of a column."""

    columns: Sequence[str]
    header: Sequence[str]
    cell: Callable[[ExportedEntry, str], object]
    delimiter: str = ","
    begins_with: bytes = b""

    def head(self) -> bytes:
        """Return the header, with what the file begins with."""
        return self.begins_with + self._written([self.header])

    def rows(self, entries: Iterable[ExportedEntry]) -> bytes:
        """Return a row for each entry."""
        return self._written([self.cell(entry, name) for name in self.columns] for entry in entries)

    def _written(self, rows: Iterable[Iterable[object]]) -> bytes:
        return _written(rows, self.delimiter)


def spreadsheet_file(locale: Locale, header: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Return a CSV file of times and numbers, for spreadsheets in a language. It translates the header."""
    words = translations(locale).gettext
    return _BYTE_ORDER_MARK + _written([[words(name) for name in header], *rows], _DELIMITERS[locale])


def _written(rows: Iterable[Iterable[object]], delimiter: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode()


def _plain(entry: ExportedEntry, name: str) -> object:
    value: object = getattr(entry, name)
    if isinstance(value, datetime):
        return value.isoformat()
    return _harmless(value) if isinstance(value, str) else value


_CONTACT = ["name", "email"]
_COLUMNS = [*(name for name in Entry.model_fields if name != "purchase_pass"), "address_failed"]
PLAIN = Layout(_COLUMNS, _COLUMNS, _plain)
"""The layout for programs: the fields of the API under their names, and instants in UTC."""


def plain(*, contacts: bool) -> Layout:
    """Return the layout for programs, with or without the columns of contacts, which are the last ones."""
    return Layout([*_COLUMNS, *_CONTACT], [*_COLUMNS, *_CONTACT], _plain) if contacts else PLAIN


def spreadsheet(locale: Locale, *, contacts: bool = False) -> Layout:
    """Return the layout for spreadsheets, in a language; with contacts, people come first."""
    words = translations(locale).gettext

    def cell(entry: ExportedEntry, name: str) -> object:
        value: object = getattr(entry, name)
        if isinstance(value, datetime):
            return f"{value.astimezone(ZoneInfo(entry.timezone)):%Y-%m-%d %H:%M:%S}"
        if isinstance(value, Status | LeftReason):
            return words(_STATES[value])
        return _harmless(value) if isinstance(value, str) else value

    columns = [*(_CONTACT if contacts else ()), *_COLUMNS, "timezone"]
    header = [words(_WORDS[name]) for name in columns]
    return Layout(columns, header, cell, _DELIMITERS[locale], _BYTE_ORDER_MARK)


def _harmless(text: str) -> str:
    """Return the text of a cell so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
