"""Limit the requests of a user, an API key, an address or a network in a minute.

Each limit is a bucket that fills evenly (ITU-T I.371's generic cell rate algorithm). It holds the requests of a
minute. For joins and sign-ins from an address it holds only those of a few seconds, so that one address cannot
outrun a crowd. Each process counts its own requests, which is cheap. Joins are also counted in the database, for
all processes together, except for those of modest callers (`ModestCallers`).
"""

import hashlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, TypeAlias

from waiting_list.batching import Batcher
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem, RateLimited
from waiting_list.settings import Settings
from waiting_list.telemetry.metrics import RATE_LIMITED

_SECONDS = 60
_BURST_SECONDS = 5
"""How many seconds' worth of joins and sign-in attempts an address can spend at once."""
_JOINS_AT_ONCE = 20
_SIGN_INS_AT_ONCE = 10
"""The minimum that can be spent at once, so that the limits do not refuse quick people."""
_COUNTED = {4: ((32, 1), (24, 4)), 6: ((64, 1), (48, 4), (32, 64))}
"""The networks that count an address, by IP version: the prefix length, and the factor for the limit of one
address. docs/rate-limits.md has the reasons."""
_Size: TypeAlias = tuple[int, int]
"""The size of a network: the IP version and the prefix length."""
_PEER: _Size = (0, 0)
"""The size for an address that is not public."""
_PEER_TIMES = 10
_ROUNDING = 1e-6
_MOST = 2**31 - 1
_MODEST_PART = 8
"""Which part of a shared limit a caller can use in a process before the database counts."""
_CALLERS_KEPT = 100_000
_ADDRESSES_KEPT = 10_000
_NOT_PUBLIC: dict[int, list[IPv4Network | IPv6Network]] = {
    4: [*map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))],
    6: [*map(IPv6Network, ("::1/128", "fc00::/7", "fe80::/10"))],
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of `quantity` requests of one kind in a minute, and of `at_once` at the same time."""

    name: str
    quantity: int
    at_once: int
    each: float = field(init=False, compare=False)
    """After how many seconds the bucket regains one request."""
    window: float = field(init=False, compare=False)
    """After how many seconds an empty bucket is full again."""
    policy: bytes = field(init=False, compare=False)
    """The limit as a RateLimit-Policy header field (draft-ietf-httpapi-ratelimit-headers-10)."""

    def __post_init__(self) -> None:
        each = _SECONDS / self.quantity if self.quantity else 0.0
        object.__setattr__(self, "each", each)
        object.__setattr__(self, "window", self.at_once * each)
        seconds = math.ceil(self.window - _ROUNDING)
        object.__setattr__(self, "policy", b'"%s";q=%d;w=%d' % (self.name.encode(), self.at_once, seconds))

    def times(self, factor: int, suffix: str) -> "Limit":
        """Make the limit of a network: this limit times a factor."""
        quantity, at_once = min(self.quantity * factor, _MOST), min(self.at_once * factor, _MOST)
        return Limit(f"{self.name}/{suffix}", quantity, at_once)


class Allowance(NamedTuple):
    """The rest of a limit: `remaining` requests now, and the full limit after `full_in` seconds."""

    limit: Limit
    remaining: int
    full_in: float

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The rest as RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        rest = b'"%s";r=%d;t=%d' % (self.limit.name.encode(), self.remaining, math.ceil(self.full_in))
        return [(b"ratelimit-policy", self.limit.policy), (b"ratelimit", rest)]


class _Wanted(NamedTuple):
    limit: Limit
    caller: str
    """The name of the caller under this limit, different from all names under other limits."""


class Limits:
    """The limits of one process and, through the database, of all. A limit of 0 means no limit."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._user = _limit("user", settings.user_requests_per_minute)
        self._user_joins = _limit("user-joins", settings.user_joins_per_minute)
        self._key = _limit("key", settings.key_requests_per_minute)
        self._address = _Addresses("address", settings.address_requests_per_minute)
        self._address_joins = _Addresses(
            "address-joins", settings.address_joins_per_minute, at_once=_JOINS_AT_ONCE
        )
        self._address_sign_ins = _Addresses(
            "address-sign-ins", settings.address_sign_ins_per_minute, at_once=_SIGN_INS_AT_ONCE, peers=True
        )
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._modest = ModestCallers()
        self._shared: Batcher[None, Sequence[_Wanted], None] = Batcher(
            self._take, queue_limit=settings.list_queue_limit
        )

    @staticmethod
    def network(address: str | None) -> str | None:
        """Return what counts as one caller: a public IPv4 address, or the /64 network of a public IPv6 address.

        A subscriber has at least a /64 (RFC 6177). Return None for an address that is not public, because many
        callers may share it.
        """
        return _subscriber(address or "")

    @staticmethod
    def neighbourhood(address: str | None) -> tuple[str, int]:
        """Return the network around an address, a /24 or a /48, and 1.

        For an address that is not public, return the address itself and 10, because a whole office may share it.
        """
        networks = _networks(address or "")
        return networks[min(1, len(networks) - 1)][1], _PEER_TIMES if networks[0][0] == _PEER else 1

    def request_from(self, address: str | None) -> Allowance | None:
        """Count a request from an address. Return None if it is not limited. Raises RateLimited."""
        return self._count(self._address.wanted(address))

    def sign_in_from(self, address: str | None) -> Allowance | None:
        """Count a sign-in attempt from an address. Return None if attempts are not limited. Raises RateLimited.

        An address that is not public has a higher limit, because a whole office may share it.
        """
        return self._count(self._address_sign_ins.wanted(address))

    def request_of_user(self, organization_id: str, user_id: str) -> Allowance | None:
        """Count a request of a user. Return None if it is not limited. Raises RateLimited."""
        return self._count(_of_caller(self._user, f"{organization_id}\x00{user_id}"))

    def request_of_key(self, key_id: str) -> Allowance | None:
        """Count a request with an API key. Return None if it is not limited. Raises RateLimited."""
        return self._count(_of_caller(self._key, key_id))

    async def join(self, organization_id: str, user_id: str, address: str | None) -> Allowance | None:
        """Count a join of a user from an address, for all processes. Return None if it is not limited.

        The database counts what a caller uses beyond the modest share (`ModestCallers`). So N processes together
        grant a caller at most 1 + N/8 times the limit, and each process at most the limit. A refused join does not
        count in the database. Raises RateLimited, Unavailable.
        """
        return await self._count_shared(
            (
                *_of_caller(self._user_joins, f"{organization_id}\x00{user_id}"),
                *self._address_joins.wanted(address),
            )
        )

    async def alert_from(self, address: str | None) -> Allowance | None:
        """Count a visitor who wants to be told when a list opens, as a join from the address. Raises RateLimited,
        Unavailable."""
        return await self._count_shared(self._address_joins.wanted(address))

    async def _count_shared(self, wanted: Sequence[_Wanted]) -> Allowance | None:
        # First the limit of this process, so that its refusals cost no query.
        allowance = self._count(wanted)
        now = time.monotonic()
        shared = [one for one in wanted if not self._modest.count(*one, now)]
        if shared:
            await self._shared.submit(None, shared)
        return allowance

    def _count(self, wanted: Sequence[_Wanted]) -> Allowance | None:
        """Count one request on all these limits, or on none if one refuses. Return the rest of the tightest
        limit."""
        if not wanted:
            return None
        now, full_at, taken = time.monotonic(), self._full_at, []
        _forget_full(full_at, now)
        least: tuple[float, Limit, float] | None = None
        for limit, caller in wanted:
            full_in = max(full_at.get(caller, now) - now, 0.0) + limit.each
            spare = limit.window - full_in
            if spare < -_ROUNDING:
                full_at.move_to_end(caller)
                raise _refused(limit, -spare)
            taken.append(full_in)
            remaining = spare / limit.each
            if least is None or remaining < least[0]:
                least = remaining, limit, full_in
        for (_, caller), full_in in zip(wanted, taken, strict=True):
            if caller in full_at:
                full_at.move_to_end(caller)
            elif len(full_at) >= _CALLERS_KEPT:
                # Drops the caller whose last request is the oldest, because most of that limit is free again.
                full_at.popitem(last=False)
            full_at[caller] = now + full_in
        return Allowance(least[1], int(least[0] + _ROUNDING), least[2]) if least else None

    async def _take(self, _: None, take: Callable[[], Sequence[Sequence[_Wanted]]]) -> Sequence[Problem | None]:
        async with connection(self._pool) as acquired:
            requests = take()
            limits = {caller: limit for wanted in requests for limit, caller in wanted}
            asked = Counter(caller for wanted in requests for _, caller in wanted)
            # In the same order everywhere, so that two processes cannot deadlock.
            callers = dict(sorted((_hashed(caller), caller) for caller in limits))
            records = await acquired.fetch(
                sql("take_allowances"),
                list(callers),
                [asked[caller] for caller in callers.values()],
                [limits[caller].quantity for caller in callers.values()],
                [limits[caller].at_once for caller in callers.values()],
            )
            left = {callers[record["caller"]]: record["taken"] for record in records}
            full_in = {callers[record["caller"]]: record["full_in"] for record in records}
            refusals = [_spend(left, wanted) for wanted in requests]
            # A refusal by a narrow limit must not use up a wide one, or one caller could block a network.
            unused = [hashed for hashed, caller in callers.items() if left[caller]]
            if unused:
                await acquired.execute(
                    sql("give_back_allowances"),
                    unused,
                    [left[callers[hashed]] for hashed in unused],
                    [limits[callers[hashed]].quantity for hashed in unused],
                )
        return [
            one and _refused(one.limit, full_in[one.caller] + one.limit.each - one.limit.window)
            for one in refusals
        ]


