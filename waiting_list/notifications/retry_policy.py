"""Define how an attempt to send a notice can end, and when to try again."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from waiting_list.lists.notice_kinds import EmailKind

LONGEST_ANSWER = 500
"""The most characters of a receiver's answer to store."""
DELAYS_SECONDS = (5, 30, 120, 300, 900, 2_700, 7_200, 18_000, 36_000)
"""The delays between tries: ten tries over about eighteen hours, with jitter."""
_LONGEST_WAIT = timedelta(days=3)
_LONGEST_WAITS = {
    EmailKind.JOINED: timedelta(days=1),
    EmailKind.OPENED: timedelta(days=1),
    EmailKind.TRANSFER_OFFERED: timedelta(days=1),
    EmailKind.SIGN_IN: timedelta(hours=1),
    EmailKind.MEMBER_LINK: timedelta(days=7),
    EmailKind.VERIFY: timedelta(days=7),
    EmailKind.READY: timedelta(days=30),
    EmailKind.REMINDER: timedelta(days=30),
}
LONGEST_WAITS: Mapping[str, timedelta] = {kind: _LONGEST_WAITS.get(kind, _LONGEST_WAIT) for kind in EmailKind}
"""How long an e-mail may be due before the service gives it up unsent.

The e-mails about a hold may wait longest, because the sender drops them anyway once the hold is over.
"""
_JITTER = 0.2
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+")


class Outcome(StrEnum):
    """How an attempt ended."""

    SENT = "sent"
    """The receiver accepted the notice."""
    RETRY = "retry"
    """The receiver may accept it later."""
    DEAD = "dead"
    """The receiver refused the notice for good."""


class Attempt(NamedTuple):
    """One attempt: its outcome, the status (SMTP or HTTP) and text of the receiver's answer, and its duration.

    Without an answer the status is None, and the text says why. `bad_address` says that the mail server refused
    the recipient for good, and not only this e-mail.
    """

    outcome: Outcome
    status: int | None
    answer: str
    latency_ms: int
    bad_address: bool = False


def delay_seconds(tries: int, *, chance: float) -> float | None:
    """Return how many seconds to wait after so many tries; None if that was the last.

    `chance`, from 0 to 1, spreads the retries of notices that failed together: a fifth less or more.
    """
    if tries > len(DELAYS_SECONDS):
        return None
    return DELAYS_SECONDS[tries - 1] * (1 + _JITTER * (2 * chance - 1))


def without_addresses(answer: str) -> str:
    """Return the answer of a mail server without the addresses in it."""
    return _ADDRESS.sub("…", answer)
