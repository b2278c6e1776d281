"""Traces with OpenTelemetry: off unless `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.

A span names the call, its method and its status; a batch's, how many requests it did. FastAPI's own spans would
have paths and queries, where private links and the ids of people stand.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_tracer = trace.get_tracer("waiting_list")


def is_wanted() -> bool:
    """Whether the environment says where traces go."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def set_up() -> None:
    """Sends what is traced, by the standard `OTEL_…` variables. Raises ValueError where the packages for it are
    missing."""
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


class RequestSpan:
    """The span of one request, a child of the caller's where that sends `traceparent` (W3C Trace Context)."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._span = _tracer.start_span("request", propagate.extract(headers), SpanKind.SERVER)
        self._current = trace.use_span(self._span)
        self._current.__enter__()

    def end(self, *, method: str, call: str, status: int) -> None:
        """What it was, and what came of it."""
        self._span.update_name(call)
        self._span.set_attributes({"http.request.method": method, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))
        self._current.__exit__(None, None, None)
        self._span.end()


@contextmanager
def batch() -> Iterator[Span]:
    """The span of a batch. It hangs below one of its requests."""
    with _tracer.start_as_current_span("batch", record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except Exception as error:
            # Its kind alone: what PostgreSQL says may quote a row.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
