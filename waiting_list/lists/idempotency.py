"""Idempotency: a repeated request gets the first response, and changes nothing."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar

from pydantic import BaseModel

from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Answer, Entry, organization_list_id
from waiting_list.postgres.pool import Connection, Pool, clock, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import IdempotencyKeyReused

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The identity of a request: the caller with the key, and the content. A repeat has the same."""

    key: str
    key_hash: bytes
    request_hash: bytes

    @classmethod
    def of(cls, *, caller: str, key: str, request: str) -> Self:
        """Hash the key and the request.

        `caller` must differ between callers who may use the same key. `request` is the path and the body.
        """
        return cls(
            key,
            hashlib.sha256(f"{caller}\x00{key}".encode()).digest(),
            hashlib.sha256(request.encode()).digest(),
        )

    def check(self, request_hash: bytes) -> None:
        """Raise IdempotencyKeyReused if the key was first used with another request."""
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
    """Run `do` and store its response in one transaction, or return the stored response to the same key.

    The second value is true for a stored response. The fields in `forgetting` are not stored, because they may
    have personal data. Concurrent repeats are safe. Raises IdempotencyKeyReused.
    """
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
    """Return the stored response to the same Idempotency-Key, or None. Raises IdempotencyKeyReused."""
    if idempotency is None:
        return None
    list_id = organization_list_id(organization_id)
    record = await acquired.fetchrow(sql("read_idempotency"), list_id, [idempotency.key_hash])
    if record is None:
        return None
    idempotency.check(record["request_hash"])
    return kind.model_validate_json(record["answer"])


async def stored_responses(locked: LockedList, key_hashes: Sequence[bytes]) -> dict[bytes, tuple[bytes, Answer]]:
    """Return the stored responses to these keys in this list, with the hashes of their requests, by key hash."""
    if not key_hashes:
        return {}
    list_id, fetch = locked.list.list_id, locked.connection.fetch
    known = {
        record["key_hash"]: (record["request_hash"], Answer.model_validate_json(record["answer"]))
        for record in await fetch(sql("read_idempotency"), list_id, key_hashes)
    }
    users: dict[int, str | None] = {}
    if numbers := sorted({entry.number for _, answer in known.values() for entry in _entries(answer)}):
        users = {one["number"]: one["user_id"] for one in await fetch(sql("read_users"), list_id, numbers)}
    return {key: (request, _of_users(answer, users)) for key, (request, answer) in known.items()}


async def store_responses(locked: LockedList, responses: Sequence[tuple[Idempotency, Answer]]) -> None:
    """Store the responses to new keys, without the user ids."""
    if not responses:
        return
    keys = [idempotency.key_hash for idempotency, _ in responses]
    requests = [idempotency.request_hash for idempotency, _ in responses]
    # Without defaults: a new setting that a list does not use must not keep the version before, which runs beside
    # this one during an upgrade, from reading the answer.
    kept = [_of_users(answer, {}).model_dump_json(exclude_defaults=True) for _, answer in responses]
    list_id, execute = locked.list.list_id, locked.connection.execute
    await execute(sql("insert_idempotency"), list_id, keys, requests, kept, locked.now)


def _entries(answer: Answer) -> Iterator[Entry]:
    if answer.entry is not None:
        yield answer.entry
    yield from answer.promoted


def _of_users(answer: Answer, users: Mapping[int, str | None]) -> Answer:
    """Return the answer with these users in its entries, by number. An entry without one gets None."""

    def of_user(entry: Entry) -> Entry:
        return entry.model_copy(update={"user_id": users.get(entry.number)})

    return answer.model_copy(
        update={
            "entry": of_user(answer.entry) if answer.entry is not None else None,
            "promoted": tuple(map(of_user, answer.promoted)),
        }
    )
