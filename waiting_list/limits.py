"""How much one caller may ask for: of a user, an API key, or a public address, in a minute.

Each limit is a bucket that holds a minute's worth and fills up evenly (ITU-T I.371's generic cell rate algorithm).
Requests are counted in each process, which costs nothing. Joins are counted in the database as well, for all
processes together.
"""

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from waiting_list.batch import Batches
from waiting_list.database import Pool, connection, sql
from waiting_list.metrics import RATE_LIMITED
from waiting_list.problems import Problem, RateLimited
from waiting_list.settings import Settings

_SECONDS = 60
_CALLERS_KEPT = 100_000
_ADDRESSES_KEPT = 10_000
_NOT_PUBLIC = [
    *map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")),
    *map(ip_network, ("::1/128", "fc00::/7", "fe80::/10")),
]


class Limit(NamedTuple):
    """So many requests of one kind in a minute."""

    name: str
    quantity: int


class Allowance(NamedTuple):
    """What is left of a limit: `remaining` requests now, all of them after `full_in` seconds."""

    limit: Limit
    remaining: int
    full_in: float

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The same, as the IETF's RateLimit header fields say it (draft-ietf-httpapi-ratelimit-headers-10)."""
        name, quantity = self.limit
        return [
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), quantity, _SECONDS)),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), self.remaining, math.ceil(self.full_in))),
        ]


class _Wanted(NamedTuple):
    limit: Limit
    caller: str

    @property
    def hashed(self) -> bytes:
        """What the database is told of a caller: no name, no address."""
        return hashlib.sha256(f"{self.limit.name}\x00{self.caller}".encode()).digest()[:16]


class Limits:
    """The limits of one process, and through the database those of all. A limit of 0 is none."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._user = Limit("user", settings.user_requests_per_minute)
        self._user_joins = Limit("user-joins", settings.user_joins_per_minute)
        self._key = Limit("key", settings.key_requests_per_minute)
        self._address = Limit("address", settings.address_requests_per_minute)
        self._address_joins = Limit("address-joins", settings.address_joins_per_minute)
        self._address_sign_ins = Limit("address-sign-ins", settings.address_sign_ins_per_minute)
        self._full_at: dict[tuple[str, str], float] = {}
        self._addresses: dict[str, str | None] = {}
        self._shared: Batches[None, Sequence[_Wanted], None] = Batches(
            self._take, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )

    def request_from(self, address: str | None) -> Allowance | None:
        """Counts a request from an address; None if it is not limited. Raises RateLimited."""
        return self._one(self._address, self._public(address))

    def sign_in_from(self, address: str | None) -> Allowance | None:
        """Counts an attempt to sign in from an address; None if it is not limited. Raises RateLimited."""
        return self._one(self._address_sign_ins, self._public(address))

    def request_of_user(self, organization_id: str, user_id: str) -> Allowance | None:
        """Counts a request of a user; None if it is not limited. Raises RateLimited."""
        return self._one(self._user, f"{organization_id}\x00{user_id}")

    def request_of_key(self, key_id: str) -> Allowance | None:
        """Counts a request with an API key; None if it is not limited. Raises RateLimited."""
        return self._one(self._key, key_id)

    async def join(self, organization_id: str, user_id: str, address: str | None) -> Allowance | None:
        """Counts a join of a user from an address, for all processes; None if a user's joins are not limited. One
        that is refused by the address counts for the user. Raises RateLimited, Unavailable."""
        user, public = f"{organization_id}\x00{user_id}", self._public(address)
        # What this process alone has seen too much of need not reach the database.
        allowance = self._one(self._user_joins, user)
        self._one(self._address_joins, public)
        wanted = [_Wanted(self._user_joins, user)] if self._user_joins.quantity else []
        if self._address_joins.quantity and public is not None:
            wanted.append(_Wanted(self._address_joins, public))
        if wanted:
            await self._shared.submit(None, wanted)
        return allowance

    def network(self, address: str | None) -> str | None:
        """What an address is counted as; None for one that says nothing of who is behind it."""
        return self._public(address)

    def _one(self, limit: Limit, caller: str | None) -> Allowance | None:
        if not limit.quantity or caller is None:
            return None
        key, now, each = (limit.name, caller), time.monotonic(), _SECONDS / limit.quantity
        full_at = max(self._full_at.pop(key, now), now) + each
        if full_at > now + _SECONDS + 1e-6:
            self._full_at[key] = full_at - each
            raise _refused(limit, full_at - now - _SECONDS)
        if len(self._full_at) >= _CALLERS_KEPT:
            # Whoever has not asked for longest: they have most of their limit again, or all of it.
            del self._full_at[next(iter(self._full_at))]
        self._full_at[key] = full_at
        full_in = full_at - now
        return Allowance(limit, int((_SECONDS - full_in) / each + 1e-6), full_in)

    def _public(self, address: str | None) -> str | None:
        """What an address is counted as: itself, or the network of an IPv6 subscriber (RFC 6177). None for one
        that is not public: it says nothing of who is behind it."""
        if address is None:
            return None
        if address not in self._addresses:
            if len(self._addresses) >= _ADDRESSES_KEPT:
                self._addresses.clear()
            self._addresses[address] = _counted_as(address)
        return self._addresses[address]

    async def _take(self, _: None, take: Callable[[], Sequence[Sequence[_Wanted]]]) -> Sequence[Problem | None]:
        async with connection(self._pool) as acquired:
            requests = take()
            asked = Counter(one for wanted in requests for one in wanted)
            # In one order everywhere, so that no two processes wait for each other.
            ordered = sorted(asked, key=lambda one: one.hashed)
            records = await acquired.fetch(
                sql("take_allowances"),
                [one.hashed for one in ordered],
                [asked[one] for one in ordered],
                [one.limit.quantity for one in ordered],
            )
        found = {record["caller"]: record for record in records}
        granted = {one: found[one.hashed] for one in ordered}
        left = {one: record["taken"] for one, record in granted.items()}
        answers: list[Problem | None] = []
        for wanted in requests:
            refused = next((one for one in wanted if left[one] <= 0), None)
            for one in wanted:
                left[one] -= 1
            if refused is None:
                answers.append(None)
            else:
                each = _SECONDS / refused.limit.quantity
                answers.append(_refused(refused.limit, granted[refused]["full_in"] + each - _SECONDS))
        return answers


def _refused(limit: Limit, seconds: float) -> RateLimited:
    RATE_LIMITED.labels(limit.name).inc()
    return RateLimited(
        f"More than {limit.quantity} requests in a minute ({limit.name}).", seconds=max(1, math.ceil(seconds))
    )


def _counted_as(address: str) -> str | None:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # of a socket that has none
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if any(found in network for network in _NOT_PUBLIC if network.version == found.version):
        return None
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)
