"""Write rows of the outbox, all kinds in one way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from waiting_list.lists.locked_list import LockedList
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql

_AT_ONCE = 5_000


def notice_id(list_id: UUID, at: datetime, sequence: int, type_: str, webhook_id: str | None) -> UUID:
    """Return the id of a notice; it follows from the cause, so that each attempt to send has the same id.

    The instant is part of it, because a list that was deleted and made again counts from 1 again.
    """
    return uuid5(list_id, f"{at.isoformat()}/{sequence}/{type_}/{webhook_id or ''}")


async def insert_notices(
    acquired: Connection, list_id: UUID, organization_id: str, at: datetime, *columns: Any
) -> None:
    """Write deliveries to webhooks that come from no change under the list's lock: the columns of
    insert_notices.sql."""
    await acquired.execute(sql("insert_notices"), list_id, organization_id, at, *columns)


async def write_rows(locked: LockedList, statement: str, rows: Sequence[Sequence[Any]], *more: Any) -> None:
    """Write rows with a statement that takes the list, its organization, `more` and then the columns of the rows.

    The call writes them in parts, so that one statement stays far from its time limit.
    """
    about = locked.list.list_id, locked.list.organization_id, *more
    for start in range(0, len(rows), _AT_ONCE):
        some = map(list, zip(*rows[start : start + _AT_ONCE], strict=True))
        await locked.connection.execute(sql(statement), *about, *some)
