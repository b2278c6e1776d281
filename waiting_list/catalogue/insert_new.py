"""Insert what is new of a catalogue, a thousand rows with one statement.

Each function runs within a transaction of the caller, leaves what exists as it is, and returns what is new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from waiting_list.catalogue.models import Event, InventoryFields, Offer, Representation
from waiting_list.lists.leaves import as_json, with_leaves
from waiting_list.lists.models import Inventory, ListKey
from waiting_list.lists.rows import CREATED_WITH, ListRow
from waiting_list.postgres.pool import Connection, clock
from waiting_list.postgres.statements import sql

_ROWS = 1_000
"""The most rows of a statement, so that none takes long."""
_event_values = attrgetter(
    "event_id",
    "organization_id",
    "title",
    "description",
    "thumbnail_url",
    "venue_name",
    "venue_address",
    "timezone",
    "max_places_per_person",
    "draft",
)
_representation_values = attrgetter("representation_id", "event_id", "start_datetime", "end_datetime")
_offer_values = attrgetter("offer_id", "event_id", "name", "type", "max_quantity_per_order", "description")


class NewList(NamedTuple):
    """An inventory that an organization wants."""

    organization_id: str
    key: ListKey
    stock: InventoryFields


async def insert_events(acquired: Connection, events: Iterable[Event]) -> set[str]:
    """Insert the events whose id is not in use, and return their ids."""
    rows = [_event_values(one) for one in events]
    return await _insert(acquired, "insert_events", rows)


async def insert_representations(acquired: Connection, representations: Iterable[Representation]) -> set[str]:
    """Insert the representations whose id is not in use, and return their ids. Their events must exist."""
    rows = [_representation_values(one) for one in representations]
    return await _insert(acquired, "insert_representations", rows)


async def insert_offers(acquired: Connection, offers: Iterable[Offer]) -> set[str]:
    """Insert the offers whose id is not in use, and return their ids. Their events must exist."""
    rows = [_offer_values(one) for one in offers]
    return await _insert(acquired, "insert_offers", rows)


async def create_lists(
    acquired: Connection, actor: str, lists: Iterable[NewList], *, now: datetime | None = None
) -> Mapping[ListKey, Inventory]:
    """Create the inventories that do not exist, each with the first change of its history.

    It leaves out an inventory whose offer and representation are not of one event of the organization. It locks
    the new lists in the order of their ids.
    """
    made: dict[ListKey, Inventory] = {}
    for part in _parts(sorted(map(_list_values, lists))):
        records = await acquired.fetch(sql("insert_lists"), *_columns(part))
        rows = [ListRow.from_record(record) for record in records]
        if not rows:
            continue
        at = now or await clock(acquired)  # once the lists are locked
        ids = [row.list_id for row in rows]
        first = [as_json({name: getattr(row, name) for name in CREATED_WITH}) for row in rows]
        created = [(1, actor, "create", None, None, after, None) for after in first]
        leaves = [with_leaves(list_id, at, [row])[0][7] for list_id, row in zip(ids, created, strict=True)]
        await acquired.execute(sql("insert_creations"), ids, at, actor, first, leaves)
        made |= {ListKey(row.offer_id, row.representation_id): row.inventory(row.free) for row in rows}
    return made


def _list_values(new: NewList) -> tuple[Any, ...]:
    # The list of a new inventory is open if no tickets are available, unless the caller says more.
    stock, is_open = new.stock, new.stock.waiting_list_open
    opens = stock.available_stock == 0 if is_open is None else is_open
    return (
        new.key.list_id,
        new.organization_id,
        *new.key,
        stock.total_stock,
        stock.available_stock,
        opens,
        is_open is False,
    )


async def _insert(acquired: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> set[str]:
    new: set[str] = set()
    for part in _parts(rows):
        new |= {record[0] for record in await acquired.fetch(sql(statement), *_columns(part))}
    return new


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn the rows into one array for each column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]
