"""Import a catalogue from four CSV files in one transaction (`waiting-list import`).

events.csv (id, title, description, thumbnail_url, organization_id, venue_name, venue_address, timezone),
representations.csv (id, event_id, start_datetime, end_datetime), offers.csv (offer_id, event_id, name, type,
max_quantity_per_order, description), inventory.csv (inventory_id, offer_id, representation_id, total_stock,
available_stock): one header line, the columns in any order, and CSV as `csv_files.py` reads it.

This is the only transaction that changes several lists. It inserts the new ones, then locks all others, both in
the order of their ids, so that two imports cannot deadlock. Only then it changes the first: what a change may lock
after its list, such as wishes over several lists, others lock after theirs. They go one organization after the
other, for the same reason. All other transactions lock one list.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from waiting_list.catalogue.changes import write_event, write_offer, write_representation
from waiting_list.catalogue.differing import differing_objects, lists_with_another_limit
from waiting_list.catalogue.insert_new import (
    NewList,
    create_lists,
    insert_events,
    insert_offers,
    insert_representations,
)
from waiting_list.catalogue.models import (
    Event,
    EventFields,
    InventoryFields,
    Offer,
    OfferFields,
    Representation,
    RepresentationFields,
)
from waiting_list.csv_cells import instant, reason, whole_number
from waiting_list.csv_files import CsvFile, Refusals, header_key, read_csv
from waiting_list.fields import Id
from waiting_list.lists import outbox, verbs
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Connection, Pool, lock_list, transaction
from waiting_list.problems import HasDependents, Problem

M = TypeVar("M", bound=BaseModel)
OfEvent = TypeVar("OfEvent", Representation, Offer)
ACTOR = "import"
"""The actor that the history names for changes of an import."""
_COLUMNS = {
    "events.csv": "id title description thumbnail_url organization_id venue_name venue_address timezone",
    "representations.csv": "id event_id start_datetime end_datetime",
    "offers.csv": "offer_id event_id name type max_quantity_per_order description",
    "inventory.csv": "inventory_id offer_id representation_id total_stock available_stock",
}


@dataclass
class Catalogue:
    """The content of the files. `lines` has the line of each object, `notes` what their readers should know."""

    events: dict[str, Event] = field(default_factory=dict)
    representations: dict[str, Representation] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    inventory: dict[ListKey, InventoryFields] = field(default_factory=dict)
    lines: dict[tuple[str, object], int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def owner(self, pair: ListKey) -> str:
        """Return the organization of a list."""
        return self.events[self.offers[pair.offer_id].event_id].organization_id


@dataclass
class Loaded:
    """What an import did: how many objects of each file it created and changed, and how many fans became ready.
    `mails` is whether these fans get an e-mail. `actor` did it."""

    made: dict[str, int]
    changed: dict[str, int]
    actor: str = ACTOR
    ready: int = 0
    mails: bool = False


class _EventRow(EventFields):
    """A row of events.csv. Its timezone is checked, as that of every event that a caller sends."""

    event_id: Id
    organization_id: Id


def read(folder: Path, *, organization_id: str | None = None, encoding: str | None = None) -> Catalogue:
    """Read and check the four files. `organization_id` replaces the one in events.csv.

    Raises ImportRefused with the invalid rows, or ValueError if there is no such `encoding`. A row is not refused
    because of another that is, such as that of its event.
    """
    return _Reader(folder, organization_id, encoding).read()


async def load(
    pool: Pool,
    found: Catalogue,
    *,
    now: datetime | None = None,
    dry_run: bool = False,
    keep_stock: bool = False,
    end_lists: bool = False,
    actor: str = ACTOR,
) -> Loaded:
    """Write a catalogue in one transaction, and return what that did.

    A list whose stock is 0 opens. An existing list gets the stock of the file, which may make fans ready. With
    `keep_stock`, it keeps its own, because a file is older than the sales since. A new order limit of an offer
    serves all its lists, also those that are not in the file. Fans get an e-mail as soon as a
    worker sends e-mails. A `dry_run` does the same, and then rolls it back. Without `end_lists`, a start that
    would end a list with people in it is refused. Raises ImportRefused; Unavailable.
    """
    kinds = ("events", "representations", "offers", "inventory")
    done = Loaded(dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0), actor)
    made, refused = done.made, _Refused(found)
    async with transaction(pool, undone=dry_run) as acquired:
        done.changed |= await differing_objects(acquired, found.events, found.representations, found.offers)
        new = await insert_events(acquired, found.events.values())
        made["events"] = len(new)
        for event_id, event in found.events.items():
            if event_id in new:
                continue
            with refused.at("events.csv", event_id, event_id):
                fields = _fields(event, EventFields)
                owner = event.organization_id
                _, is_new = await write_event(acquired, owner, event_id, fields, keeps_limit=True, actor=actor)
                made["events"] += is_new  # deleted meanwhile
        new = await insert_representations(acquired, refused.without(found.representations.values()))
        made["representations"] = len(new)
        for key, representation in found.representations.items():
            event_id = representation.event_id
            if key in new or event_id in refused.events:
                continue
            with refused.at("representations.csv", key, event_id):
                owner = found.events[event_id].organization_id
                fields_of_date = _fields(representation, RepresentationFields)
                _, is_new = await write_representation(
                    acquired, owner, key, fields_of_date, end_lists=end_lists, now=now, actor=actor
                )
                made["representations"] += is_new
        new = await insert_offers(acquired, refused.without(found.offers.values()))
        made["offers"] = len(new)
        for key, offer in found.offers.items():
            if key in new or offer.event_id in refused.events:
                continue
            with refused.at("offers.csv", key, offer.event_id):
                owner = found.events[offer.event_id].organization_id
                _, is_new = await write_offer(acquired, owner, key, _fields(offer, OfferFields))
                made["offers"] += is_new
        wanted = {
            pair: NewList(found.owner(pair), pair, stock)
            for pair, stock in found.inventory.items()
            if found.offers[pair.offer_id].event_id not in refused.events
        }
        created = await create_lists(acquired, actor, wanted.values(), now=now)
        made["inventory"] = len(created)
        changed = await lists_with_another_limit(acquired, found.offers)  # not all of them are in inventory.csv
        pairs = wanted.keys() - created.keys() | changed
        # All of them first, because who has settled a list may have the wishes of its organization.
        for list_id in sorted(pair.list_id for pair in pairs):
            await lock_list(acquired, list_id)
        for _, _, pair in sorted((found.owner(pair), pair.list_id, pair) for pair in pairs):
            event_id = found.offers[pair.offer_id].event_id
            if event_id in refused.events:
                continue
            file = "inventory.csv" if pair in wanted else "offers.csv"
            with refused.at(file, pair if pair in wanted else pair.offer_id, event_id):
                stock = None if keep_stock or pair not in wanted else wanted[pair].stock
                await _set_stock(acquired, pair, stock, done, now)
        if refused.refusals:
            raise refused.refusals.refused()
    return done


async def _set_stock(
    acquired: Connection, pair: ListKey, stock: InventoryFields | None, done: Loaded, now: datetime | None
) -> None:
    """Set the stock of an existing list, if there is one to set, and settle the list. Raises StockHeld."""
    locked = await LockedList.open(acquired, pair, now=now)
    assert locked is not None, "its offer and representation were written above"
    locked.begin(done.actor)
    if stock is not None:
        await verbs.put_stock(locked, **stock.model_dump())
    done.changed["inventory"] += locked.list.version != locked.was.version
    await verbs.reconsider(locked)  # its representation may begin later now, or an order have more tickets
    await verbs.settle(locked)
    await outbox.write_outbox(locked)
    done.ready += len(locked.promoted)
    done.mails = locked.sends_mail


class _Refused:
    """The rows that the database refuses. Of an event with such a row, the files that follow are not tried."""

    def __init__(self, found: Catalogue) -> None:
        self.events: set[str] = set()
        self.refusals = Refusals()
        self._lines = found.lines

    def without(self, objects: Iterable[OfEvent]) -> Iterator[OfEvent]:
        """Return the objects of the events without a refused row."""
        return (one for one in objects if one.event_id not in self.events)

    @contextmanager
    def at(self, file: str, key: object, event_id: str) -> Iterator[None]:
        """Note the problem of a row. Raise ImportRefused if the database cannot go on after it."""
        try:
            yield
        except Problem as problem:
            self.refusals.add(file, self._lines[file, key], problem.detail, kind=problem.code)
            self.events.add(event_id)
            if isinstance(problem, HasDependents):  # a foreign key has ended the transaction
                raise self.refusals.refused() from problem


def _fields(whole: BaseModel, kind: type[M]) -> M:
    return kind(**whole.model_dump(include=set(kind.model_fields)))


class _Reader:
    def __init__(self, folder: Path, organization_id: str | None, encoding: str | None) -> None:
        self._folder = folder
        self._organization_id = organization_id
        self._encoding = encoding
        self._found = Catalogue()
        self._refusals = Refusals()
        self._unsound: dict[str, set[str]] = {"events": set(), "representations": set(), "offers": set()}
        """The ids of refused rows, and of rows that refer to them: who refers to one is not to blame."""
        self._unread: set[str] = set()
        """The kinds of objects whose file was not read to its end."""

    def read(self) -> Catalogue:
        found = self._found
        for line, row in self._rows("events.csv", "id"):
            self._event(line, row)
        for line, row in self._rows("representations.csv", "id"):
            self._representation(line, row)
        for line, row in self._rows("offers.csv", "offer_id"):
            self._offer(line, row)
        for line, row in self._rows("inventory.csv"):
            self._inventory(line, row)
        if self._refusals:
            raise self._refusals.refused()
        return found

    def _event(self, line: int, row: dict[str, Any]) -> None:
        row["event_id"] = row.pop("id")
        row["organization_id"] = self._organization_id or row["organization_id"]
        row["thumbnail_url"] = row["thumbnail_url"] or None
        row["timezone"] = row["timezone"].strip()
        if checked := self._checked("events.csv", line, _EventRow, row):
            event = Event(**checked.model_dump(exclude_none=True))
            self._keep("events.csv", line, self._found.events, event.event_id, event)
        else:
            self._unsound["events"].add(row["event_id"])

    def _representation(self, line: int, row: dict[str, Any]) -> None:
        file, found = "representations.csv", self._found
        key = row["representation_id"] = row.pop("id")
        refers = self._refers(file, line, "event_id", row["event_id"], found.events)
        event = found.events.get(row["event_id"])
        # Without its event, a local time is still checked for its form.
        zone = event.timezone if event else "UTC"
        read = [
            self._cell(file, line, row, name, lambda text: instant(text, zone))
            for name in ("start_datetime", "end_datetime")
        ]
        representation = self._checked(file, line, Representation, row) if all(read) else None
        if representation and refers:
            self._keep(file, line, found.representations, key, representation)
        else:
            self._unsound["representations"].add(key)

    def _offer(self, line: int, row: dict[str, Any]) -> None:
        file = "offers.csv"
        refers = self._refers(file, line, "event_id", row["event_id"], self._found.events)
        is_read = self._cell(file, line, row, "max_quantity_per_order", whole_number)
        offer = self._checked(file, line, Offer, row) if is_read else None
        if offer and refers:
            self._keep(file, line, self._found.offers, offer.offer_id, offer)
        else:
            self._unsound["offers"].add(row["offer_id"])

    def _inventory(self, line: int, row: dict[str, Any]) -> None:
        found, file = self._found, "inventory.csv"
        key = ListKey(row.pop("offer_id"), row.pop("representation_id"))
        del row["inventory_id"]  # the pair is the name
        refers = [
            self._refers(file, line, "offer_id", key.offer_id, found.offers),
            self._refers(file, line, "representation_id", key.representation_id, found.representations),
        ]
        read = [self._cell(file, line, row, name, whole_number) for name in ("total_stock", "available_stock")]
        fields = self._checked(file, line, InventoryFields, row) if all(read) else None
        if not all(refers):
            return
        if found.offers[key.offer_id].event_id != found.representations[key.representation_id].event_id:
            self._refuse(file, line, "the offer and the representation belong to different events")
        elif fields:
            self._keep(file, line, found.inventory, key, fields)

    def _rows(self, file: str, id_column: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        wanted = _COLUMNS[file].split()
        keys = {header_key(name): name for name in wanted}
        kind = file.removesuffix(".csv")
        read = read_csv(self._folder / file, self._refusals, known=keys, encoding=self._encoding)
        if read is None or not self._has_columns(read, keys):
            self._unread.add(kind)
            return
        if read.doubt:
            self._found.notes.append(f"{file} {read.doubt}.")
        names = [keys[header_key(name)] for name in read.columns]
        if not read.is_whole:
            self._unread.add(kind)
        for broken in read.broken:
            if id_column is not None:
                self._unsound[kind] |= set(broken.cells[names.index(id_column) :][:1])
        for line, cells in read.rows:
            yield line, dict(zip(names, cells, strict=True))

    def _has_columns(self, read: CsvFile, keys: dict[str, str]) -> bool:
        given = [header_key(name) for name in read.columns]
        missing = [name for key, name in keys.items() if key not in given]
        unknown = [name for name, key in zip(read.columns, given, strict=True) if key not in keys]
        twice = [name for name, key in zip(read.columns, given, strict=True) if given.count(key) > 1]
        found = (("missing", missing), ("unknown", unknown), ("twice", twice))
        if why := "; ".join(f"{what}: {', '.join(names)}" for what, names in found if names):
            cells = f"The cells are separated by {read.delimiter_name}"
            self._refuse(read.name, read.header_line, f"wrong columns ({why}). {cells}")
        return not why

    def _cell(self, file: str, line: int, row: dict[str, Any], name: str, read: Callable[[str], object]) -> bool:
        try:
            row[name] = read(row[name])
        except ValueError as error:
            self._refuse(file, line, f"{name}: {error}", kind=name)
            return False
        return True

    def _checked(self, file: str, line: int, kind: type[M], row: dict[str, Any]) -> M | None:
        try:
            return kind(**row)
        except ValidationError as error:
            for one in error.errors():
                name = ".".join(str(part) for part in one["loc"])
                if name and name not in _COLUMNS[file].split():
                    name = "id"  # the column of a model's event_id or representation_id
                why = reason(one)
                self._refuse(file, line, f"{name}: {why}" if name else why, kind=f"{name} {one['type']}")
        return None

    def _keep(self, file: str, line: int, where: dict[Any, M], key: object, what: M) -> None:
        if key in where:
            name = " with ".join(key) if isinstance(key, ListKey) else key
            self._refuse(file, line, f"{name} is already in line {self._found.lines[file, key]}", kind="twice")
            return
        where[key] = what
        self._found.lines[file, key] = line

    def _refers(self, file: str, line: int, name: str, key: str, where: dict[str, Any]) -> bool:
        kind = f"{name.removesuffix('_id')}s"
        if key in where:
            return True
        if key not in self._unsound[kind] and kind not in self._unread:
            self._refuse(file, line, f"{name}: {key!r} is not in {kind}.csv", kind=f"{name} missing")
        return False

    def _refuse(self, file: str, line: int, why: str, *, kind: str | None = None) -> None:
        self._refusals.add(file, line, why, kind=kind)
