"""Answer polls from a standby of the database while it keeps up.

Data from the standby may be about a second old. A standby keeps up if it receives data, and has replayed what it
had received at the last look. Otherwise, or if it is out of reach, polls go to the primary. The primary also
answers for entries that the standby does not know, because the fan may have just joined.
"""

import asyncio
import time

import structlog

from waiting_list.postgres.pool import STANDBY_SECONDS, Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Unavailable

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""The time between two looks at the standby."""


class Replica:
    """The pool that answers polls: the standby or the primary. Each process has one replica."""

    def __init__(self, primary: Pool, standby: "Pool | None") -> None:
        self._primary = primary
        self._standby = standby
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        """The start of the last look that has ended."""
        self._received: str | None = None
        """The position in the log that the standby had received at the last look."""
        self._keeps_up = True
        self._trusted = False

    def pool(self) -> Pool:
        """Return the standby while it keeps up, else the primary.

        The call does not wait, because a lost standby does not even refuse, and would block the caller.
        """
        if self._standby is None:
            return self._primary
        since = time.monotonic() - self._looked_at
        if since > LOOK_SECONDS and self._looking is None:
            self._looking = asyncio.create_task(self._look(self._standby))
        # An old look is no proof that the standby keeps up now.
        return self._standby if self._trusted and since < 2 * LOOK_SECONDS else self._primary

    def failed(self) -> None:
        """Note that the standby could not be read; polls go to the primary until a look finds it again."""
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
