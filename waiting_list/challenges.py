"""Challenges: work for the device of a fan who joins, or who asks for a link to sign in. A person waits a moment;
a program pays the work for every place, or every mailbox. No I/O here.

No challenge is stored: its token is signed, names its difficulty and its end, and is good for one subject (this
user in this list, this mailbox). It has `PUZZLES` small puzzles instead of a large one, so that the time that it
takes varies little. docs/bots.md has the protocol, and what it stops.
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
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import Field, Strict

from waiting_list.fields import Frozen
from waiting_list.metrics import CHALLENGES

PUZZLES = 16
"""Puzzles of one challenge: the time for all of them varies by a quarter, that for a single one by all of it."""
LEAST_BITS, BASE_BITS, MOST_BITS = 14, 16, 17
"""Zero bits that each puzzle asks for: at the least, where a list always asks, and at the most. One more doubles
the work; docs/bots.md has what they cost."""
LIFE_SECONDS = 300
"""How long a challenge can be answered."""
CALM_OF_NETWORK, CALM_OF_ALL = 10.0, 300.0
"""In a minute, from one network and from everywhere: up to so many, `adaptive` asks for nothing."""
_KEPT = 100_000
_HEAD = struct.Struct(">IB7s")
_SIGNED = 12
_TOKEN_LENGTH = 32
_NUMBERS = re.compile(rf"[0-9]{{1,15}}(\.[0-9]{{1,15}}){{{PUZZLES - 1}}}", re.ASCII)

Subject = Sequence[str]
"""What a challenge is good for, by its parts; none of them holds NUL."""


Nonce = Annotated[int, Strict(), Field(ge=0, lt=2**53)]


class Challenge(Frozen):
    """A challenge to solve.

    For each `i` from 0 to `puzzles` - 1, find a whole number `n` so that the SHA-256 of the text `token.i.n`
    begins with `bits` zero bits.
    """

    token: str
    puzzles: int
    bits: int
    expires_at: datetime


class Solution(Frozen):
    """A solved challenge: its `token`, and the number found for each puzzle, in order."""

    token: str = Field(pattern=rf"^[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}$")
    solution: tuple[Nonce, ...] = Field(min_length=PUZZLES, max_length=PUZZLES)


class Proof(NamedTuple):
    """What is known of a fan who joins: whether they have solved a challenge, and the bits that an adaptive list
    asks for now, 0 for none (`pressing`)."""

    solved: bool = False
    pressing: int = 0


NO_PROOF = Proof()


def new_challenge(key: bytes, subject: Subject, *, bits: int, now: float) -> Challenge:
    """A challenge that is good for this subject alone, from now (seconds since 1970) on for LIFE_SECONDS."""
    until = int(now) + LIFE_SECONDS
    head = _HEAD.pack(until, bits, secrets.token_bytes(7))
    token = base64.urlsafe_b64encode(head + _signature(key, head, subject)).decode()
    return Challenge(token=token, puzzles=PUZZLES, bits=bits, expires_at=datetime.fromtimestamp(until, UTC))


def is_solved(key: bytes, subject: Subject, given: Solution, *, now: float) -> bool:
    """Whether this solves a challenge of this subject that can still be answered. A solution counts for what its
    challenge asked for, also when others are asked for more meanwhile."""
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


def solution_of(token: str, numbers: str) -> Solution | None:
    """The solution that a form sends, its numbers with dots between; None if it is none."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}", token) or not _NUMBERS.fullmatch(numbers):
        return None
    return Solution(token=token, solution=tuple(map(int, numbers.split("."))))


def _signature(key: bytes, head: bytes, subject: Subject) -> bytes:
    # 96 bits: whoever forges one must try it here, one request each.
    return hmac.digest(key, head + "\x00".join(subject).encode(), hashlib.sha256)[:_SIGNED]


def _zero_bits(text: str) -> int:
    return 256 - int.from_bytes(hashlib.sha256(text.encode()).digest()).bit_length()


class Pressure:
    """How many have come in the last minute, by what is counted. Of one process, and approximate: each one counted
    fades with a time constant of a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def add(self, counted: Hashable, number: int = 1) -> float:
        """Counts one more (or takes one back), and says how many there are now."""
        level, now = self.level(counted), self._clock()
        self._levels.pop(counted, None)
        if len(self._levels) >= _KEPT:
            # The one that was counted the longest ago: most of it has faded.
            del self._levels[next(iter(self._levels))]
        self._levels[counted] = max(0.0, level + number), now
        return level + number

    def level(self, counted: Hashable) -> float:
        """How many there are now."""
        level, at = self._levels.get(counted, (0.0, 0.0))
        return level * math.exp((at - self._clock()) / 60) if level else 0.0


class Visit:
    """One join, or one request to sign in. It counts at once, so that those at the same time see each other; where
    it is refused it is taken back, so that refusals raise no difficulty."""

    def __init__(self, pressure: Pressure, where: str, network: str | None) -> None:
        self._pressure = pressure
        self._counted = [(where, None, CALM_OF_ALL)] + ([(where, network, CALM_OF_NETWORK)] if network else [])
        levels = [pressure.add((place, who)) / calm for place, who, calm in self._counted]
        self.pressing = bits_for(max(levels))
        """The bits that an adaptive challenge asks for now, 0 for none."""

    def take_back(self) -> None:
        """Nothing came of it."""
        for place, who, _ in self._counted:
            self._pressure.add((place, who), -1)


def bits_for(times_calm: float) -> int:
    """What an adaptive challenge asks for when so many times as many come as in calm: nothing, then LEAST_BITS and
    one bit more for each doubling, up to MOST_BITS."""
    return 0 if times_calm <= 1 else min(MOST_BITS, LEAST_BITS + int(math.log2(times_calm)))


def asked_bits(wanted: str, pressing: int) -> int:
    """What `off`, `adaptive` or `always` asks for, 0 for nothing."""
    match wanted:
        case "always":
            return max(BASE_BITS, pressing)
        case "adaptive":
            return pressing
        case _:
            return 0


def count(purpose: str, outcome: str) -> None:
    """Counts a challenge of a purpose (join, sign_in), for the metrics."""
    CHALLENGES.labels(purpose, outcome).inc()
