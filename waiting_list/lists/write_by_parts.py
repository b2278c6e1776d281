"""Write the changes of a locked list on Citus: what write_changes.sql does, with one statement for each table.

Citus would run write_changes by way of all nodes, because it inserts into several tables. So a lost node would
stop the lists of all others. Each part asks the node of the list alone.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql


async def write_by_parts(
    acquired: Connection,
    list_id: UUID,
    now: datetime,
    entries: Sequence[Any],
    segments: Sequence[Any],
    history: Sequence[Any],
    counts: Sequence[Any],
) -> tuple[int, int]:
    """Write columns of entries, segments and history, and the list's counts; return the changed entries and lists.

    The caller has locked the list, and commits.
    """
    # First, so that a user who left and joined again in one transaction is active only once.
    changed = await acquired.fetch(sql("write_changed_entries"), list_id, *entries)
    await acquired.execute(sql("write_new_entries"), list_id, now, *entries)
    await acquired.execute(sql("write_segments"), list_id, *segments)
    await acquired.execute(sql("write_history"), list_id, now, *history)
    lists = await acquired.fetch(sql("write_list"), list_id, *counts)
    return len(changed), len(lists)
