"""Read whether a place is offered to another person."""

from datetime import datetime

from pydantic import Field

from waiting_list.fields import Frozen
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql


class PlaceTransfer(Frozen):
    """Whether a place is offered to another person, and whether it was given on."""

    email: str | None = Field(description="Address to which the place is offered now; null: to none.")
    expires_at: datetime | None = Field(description="Until when the offer can be accepted; null without one.")
    transferred_at: datetime | None = Field(
        description="When an earlier user of the place gave it to this one; null if it was not given on."
    )


async def read_place_transfer(pool: Pool, key: ListKey, number: int) -> PlaceTransfer:
    """Return whether an entry is offered to another person. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_transfer_of_entry"), key.list_id, number)
    nothing = dict.fromkeys(PlaceTransfer.model_fields)
    return PlaceTransfer.model_validate(nothing | dict(record or {}))
