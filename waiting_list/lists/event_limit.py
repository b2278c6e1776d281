"""Enforce the rule `max_places_per_person` inside one transaction of a list.

A join locks its list, then the row of its person in `event_visitors`. Then it counts the person's places in the
event's other lists. A join of the same person to another list holds that row until its commit, so the count is
exact.

All transactions lock persons after their list, and in one order. A transaction that holds a person never waits for
a list. So two transactions cannot wait for each other.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from waiting_list.key_material import derived
from waiting_list.postgres.pool import Connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import TooManyPlaces


class OtherPlaces:
    """The places that persons have in the other lists of the event.

    `maximum` is the number of the event's lists on which a person may wait. None means no limit, and needs no
    statement.
    """

    def __init__(
        self, connection: Connection, *, list_id: UUID, event_id: str, maximum: int | None, secret: bytes
    ) -> None:
        self._maximum = maximum
        self._connection = connection
        self._list_id = list_id
        self._event_id = event_id
        self._secret = secret
        self._places: dict[str, int] = {}

    async def load(self, user_ids: Iterable[str], now: datetime) -> None:
        """Lock these persons in the event until the transaction ends, and count their places.

        Call it once for all joins of the transaction, because a second call would lock out of order.
        """
        users = set(user_ids)
        if self._maximum is None or not users:
            return
        hashes = sorted(self._hash(user_id) for user_id in users)
        await self._connection.execute(sql("lock_visitors"), self._event_id, hashes, now)
        # A second statement, because the snapshot of the first is older than the commit that it waited for.
        records = await self._connection.fetch(
            sql("read_other_places"), self._list_id, sorted(users), self._event_id
        )
        self._places = dict.fromkeys(users, 0) | {one["user_id"]: one["places"] for one in records}

    def check(self, user_id: str) -> None:
        """Raise TooManyPlaces if a person has the event's maximum of places in its other lists.

        Call `load` for the person first.
        """
        maximum = self._maximum
        if maximum is not None and self._places[user_id] >= maximum:
            raise TooManyPlaces(f"One person may wait on at most {maximum} lists of this event.", maximum=maximum)

    def _hash(self, user_id: str) -> bytes:
        assert self._secret, "a list that takes joins is opened with the secret"
        return derived(self._secret, "visitor", self._event_id, user_id)[:16]
