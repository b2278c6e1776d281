"""Stop a command in order, on SIGTERM and on Ctrl-C (SIGINT).

The command then ends what it has begun, such as the embedded PostgreSQL. `serve` and `worker` run until they are
stopped, so their exit code is 0. Every other command was interrupted before its end. Its exit code is 128 and the
number of the signal: 143, or 130 for Ctrl-C.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_UNTIL_STOPPED = ("serve", "worker")
_AGAIN_SECONDS = 6.0
"""Longer than the pool takes to close, and shorter than the ten seconds that Docker waits."""


class _Stop:
    """Handle the signals of the operator, and remember how far the command is."""

    def __init__(self) -> None:
        self.runs_until_stopped = False
        self.has_begun = False
        self.exit_code = 0
        self.is_held = False
        self.held: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number in _SIGNALS:
            self.exit_code = 0 if self.runs_until_stopped else 128 + number
        if not self.has_begun:
            os._exit(self.exit_code)
        if self.is_held:
            self.held = number
            return
        # Python drops an exception that is raised in a callback, such as one of a weak reference. So raise it
        # again until the command has ended.
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        sys.exit(self.exit_code)


_stop = _Stop()


def handle_stops() -> None:
    """Handle SIGTERM and Ctrl-C. Until `end_in_order` they end the process at once.

    A shell starts a job in the background with SIGINT ignored, and the job continues to ignore it.
    """
    # The name of the command, because the signal may come before the command has begun.
    _stop.runs_until_stopped |= _command(sys.argv[1:]) in _UNTIL_STOPPED
    signal.signal(signal.SIGALRM, _stop)
    _set(_stop)


def expect_a_stop() -> None:
    """Say that this command runs until it is stopped, so that its exit code is then 0."""
    _stop.runs_until_stopped = True


def end_in_order() -> None:
    """Let the signals raise SystemExit in the main thread, because the command has something to end."""
    _stop.has_begun = True
    # The loop catches and logs one that is raised in some of its callbacks, as if it were a defect.
    logging.getLogger("asyncio").addFilter(_is_no_stop)


def _is_no_stop(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], SystemExit))


@contextmanager
def stop_held() -> Iterator[None]:
    """Let a stop wait for the end of the block, which must be short, because the operator waits, too."""
    _stop.is_held = True
    try:
        yield
    finally:
        _stop.is_held = False
        if _stop.held is not None:
            _stop(_stop.held, None)


def ignore_stops() -> None:
    """Ignore further signals, because the command has ended and only Python itself has not."""
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def call_at_stop(stop: Callable[[], object]) -> None:
    """Call `stop` at the first signal, in place of an exception, and ignore further ones."""

    def handle(_: int, __: FrameType | None) -> None:
        ignore_stops()
        stop()

    _set(handle)


def _command(arguments: list[str]) -> str | None:
    """Return the name of the command, which stands behind the options of the whole program."""
    words = iter(arguments)
    for word in words:
        if word == "--env-file":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def _set(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
