"""Send traces with OpenTelemetry, if `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.

A span of a request has the call, its method and its status. A span of a batch has the number of requests.
FastAPI's own spans would have paths and queries, which contain private links and the ids of people.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer = trace.get_tracer("waiting_list")
_NO_SPAN = nullcontext(trace.INVALID_SPAN)


class _Sending:
    """Whether this process sends traces. If not, a batch opens no span, because that takes as long as a join."""

    is_on = False


def is_wanted() -> bool:
    """Return whether the environment names a collector."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def set_up() -> None:
    """Send traces as the standard `OTEL_…` variables say. Raises ValueError if the packages for it are missing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise ValueError("Traces need more packages: pip install 'waiting-list[otel]'.") from error
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "waiting-list"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _Sending.is_on = True


class RequestSpan:
    """The span of one request: a child of the caller's span if the request has `traceparent` (W3C Trace
    Context)."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._span = _tracer.start_span("request", propagate.extract(headers), SpanKind.SERVER)
        self._current = trace.use_span(self._span)
        self._current.__enter__()

    def end(self, *, method: str, call: str, status: int) -> None:
        """End the span, with the call and the status of its answer."""
        self._span.update_name(call)
        self._span.set_attributes({"http.request.method": method, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))
        self._current.__exit__(None, None, None)
        self._span.end()


def batch() -> AbstractContextManager[Span]:
    """Open the span of a batch, as a child of one of its requests."""
    return _batch() if _Sending.is_on else _NO_SPAN


@contextmanager
def _batch() -> Iterator[Span]:
    with _tracer.start_as_current_span("batch", record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except Exception as error:
            # Only the class, because PostgreSQL's message may quote a row.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
