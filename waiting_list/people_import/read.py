"""Read the people of another system's waiting list, check all of them, and put them in the order of joining."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from waiting_list.csv_cells import clock_time, reason, whole_number
from waiting_list.csv_files import CsvFile, Refusals, Row, header_key, read_csv
from waiting_list.fields import Email, Frozen, Id, Quantity, Title
from waiting_list.i18n import spoken
from waiting_list.lists.contact import Contact
from waiting_list.lists.models import ListKey
from waiting_list.people_import.choices import Assigned, InvalidAddresses, Repeats
from waiting_list.people_import.columns import Columns, find_columns, known_keys

_WAITING, _ASSIGNED = "Waiting for a voucher", "Voucher assigned"
_STATUSES = (_WAITING, _ASSIGNED, "Voucher redeemed", "Voucher expired")
"""The statuses of a pretix export in English."""
_MOST_LISTS = 5


@dataclass(frozen=True)
class Options:
    """How to read a file. `columns` maps fields to columns; each of `only` is `VALUE` or `COLUMN=VALUE`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    offer_id: str | None = None
    representation_id: str | None = None
    assigned: Assigned = Assigned.SKIP
    repeated: Repeats = Repeats.REFUSE
    addresses: InvalidAddresses = InvalidAddresses.REFUSE
    encoding: str | None = None


@dataclass(frozen=True)
class Person:
    """A person who is to join a list. `address` is the e-mail address as the file has it."""

    line: int
    key: ListKey
    user_id: str | None
    address: str
    contact: Contact
    tickets: int
    minimum: int | None

    @property
    def name(self) -> tuple[ListKey, str]:
        """By what two rows are one person: the list, and the user id or the address."""
        return self.key, self.user_id or (self.contact.email or self.address).lower()


@dataclass
class People:
    """The people of a file in the order in which they join, how many rows were skipped why, and what to know."""

    file: str
    rows: int
    people: list[Person]
    skipped: Counter[str]
    order: str
    notes: list[str]


class _Fields(Frozen):
    email: Email | None
    name: Title | None
    user_id: Id | None
    tickets: Quantity
    minimum: Quantity | None


def read_people(path: Path, options: Options) -> People:
    """Read and check a file. Raises ImportRefused with each invalid row, ValueError for an invalid option."""
    refusals = Refusals()
    file = read_csv(path, refusals, known=known_keys(options.columns), encoding=options.encoding)
    if file is None:
        raise refusals.refused()
    return people_in(file, options, refusals)


def people_in(file: CsvFile, options: Options, refusals: Refusals) -> People:
    """Check the rows of a file as `read_people` does, which raises the same."""
    columns = find_columns(file, options.columns, refusals)
    if columns is None:
        raise refusals.refused()
    return _PeopleReader(file, columns, options, refusals).read()