class ModestCallers:
    """The callers who use so little of a shared limit in this process that the database need not know.

    The modest share is an eighth of the limit, in a bucket of its own. The database counts a request only if it
    does not fit there. So each process grants at most an eighth of the limit that the database does not count. A
    limit of fewer than eight at once has no modest share.
    """

    def __init__(self) -> None:
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def count(self, limit: Limit, caller: str, now: float) -> bool:
        """Count a request if it fits into the caller's modest share. Return whether it does.

        A request beyond fills the bucket. So while a caller asks for more than the share, the database counts each
        request.
        """
        share, full_at = limit.at_once // _MODEST_PART, self._full_at
        if not share:
            return False
        _forget_full(full_at, now)
        if caller not in full_at and len(full_at) >= _CALLERS_KEPT:
            return False  # The database counts callers that this process cannot remember.
        each = limit.each * _MODEST_PART
        filled = max(full_at.get(caller, now), now) + each
        fits = filled - now <= share * each + _ROUNDING
        full_at[caller] = filled if fits else now + share * each
        full_at.move_to_end(caller)
        return fits


class _Addresses:
    """One limit for addresses, and for the networks around them."""

    def __init__(self, name: str, quantity: int, *, at_once: int | None = None, peers: bool = False) -> None:
        self._limit = limit = _limit(name, quantity, at_once=at_once)
        self._limits = {
            (version, prefix): limit if factor == 1 else limit.times(factor, str(prefix))
            for version, networks in _COUNTED.items()
            for prefix, factor in networks
        }
        if peers:
            self._limits[_PEER] = limit.times(_PEER_TIMES, "private")
        self._known: dict[str, tuple[_Wanted, ...]] = {}

    def wanted(self, address: str | None) -> tuple[_Wanted, ...]:
        """Return the limits that count a request from an address, the narrowest network first."""
        if not self._limit.quantity:
            return ()
        known = self._known.get(address or "")
        if known is None:
            if len(self._known) >= _ADDRESSES_KEPT:
                self._known.clear()
            known = self._known[address or ""] = tuple(
                wanted
                for size, network in _networks(address or "")
                if size in self._limits
                for wanted in _of_caller(self._limits[size], network)
            )
        return known


