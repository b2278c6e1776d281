"""Make and check challenges: work for the device of a fan who joins or asks for a sign-in link. No I/O here.

A person waits a moment, while a program pays the work for every place or mailbox. The service stores no challenge:
its signed token has the difficulty and the expiry, and is valid for one subject (this user in this list, or this
mailbox). A challenge has `PUZZLES` small puzzles in place of a large one, so that the time for it varies little.
docs/bots.md has the protocol, and what it stops.
"""

import base64
import binascii
import hashlib
import hmac
import math
import re
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import Field, Strict

from waiting_list.fields import Frozen
from waiting_list.telemetry.metrics import CHALLENGES

PUZZLES = 16
"""Number of puzzles of a challenge. With 16, the time varies by a quarter; with one, by its whole length."""
LEAST_BITS, BASE_BITS, MOST_BITS = 14, 16, 17
"""How many zero bits each puzzle requires: at least, where a list always asks, and at most. Each further bit
doubles the work; docs/bots.md has the costs."""
LIFE_SECONDS = 300
"""How long a challenge is valid, in seconds."""
CALM_OF_NETWORK, CALM_OF_ALL = 10.0, 300.0
"""How many requests a minute, from one network and in total, `adaptive` allows without a challenge."""
_KEPT = 100_000
_HEAD = struct.Struct(">IB7s")
_SIGNED = 12
_TOKEN_LENGTH = 32
_NUMBERS = re.compile(rf"[0-9]{{1,15}}(\.[0-9]{{1,15}}){{{PUZZLES - 1}}}", re.ASCII)

Subject = Sequence[str]
"""The parts of the subject for which a challenge is valid. They contain no NUL."""

Nonce = Annotated[int, Strict(), Field(ge=0, lt=2**53)]
"""The number that solves one puzzle."""


class Challenge(Frozen):
    """A challenge to solve.

    For each `i` from 0 to `puzzles` - 1, find a whole number `n`. The SHA-256 of the text `token.i.n` must begin
    with `bits` zero bits.
    """

    token: str
    puzzles: int
    bits: int
    expires_at: datetime


class ChallengeSolution(Frozen):
    """A solved challenge: its `token`, and the number found for each puzzle, in order."""

    token: str = Field(pattern=rf"^[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}$")
    solution: tuple[Nonce, ...] = Field(min_length=PUZZLES, max_length=PUZZLES)


class Proof(NamedTuple):
    """The check of a fan who joins: whether they have `solved` a challenge, and the bits that an adaptive list
    requires now (`pressing`; 0: none)."""

    solved: bool = False
    pressing: int = 0


NO_PROOF = Proof()
"""The check of a join without a challenge."""


def new_challenge(key: bytes, subject: Subject, *, bits: int, now: float) -> Challenge:
    """Make a challenge for this subject, valid for LIFE_SECONDS from now (seconds since 1970)."""
    until = int(now) + LIFE_SECONDS
    head = _HEAD.pack(until, bits, secrets.token_bytes(7))
    token = base64.urlsafe_b64encode(head + _signature(key, head, subject)).decode()
    return Challenge(token=token, puzzles=PUZZLES, bits=bits, expires_at=datetime.fromtimestamp(until, UTC))


def is_solved(key: bytes, subject: Subject, given: ChallengeSolution, *, now: float) -> bool:
    """Return whether this solves a valid challenge of this subject.

    The challenge's own difficulty counts, even if the service requires more by now.
    """
    try:
        decoded = base64.b64decode(given.token, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return False
    head, signature = decoded[: _HEAD.size], decoded[_HEAD.size :]
    if not hmac.compare_digest(signature, _signature(key, head, subject)):
        return False
    until, bits, _ = _HEAD.unpack(head)
    if now >= until or len(given.solution) != PUZZLES:
        return False
    return all(_zero_bits(f"{given.token}.{i}.{n}") >= bits for i, n in enumerate(given.solution))


def solution_of(token: str, numbers: str) -> ChallengeSolution | None:
    """Read the solution in a form, whose numbers are separated by dots. Return None if it is not one."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}", token) or not _NUMBERS.fullmatch(numbers):
        return None
    return ChallengeSolution(token=token, solution=tuple(map(int, numbers.split("."))))


def _signature(key: bytes, head: bytes, subject: Subject) -> bytes:
    # 96 bits are enough, because a forger must try each one here, with a request.
    return hmac.digest(key, head + "\x00".join(subject).encode(), hashlib.sha256)[:_SIGNED]


def _zero_bits(text: str) -> int:
    return 256 - int.from_bytes(hashlib.sha256(text.encode()).digest()).bit_length()


class Pressure:
    """Count events of the last minute by key, in one process. The counts are approximate: each event fades with a
    time constant of a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def add(self, counted: Hashable, number: int = 1) -> float:
        """Add events to a count (or subtract them), and return the count."""
        level, now = self.level(counted), self._clock()
        self._levels.pop(counted, None)
        if len(self._levels) >= _KEPT:
            # Drops the key whose last event is the oldest, because most of its count has faded.
            self._levels.popitem(last=False)
        self._levels[counted] = max(0.0, level + number), now
        return level + number

    def level(self, counted: Hashable) -> float:
        """Return the current count."""
        level, at = self._levels.get(counted, (0.0, 0.0))
        return level * math.exp((at - self._clock()) / 60) if level else 0.0


class Visit:
    """One join, or one sign-in request. It counts at once, so that concurrent ones see each other. If it is
    refused, it is subtracted again, so that refusals do not raise the difficulty."""

    def __init__(self, pressure: Pressure, where: str, network: str | None) -> None:
        self._pressure = pressure
        self._counted = [(where, None, CALM_OF_ALL)] + ([(where, network, CALM_OF_NETWORK)] if network else [])
        levels = [pressure.add((place, who)) / calm for place, who, calm in self._counted]
        self.pressing = bits_for(max(levels))
        """The bits that an adaptive challenge requires now; 0: no challenge."""

    def take_back(self) -> None:
        """Subtract it again, because it was refused."""
        for place, who, _ in self._counted:
            self._pressure.add((place, who), -1)


def bits_for(times_calm: float) -> int:
    """Return the bits of an adaptive challenge for a load relative to a calm one: none, then LEAST_BITS and one
    more for each doubling, up to MOST_BITS."""
    return 0 if times_calm <= 1 else min(MOST_BITS, LEAST_BITS + int(math.log2(times_calm)))


def asked_bits(wanted: str, pressing: int) -> int:
    """Return the bits that `off`, `adaptive` or `always` requires; 0: no challenge."""
    match wanted:
        case "always":
            return max(BASE_BITS, pressing)
        case "adaptive":
            return pressing
        case _:
            return 0


def count(purpose: str, outcome: str) -> None:
    """Count a challenge of a purpose (join, sign_in) for the metrics."""
    CHALLENGES.labels(purpose, outcome).inc()
