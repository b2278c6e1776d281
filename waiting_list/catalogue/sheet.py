"""Read a catalogue from one sheet: a row for each ticket type of a date, as a venue keeps it.

The ids follow from the organization, the title, the venue, the ticket type and the start. So a sheet that is read
again names the same objects. What a sheet has no column for stays as it is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from waiting_list.catalogue import queries
from waiting_list.catalogue.additions import readable_id
from waiting_list.catalogue.csv_import import Catalogue
from waiting_list.catalogue.models import Event, InventoryFields, Offer, Representation
from waiting_list.csv_cells import clock_time, instant, reason, whole_number
from waiting_list.csv_files import CsvFile, Refusals, Row
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool
from waiting_list.timezones import check_timezone

MOST_ROWS = 1_000
"""The most rows of a sheet, because all of it is one transaction."""
FIELDS: dict[str, str] = {
    "title": "event eventtitle eventname title show showname name événement evenement titre spectacle",
    "start": "date startdate start starts startdatetime startsat datetime day begin jour début debut",
    "time": "time starttime heure",
    "end": "end ends enddate enddatetime endtime endsat fin",
    "venue_name": "venue venuename hall location place lieu salle",
    "venue_address": "address venueaddress adresse",
    "timezone": "timezone tz fuseauhoraire",
    "type": "tickettype type category pricecategory offer product catégorie categorie tarif",
    "total": "tickets total totalstock capacity seats ticketsinall billets capacité capacite jauge",
    "available": "available availablestock onsale stillonsale remaining left restant disponible",
    "limit": "maxperorder perorder maxquantityperorder limit",
    "description": "description text",
}
"""What a sheet can say, with the keys of the columns that are recognised."""
NEEDED = ("title", "start", "total")
ORDERS = ("year", "day", "month")
"""What comes first in a date."""
_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?=$|[ ,T])", re.ASCII)
_TIME = re.compile(r"(\d{1,2})[:.hH](\d\d)(?::\d\d)?", re.ASCII)
_OF_EVENT = ("venue_address", "timezone", "description")
_LINES = {"event": "events.csv", "date": "representations.csv", "type": "offers.csv", "list": "inventory.csv"}


@dataclass(frozen=True)
class Options:
    """How to read a sheet: where each field stands, and what holds where the sheet says nothing."""

    organization_id: str
    places: Mapping[str, int]
    timezone: str
    order: str = "year"
    length: timedelta = timedelta(hours=2)
    type_name: str = "Ticket"
    limit: int = 4
    draft: bool = True


def guessed_order(cells: Sequence[str]) -> str:
    """Return what comes first in these dates, as far as they tell: `day`, `month`, or `year`."""
    found = [(int(one[1]), int(one[2]), cell) for cell in cells if (one := _DATE.match(cell.strip()))]
    if any(second > 12 for _, second, _ in found):
        return "month"
    return "day" if any(first > 12 or "." in cell for first, _, cell in found) else "year"


async def read_sheet(pool: Pool, file: CsvFile, options: Options, refusals: Refusals) -> Catalogue:
    """Check all rows, and return the catalogue. Raises ImportRefused with each invalid row, and Unavailable."""
    reader = _Sheet(file.name, options, refusals)
    if len(file.rows) > MOST_ROWS:
        refusals.add(file.name, None, f"has more than {MOST_ROWS} rows", kind="rows")
        raise refusals.refused()
    for row in file.rows:
        reader.add(row)
    if not file.rows and not refusals:
        refusals.add(file.name, None, "has no rows", kind="no_rows")
    if refusals:
        raise refusals.refused()
    await _keep_what_is_not_said(pool, reader.found, options)
    return reader.found


@dataclass
class _Said:
    """What the rows of an event have said of it."""

    event_id: str
    facts: dict[str, str] = field(default_factory=dict)


class _Sheet:
    def __init__(self, name: str, options: Options, refusals: Refusals) -> None:
        self._name = name
        self._options = options
        self._refusals = refusals
        self._said: dict[str, _Said] = {}
        self.found = Catalogue()

    def add(self, row: Row) -> None:
        """Add what a row says, or what is wrong with it."""
        title = self._cell(row, "title")
        if not title:
            self._refuse(row, "title", "empty", "must not be empty")
            return
        event = self._event(row, title)
        date = self._date(row, event) if event else None
        offer = self._offer(row, event) if event else None
        stock = self._stock(row)
        if date is None or offer is None or stock is None:
            return
        key = ListKey(offer.offer_id, date.representation_id)
        if key in self.found.inventory:
            line = self.found.lines[_LINES["list"], key]
            self._refuse(row, "row", "twice", f"line {line} has this date and ticket type, too")
            return
        self.found.inventory[key] = stock
        self.found.lines[_LINES["list"], key] = row.line

    def _event(self, row: Row, title: str) -> Event | None:
        venue = self._cell(row, "venue_name")
        event_id = readable_id(title, self._digest(title, venue))
        said = self._said.setdefault(event_id, _Said(event_id))
        for name in _OF_EVENT:
            text = self._cell(row, name)
            if name == "timezone":  # the first row says it for all dates of the event
                text = text or said.facts.get(name) or self._options.timezone
            if text and said.facts.setdefault(name, text) != text:
                self._refuse(row, name, "differs", "another row of the same event says otherwise")
                return None
        try:
            check_timezone(said.facts["timezone"])
        except ValueError as error:
            self._refuse(row, "timezone", "timezone", str(error))
            return None
        try:
            event = Event(
                event_id=event_id,
                organization_id=self._options.organization_id,
                title=title,
                venue_name=venue,
                draft=self._options.draft,
                **said.facts,
            )
        except ValidationError as error:
            self._refuse_all(row, error)
            return None
        self.found.lines.setdefault((_LINES["event"], event_id), row.line)
        self.found.events[event_id] = event
        return event

    def _date(self, row: Row, event: Event) -> Representation | None:
        start = self._instant(row, "start", event, self._cell(row, "time"))
        if start is None:
            return None
        end: datetime | None = start + self._options.length
        if text := self._cell(row, "end"):
            end = self._end(row, text, event, start)
        if end is None:
            return None
        if end < start:
            self._refuse(row, "end", "before", "must not be before the start")
            return None
        key = readable_id(
            event.title, f"{start.astimezone(UTC):%Y%m%d%H%M}", self._digest(event.title, event.venue_name)
        )
        known = self.found.representations.get(key)
        if known and known.end_datetime != end:
            self._refuse(row, "end", "differs", "another row of the same date says otherwise")
            return None
        date = Representation(
            representation_id=key, event_id=event.event_id, start_datetime=start, end_datetime=end
        )
        self.found.representations[key] = date
        self.found.lines.setdefault((_LINES["date"], key), row.line)
        return date

    def _end(self, row: Row, text: str, event: Event, start: datetime) -> datetime | None:
        """Return the end: a date and a time, or only a time, which may be after midnight."""
        if not _TIME.fullmatch(text):
            return self._instant(row, "end", event, "")
        first = start.date()
        end = self._read(row, "end", f"{first} {_time(text)}", event)
        return (
            self._read(row, "end", f"{first + timedelta(days=1)} {_time(text)}", event)
            if end and end < start
            else end
        )

    def _instant(self, row: Row, name: str, event: Event, time: str) -> datetime | None:
        text = self._cell(row, name)
        if not text:
            self._refuse(row, name, "empty", "must not be empty")
            return None
        if (found := _DATE.match(text)) and self._options.order != "year":
            parts = (found[1], found[2]) if self._options.order == "month" else (found[2], found[1])
            year = found[3] if len(found[3]) == 4 else f"20{found[3]}"
            text = f"{year}-{int(parts[0]):02}-{int(parts[1]):02}{text[found.end() :].replace(',', ' ')}"
            text = " ".join(text.split())
        date, _, its_time = text.partition(" ")
        if time or _TIME.fullmatch(its_time):
            # A spreadsheet writes midnight after a date that has its time in another column.
            text = f"{date.partition('T')[0]} {_time(time or its_time)}"
        return self._read(row, name, text, event)

    def _read(self, row: Row, name: str, text: str, event: Event) -> datetime | None:
        try:
            clock_time(text)
        except ValueError as error:
            self._refuse(row, name, "time", str(error))
            return None
        try:
            return instant(text, event.timezone).replace(second=0, microsecond=0)
        except ValueError as error:
            self._refuse(row, name, "clocks", str(error))
            return None

    def _offer(self, row: Row, event: Event) -> Offer | None:
        name = self._cell(row, "type") or self._options.type_name
        limit = self._number(row, "limit", self._options.limit)
        if limit is None:
            return None
        digest = self._digest(event.title, event.venue_name, name)
        offer_id = readable_id(f"{event.title[:20]} {name}", digest)
        known = self.found.offers.get(offer_id)
        if known and known.max_quantity_per_order != limit:
            self._refuse(row, "limit", "differs", "another row of the same ticket type says otherwise")
            return None
        try:
            offer = Offer(offer_id=offer_id, event_id=event.event_id, name=name, max_quantity_per_order=limit)
        except ValidationError as error:
            self._refuse_all(row, error)
            return None
        self.found.offers[offer_id] = offer
        self.found.lines.setdefault((_LINES["type"], offer_id), row.line)
        return offer

    def _stock(self, row: Row) -> InventoryFields | None:
        total, available = self._number(row, "total", None), self._number(row, "available", 0)
        if total is None or available is None:
            return None
        if available > total:
            self._refuse(row, "available", "more", "must not be more than all tickets")
            return None
        try:
            return InventoryFields(total_stock=total, available_stock=available)
        except ValidationError as error:
            self._refuse_all(row, error)
            return None

    def _number(self, row: Row, name: str, otherwise: int | None) -> int | None:
        text = self._cell(row, name)
        if not text:
            if otherwise is None:
                self._refuse(row, name, "empty", "must not be empty")
            return otherwise
        try:
            return whole_number(text)
        except ValueError as error:
            self._refuse(row, name, "number", str(error))
            return None

    def _cell(self, row: Row, name: str) -> str:
        place = self._options.places.get(name)
        return "" if place is None else row.cells[place].strip()

    def _digest(self, *parts: str) -> str:
        named = "\x00".join([self._options.organization_id, *(" ".join(one.casefold().split()) for one in parts)])
        return sha256(named.encode()).hexdigest()[:10]

    def _refuse_all(self, row: Row, error: ValidationError) -> None:
        names = {"name": "type", "total_stock": "total", "available_stock": "available"}
        for one in error.errors():
            name = str(one["loc"][0])
            name = "limit" if name.startswith("max_quantity") else names.get(name, name)
            self._refuse(row, name, "invalid", reason(one))

    def _refuse(self, row: Row, name: str, code: str, why: str) -> None:
        self._refusals.add(self._name, row.line, why, kind=f"{name} {code}")


def _time(text: str) -> str:
    found = _TIME.fullmatch(text)
    return f"{int(found[1]):02}:{found[2]}" if found else text


async def _keep_what_is_not_said(pool: Pool, found: Catalogue, options: Options) -> None:
    """Give existing objects what the sheet has no column for, so that an import does not change it."""
    owner, silent = options.organization_id, FIELDS.keys() - options.places.keys()
    ids = sorted(found.events)
    for event in (await queries.events(pool, owner, event_id=ids, limit=len(ids), cursor=None)).items:
        kept: dict[str, Any] = {name: getattr(event, name) for name in silent & {"venue_address", "description"}}
        kept["thumbnail_url"] = event.thumbnail_url
        kept["draft"] = False  # an event that exists stays as published as it is
        found.events[event.event_id] = found.events[event.event_id].model_copy(update=kept)
    types = sorted(found.offers)
    there = await queries.offers(pool, owner, offer_id=types, event_id=None, limit=len(types), cursor=None)
    for offer in there.items:
        kept = {"description": offer.description, "type": offer.type}
        if "limit" in silent:
            kept["max_quantity_per_order"] = offer.max_quantity_per_order
        found.offers[offer.offer_id] = found.offers[offer.offer_id].model_copy(update=kept)
    if "end" in silent:
        dates = sorted(found.representations)
        read = await queries.representations(
            pool, owner, representation_id=dates, event_id=None, limit=len(dates), cursor=None
        )
        for date in read.items:
            key = date.representation_id
            same = found.representations[key].start_datetime == date.start_datetime
            if same:
                update = {"end_datetime": date.end_datetime}
                found.representations[key] = found.representations[key].model_copy(update=update)
