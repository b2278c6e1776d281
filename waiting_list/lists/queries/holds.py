"""The query for lists whose holds an outage concerns."""

from datetime import datetime
from typing import NamedTuple

from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql


class ListWithHolds(NamedTuple):
    """A list with holds, and how many of its holds expired in the outage."""

    organization_id: str
    key: ListKey
    expired: int


async def lists_with_holds(
    pool: Pool, organization_id: str | None, *, since: datetime, until: datetime
) -> list[ListWithHolds]:
    """Return the lists that have holds now, or holds that expired between the two instants.

    It reads all entries that have left: call it for a command, not for a request. Raises Unavailable.
    """
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_lists_with_holds"), organization_id, since, until)
    return [
        ListWithHolds(one["organization_id"], ListKey(one["offer_id"], one["representation_id"]), one["expired"])
        for one in records
    ]
