"""Import a catalogue from four CSV files in one transaction (`waiting-list import`).

events.csv (id, title, description, thumbnail_url, organization_id, venue_name, venue_address, timezone),
representations.csv (id, event_id, start_datetime, end_datetime), offers.csv (offer_id, event_id, name, type,
max_quantity_per_order, description), inventory.csv (inventory_id, offer_id, representation_id, total_stock,
available_stock): UTF-8, one header line, the columns in any order.

This is the only transaction that changes several lists. It locks them in the order of their ids, so that two
imports cannot deadlock. All other transactions lock one list.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from waiting_list.catalogue.changes import create_list, write_event, write_offer, write_representation
from waiting_list.catalogue.models import (
    Event,
    EventFields,
    InventoryFields,
    Offer,
    OfferFields,
    Representation,
    RepresentationFields,
)
from waiting_list.lists import outbox, verbs
from waiting_list.lists.engine import Caller
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, transaction
from waiting_list.problems import Problem

M = TypeVar("M", bound=BaseModel)
ACTOR = "import"
"""The actor that the history names for changes of an import."""
MOST_ERRORS = 100
"""How many invalid rows ImportRefused names."""
_COLUMNS = {
    "events.csv": "id title description thumbnail_url organization_id venue_name venue_address timezone",
    "representations.csv": "id event_id start_datetime end_datetime",
    "offers.csv": "offer_id event_id name type max_quantity_per_order description",
    "inventory.csv": "inventory_id offer_id representation_id total_stock available_stock",
}


class ImportRefused(Exception):
    """The import failed and changed no data. `errors` has one line for each invalid row, with file and line
    number."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


@dataclass
class Catalogue:
    """The content of the files. `lines` has the line of each object."""

    events: dict[str, Event] = field(default_factory=dict)
    representations: dict[str, Representation] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    inventory: dict[ListKey, InventoryFields] = field(default_factory=dict)
    lines: dict[tuple[str, object], int] = field(default_factory=dict)


def read(folder: Path, *, organization_id: str | None = None) -> Catalogue:
    """Read and check the four files. `organization_id` replaces the one in events.csv.

    Raises ImportRefused with the first MOST_ERRORS invalid rows.
    """
    return _Reader(folder, organization_id).read()


