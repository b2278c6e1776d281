"""How much one caller may ask for: of a user, an API key, or an address and the networks around it, in a minute.

Each limit is a bucket that fills up evenly (ITU-T I.371's generic cell rate algorithm). It holds a minute's worth,
or where a crowd must not be outrun (joins and attempts to sign in from an address) only a few seconds' worth.
Requests are counted in each process, which costs nothing. Joins are counted in the database as well, for all
processes together.
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

from waiting_list.batch import Batcher
from waiting_list.database import Pool, connection, sql
from waiting_list.metrics import RATE_LIMITED
from waiting_list.problems import Problem, RateLimited
from waiting_list.settings import Settings

_SECONDS = 60
_BURST_SECONDS = 5
"""How much of a minute's worth of joins, and of attempts to sign in, can be had at once."""
_JOINS_AT_ONCE = 20
_SIGN_INS_AT_ONCE = 10
"""So many at once in any case: people are not refused for being quick."""
_COUNTED = {4: ((32, 1), (24, 4)), 6: ((64, 1), (48, 4), (32, 64))}
"""The networks that an address is counted on, by the version of IP: the prefix, and how many times as much as one
address may be done from there. docs/rate-limits.md has the reasons."""
_Size: TypeAlias = tuple[int, int]
"""Of a network: the version of IP, and the length of the prefix."""
_PEER: _Size = (0, 0)
"""Of an address that is not public."""
_PEER_TIMES = 10
_ROUNDING = 1e-6
_MOST = 2**31 - 1
_CALLERS_KEPT = 100_000
_ADDRESSES_KEPT = 10_000
_NOT_PUBLIC: dict[int, list[IPv4Network | IPv6Network]] = {
    4: [*map(IPv4Network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))],
    6: [*map(IPv6Network, ("::1/128", "fc00::/7", "fe80::/10"))],
}


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests of one kind in a minute, and `at_once` of them at most in a moment."""

    name: str
    quantity: int
    at_once: int
    each: float = field(init=False, compare=False)
    """How many seconds one request takes to come back."""
    window: float = field(init=False, compare=False)
    """How many seconds all of `at_once` take to come back."""

    def __post_init__(self) -> None:
        each = _SECONDS / self.quantity if self.quantity else 0.0
        object.__setattr__(self, "each", each)
        object.__setattr__(self, "window", self.at_once * each)

    def times(self, factor: int, suffix: str) -> "Limit":
        """The limit of a network that may do so many times as much."""
        quantity, at_once = min(self.quantity * factor, _MOST), min(self.at_once * factor, _MOST)
        return Limit(f"{self.name}/{suffix}", quantity, at_once)


class Allowance(NamedTuple):
    """What is left of a limit: `remaining` requests now, all of them after `full_in` seconds."""

    limit: Limit
    remaining: int
    full_in: float

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The same, as the IETF's RateLimit header fields say it (draft-ietf-httpapi-ratelimit-headers-10)."""
        name, limit = self.limit.name.encode(), self.limit
        return [
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name, limit.at_once, math.ceil(limit.window - _ROUNDING))),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name, self.remaining, math.ceil(self.full_in))),
        ]


class _Wanted(NamedTuple):
    limit: Limit
    caller: str
    """Under a name that no caller of another limit has."""


