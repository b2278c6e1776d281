"""Set up logging with structlog, to stderr: lines for people, or JSON for machines, without personal data.

Text from outside stays on one line: JSON escapes it, and lines for people escape characters that are not
printable.
"""

import logging
import os
import re
import sys
import threading
import time
from collections import OrderedDict
from contextvars import ContextVar

import structlog

from waiting_list.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that runs. In a shared transaction it is that of one of the requests."""
_DETAIL = re.compile(r"DETAIL: .*")
_REPEAT_SECONDS = 60.0
_LINES_KEPT = 100
_PROVOKED = frozenset(("not_http", "slow_reader_dropped"))
"""Events of this service that strangers can cause as often as they like."""

log = structlog.get_logger(__name__)


def set_up(settings: Settings) -> None:
    """Send the log lines of the service and of its libraries through one format."""
    shared: list[structlog.typing.Processor] = [
        _with_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_rows,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    has_colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    rendered: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if settings.log_json
        else [
            _escaped,
            # Plain tracebacks, also because `format_exc_info` has written them by then.
            structlog.dev.ConsoleRenderer(colors=has_colors, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    handler = logging.StreamHandler()
    handler.addFilter(Repeats())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())


class Repeats(logging.Filter):
    """Let a line through once in a minute, count its repeats, and then log how many there were.

    It applies to lines that a stranger can cause at will: warnings of libraries, such as one about a request that
    is not HTTP, and some events of the service. Lines with an exception always pass.
    """

    def __init__(self, seconds: float = _REPEAT_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._counted: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        """Since when each line is counted, and how often it was repeated."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a line."""
        event = record.msg["event"] if isinstance(record.msg, dict) else str(record.msg)
        ours = record.name.partition(".")[0] == "waiting_list"
        if record.exc_info or (event not in _PROVOKED if ours else record.levelno < logging.WARNING):
            return True
        line, now = (record.name, event), time.monotonic()
        with self._lock:
            since, times = self._counted.get(line, (float("-inf"), 0))
            if times or now - since <= self._seconds:
                if not times:
                    self._end_later(line, since + self._seconds - now)
                self._counted[line] = since, times + 1
                return False
            if len(self._counted) >= _LINES_KEPT:
                self._counted.popitem(last=False)
            self._counted[line] = now, 0
            return True

    def _end_later(self, line: tuple[str, str], seconds: float) -> None:
        timer = threading.Timer(max(seconds, 0), self.end, [line])
        timer.daemon = True
        timer.start()

    def end(self, line: tuple[str, str]) -> None:
        """Log how often a line was suppressed, and let the next one through."""
        with self._lock:
            _, times = self._counted.pop(line, (0, 0))
        if times:
            log.warning("line_repeated", of=line[0], line=line[1], times=times, seconds=self._seconds)


def _with_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event


def _without_rows(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    # Removed, because PostgreSQL's detail of a broken constraint quotes the row, with personal data.
    for name, value in event.items():
        if isinstance(value, str) and "DETAIL: " in value:
            event[name] = _DETAIL.sub("DETAIL: (not logged)", value)
    return event


def _escaped(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str) and name != "exception" and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode()
    return event