class _PeopleReader:
    def __init__(self, file: CsvFile, columns: Columns, options: Options, refusals: Refusals) -> None:
        self._file = file
        self._columns = columns
        self._options = options
        self._refusals = refusals
        self._skipped: Counter[str] = Counter()

    def read(self) -> People:
        wanted = [(row, first) for row, first in self._wanted()]
        self._check_one_list([row for row, _ in wanted])
        ordered = self._ordered(wanted)
        found: dict[tuple[ListKey, str], Person] = {}
        for row in ordered:
            if person := self._person(row):
                self._add(found, person)
        if self._refusals:
            raise self._refusals.refused()
        by = [f"column {self._name_of(name)!r}" for name in ("priority", "joined") if name in self._columns.fields]
        notes = [f"{self._file.name} {self._file.doubt}."] if self._file.doubt else []
        order = " and ".join(by) or "the order of the rows"
        return People(self._file.name, len(self._file.rows), [*found.values()], self._skipped, order, notes)

    def _wanted(self) -> Iterator[tuple[Row, bool]]:
        """Yield the rows of people who are to join, and whether they go before all others."""
        only = [self._places_of(one) for one in self._options.only]
        is_any = False
        for row in self._file.rows:
            if not all(any(row.cells[place].strip() == value for place in places) for places, value in only):
                continue
            is_any = True
            status = row.cells[self._columns.all["status"]].strip() if self._columns.is_pretix else _WAITING
            if status not in _STATUSES:
                why = f"the status {status!r} is not known. Export from pretix in English"
                self._refuse(row.line, why, kind="status")
            elif status == _WAITING or (status == _ASSIGNED and self._options.assigned is Assigned.FIRST):
                yield row, status == _ASSIGNED
            else:
                self._skipped[status] += 1
        if only and not is_any:
            self._refusals.add(
                self._file.name, None, f"no row has {' and '.join(self._options.only)}", kind="none_chosen"
            )

    def _places_of(self, only: str) -> tuple[list[int], str]:
        """Return the columns to look at for an `only`, and the value that one of them must have."""
        name, sign, value = only.partition("=")
        if sign and (place := self._columns.all.get(header_key(name))) is not None:
            return [place], value.strip()
        if sign and not self._columns.lists:
            raise ValueError(f"--only: the file has no column {name!r}.")
        if not self._columns.lists:
            raise ValueError("--only needs COLUMN=VALUE, because no column of the file is known to name a list.")
        return [*self._columns.lists.values()], only.strip()

    def _check_one_list(self, rows: Sequence[Row]) -> None:
        """Refuse rows of several lists, unless each row names its own, and no option another."""
        fields, named_by_options = self._columns.fields, self._named_by_options()
        if {"offer", "representation"} <= fields.keys() - {*named_by_options}:
            return
        places = [*self._columns.lists.values(), *(fields[one] for one in named_by_options if one in fields)]
        lists: dict[tuple[str, ...], int] = {}
        for row in rows:
            lists.setdefault(tuple(row.cells[place].strip() for place in places), row.line)
        if len(lists) <= 1:
            return
        differ = [place for place in range(len(places)) if len({one[place] for one in lists}) > 1]
        named = [" / ".join(one[place] or "-" for place in differ) for one in lists]
        more = f"; and {len(named) - _MOST_LISTS} more" if len(named) > _MOST_LISTS else ""
        found = "; ".join(named[:_MOST_LISTS]) + more
        self._refusals.add(
            self._file.name, None, f"holds several lists ({found}). Choose one with --only", kind="several"
        )

    def _named_by_options(self) -> list[str]:
        options = {"offer": self._options.offer_id, "representation": self._options.representation_id}
        return [name for name, given in options.items() if given]

    def _ordered(self, wanted: Sequence[tuple[Row, bool]]) -> list[Row]:
        """Sort rows: those that go first, then by priority, then by the date of joining, then as they stand."""
        keyed = []
        offsets: dict[bool, int] = {}
        for row, first in wanted:
            priority = self._read(row, "priority", whole_number) if self._cell(row, "priority") else 0
            joined = self._read(row, "joined", clock_time)
            if "joined" in self._columns.fields and joined is None:
                continue
            if joined is not None:
                offsets.setdefault(joined.tzinfo is None, row.line)
            keyed.append((not first, -(priority or 0), joined, row))
        if len(offsets) > 1:
            why = f"joined: has {'no' if offsets[True] > offsets[False] else 'an'} offset, unlike rows above"
            self._refuse(max(offsets.values()), why)
            return [row for row, _ in wanted]
        start = datetime(1, 1, 1, tzinfo=None if True in offsets else UTC)
        keyed.sort(key=lambda one: (one[0], one[1], one[2] or start))
        return [one[3] for one in keyed]

    def _person(self, row: Row) -> Person | None:
        address = self._cell(row, "email") or ""
        tickets = self._read(row, "tickets", whole_number) if self._cell(row, "tickets") else 1
        minimum = self._read(row, "minimum", whole_number) if self._cell(row, "minimum") else None
        if tickets is None or (minimum is None and self._cell(row, "minimum")):
            return None
        given: dict[str, Any] = {
            "email": address or None,
            "name": self._cell(row, "name"),
            "user_id": self._cell(row, "user_id"),
            "tickets": tickets,
            # pretix sends a voucher for each of several places as it comes up: so one ticket will do.
            "minimum": 1 if minimum is None and self._columns.is_pretix else minimum,
        }
        if not address and not given["user_id"]:
            return self._without_address(row, "email: is empty", given)
        try:
            checked = _Fields(**given)
        except ValidationError as error:
            found = [(str(one["loc"][0]), reason(one)) for one in error.errors()]
            if [name for name, _ in found] == ["email"]:
                return self._without_address(row, f"email: {address!r}: {found[0][1]}", given)
            for name, why in found:
                self._refuse(row.line, f"{name}: {why}", kind=f"{name} {why}")
            return None
        return self._made(row, address, checked)

    def _without_address(self, row: Row, why: str, given: dict[str, Any]) -> Person | None:
        """Do with a person what the options say about addresses that are not valid."""
        match self._options.addresses:
            case InvalidAddresses.SKIP:
                self._skipped[f"without a valid address (line {row.line})"] += 1
                return None
            case InvalidAddresses.DROP if given["email"] or given["user_id"]:
                address = given["email"] or ""
                return self._made(row, address, _Fields(**given | {"email": None, "name": given["name"]}))
            case _:
                self._refuse(row.line, f"{why}. Choose what to do with --invalid-addresses", kind="email")
                return None

    def _made(self, row: Row, address: str, checked: _Fields) -> Person | None:
        options = self._options
        key = ListKey(
            options.offer_id or self._cell(row, "offer") or "",
            options.representation_id or self._cell(row, "representation") or "",
        )
        if not all(key):
            missing = "offer" if not key.offer_id else "representation"
            self._refuse(
                row.line, f"names no {missing}: use --{missing}, or --column {missing}=COLUMN", kind="list"
            )
            return None
        locale = spoken(self._cell(row, "locale"))
        contact = Contact(email=checked.email, name=checked.name, locale=locale)
        return Person(row.line, key, checked.user_id, address, contact, checked.tickets, checked.minimum)

    def _add(self, found: dict[tuple[ListKey, str], Person], person: Person) -> None:
        known = found.setdefault(person.name, person)
        if known is person:
            return
        match self._options.repeated:
            case Repeats.REFUSE:
                who = person.user_id or person.address
                why = f"{who} is in line {known.line}, too. Choose what to do with --repeats"
                self._refuse(person.line, why, kind="repeats")
            case Repeats.ADD:
                found[person.name] = replace(known, tickets=known.tickets + person.tickets)
            case Repeats.FIRST:
                self._skipped["repeated"] += 1

    def _cell(self, row: Row, name: str) -> str | None:
        place = self._columns.fields.get(name)
        return None if place is None else row.cells[place].strip() or None

    def _read(self, row: Row, name: str, read: Any) -> Any:
        """Read a cell; return None if there is no such column, or if the cell is refused."""
        place = self._columns.fields.get(name)
        if place is None:
            return None
        try:
            return read(row.cells[place])
        except ValueError as error:
            self._refuse(row.line, f"{name}: {error}", kind=name)
            return None

    def _name_of(self, name: str) -> str:
        return self._file.columns[self._columns.fields[name]]

    def _refuse(self, line: int, why: str, *, kind: str | None = None) -> None:
        self._refusals.add(self._file.name, line, why, kind=kind)
