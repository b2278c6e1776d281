"""Idempotency: a request that is repeated with the same Idempotency-Key gets the first response again.

A request about one list stores its response beside the change, under the list's lock (`stored_responses`,
`store_responses`). All other requests use `run_once`: there the requests of one organization wait for each other.

Only hashes of keys and requests are stored. A stored response names entries by number, as the history does, and
no person: the user of an entry is read when the response is given again. So no erased person is in one.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar

from pydantic import BaseModel

from waiting_list.database import Connection, Pool, sql, transaction
from waiting_list.ledger import Ledger
from waiting_list.models import Answer, Entry, organization_list_id
from waiting_list.problems import IdempotencyKeyReused

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What makes a repeated request known: who sent which key with which request."""

    key: str
    key_hash: bytes
    request_hash: bytes

    @classmethod
    def of(cls, *, caller: str, key: str, request: str) -> Self:
        """Hash the key and the request. `caller` must tell apart all callers who may use the same key; `request`
        is its path and body."""
        return cls(
            key,
            hashlib.sha256(f"{caller}\x00{key}".encode()).digest(),
            hashlib.sha256(request.encode()).digest(),
        )

    def check(self, request_hash: bytes) -> None:
        """Raises IdempotencyKeyReused if the key was first used with another request."""
        if request_hash != self.request_hash:
            raise IdempotencyKeyReused("Use a new key for a new request.")


async def run_once(
    pool: Pool,
    organization_id: str,
    idempotency: Idempotency | None,
    kind: type[M],
    do: Callable[[Connection, datetime], Awaitable[M]],
    *,
    now: datetime | None,
    forgetting: Set[str] = frozenset(),
) -> tuple[M, bool]:
    """Run `do` and store its response in one transaction, or return the stored response to the same key; and
    whether it was the latter. The fields in `forgetting`, which may speak of a person, are not stored. Safe where
    the repeat is concurrent. Raises IdempotencyKeyReused."""
    async with transaction(pool) as acquired:
        await acquired.execute(sql("lock_organization"), organization_id)
        if first := await stored_response(acquired, organization_id, idempotency, kind):
            return first, True
        done = await do(acquired, now or await clock(acquired))
        if idempotency is not None:
            record = await acquired.fetchrow(
                sql("insert_first_answer"),
                organization_list_id(organization_id),
                idempotency.key_hash,
                idempotency.request_hash,
                done.model_dump_json(exclude=set(forgetting)),
            )
            # Calls that do not wait for the organization's others use the same keys.
            assert record is not None
            idempotency.check(record["request_hash"])
    return done, False


async def stored_response(
    acquired: Connection, organization_id: str, idempotency: Idempotency | None, kind: type[M]
) -> M | None:
    """The stored response to the same Idempotency-Key, or None. Raises IdempotencyKeyReused."""
    if idempotency is None:
        return None
    record = await acquired.fetchrow(
        sql("read_idempotency"), organization_list_id(organization_id), [idempotency.key_hash]
    )
    if record is None:
        return None
    idempotency.check(record["request_hash"])
    return kind.model_validate_json(record["answer"])


async def clock(acquired: Connection) -> datetime:
    """The database's clock."""
    now: datetime = await acquired.fetchval(sql("read_now"))
    return now


async def stored_responses(ledger: Ledger, key_hashes: Sequence[bytes]) -> dict[bytes, tuple[bytes, Answer]]:
    """The stored responses to these keys in this list, each with the hash of its request, by the key's hash."""
    if not key_hashes:
        return {}
    list_id, fetch = ledger.list.list_id, ledger.connection.fetch
    known = {
        record["key_hash"]: (record["request_hash"], Answer.model_validate_json(record["answer"]))
        for record in await fetch(sql("read_idempotency"), list_id, key_hashes)
    }
    users: dict[int, str | None] = {}
    if numbers := sorted({entry.number for _, answer in known.values() for entry in _entries(answer)}):
        users = {one["number"]: one["user_id"] for one in await fetch(sql("read_users"), list_id, numbers)}
    return {key: (request, _of_users(answer, users)) for key, (request, answer) in known.items()}


async def store_responses(ledger: Ledger, responses: Sequence[tuple[Idempotency, Answer]]) -> None:
    """Store the responses to new keys, without their users."""
    if not responses:
        return
    keys = [idempotency.key_hash for idempotency, _ in responses]
    requests = [idempotency.request_hash for idempotency, _ in responses]
    # Without defaults: a new setting that a list does not use must not keep the version before, which runs beside
    # this one during an upgrade, from reading the answer.
    kept = [_of_users(answer, {}).model_dump_json(exclude_defaults=True) for _, answer in responses]
    list_id, execute = ledger.list.list_id, ledger.connection.execute
    await execute(sql("insert_idempotency"), list_id, keys, requests, kept, ledger.now)


def _entries(answer: Answer) -> Iterator[Entry]:
    if answer.entry is not None:
        yield answer.entry
    yield from answer.promoted


def _of_users(answer: Answer, users: Mapping[int, str | None]) -> Answer:
    """The answer with the entries of these users, by number, and of nobody where none is named."""

    def of_user(entry: Entry) -> Entry:
        return entry.model_copy(update={"user_id": users.get(entry.number)})

    return answer.model_copy(
        update={
            "entry": of_user(answer.entry) if answer.entry is not None else None,
            "promoted": tuple(map(of_user, answer.promoted)),
        }
    )
