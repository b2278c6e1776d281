"""Find the lists that an organizer should look at now."""

from datetime import datetime, timedelta
from typing import NamedTuple

from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

HOLDS_END_WITHIN = timedelta(hours=1)
BEGINS_WITHIN = timedelta(hours=24)
MOST_SHOWN = 20


class Need(NamedTuple):
    """A list that needs a look, for one reason or several.

    `holds_ending` counts the holds that end within HOLDS_END_WITHIN, the first at `first_hold_until`. `is_soon`
    says that the show begins within BEGINS_WITHIN.
    """

    offer_id: str
    representation_id: str
    event_id: str
    event_title: str
    offer_name: str
    start_datetime: datetime
    timezone: str
    free: int
    waiting: int
    tickets_waiting: int
    held: int
    automatic: bool
    holds_ending: int
    first_hold_until: datetime | None
    is_soon: bool


async def needs(pool: Pool, organization_id: str) -> tuple[list[Need], bool]:
    """Return the first MOST_SHOWN lists that need a look, the next show first, and whether there are more.

    A list needs one while tickets are free and fans wait, while holds are about to end, and before its show if
    somebody waits or holds tickets. Drafts and lists that have ended need none. Raises Unavailable.
    """
    async with connection(pool) as acquired:
        records = await acquired.fetch(
            sql("read_needs"), organization_id, HOLDS_END_WITHIN, BEGINS_WITHIN, MOST_SHOWN + 1
        )
    return [Need(**record) for record in records[:MOST_SHOWN]], len(records) > MOST_SHOWN
