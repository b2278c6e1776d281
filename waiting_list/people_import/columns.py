"""Find out what the columns of another system's waiting list mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from waiting_list.csv_files import CsvFile, Refusals, header_key
from waiting_list.people_import.choices import FIELDS

_LIST_KEYS = (
    *("eventname", "event", "eventslug", "productname", "product", "productid", "item", "tickettype"),
    *("variation", "variationid", "startdate"),
)
"""The keys of columns that say which list a row is for, in the order in which a refusal shows them."""
_PRETIX = {"date", "email", "eventslug", "priority", "status", "language", "startdate"}


@dataclass(frozen=True)
class Columns:
    """Where a file has what: the place of each field, of the columns that name a list, and of all by their key."""

    fields: Mapping[str, int]
    lists: Mapping[str, int]
    all: Mapping[str, int]
    is_pretix: bool


def known_keys(mapping: Mapping[str, str]) -> set[str]:
    """Return the keys of all columns that an import may ask for, to find the delimiter."""
    own = {key for keys in FIELDS.values() for key in keys.split()}
    return own | {*_LIST_KEYS, "status"} | {header_key(name) for name in mapping.values()}


def check_mapping(given: Iterable[str]) -> dict[str, str]:
    """Read mappings such as `email=E-Mail`. Raises ValueError."""
    result: dict[str, str] = {}
    for one in given:
        name, sign, column = one.partition("=")
        if not sign or name not in FIELDS or not column.strip():
            raise ValueError(
                f"--column needs FIELD=COLUMN, and {one!r} is not. The fields are: {', '.join(FIELDS)}."
            )
        if name in result:
            raise ValueError(f"--column names a column for {name} twice.")
        result[name] = column
    return result


def find_columns(file: CsvFile, mapping: Mapping[str, str], refusals: Refusals) -> Columns | None:
    """Find the columns of a file; return None if one of the `mapping` or an address is missing.

    The mapping goes before names that are recognised; an empty name takes no column. A pretix export has two
    columns `Date`; the first is the date of joining.
    """
    places = file.places()
    fields: dict[str, int] = {}
    for name, keys in FIELDS.items():
        if mapping.get(name) == "":
            continue
        if name in mapping:
            key = header_key(mapping[name])
            if key not in places:
                has = ", ".join(one for one in file.columns if one)
                refusals.add(file.name, file.header_line, f"has no column {mapping[name]!r}. Its columns: {has}")
                return None
            fields[name] = places[key]
        elif found := [places[key] for key in keys.split() if key in places]:
            fields[name] = found[0]
    if "email" not in fields and "user_id" not in fields:
        cells = f"Its cells are separated by {file.delimiter_name}"
        why = f"has no column of e-mail addresses or user ids: name it with --column email=COLUMN. {cells}"
        refusals.add(file.name, file.header_line, why)
        return None
    is_pretix = places.keys() >= _PRETIX and not places.keys().isdisjoint(("product", "productname"))
    lists = {key: places[key] for key in _LIST_KEYS if key in places and places[key] not in fields.values()}
    return Columns(fields, lists, places, is_pretix)
