"""One try to deliver a notice: how it ended, and when to try again."""

import re
from enum import StrEnum
from typing import NamedTuple

LONGEST_ANSWER = 500
"""Characters of a receiver's answer that are kept."""
DELAYS_SECONDS = (5, 30, 120, 300, 900, 2_700, 7_200, 18_000, 36_000)
"""Between one try and the next: ten tries over eighteen hours, give or take the jitter."""
_JITTER = 0.2
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+")


class Outcome(StrEnum):
    """How a try ended."""

    SENT = "sent"
    """The receiver took it."""
    RETRY = "retry"
    """It may be taken later."""
    DEAD = "dead"
    """It never will be: the receiver said so for good."""


class Attempt(NamedTuple):
    """One try: how it ended, the status (SMTP or HTTP) and text that the receiver answered, and how long it took.
    The status is null where nobody answered; the text then says why."""

    outcome: Outcome
    status: int | None
    answer: str
    latency_ms: int


def delay_seconds(tries: int, *, chance: float) -> float | None:
    """How long to wait after so many tries, in seconds; None if that was the last.

    `chance`, from 0 to 1, spreads those who failed together: a fifth less or more.
    """
    if tries > len(DELAYS_SECONDS):
        return None
    return DELAYS_SECONDS[tries - 1] * (1 + _JITTER * (2 * chance - 1))


def without_addresses(answer: str) -> str:
    """What a mail server has answered, without whom it was about."""
    return _ADDRESS.sub("…", answer)
