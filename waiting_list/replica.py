"""A standby of the database that answers polls, for as long as it keeps up.

What is read there may be a second or so old: a standby that has not replayed by now what it had received at the
last look, or gets nothing, or cannot be reached, is left alone, and the primary is asked. Who has just joined is
never told that they have not: the primary is asked for what a standby does not know.
"""

import asyncio
import time

import structlog

from waiting_list.database import STANDBY_SECONDS, Pool, connection, sql
from waiting_list.problems import Unavailable

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5


class Replica:
    """Where polls are read. One for each process; without a standby it is the primary."""

    def __init__(self, primary: Pool, standby: "Pool | None") -> None:
        self._primary = primary
        self._standby = standby
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        """When the last look that has ended began."""
        self._received: str | None = None
        """What it had received at the last look."""
        self._keeps_up = True
        self._trusted = False

    def pool(self) -> Pool:
        """The standby while it keeps up, else the primary. Waits for nobody: a standby that is lost does not even
        refuse, and whoever looked would be held up by it."""
        if self._standby is None:
            return self._primary
        since = time.monotonic() - self._looked_at
        if since > LOOK_SECONDS and self._looking is None:
            self._looking = asyncio.create_task(self._look(self._standby))
        # A look long ago says nothing of now.
        return self._standby if self._trusted and since < 2 * LOOK_SECONDS else self._primary

    def failed(self) -> None:
        """It could not be read: the primary is asked, until a look finds it again."""
        self._looked_at, self._trusted = time.monotonic(), False
        self._say(False)

    async def _look(self, standby: Pool) -> None:
        try:
            now = time.monotonic()
            recent = now - self._looked_at < 2 * LOOK_SECONDS
            keeps_up = await self._finds_it(standby)
            self._looked_at, self._trusted = now, keeps_up and recent
            self._say(keeps_up)
        finally:
            self._looking = None

    async def _finds_it(self, standby: Pool) -> bool:
        try:
            async with connection(standby, standby=True) as acquired:
                found = await acquired.fetchrow(sql("read_standby"), self._received, timeout=STANDBY_SECONDS)
        except Unavailable:
            return False
        assert found is not None
        self._received = found["received"]
        return bool(found["keeps_up"])

    def _say(self, keeps_up: bool) -> None:
        if keeps_up != self._keeps_up:
            self._keeps_up = keeps_up
            if keeps_up:
                log.info("replica_keeps_up")
            else:
                log.warning("replica_left_alone")
