"""How many letters fans can have sent to addresses that are not verified, in all processes together.

A letter leaves for such an address when a fan gives it, with a join or later, and when somebody asks to sign in
with it. Each is counted for the fan, the mailbox, the network and the organization, for all of them or for none:
what one limit refuses uses up no other. Letters about a turn, and all to a verified address, are not counted.

The buckets are those of limits.py (ITU-T I.371's generic cell rate algorithm), in the same table, but hold an
hour's worth. The caller decides what a refusal means: a join loses its letter, never its place; a change of
address is refused; who asks to sign in gets the same answer as always, and no letter.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from waiting_list.batch import Batcher
from waiting_list.database import Pool, sql, transaction
from waiting_list.keys import derived
from waiting_list.limits import Limits
from waiting_list.mailboxes import mailbox
from waiting_list.metrics import RATE_LIMITED
from waiting_list.problems import Problem, RateLimited
from waiting_list.settings import Settings
from waiting_list.signing_keys import SigningKeys

_HOUR_SECONDS = 3600
_MINUTE_SECONDS = 60
_ROUNDING_SECONDS = 1e-6


class _Limit(NamedTuple):
    """So many letters in so many seconds. A quantity of 0 is no limit."""

    name: str
    quantity: int
    seconds: int = _HOUR_SECONDS


class _Wanted(NamedTuple):
    limit: _Limit
    caller: str

    @property
    def seconds(self) -> float:
        """How long one letter takes to come back."""
        return self.limit.seconds / self.limit.quantity

    def hashed(self, secret: bytes) -> bytes:
        """What the database is told: no name and no address, and no hash of one that could be guessed."""
        return derived(secret, "allowance", self.limit.name, self.caller)[:16]


class MailLimits:
    """The limits of letters to addresses that are not verified. One for each process."""

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys) -> None:
        self._pool = pool
        self._signing_keys = signing_keys
        self._user = _Limit("user-mails", settings.user_mails_per_hour)
        self._mailbox = _Limit("mailbox-mails", settings.mailbox_mails_per_hour)
        self._network = _Limit("address-mails", settings.address_mails_per_hour)
        self._organization = _Limit("organization-mails", settings.organization_mails_per_hour)
        self._sign_in = _Limit("mailbox-sign-ins", 1, _MINUTE_SECONDS)
        self._batcher: Batcher[None, Sequence[_Wanted], None] = Batcher(
            self._take, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )

    async def count_given(self, organization_id: str, user_id: str, email: str, address: str | None) -> None:
        """Count an address that a fan gives and nobody has verified. A peer that is not public counts for no
        network: a crowd may stand behind it, and the fan is known. Raises RateLimited, Unavailable."""
        await self._count(
            (self._user, f"{organization_id}\x1f{user_id}"),
            (self._mailbox, mailbox(email)),
            (self._network, Limits.network(address)),
            (self._organization, organization_id),
        )

    async def count_sign_in(self, organization_id: str, email: str, address: str | None) -> None:
        """Count a link to sign in: one a minute for a mailbox of an organization. Any peer counts for its network,
        public or not: of who asks, no more is known. Raises RateLimited, Unavailable."""
        await self._count(
            (self._sign_in, f"{organization_id}\x1f{mailbox(email)}"),
            (self._mailbox, mailbox(email)),
            (self._network, Limits.network(address) or address or ""),
            (self._organization, organization_id),
        )

    async def _count(self, *asked: tuple[_Limit, str | None]) -> None:
        wanted = [_Wanted(limit, caller) for limit, caller in asked if limit.quantity and caller is not None]
        if wanted:
            await self._batcher.submit(None, wanted)

    async def _take(self, _: None, take: Callable[[], Sequence[Sequence[_Wanted]]]) -> Sequence[Problem | None]:
        secret = await self._signing_keys.derived_secret()
        async with transaction(self._pool) as acquired:
            requests = take()
            # In one order everywhere, so that no two processes wait for each other.
            hashes = {one.hashed(secret): one for wanted in requests for one in wanted}
            ordered = sorted(hashes)
            quantities = [hashes[one].limit.quantity for one in ordered]
            records = await acquired.fetch(sql("lock_allowances"), ordered, quantities)
            full_in = {hashes[record["caller"]]: record["full_in"] for record in records}
            answers: list[Problem | None] = []
            for wanted in requests:
                refused = next((one for one in wanted if _excess(one, full_in[one]) > _ROUNDING_SECONDS), None)
                answers.append(_refused(refused, full_in[refused]) if refused else None)
                if refused is None:
                    for one in wanted:
                        full_in[one] += one.seconds
            await acquired.execute(sql("set_allowances"), ordered, [full_in[hashes[one]] for one in ordered])
        return answers


def _excess(wanted: _Wanted, full_in: float) -> float:
    """How many seconds too early a letter would be, whose bucket is full again in so many."""
    return full_in + wanted.seconds - wanted.limit.seconds


def _refused(wanted: _Wanted, full_in: float) -> RateLimited:
    name, quantity, seconds = wanted.limit
    RATE_LIMITED.labels(name).inc()
    return RateLimited(
        f"More than {quantity} letters to addresses that are not verified in {seconds} seconds ({name}).",
        seconds=max(1, math.ceil(_excess(wanted, full_in))),
    )
