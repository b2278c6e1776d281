"""Traces from a process that `serve` starts, to a real receiver of OTLP over HTTP."""

import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.processes.test_cli import command
from tests.support.ports import free_port
from tests.support.until import until
from waiting_list.telemetry import tracing


@contextmanager
def receiving() -> Iterator[tuple[str, list[Any]]]:
    """A collector, and the spans that it got."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


async def test_requests_and_batches_are_traced_and_nobody_is_named(dsn: str) -> None:
    key = command("create-key", "org-zq9", DATABASE_URL=dsn).stdout.strip()
    port = free_port()
    with receiving() as (collector, spans):
        environment = {
            "DATABASE_URL": dsn,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "NO_PROXY": "127.0.0.1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "waiting_list", "serve", "--port", str(port)],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

                async def is_up() -> bool:
                    try:
                        return (await http.get("/health/live")).status_code == 200
                    except httpx.HTTPError:
                        return False

                await until(is_up, seconds=30)
                headers = {
                    "Authorization": f"Bearer {key}",
                    "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
                }
                path = "/v1/organizer/waiting-lists/off-zq9/rep/entries?limit=1"
                body = {"user_id": "ada-zq9", "tickets_wanted": 1}
                answer = await http.post(path.partition("?")[0], headers=headers, json=body)
                assert answer.status_code == 404

                async def has_come() -> bool:
                    return {"join_for_user", "batch"} <= {span.name for span in spans}

                await until(has_come, seconds=20)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    (request,) = [span for span in spans if span.name == "join_for_user"]
    (batch,) = [span for span in spans if span.name == "batch"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == ("ab" * 16, "cd" * 8)
    assert (batch.trace_id, batch.parent_span_id) == (request.trace_id, request.span_id)
    attributes = {one.key: one.value for one in request.attributes}
    assert attributes["http.response.status_code"].int_value == 404
    assert "zq9" not in "".join(map(str, spans))


def test_what_broke_a_batch_is_named_by_its_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("waiting_list"))
    monkeypatch.setattr(tracing._Sending, "is_on", True)
    with pytest.raises(ValueError, match="zq9"), tracing.batch():
        raise ValueError("DETAIL:  Key (list_id, user_id)=(1, ada-zq9) already exists.")
    (batch,) = spans.get_finished_spans()
    assert (batch.status.status_code, batch.status.description) == (StatusCode.ERROR, "ValueError")
    assert "zq9" not in batch.to_json()
