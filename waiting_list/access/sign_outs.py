"""Sign users out everywhere: end all tokens that a user has at that time.

A user token carries a version: the instant, in microseconds, of the user's latest sign-out before the token. A
later sign-out ends the token. Versions come from the database's clock and only grow. So the service can delete a
row when all tokens from before it have expired.

    sign_out ── one row ──> sign_outs ──> every second, each process reads what is new ──> memory
                                                                     each use of a token looks there

A sign-out acts at once in the process that made it, and within two seconds in all others that reach the database.
A process that does not reach it keeps what it knows, because its calls fail without the database anyway.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from waiting_list.batching import Batcher
from waiting_list.fields import Frozen
from waiting_list.lists.idempotency import Idempotency, run_once
from waiting_list.periodic import repeat
from waiting_list.postgres.pool import Connection, Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

SECONDS = 1.0
"""The time between two looks."""
KEPT = timedelta(days=31)
"""How long a process keeps a sign-out. No token of the service is valid for longer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SignedOut(Frozen):
    """The user whose tokens have ended, and when. All tokens from before that time are invalid."""

    user_id: str
    signed_out_at: datetime


class _Remembered(Frozen):
    """The stored response to an Idempotency-Key, without the user's name."""

    signed_out_at: datetime


def user_hash(organization_id: str, user_id: str) -> bytes:
    """Return the hash that stands for a user here, so that no row names an erased person."""
    return hashlib.sha256(f"{organization_id}\x00{user_id}".encode()).digest()[:16]


class SignOuts:
    """The sign-outs that one process knows. `run` looks for new ones until it is cancelled."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._latest: OrderedDict[bytes, int] = OrderedDict()
        """The version of each user who has signed out, the earliest first."""
        self._looked_at: datetime | None = None
        self._loading = asyncio.Lock()
        self._versions: Batcher[None, bytes, int] = Batcher(
            self._read_versions, queue_limit=settings.list_queue_limit
        )
        self.on_news: Callable[[], None] = lambda: None
        """The function to call when this process has learned of a sign-out."""

    def ends(self, user: bytes, version: int) -> bool:
        """Return whether a later sign-out has ended a token of this version. It reads only memory."""
        return self._latest.get(user, 0) > version

    async def sign_out(
        self, organization_id: str, user_id: str, *, idempotency: Idempotency | None = None
    ) -> tuple[SignedOut, bool]:
        """End all tokens that the user has; return when, and whether an earlier request with this key did it.

        Raises IdempotencyKeyReused, Unavailable.
        """
        user = user_hash(organization_id, user_id)

        async def do(acquired: Connection, _: datetime | None = None) -> _Remembered:
            return _Remembered(signed_out_at=await acquired.fetchval(sql("upsert_sign_out"), user))

        if idempotency is None:
            # Without a transaction of idempotency, so that fans do not wait for each other.
            async with connection(self._pool) as acquired:
                done, replayed = await do(acquired), False
        else:
            done, replayed = await run_once(self._pool, organization_id, idempotency, _Remembered, do, now=None)
        self._learn([(user, _version(done.signed_out_at))])
        return SignedOut(user_id=user_id, signed_out_at=done.signed_out_at), replayed

    async def version(self, organization_id: str, user_id: str) -> int:
        """Return the version for a new token of the user; 0 if the user never signed out. Raises Unavailable."""
        return await self._versions.submit(None, user_hash(organization_id, user_id))

    async def load(self) -> None:
        """Read all sign-outs, unless this process knows them already. Raises Unavailable."""
        if self._looked_at is None:
            async with self._loading:
                if self._looked_at is None:
                    await self.look()

    async def look(self) -> None:
        """Read the sign-outs since the last look. Raises Unavailable."""
        async with connection(self._pool) as acquired:
            records = await acquired.fetch(sql("read_sign_outs"), self._looked_at or _EPOCH)
        self._learn((one["user_hash"], _version(one["signed_out_at"])) for one in records if one["user_hash"])
        now: datetime = records[0]["now"]
        self._looked_at = now
        while self._latest and next(iter(self._latest.values())) < _version(now - KEPT):
            self._latest.popitem(last=False)

    async def run(self) -> None:
        """Look once a second, also after a failure; the next look finds the missed sign-outs."""
        await repeat(self.look, seconds=SECONDS, failing="sign_outs_failing")

    def _learn(self, found: Iterable[tuple[bytes, int]]) -> None:
        is_news = False
        for user, version in found:
            if self._latest.get(user, 0) >= version:
                continue
            self._latest[user] = version
            self._latest.move_to_end(user)
            is_news = True
        if is_news:
            self.on_news()

    async def _read_versions(self, _: None, take: Callable[[], Sequence[bytes]]) -> Sequence[int]:
        async with connection(self._pool) as acquired:
            users = take()
            records = await acquired.fetch(sql("read_sign_outs_of"), list(set(users)))
        found = {one["user_hash"]: _version(one["signed_out_at"]) for one in records}
        return [found.get(user, 0) for user in users]


def _version(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
