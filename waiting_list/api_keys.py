"""API keys: what each may do and until when; made, rotated and revoked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from waiting_list.database import Connection, Pool, Record, connection, sql, transaction
from waiting_list.fields import Frozen
from waiting_list.idempotency import Idempotency
from waiting_list.keys import ApiKey, Scope, derived_api_key, new_api_key
from waiting_list.models import organization_list_id
from waiting_list.paging import Page, decode, page_of
from waiting_list.problems import ApiKeyNotFound


class KeyInfo(Frozen):
    """An API key, without its secret. `last_used_at` is right to the minute; `read_only` says that its only scope
    is `read`."""

    key_id: str
    name: str
    read_only: bool
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class CreatedKey(KeyInfo):
    """A new API key, with the `key` itself: it is shown this once."""

    key: str


async def create_api_key(
    pool: Pool,
    organization_id: str,
    *,
    name: str,
    scopes: Sequence[Scope],
    lifetime: timedelta | None = None,
    idempotency: Idempotency | None = None,
) -> tuple[CreatedKey, bool]:
    """A new API key of an organization, good for its `lifetime` or until it is revoked; and whether it was made by
    an earlier request with this Idempotency-Key. Raises IdempotencyKeyReused, Unavailable."""
    async with transaction(pool) as acquired:
        key, is_new = await _key(acquired, organization_id, idempotency)
        if not is_new:
            return await _known(acquired, organization_id, key), True
        return await _insert(acquired, organization_id, key, name, scopes, lifetime), False


async def rotate_api_key(
    pool: Pool,
    organization_id: str,
    key_id: str,
    *,
    overlap: timedelta,
    idempotency: Idempotency | None = None,
) -> tuple[CreatedKey, bool]:
    """A new API key with the name, scopes and lifetime of one that is good, and whether it was made before. The
    old one expires when both have been good for `overlap`, or earlier where it would have done so anyway. Raises
    ApiKeyNotFound, also for a key that has expired or was revoked; IdempotencyKeyReused; Unavailable."""
    async with transaction(pool) as acquired:
        key, is_new = await _key(acquired, organization_id, idempotency)
        if not is_new:
            return await _known(acquired, organization_id, key), True
        old = await acquired.fetchrow(sql("rotate_api_key"), organization_id, key_id, overlap)
        if old is None:
            raise ApiKeyNotFound("There is no such API key that is good.")
        return await _insert(
            acquired, organization_id, key, old["name"], [Scope(one) for one in old["scopes"]], old["lifetime"]
        ), False


async def revoke_api_key(pool: Pool, organization_id: str, key_id: str) -> KeyInfo:
    """Revokes a key from the next request on. Raises ApiKeyNotFound, Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("revoke_api_key"), organization_id, key_id)
    if record is None:
        raise ApiKeyNotFound("There is no such API key.")
    return _info(record)


async def api_keys(pool: Pool, organization_id: str, *, limit: int, cursor: str | None) -> Page[KeyInfo]:
    """An organization's API keys, the oldest first, without their secrets. Raises InvalidRequest, Unavailable."""
    after = decode(cursor, datetime, str)
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_api_keys"), organization_id, *after, limit + 1)
    return page_of(records, limit, _info, "created_at", "key_id")


async def _key(acquired: Connection, organization_id: str, idempotency: Idempotency | None) -> tuple[ApiKey, bool]:
    """A key, and whether it is to be made: the first answer of a repeated request is the same key.

    Nothing is stored from which the secret could be had: where a repeat must show it again, it is derived from the
    deployment's secret and the Idempotency-Key, of which only a hash is kept.
    """
    if idempotency is None:
        return new_api_key(), True
    key_id = new_api_key().key_id
    first = await acquired.fetchrow(
        sql("insert_first_answer"),
        organization_list_id(organization_id),
        idempotency.key_hash,
        idempotency.request_hash,
        key_id,
    )
    assert first is not None
    idempotency.check(first["request_hash"])
    secret = await acquired.fetchval(sql("read_signing_key"), "user_token")
    key = derived_api_key(secret, key_id=first["answer"], source=f"{organization_id}\x00{idempotency.key}")
    return key, first["answer"] == key_id


async def _insert(
    acquired: Connection,
    organization_id: str,
    key: ApiKey,
    name: str,
    scopes: Sequence[Scope],
    lifetime: timedelta | None,
) -> CreatedKey:
    record = await acquired.fetchrow(
        sql("insert_api_key"),
        key.key_id,
        organization_id,
        name,
        key.secret_hash,
        sorted(set(scopes), key=list(Scope).index),
        lifetime,
    )
    assert record is not None
    return CreatedKey(**_info(record).model_dump(), key=str(key))


async def _known(acquired: Connection, organization_id: str, key: ApiKey) -> CreatedKey:
    record = await acquired.fetchrow(sql("read_api_key_info"), organization_id, key.key_id)
    assert record is not None, "API keys are revoked, never deleted"
    return CreatedKey(**_info(record).model_dump(), key=str(key))


def _info(record: Record) -> KeyInfo:
    return KeyInfo.from_record(record, read_only=record["scopes"] == [Scope.READ])
