"""How the processes log: structlog, to stderr; lines for people, or JSON for machines. No personal data.

Whatever comes from outside is on one line: JSON escapes it, and lines for people show escapes for what cannot be
seen.
"""

import logging
import re
import sys
from contextvars import ContextVar

import structlog

from waiting_list.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request on whose behalf something is done. Where many share a transaction, it is that of one of them."""
_DETAIL = re.compile(r"DETAIL: .*")


def set_up(settings: Settings) -> None:
    """Sends everything, our own and the libraries', through one format."""
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
    rendered: list[structlog.typing.Processor] = (
        [structlog.processors.JSONRenderer()]
        if settings.log_json
        else [_escaped, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())


def _with_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event


def _without_rows(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    # PostgreSQL's detail of a broken constraint quotes the row: who it is about.
    for name, value in event.items():
        if isinstance(value, str) and "DETAIL: " in value:
            event[name] = _DETAIL.sub("DETAIL: (not logged)", value)
    return event


def _escaped(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str) and name != "exception" and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode()
    return event
