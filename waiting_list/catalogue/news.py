"""Note a change of the catalogue for the lists that it concerns.

The note is written in the transaction of the change. Each list then learns of it in a transaction of its own
(`verbs.catch_up`): in the call that made the change, or in the worker if that call died. So an event with many
long lists needs no long transaction, and no change is lost.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from waiting_list.lists.models import ListKey, organization_list_id
from waiting_list.postgres.pool import Connection, Record, clock
from waiting_list.postgres.statements import sql


async def note_change(
    acquired: Connection,
    verb: str,
    keys: Sequence[Record],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: str,
) -> bool:
    """Note for these lists what differs between `before` and `after`; return whether anything does."""
    names = [name for name, value in before.items() if value != after[name]]
    if not names:
        return False
    await acquired.execute(
        sql("insert_list_news"),
        [ListKey(*key).list_id for key in keys],
        uuid4(),
        verb,
        actor,
        await clock(acquired),
        *(_json({name: side[name] for name in names}) for side in (before, after)),
    )
    return True


async def announce_event(
    acquired: Connection, organization_id: str, event: Mapping[str, Any], before: Mapping[str, Any]
) -> None:
    """Put event.changed in the outbox of the organization's webhooks."""
    at = await clock(acquired)
    changes = {name: value for name, value in before.items() if value != event[name]}
    data = {"event": event, "changes": {"before": changes, "after": {name: event[name] for name in changes}}}
    body = _json({"type": "event.changed", "timestamp": at, "data": data})
    list_id = organization_list_id(organization_id)
    name = UUID(int=uuid4().int).hex
    await acquired.execute(sql("insert_event_notices"), list_id, organization_id, name, body, at)


_json = json.JSONEncoder(default=datetime.isoformat, separators=(",", ":")).encode