def _forget_full(full_at: OrderedDict[str, float], now: float) -> None:
    """Forget the callers at the head whose limit is full again, so that a quiet process needs little memory."""
    while full_at and next(iter(full_at.values())) <= now:
        full_at.popitem(last=False)


def _limit(name: str, quantity: int, *, at_once: int | None = None) -> Limit:
    """Return how many requests may come at once: those of a minute, or those of _BURST_SECONDS and at least
    `at_once`."""
    if at_once is None:
        return Limit(name, quantity, quantity)
    return Limit(name, quantity, min(quantity, max(at_once, math.ceil(quantity * _BURST_SECONDS / _SECONDS))))


def _of_caller(limit: Limit, caller: str) -> tuple[_Wanted, ...]:
    return (_Wanted(limit, f"{limit.name}\x00{caller}"),) if limit.quantity else ()


def _hashed(caller: str) -> bytes:
    """Make the key of a caller in the database, without a name or an address."""
    return hashlib.sha256(caller.encode()).digest()[:16]


def _spend(left: dict[str, int], wanted: Sequence[_Wanted]) -> _Wanted | None:
    """Take one request from all these limits. If one refuses, take none and return that one."""
    refused = next((one for one in wanted if left[one.caller] <= 0), None)
    if refused is None:
        for one in wanted:
            left[one.caller] -= 1
    return refused


def _refused(limit: Limit, seconds: float) -> RateLimited:
    RATE_LIMITED.labels(limit.name).inc()
    at_once = f"{limit.at_once} requests at once and " if limit.at_once < limit.quantity else ""
    return RateLimited(
        f"The limit {limit.name} allows {at_once}{limit.quantity} requests a minute. Wait, then try again.",
        seconds=max(1, math.ceil(seconds)),
    )


def is_private(address: str) -> bool:
    """Return whether an address is private, loopback or link-local, so that it identifies no caller."""
    return _networks(address)[0][0] == _PEER


def _networks(address: str) -> list[tuple[_Size, str]]:
    """Return the networks that count an address, the narrowest first, as sizes and bits."""
    found = _parsed(address)
    if found is None or _is_private(found):
        return [(_PEER, address if found is None else str(found))]
    version, bits = found.version, int(found)
    return [
        ((version, prefix), f"{bits >> (found.max_prefixlen - prefix):x}/{prefix}")
        for prefix, _ in _COUNTED[version]
    ]


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _subscriber(address: str) -> str | None:
    found = _parsed(address)
    if found is None or _is_private(found):
        return None
    return str(found) if isinstance(found, IPv4Address) else str(IPv6Network((found, 64), strict=False))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # the socket has no address
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_private(found: IPv4Address | IPv6Address) -> bool:
    return any(found in network for network in _NOT_PUBLIC[found.version])
