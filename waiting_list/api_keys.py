"""Create, list, rotate and revoke API keys."""

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
    """An API key without its secret.

    `last_used_at` is accurate to the minute. `read_only` is true if `read` is its only scope.
    """

    key_id: str
    name: str
    read_only: bool
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class CreatedKey(KeyInfo):
    """A new API key with the `key` itself, which is shown only once."""

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
    """Create an API key, and return it with whether an earlier request with this Idempotency-Key created it.

    The key is valid for its `lifetime`, or until it is revoked. Raises IdempotencyKeyReused, Unavailable.
    """
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
    """Create an API key with the name, scopes and lifetime of a valid one, and return whether it existed already.

    The old key expires after `overlap`, or earlier if that is its own expiry. Raises ApiKeyNotFound, also for an
    expired or revoked key; IdempotencyKeyReused; Unavailable.
    """
    async with transaction(pool) as acquired:
        key, is_new = await _key(acquired, organization_id, idempotency)
        if not is_new:
            return await _known(acquired, organization_id, key), True
        old = await acquired.fetchrow(sql("rotate_api_key"), organization_id, key_id, overlap)
        if old is None:
            raise ApiKeyNotFound("There is no such API key, or it has expired or been revoked.")
        return await _insert(
            acquired, organization_id, key, old["name"], [Scope(one) for one in old["scopes"]], old["lifetime"]
        ), False


async def revoke_api_key(pool: Pool, organization_id: str, key_id: str) -> KeyInfo:
    """Revoke a key; the next request with it is refused. Raises ApiKeyNotFound, Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("revoke_api_key"), organization_id, key_id)
    if record is None:
        raise ApiKeyNotFound("There is no such API key.")
    return _info(record)


async def api_keys(pool: Pool, organization_id: str, *, limit: int, cursor: str | None) -> Page[KeyInfo]:
    """List an organization's API keys, the oldest first, without their secrets. Raises InvalidRequest,
    Unavailable."""
    after = decode(cursor, datetime, str)
    async with connection(pool) as acquired:
        records = await acquired.fetch(sql("read_api_keys"), organization_id, *after, limit + 1)
    return page_of(records, limit, _info, "created_at", "key_id")


async def _key(acquired: Connection, organization_id: str, idempotency: Idempotency | None) -> tuple[ApiKey, bool]:
    """Return a key, and whether the caller must insert it. A repeated request gets the same key.

    The database holds no data that reveals the secret. For repeats, the key is derived from the deployment's
    secret and the Idempotency-Key, of which only a hash is stored.
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