def shifted(read_from: Catalogue, today: date) -> Catalogue:
    """Move every date of a catalogue after today, and keep the times of day in the event's timezone.

    Each event moves by whole weeks, by as few as put its first representation after today. So its representations
    keep their distances and weekdays.
    """
    moved = Catalogue(read_from.events, {}, read_from.offers, read_from.inventory, read_from.lines)
    for event in read_from.events.values():
        zone = ZoneInfo(event.timezone)
        own = [one for one in read_from.representations.values() if one.event_id == event.event_id]
        if not own:
            continue
        first = min(one.start_datetime for one in own).astimezone(zone).date()
        weeks = timedelta(weeks=max(0, (today - first).days // 7 + 1))
        for one in own:
            moved.representations[one.representation_id] = one.model_copy(
                update={
                    "start_datetime": _later(one.start_datetime, weeks, zone),
                    "end_datetime": _later(one.end_datetime, weeks, zone),
                }
            )
    return moved


async def load(
    pool: Pool, found: Catalogue, *, sends_mail: bool = False, now: datetime | None = None
) -> dict[str, int]:
    """Write a catalogue in one transaction, and return how many objects of each file were created.

    A list whose stock is 0 opens. An existing list gets the stock of the file, which may make fans ready. Those
    fans get an e-mail if `sends_mail`, or if a worker of the deployment sends e-mails. Raises ImportRefused;
    Unavailable.
    """
    made = dict.fromkeys(("events", "representations", "offers", "inventory"), 0)
    async with transaction(pool) as acquired:
        for event in found.events.values():
            with _at(found, "events.csv", event.event_id):
                _, new = await write_event(
                    acquired,
                    event.organization_id,
                    event.event_id,
                    _fields(event, EventFields),
                    keeps_limit=True,  # the files have no column for it
                )
            made["events"] += new
        for representation in found.representations.values():
            owner = found.events[representation.event_id].organization_id
            with _at(found, "representations.csv", representation.representation_id):
                _, new = await write_representation(
                    acquired,
                    owner,
                    representation.representation_id,
                    _fields(representation, RepresentationFields),
                )
            made["representations"] += new
        for offer in found.offers.values():
            owner = found.events[offer.event_id].organization_id
            with _at(found, "offers.csv", offer.offer_id):
                _, new = await write_offer(acquired, owner, offer.offer_id, _fields(offer, OfferFields))
            made["offers"] += new
        for key, fields in sorted(found.inventory.items(), key=lambda item: item[0].list_id):
            caller = Caller(found.events[found.offers[key.offer_id].event_id].organization_id, ACTOR)
            with _at(found, "inventory.csv", key):
                if await create_list(acquired, caller, key, fields, now=now):
                    made["inventory"] += 1
                    continue
                locked = await LockedList.open(acquired, key, now=now)
                assert locked is not None, "its offer and representation were written above"
                locked.begin(ACTOR)
                await verbs.put_stock(locked, **fields.model_dump())
                locked.needs_promotion = True  # its representation may begin later now
                await verbs.settle(locked)
                await outbox.write_outbox(locked, sends_mail=sends_mail)
    return made


def _fields(whole: BaseModel, kind: type[M]) -> M:
    return kind(**whole.model_dump(include=set(kind.model_fields)))


def _later(instant: datetime, weeks: timedelta, zone: ZoneInfo) -> datetime:
    # On the wall clock of the event, so that a show at 20:00 stays at 20:00 across a change of the clocks.
    local = instant.astimezone(zone)
    return (local.replace(tzinfo=None) + weeks).replace(tzinfo=zone)


@contextmanager
def _at(found: Catalogue, file: str, key: object) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        raise ImportRefused([f"{file}:{found.lines[file, key]}: {problem.detail}"]) from problem


class _Reader:
    def __init__(self, folder: Path, organization_id: str | None) -> None:
        self._folder = folder
        self._organization_id = organization_id
        self._found = Catalogue()
        self._errors: list[str] = []

    def read(self) -> Catalogue:
        found = self._found
        for line, row in self._rows("events.csv"):
            row["event_id"] = row.pop("id")
            row["organization_id"] = self._organization_id or row["organization_id"]
            row["thumbnail_url"] = row["thumbnail_url"] or None
            if event := self._made("events.csv", line, Event, row):
                self._keep("events.csv", line, found.events, event.event_id, event)
        for line, row in self._rows("representations.csv"):
            row["representation_id"] = row.pop("id")
            representation = self._made("representations.csv", line, Representation, row)
            if representation and self._refers(
                "representations.csv", line, "event_id", representation.event_id, found.events
            ):
                key = representation.representation_id
                self._keep("representations.csv", line, found.representations, key, representation)
        for line, row in self._rows("offers.csv"):
            self._number(row, "max_quantity_per_order")
            offer = self._made("offers.csv", line, Offer, row)
            if offer and self._refers("offers.csv", line, "event_id", offer.event_id, found.events):
                self._keep("offers.csv", line, found.offers, offer.offer_id, offer)
        for line, row in self._rows("inventory.csv"):
            self._inventory(line, row)
        if self._errors:
            raise ImportRefused(self._errors[:MOST_ERRORS])
        return found

    def _inventory(self, line: int, row: dict[str, Any]) -> None:
        found, file = self._found, "inventory.csv"
        self._number(row, "total_stock", "available_stock")
        key = ListKey(row.pop("offer_id"), row.pop("representation_id"))
        del row["inventory_id"]  # the pair is the name
        offer = self._refers(file, line, "offer_id", key.offer_id, found.offers)
        representation = self._refers(
            file, line, "representation_id", key.representation_id, found.representations
        )
        if offer and representation:
            if found.offers[key.offer_id].event_id != found.representations[key.representation_id].event_id:
                self._refuse(file, line, "the offer and the representation belong to different events")
            elif fields := self._made(file, line, InventoryFields, row):
                self._keep(file, line, found.inventory, key, fields)

    def _rows(self, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
        path = self._folder / file
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            self._errors.append(f"{file}: the file is missing in {self._folder}")
            return
        except UnicodeDecodeError as error:
            self._errors.append(f"{file}: is not UTF-8 at byte {error.start}")
            return
        reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
        wanted, given = set(_COLUMNS[file].split()), list(reader.fieldnames or ())
        if set(given) != wanted or len(given) != len(wanted):
            missing, unknown = sorted(wanted - set(given)), sorted(set(given) - wanted)
            self._refuse(file, 1, f"columns missing: {missing or 'none'}, unknown or twice: {unknown or 'none'}")
            return
        try:
            for row in reader:
                if None in row or None in row.values():
                    self._refuse(file, reader.line_num, f"does not have {len(wanted)} cells")
                else:
                    yield reader.line_num, row
        except csv.Error as error:
            self._refuse(file, reader.line_num, f"is not CSV: {error}")

    def _made(self, file: str, line: int, kind: type[M], row: dict[str, Any]) -> M | None:
        try:
            return kind(**row)
        except ValidationError as error:
            for one in error.errors():
                name = ".".join(str(part) for part in one["loc"]) or kind.__name__
                self._refuse(file, line, f"{name}: {one['msg'].removeprefix('Value error, ')}")
        return None

    def _keep(self, file: str, line: int, where: dict[Any, M], key: object, what: M) -> None:
        if key in where:
            self._refuse(file, line, f"{key} is already in line {self._found.lines[file, key]}")
            return
        where[key] = what
        self._found.lines[file, key] = line

    def _refers(self, file: str, line: int, name: str, key: str, where: dict[str, Any]) -> bool:
        if key not in where:
            self._refuse(file, line, f"{name}: {key!r} is missing in the files that come first")
        return key in where

    def _refuse(self, file: str, line: int, why: str) -> None:
        self._errors.append(f"{file}:{line}: {why}")

    @staticmethod
    def _number(row: dict[str, Any], *names: str) -> None:
        # Other values stay text, so that the model reports them.
        for name in names:
            if row[name].strip().lstrip("-").isdecimal() and len(row[name]) < 20:
                row[name] = int(row[name])