class Limits:
    """The limits of one process, and through the database those of all. A limit of 0 is none."""

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
        self._shared: Batcher[None, Sequence[_Wanted], None] = Batcher(
            self._take, queue_limit=settings.list_queue_limit, batch_limit=settings.batch_limit
        )

    @staticmethod
    def network(address: str | None) -> str | None:
        """Name what a public address is counted as: itself, or the /64 network of an IPv6 subscriber (RFC 6177).
        None for one that is not public: it says nothing of who is behind it."""
        return _subscriber(address or "")

    def request_from(self, address: str | None) -> Allowance | None:
        """Counts a request from an address; None if it is not limited. Raises RateLimited."""
        return self._count(self._address.wanted(address))

    def sign_in_from(self, address: str | None) -> Allowance | None:
        """Counts an attempt to sign in from an address, also from one that is not public: there a whole office may
        be behind it, so it may do more. None if attempts are not limited. Raises RateLimited."""
        return self._count(self._address_sign_ins.wanted(address))

    def request_of_user(self, organization_id: str, user_id: str) -> Allowance | None:
        """Counts a request of a user; None if it is not limited. Raises RateLimited."""
        return self._count(_of_caller(self._user, f"{organization_id}\x00{user_id}"))

    def request_of_key(self, key_id: str) -> Allowance | None:
        """Counts a request with an API key; None if it is not limited. Raises RateLimited."""
        return self._count(_of_caller(self._key, key_id))

    async def join(self, organization_id: str, user_id: str, address: str | None) -> Allowance | None:
        """Counts a join of a user from an address, for all processes; None if it is not limited. One that is
        refused takes nothing of any limit in the database. Raises RateLimited, Unavailable."""
        wanted = (
            *_of_caller(self._user_joins, f"{organization_id}\x00{user_id}"),
            *self._address_joins.wanted(address),
        )
        # What this process alone has seen too much of need not reach the database.
        allowance = self._count(wanted)
        if wanted:
            await self._shared.submit(None, wanted)
        return allowance

    def _count(self, wanted: Sequence[_Wanted]) -> Allowance | None:
        """Counts one request for all of these, or for none of them if one refuses; returns what is left of the one
        that has least."""
        if not wanted:
            return None
        now, full_at, taken = time.monotonic(), self._full_at, []
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
                # Whoever has not asked for longest: they have most of their limit again, or all of it.
                full_at.popitem(last=False)
            full_at[caller] = now + full_in
        return Allowance(least[1], int(least[0] + _ROUNDING), least[2]) if least else None

    async def _take(self, _: None, take: Callable[[], Sequence[Sequence[_Wanted]]]) -> Sequence[Problem | None]:
        async with connection(self._pool) as acquired:
            requests = take()
            limits = {caller: limit for wanted in requests for limit, caller in wanted}
            asked = Counter(caller for wanted in requests for _, caller in wanted)
            # In one order everywhere, so that no two processes wait for each other.
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
            # What a narrow limit refuses uses up no wide one: else one caller could use up the limit of a network.
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


class _Addresses:
    """One limit of addresses, and of the networks around them."""

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
        """What a request from an address takes of: the narrowest network first; nothing if it is not limited."""
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


def _limit(name: str, quantity: int, *, at_once: int | None = None) -> Limit:
    """A minute's worth at once; or _BURST_SECONDS' worth, and `at_once` at least."""
    if at_once is None:
        return Limit(name, quantity, quantity)
    return Limit(name, quantity, min(quantity, max(at_once, math.ceil(quantity * _BURST_SECONDS / _SECONDS))))


def _of_caller(limit: Limit, caller: str) -> tuple[_Wanted, ...]:
    return (_Wanted(limit, f"{limit.name}\x00{caller}"),) if limit.quantity else ()


def _hashed(caller: str) -> bytes:
    """What the database is told of a caller: no name, no address."""
    return hashlib.sha256(caller.encode()).digest()[:16]


def _spend(left: dict[str, int], wanted: Sequence[_Wanted]) -> _Wanted | None:
    """Takes one request from what is left of all of these; or nothing, and returns the one that refuses."""
    refused = next((one for one in wanted if left[one.caller] <= 0), None)
    if refused is None:
        for one in wanted:
            left[one.caller] -= 1
    return refused


def _refused(limit: Limit, seconds: float) -> RateLimited:
    RATE_LIMITED.labels(limit.name).inc()
    at_once = f"{limit.at_once} requests at once, or {limit.quantity}" if limit.at_once < limit.quantity else None
    return RateLimited(
        f"More than {at_once or f'{limit.quantity} requests'} in a minute ({limit.name}).",
        seconds=max(1, math.ceil(seconds)),
    )


def is_private(address: str) -> bool:
    """Whether this is an address that says nothing of who is behind it: private, loopback or link-local."""
    return _networks(address)[0][0] == _PEER


def _networks(address: str) -> list[tuple[_Size, str]]:
    """The networks that an address is counted on, the narrowest first: their bits, and how many these are."""
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
    except ValueError:  # of a socket that has none
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_private(found: IPv4Address | IPv6Address) -> bool:
    return any(found in network for network in _NOT_PUBLIC[found.version])
