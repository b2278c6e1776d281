"""Limit the e-mails that fans can have sent to unverified addresses, and those that a mailbox gets, over all
processes.

The service sends such an e-mail when a fan gives an address, or when a visitor asks to sign in with it. Each
counts for the fan, the mailbox, the network, the larger network around it and the organization, or for none of
them if one limit refuses.
E-mails about a hold, and those to verified addresses, do not count.

The buckets are those of access/rate_limits.py (ITU-T I.371's generic cell rate algorithm), in the same table, but
hold the e-mails of an hour. The caller decides what a refusal means. A join loses its e-mail, but keeps its place.
A change of address is refused. A request to sign in gets the usual answer, but no e-mail.

Besides, the sender asks for each e-mail that may wait whether its mailbox has had too many within the hour.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from waiting_list.access.rate_limits import Limits
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.batching import Batcher
from waiting_list.key_material import derived
from waiting_list.lists.mailboxes import mailbox
from waiting_list.postgres.pool import Pool, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem, RateLimited
from waiting_list.settings import Settings
from waiting_list.telemetry.metrics import RATE_LIMITED

_HOUR_SECONDS = 3600
_MINUTE_SECONDS = 60
_ROUNDING_SECONDS = 1e-6


class _Limit(NamedTuple):
    """A limit of `quantity` e-mails in `seconds`. A quantity of 0 means no limit."""

    name: str
    quantity: int
    seconds: int = _HOUR_SECONDS
    what: str = "e-mails to unverified addresses"


class _Wanted(NamedTuple):
    limit: _Limit
    caller: str

    @property
    def seconds(self) -> float:
        """After how many seconds the bucket regains one e-mail."""
        return self.limit.seconds / self.limit.quantity

    def hashed(self, secret: bytes) -> bytes:
        """Make the key in the database: without a name or an address, and without a hash that could be guessed."""
        return derived(secret, "allowance", self.limit.name, self.caller)[:16]


_CODES = "codes to phone numbers"
_PHONE = _Limit("phone-codes", 3, what=_CODES)
_PLACE = _Limit("place-codes", 5, what=_CODES)
_NETWORK = _Limit("address-codes", 60, what=_CODES)
_NEIGHBOURHOOD = _Limit("neighbourhood-codes", 240, what=_CODES)
_ORGANIZATION = _Limit("organization-codes", 1_000, what=_CODES)


class MailLimits:
    """The limits for e-mails to unverified addresses and codes to phone numbers. Each process has one."""

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys) -> None:
        self._pool = pool
        self._signing_keys = signing_keys
        self._user = _Limit("user-mails", settings.user_mails_per_hour)
        self._mailbox = _Limit("mailbox-mails", settings.mailbox_mails_per_hour)
        self._network = _Limit("address-mails", settings.address_mails_per_hour)
        self._neighbourhood = _Limit("neighbourhood-mails", 4 * settings.address_mails_per_hour)
        self._organization = _Limit("organization-mails", settings.organization_mails_per_hour)
        self._sign_in = _Limit("mailbox-sign-ins", 1, _MINUTE_SECONDS)
        self._batcher: Batcher[None, Sequence[_Wanted], None] = Batcher(
            self._take, queue_limit=settings.list_queue_limit
        )

    async def count_given(self, organization_id: str, user_id: str, email: str, address: str | None) -> None:
        """Count an unverified address that a fan gives. Raises RateLimited, Unavailable.

        A caller at an address that is not public does not count for a network, because many fans may share it and
        the fan is known.
        """
        await self._count(
            (self._user, f"{organization_id}\x1f{user_id}"),
            (self._mailbox, mailbox(email)),
            (self._network, network := Limits.network(address)),
            (self._neighbourhood, network and Limits.neighbourhood(address)[0]),
            (self._organization, organization_id),
        )

    async def count_sign_in(self, organization_id: str, email: str, address: str | None) -> None:
        """Count a sign-in link: at most one a minute for a mailbox of an organization. Raises RateLimited,
        Unavailable.

        Every caller counts for a network, public or not, because the service knows no more about the visitor.
        """
        await self._count(
            (self._sign_in, f"{organization_id}\x1f{mailbox(email)}"),
            (self._mailbox, mailbox(email)),
            (self._network, Limits.network(address) or address or ""),
            (self._neighbourhood, Limits.neighbourhood(address)[0]),
            (self._organization, organization_id),
        )

    async def count_alert(self, email: str, address: str | None) -> None:
        """Count a visitor who wants one e-mail when a list opens. Raises RateLimited, Unavailable.

        A visitor at an address that is not public does not count for a network, because a crowd may share it.
        """
        await self._count((self._mailbox, mailbox(email)), (self._network, Limits.network(address)))

    async def count_code(self, organization_id: str, place: str, phone: str, address: str | None) -> None:
        """Count a code to a phone number, which costs money. Raises RateLimited, Unavailable.

        A caller at an address that is not public does not count for a network, because many fans may share it.
        """
        await self._count(
            (_PHONE, phone),
            (_PLACE, place),
            (_NETWORK, network := Limits.network(address)),
            (_NEIGHBOURHOOD, network and Limits.neighbourhood(address)[0]),
            (_ORGANIZATION, organization_id),
        )

    async def count_member_sign_in(self, email: str, address: str | None) -> None:
        """Count a sign-in link to the dashboard: at most one a minute for a mailbox. Raises RateLimited,
        Unavailable."""
        await self._count(
            (self._sign_in, f"\x1f{mailbox(email)}"),
            (self._mailbox, mailbox(email)),
            (self._network, Limits.network(address) or address or ""),
        )

    async def _count(self, *asked: tuple[_Limit, str | None]) -> None:
        wanted = [_Wanted(limit, caller) for limit, caller in asked if limit.quantity and caller is not None]
        if wanted:
            await self._batcher.submit(None, wanted)

    async def _take(self, _: None, take: Callable[[], Sequence[Sequence[_Wanted]]]) -> Sequence[Problem | None]:
        secret = await self._signing_keys.derived_secret()
        async with transaction(self._pool) as acquired:
            requests = take()
            # In the same order everywhere, so that two processes cannot deadlock.
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


class CountedEmail:
    """The e-mail of a join to an address that the fan gives. `count` counts the address, or raises RateLimited.

    A join that is refused with a challenge must not ask, so that it uses no allowance.
    """

    def __init__(self, count: Callable[[], Awaitable[None]]) -> None:
        self._count = count
        self.goes: bool | None = None
        """Whether it may go; None until it is asked for."""

    async def may_go(self) -> bool:
        """Count the address the first time, and return whether the e-mail may go. Raises Unavailable."""
        if self.goes is None:
            try:
                await self._count()
                self.goes = True
            except RateLimited:
                self.goes = False
        return self.goes


class MailboxLimit:
    """The limit of e-mails to one mailbox, verified or not, over all lists. Each process that sends has one."""

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys) -> None:
        self._pool = pool
        self._signing_keys = signing_keys
        self._limit = _Limit("letters", settings.letters_per_hour)

    async def waits(self, emails: Sequence[str]) -> list[float]:
        """Count one e-mail to each of these addresses, in order; return how many seconds each must wait first.

        An e-mail with 0 may go now. The others are not counted, and take their turns one after the other. Raises
        Unavailable.
        """
        if not emails or not self._limit.quantity:
            return [0.0 for _ in emails]
        secret = await self._signing_keys.derived_secret()
        wanted = [_Wanted(self._limit, mailbox(email)) for email in emails]
        # In the same order everywhere, so that two processes cannot deadlock.
        hashes = {one.hashed(secret): one for one in wanted}
        ordered = sorted(hashes)
        async with transaction(self._pool) as acquired:
            quantities = [self._limit.quantity for _ in ordered]
            records = await acquired.fetch(sql("lock_allowances"), ordered, quantities)
            full_in = {hashes[record["caller"]]: record["full_in"] for record in records}
            later = dict(full_in)
            seconds = []
            for one in wanted:
                excess = _excess(one, later[one])
                later[one] += one.seconds
                if may_go := excess <= _ROUNDING_SECONDS:
                    full_in[one] = later[one]
                else:
                    RATE_LIMITED.labels(self._limit.name).inc()
                seconds.append(0.0 if may_go else excess)
            await acquired.execute(sql("set_allowances"), ordered, [full_in[hashes[one]] for one in ordered])
        return seconds


def _excess(wanted: _Wanted, full_in: float) -> float:
    """Return how many seconds too early an e-mail would be, if its bucket is full again after `full_in`
    seconds."""
    return full_in + wanted.seconds - wanted.limit.seconds


def _refused(wanted: _Wanted, full_in: float) -> RateLimited:
    name, quantity, seconds, what = wanted.limit
    RATE_LIMITED.labels(name).inc()
    return RateLimited(
        f"The limit {name} allows {quantity} {what} in {seconds} seconds. Try again later.",
        seconds=max(1, math.ceil(_excess(wanted, full_in))),
    )
