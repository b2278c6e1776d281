"""Ask witnesses to cosign the newest checkpoints of public ledgers (C2SP tlog-witness).

A witness cosigns only what continues what it has cosigned before. The worker asks each witness by itself, after
the checkpoint was signed and published, so one that is down delays nothing but its own cosignatures.
"""

import asyncio
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from waiting_list.cosigners import Witness
from waiting_list.ledger.checkpoints import prove_consistency
from waiting_list.ledger.tree import IncompleteLedger
from waiting_list.postgres.pool import Pool, connection, snapshot
from waiting_list.postgres.statements import sql

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger(__name__)

_SECONDS = 5.0
"""How long a witness may take for one checkpoint."""
_RETRY_SECONDS = 30.0
_LISTS_AT_ONCE = 200
_AT_ONCE = 8
"""How many lists to send to a witness at the same time."""
_MOST_BYTES = 10_000
_OK, _CONFLICT, _TOO_MANY, _SERVER_ERROR = 200, 409, 429, 500


class _Refused(Exception):
    """The witness does not cosign this checkpoint."""


class AskedWitness:
    """A witness that this process asks. After a failure, it is not asked again for half a minute."""

    def __init__(self, pool: Pool, witness: Witness) -> None:
        self._pool = pool
        self._witness = witness
        self._next_at = float("-inf")
        self._refused: dict[UUID, int] = {}
        """The size of the checkpoint of each list that it refused last. It is asked again for the next one."""

    async def ask_due(self) -> None:
        """Ask for the newest checkpoints that it has not cosigned, a few hundred at most. Raises Unavailable."""
        if time.monotonic() < self._next_at:
            return
        async with snapshot(self._pool) as acquired:
            lists = await acquired.fetch(
                sql("read_lists_to_cosign"),
                self._witness.id,
                [*self._refused],
                [*self._refused.values()],
                _LISTS_AT_ONCE,
            )
        if not lists:
            return
        import aiohttp  # noqa: PLC0415 - only deployments that name a witness need it

        async with aiohttp.ClientSession(
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
        ) as session:
            for first in range(0, len(lists), _AT_ONCE):
                asked = (self._ask(session, one) for one in lists[first : first + _AT_ONCE])
                for result in await asyncio.gather(*asked, return_exceptions=True):
                    if isinstance(result, (aiohttp.ClientError, TimeoutError)):
                        self._next_at = time.monotonic() + _RETRY_SECONDS
                        failure = repr(result)
                    elif result is not None:
                        raise result
                if time.monotonic() < self._next_at:
                    log.warning("witness_failing", witness=self._witness.name, error=failure)
                    return

    async def _ask(self, session: "aiohttp.ClientSession", one: Any) -> None:
        list_id, size = one["list_id"], one["size"]
        try:
            line = await self._cosigned(session, list_id, size, one["note"], one["cosigned_size"])
        except (_Refused, IncompleteLedger) as refused:
            if list_id not in self._refused:
                name = self._witness.name
                log.warning("witness_refused", witness=name, list_id=str(list_id), size=size, error=str(refused))
            self._refused[list_id] = size
            return
        self._refused.pop(list_id, None)
        if line is not None:
            async with connection(self._pool) as acquired:
                await acquired.execute(sql("write_cosignature"), list_id, self._witness.id, size, line)

    async def _cosigned(
        self, session: "aiohttp.ClientSession", list_id: UUID, size: int, note: str, old: int
    ) -> str | None:
        """Return the cosignature of a checkpoint; None if another process asks at the same time."""
        for _ in range(2):
            async with connection(self._pool) as acquired:
                proof = await prove_consistency(acquired, list_id, old, size)
            hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
            status, answer = await self._post(session, f"old {old}\n{hashes}\n{note}")
            if status == _OK:
                line = self._witness.cosignature(note, answer)
                if line is None:
                    raise _Refused("answered no valid cosignature by its key")
                return line
            named = answer.removesuffix("\n")
            if status != _CONFLICT or not (named.isascii() and named.isdigit() and len(named) <= 19):
                raise _Refused(f"answered {status}")
            old = int(named)
            if old > size:
                async with connection(self._pool) as acquired:
                    newest = await acquired.fetchrow(sql("read_list_to_sign"), list_id)
                if newest is None or newest["size"] > size:
                    return None
                raise _Refused(f"has cosigned {old} changes")
        return None

    async def _post(self, session: "aiohttp.ClientSession", body: str) -> tuple[int, str]:
        url = f"{self._witness.url}/add-checkpoint"
        async with session.post(url, data=body.encode(), allow_redirects=False) as answer:
            if answer.status >= _SERVER_ERROR or answer.status == _TOO_MANY:
                raise TimeoutError(f"answered {answer.status}")
            found = bytearray()
            async for part in answer.content.iter_any():
                found += part
                if len(found) > _MOST_BYTES:
                    raise _Refused("answered too much")
        return answer.status, found.decode(errors="replace")
