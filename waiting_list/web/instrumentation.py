"""Instrument each request: an id for its log lines, its count and time, and a line where it failed.

Log
lines name the call and never the path or the query, because these contain private links and user ids.
"""

import re
from functools import cache
from random import getrandbits

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import Scope

from waiting_list.telemetry.metrics import REQUEST_SECONDS, REQUESTS
from waiting_list.web.problem_responses import REQUEST_ID_HEADER

log = structlog.get_logger(__name__)

_SLOW_SECONDS = 1.0
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def count(method: str, call: str, status: int, seconds: float, *, log_it: bool) -> None:
    """Count and time an answer. Log it if that is wanted, or if it failed or was slow."""
    counter, histogram = _metrics(call, status)
    counter.inc()
    histogram.observe(seconds)
    if log_it or status >= 500 or seconds > _SLOW_SECONDS:
        log.info("request", method=method, call=call, status=status, duration_ms=round(seconds * 1000, 1))


@cache
def _metrics(call: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(call, status), REQUEST_SECONDS.labels(call)


def call_name(scope: Scope) -> str:
    """Return the name of the call that a request reached; `none` if it reached none."""
    route = scope.get("route")
    return str(getattr(route, "operation_id", None) or route.name) if route else "none"


def trace_context(scope: Scope) -> dict[str, str]:
    """Return the headers that name the caller's span (W3C Trace Context)."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }


def request_id_of(scope: Scope) -> str:
    """Return the id of a request: the caller's where it is a valid one, else a new one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _GIVEN.fullmatch(value):
            return str(value.decode())
    return f"{getrandbits(64):016x}"  # not a secret
