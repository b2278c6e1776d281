"""Limit how often a fan joins one list, inside one transaction of that list. Organizers have no limit."""

import math
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import RateLimited

MOST_JOINS = 20
"""How often a fan may join one list within JOINS_WITHIN, because each join stays in the history for good."""
JOINS_WITHIN = timedelta(hours=24)
"""The period of MOST_JOINS."""


class JoinLimit:
    """When fans may join the list again. `flush` writes the transaction's pending changes."""

    def __init__(
        self, connection: Connection, list_id: UUID, now: datetime, flush: Callable[[], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._list_id = list_id
        self._now = now
        self._flush = flush
        self._next_join: dict[str, datetime | None] = {}

    async def load(self, user_ids: Iterable[str]) -> None:
        """Read when each of these users, who have joined before, may join again, with one statement."""
        missing = {user_id for user_id in user_ids if user_id not in self._next_join}
        if not missing:
            return
        await self._flush()
        self._next_join.update(dict.fromkeys(missing))
        for record in await self._connection.fetch(
            sql("read_earlier_joins"), self._list_id, sorted(missing), self._now - JOINS_WITHIN, MOST_JOINS
        ):
            self._next_join[record["user_id"]] = record["joined_at"] + JOINS_WITHIN

    async def check(self, user_id: str) -> None:
        """Raise RateLimited if a user has joined MOST_JOINS times within JOINS_WITHIN."""
        await self.load([user_id])
        again_at = self._next_join[user_id]
        if again_at is not None:
            raise RateLimited(
                f"The user has joined this list {MOST_JOINS} times within a day. The next join is possible at "
                f"{again_at.isoformat()}.",
                seconds=max(1, math.ceil((again_at - self._now).total_seconds())),
            )

    def forget(self, user_id: str) -> None:
        """Forget a user who has joined once more, or was erased."""
        self._next_join.pop(user_id, None)
