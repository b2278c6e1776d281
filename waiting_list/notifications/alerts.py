"""Tell fans once when a list takes fans: ask for that, and take it back. This module knows no HTTP.

The letter needs no second opt-in, because there is one, and then the service forgets the address. The answer is
the same whether or not the address was known, so it tells a stranger nothing.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from uuid import UUID, uuid4

from pydantic import Field

from waiting_list.access.email_limits import MailLimits
from waiting_list.access.email_sign_in import fan_id
from waiting_list.fields import Email, Frozen, LanguageTag
from waiting_list.key_material import derived
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import FAN, ListKey
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

_VISITOR = Caller(None, FAN)


class Asking(Frozen):
    """Whom to tell when the list takes fans."""

    email: Email = Field(description="Address that gets the one e-mail.")
    locale: LanguageTag | None = None


class Asked(Frozen):
    """The answer to an alert, the same for every address."""

    alert_id: str = Field(description="What takes the alert back. Of an address that was known it takes nothing.")


async def ask(
    engine: Engine,
    limits: MailLimits,
    secret: bytes,
    key: ListKey,
    asking: Asking,
    *,
    address: str | None,
    request_key: str | None = None,
) -> tuple[Asked, bool]:
    """Note that an address gets one letter when the list takes fans; `address` is the caller's network address.

    A repeat with the same `request_key` gets the same answer; then the second value is true. Raises
    InventoryNotFound, WaitingListEnded, WaitingListNotOpen, WaitingListOpen, IdempotencyKeyReused, RateLimited,
    Unavailable.
    """
    await limits.count_alert(asking.email, address)
    alert_id, caller = uuid4(), _VISITOR
    if request_key is not None:
        alert_id = UUID(bytes=derived(secret, "alert", key.list_id, asking.email, request_key)[:16], version=4)
        # A visitor has no name but the address. The hash of the key keeps it out of the database.
        once = Idempotency.of(caller=f"visitor\x00{asking.email}", key=request_key, request=asking.locale or "")
        caller = replace(_VISITOR, idempotency=once)
    asked = verbs.Alert(alert_id, asking.email, asking.locale or "")
    done = await engine.run(key, caller, verbs.alert, asked=asked, fan_of=partial(fan_id, secret))
    return Asked(alert_id=str(alert_id)), done.replayed


async def take_back(pool: Pool, key: ListKey, alert_id: UUID) -> None:
    """Forget an alert, if it is there. Raises Unavailable."""
    await forget(pool, key.list_id, [alert_id])


async def forget(pool: Pool, list_id: UUID, alert_ids: Collection[UUID]) -> None:
    """Forget alerts of a list: their letters have gone out, or never will. Raises Unavailable."""
    if alert_ids:
        async with connection(pool) as acquired:
            await acquired.execute(sql("delete_alerts"), list_id, list(alert_ids))
