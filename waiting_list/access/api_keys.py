"""Create, list, rotate, revoke and parse API keys."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from waiting_list.access.scopes import Scope
from waiting_list.fields import Frozen
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import organization_list_id
from waiting_list.postgres.pagination import Page, decode, page_of
from waiting_list.postgres.pool import Connection, Pool, Record, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import ApiKeyNotFound

_PREFIX = "wl"


class ApiKey(NamedTuple):
    """An API key: `wl_<key_id>_<secret>`. Only the hash of the secret is stored."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"{_PREFIX}_{self.key_id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """Return the SHA-256 of the secret. A slow password hash would add nothing, because the secret has 256
        random bits."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, secret_hash: bytes) -> bool:
        """Return whether this key has the stored hash. The comparison takes constant time."""
        return hmac.compare_digest(self.secret_hash, secret_hash)


def new_api_key() -> ApiKey:
    """Make a random API key."""
    return ApiKey(secrets.token_hex(6), secrets.token_hex(32))


def derived_api_key(deployment_secret: bytes, *, key_id: str, source: str) -> ApiKey:
    """Derive an API key from these parts. Without the deployment's secret it cannot be guessed."""
    message = f"{key_id}\x00{source}".encode()
    return ApiKey(key_id, hmac.new(deployment_secret, message, hashlib.sha256).hexdigest())


def parse_api_key(text: str) -> ApiKey | None:
    """Parse the API key that a client sent. Return None if it does not look like one."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != _PREFIX or not text.isascii() or not all(map(str.isalnum, parts)):
        return None
    return ApiKey(parts[1], parts[2])


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


def _info(record: Record) -> KeyInfo:
    return KeyInfo.from_record(record, read_only=record["scopes"] == [Scope.READ])


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
