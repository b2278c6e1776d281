"""Keep the devices that are told when it is a fan's turn: what their browsers gave (Web Push, RFC 8030)."""

from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, Field

from waiting_list.fields import Frozen, WebAddress
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest

MOST_DEVICES = 5
"""For each entry."""


def decoded(text: str) -> bytes:
    """Return the bytes of a text in base64url without padding. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(text: str) -> str:
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(text))
    return text


def _secret(text: str) -> str:
    if len(decoded(text)) != 16:
        raise ValueError("must have 16 bytes")
    return text


class Device(Frozen):
    """What a browser gives: where to send to, its public key, and a secret of both sides (RFC 8291)."""

    endpoint: WebAddress
    p256dh: Annotated[str, Field(max_length=100), AfterValidator(_point)]
    auth: Annotated[str, Field(max_length=30), AfterValidator(_secret)]


def push_id(key: ListKey, number: int, endpoint: str) -> UUID:
    """Return the id of a device of an entry."""
    return uuid5(key.list_id, f"push/{number}/{endpoint}")


async def add_device(
    pool: Pool, key: ListKey, number: int, device: Device, *, by_link: bool, now: datetime
) -> None:
    """Keep a device of an entry. Safe to repeat. Raises InvalidRequest beyond MOST_DEVICES; Unavailable.

    Two requests at once may keep one more.
    """
    values = (push_id(key, number, device.endpoint), device.endpoint, device.p256dh, device.auth, by_link, now)
    async with connection(pool) as acquired:
        kept = await acquired.fetchval(sql("insert_push"), key.list_id, number, *values, MOST_DEVICES)
    if not kept:
        raise InvalidRequest.of("endpoint", f"is one device more than the {MOST_DEVICES} of an entry")


async def remove_device(pool: Pool, key: ListKey, number: int, endpoint: str) -> None:
    """Forget a device of an entry. Safe to repeat. Raises Unavailable."""
    await remove_devices(pool, key.list_id, [push_id(key, number, endpoint)])


async def remove_devices(pool: Pool, list_id: UUID, push_ids: list[UUID]) -> None:
    """Forget devices of a list. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_gone_pushes"), list_id, push_ids)
