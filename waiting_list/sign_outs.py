"""Signing out everywhere: it ends all tokens that a user has by then.

A user token carries a version: the instant, in microseconds, of the user's latest sign-out before it was made. A
later sign-out ends it. Versions come from the database's clock and only grow, so a row can be forgotten once every
token from before it has expired.

    sign_out ── one row ──> sign_outs ──> every second, each process reads what is new ──> memory
                                                                     each use of a token looks there

A sign-out acts at once in the process that made it, and within two seconds in all others that reach the database.
One that does not reach it goes on with what it knows: its calls fail without the database anyway.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from waiting_list.batch import Batcher
from waiting_list.database import Connection, Pool, connection, sql
from waiting_list.fields import Frozen
from waiting_list.idempotency import Idempotency, run_once
from waiting_list.models import SignedOut
from waiting_list.periodic import repeat
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

SECONDS = 1.0
"""Between two looks."""
KEPT = timedelta(days=31)
"""How long a sign-out is known. No token of ours is good for longer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Remembered(Frozen):
    """The first answer to an Idempotency-Key: it names nobody."""

    signed_out_at: datetime


def user_hash(organization_id: str, user_id: str) -> bytes:
    """What a user is called here. An erased person can be signed out, so no name is stored."""
    return hashlib.sha256(f"{organization_id}\x00{user_id}".encode()).digest()[:16]


class SignOuts:
    """The sign-outs that one process knows. `run` looks for new ones until it is cancelled."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._latest: dict[bytes, int] = {}
        """The version of each user who has signed out, the earliest first."""
        self._looked_at: datetime | None = None
        self._loading = asyncio.Lock()
        self._versions: Batcher[None, bytes, int] = Batcher(
            self._read_versions, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )
        self.on_news: Callable[[], None] = lambda: None
        """Called whenever this process has learned of a sign-out."""

    def ends(self, user: bytes, version: int) -> bool:
        """Whether a later sign-out has ended a token of this version. Reads memory only."""
        return self._latest.get(user, 0) > version

    async def sign_out(
        self, organization_id: str, user_id: str, *, idempotency: Idempotency | None = None
    ) -> tuple[SignedOut, bool]:
        """Ends all tokens that the user has; and whether an earlier request with this Idempotency-Key did so.
        Raises IdempotencyKeyReused, Unavailable."""
        user = user_hash(organization_id, user_id)

        async def do(acquired: Connection, _: datetime | None = None) -> _Remembered:
            return _Remembered(signed_out_at=await acquired.fetchval(sql("upsert_sign_out"), user))

        if idempotency is None:
            # Fans sign out without waiting for each other.
            async with connection(self._pool) as acquired:
                done, replayed = await do(acquired), False
        else:
            done, replayed = await run_once(self._pool, organization_id, idempotency, _Remembered, do, now=None)
        self._learn([(user, _version(done.signed_out_at))])
        return SignedOut(user_id=user_id, signed_out_at=done.signed_out_at), replayed

    async def version(self, organization_id: str, user_id: str) -> int:
        """The version that a new token of the user has: 0 if they never signed out. Raises Unavailable."""
        return await self._versions.submit(None, user_hash(organization_id, user_id))

    async def load(self) -> None:
        """Reads all sign-outs, unless this process knows them already. Raises Unavailable."""
        if self._looked_at is None:
            async with self._loading:
                if self._looked_at is None:
                    await self.look()

    async def look(self) -> None:
        """Reads what is new since the last look. Raises Unavailable."""
        async with connection(self._pool) as acquired:
            records = await acquired.fetch(sql("read_sign_outs"), self._looked_at or _EPOCH)
        self._learn((one["user_hash"], _version(one["signed_out_at"])) for one in records if one["user_hash"])
        now: datetime = records[0]["now"]
        self._looked_at = now
        while self._latest and self._latest[oldest := next(iter(self._latest))] < _version(now - KEPT):
            del self._latest[oldest]

    async def run(self) -> None:
        """Looks once a second. Survives any failure: the next look finds what this one has missed."""
        await repeat(self.look, seconds=SECONDS, failing="sign_outs_failing")

    def _learn(self, found: Iterable[tuple[bytes, int]]) -> None:
        is_news = False
        for user, version in found:
            if self._latest.get(user, 0) >= version:
                continue
            self._latest.pop(user, None)  # to the end, as the latest
            self._latest[user] = version
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
