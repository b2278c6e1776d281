"""A standby of the database that answers polls, for as long as it keeps up.

What is read there may be as old as it lags, a second at most: further behind, or when it cannot be reached, the
primary is asked. Whoever has just joined is never told that they have not: the primary is asked for what a standby
does not know.
"""

import time

import structlog

from waiting_list.database import Pool, connection, sql
from waiting_list.problems import Unavailable

log = structlog.get_logger(__name__)

MOST_SECONDS = 1.0
"""How far it may lag behind."""
_LOOK_SECONDS = 0.5


class Replica:
    """Where polls are read. One for each process; without a standby it is the primary."""

    def __init__(self, primary: Pool, standby: "Pool | None") -> None:
        self._primary = primary
        self._standby = standby
        self._looked_at = float("-inf")
        self._keeps_up = standby is not None

    async def pool(self) -> Pool:
        """The standby while it keeps up, else the primary."""
        if self._standby is None:
            return self._primary
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._say(await self._lag_seconds(self._standby))
        return self._standby if self._keeps_up else self._primary

    def failed(self) -> None:
        """It could not be read: the primary is asked, until a look finds it again."""
        self._looked_at = time.monotonic()
        self._say(None)

    @staticmethod
    async def _lag_seconds(standby: Pool) -> float | None:
        try:
            async with connection(standby, standby=True) as acquired:
                seconds: float = await acquired.fetchval(sql("read_replica_lag"))
        except Unavailable:
            return None
        return seconds

    def _say(self, lag_seconds: float | None) -> None:
        keeps_up = lag_seconds is not None and lag_seconds <= MOST_SECONDS
        if keeps_up != self._keeps_up:
            self._keeps_up = keeps_up
            if keeps_up:
                log.info("replica_keeps_up")
            else:
                log.warning("replica_left_alone", lag_seconds=lag_seconds)
