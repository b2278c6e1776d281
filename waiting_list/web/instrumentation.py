"""Instrument each request: an id for its log lines, its count and time, and a line where it failed.

Each answer also gets that id, and a `Cache-Control` that forbids caching unless the answer declares its own. Log
lines name the call and never the path or the query, because these contain private links and user ids.
"""

import re
import time
from functools import cache
from secrets import token_hex

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waiting_list.telemetry import tracing
from waiting_list.telemetry.logs import REQUEST_ID
from waiting_list.telemetry.metrics import REQUEST_SECONDS, REQUESTS
from waiting_list.telemetry.tracing import RequestSpan
from waiting_list.web.peers import Peers
from waiting_list.web.problem_responses import CACHE_CONTROL, PRIVATE, REQUEST_ID_HEADER, REQUEST_ID_KEY

log = structlog.get_logger(__name__)

_SLOW_SECONDS = 1.0
_PRIVATE = (CACHE_CONTROL, PRIVATE.encode())
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Instrumentation:
    """The outermost ASGI middleware.

    The request id is the caller's `X-Request-Id` if that has 1 to 64 letters, digits, dots, dashes or underscores,
    else a new one. The answer has it, too. An answer without a `Cache-Control` gets `private, no-store`.
    """

    def __init__(self, app: ASGIApp, *, log_requests: bool, peers: Peers) -> None:
        self._app = app
        self._peers = peers
        self._log_requests = log_requests
        self._traces = tracing.is_wanted()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        span = RequestSpan(_trace_context(scope)) if self._traces else None
        scope[REQUEST_ID_KEY] = request_id
        self._peers.look(scope)
        REQUEST_ID.set(request_id)  # for good: the server runs each request in a context of its own
        # 500 if the application raises, because Starlette then makes the answer outside of this middleware.
        status, seconds = 500, None

        async def send_marked(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
                message["headers"] = headers = [*message["headers"], (REQUEST_ID_HEADER, request_id.encode())]
                for name, _ in headers:
                    if name == CACHE_CONTROL:
                        break
                else:
                    headers.append(_PRIVATE)
                if scope["app"].state.service.draining.is_set():
                    # A caller that keeps the connection open would send the next request while it closes.
                    headers.append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            method, call = scope["method"] if scope["method"].isalpha() else "?", _call(scope)
            self._count(method, call, status, time.perf_counter() - began if seconds is None else seconds)
            if span is not None:
                span.end(method=method, call=call, status=status)

    def _count(self, method: str, call: str, status: int, seconds: float) -> None:
        counter, histogram = _metrics(call, status)
        counter.inc()
        histogram.observe(seconds)
        if self._log_requests or status >= 500 or seconds > _SLOW_SECONDS:
            log.info("request", method=method, call=call, status=status, duration_ms=round(seconds * 1000, 1))


@cache
def _metrics(call: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(call, status), REQUEST_SECONDS.labels(call)


def _call(scope: Scope) -> str:
    route = scope.get("route")
    return str(getattr(route, "operation_id", None) or route.name) if route else "none"


def _trace_context(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _GIVEN.fullmatch(value):
            return str(value.decode())
    return token_hex(8)
