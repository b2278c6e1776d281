"""Read the metrics of the whole deployment, and export all metrics to Prometheus.

The metrics in telemetry/metrics.py belong to one process. Several processes behind one address (`serve --workers`)
share their counts in files (prometheus_client's multiprocess mode), so that each process can answer for all.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from waiting_list import __version__
from waiting_list.postgres.outage import is_of_lost_node
from waiting_list.postgres.pool import Pool, Record, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import Unavailable

DEPLOYMENT_METRICS = {
    "lists": "Number of waiting lists.",
    "waiting_entries": "Number of waiting entries.",
    "held_tickets": "Number of held tickets.",
    "ready_entries": "Number of ready entries.",
    "oldest_due_hold_seconds": "How long the oldest due hold has been due; 0 without one.",
    "pending_notices": "Number of notices that are still to be sent.",
    "oldest_due_notice_seconds": "How long the oldest due notice has been due; 0 without one.",
    "pending_emails": "Number of e-mails that are still to be sent.",
    "mail_seen_timestamp_seconds": "When a worker that sends e-mails last ran, as seconds since 1970; 0 if never.",
    "dead_notices": "Number of notices that were given up and not deleted yet.",
    "audit_lists": "Number of lists in the last audit of all lists.",
    "audit_differences": "Number of lists with a difference in that audit.",
    "audit_timestamp_seconds": "When that audit ended, as seconds since 1970; 0 without an audit.",
}
"""The columns of web/sql/read_figures.sql with their help. Each metric is `waiting_list_` and the name."""

_SHARED = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
_FRESH_SECONDS = 5.0
_MAIL_FRESH = timedelta(minutes=5)


def share_counts() -> "tempfile.TemporaryDirectory[str]":
    """Let child processes share their counts, as long as the caller keeps the returned folder."""
    folder = tempfile.TemporaryDirectory(prefix="waiting-list-metrics-")
    os.environ[_SHARED] = folder.name
    return folder


class MailSeen(NamedTuple):
    """How the deployment sends e-mails, and when a worker that sends them last ran; None if none ever has."""

    transport: str | None
    seen_at: datetime | None

    @property
    def is_now(self) -> bool:
        """Whether such a worker ran within the last five minutes."""
        return self.seen_at is not None and datetime.now(UTC) - self.seen_at < _MAIL_FRESH


class DeploymentMetrics:
    """Read the metrics of the deployment at most every few seconds. Each process has one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read_at = float("-inf")
        self._record: Record | None = None
        self._reading: asyncio.Task[Record] | None = None

    async def read(self) -> Record:
        """Return the metrics, at most a few seconds old. Raises Unavailable."""
        if self._record is not None and time.monotonic() - self._read_at <= _FRESH_SECONDS:
            return self._record
        # One query for all callers, because counting many pending notices takes a moment.
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

    async def read_seconds_late(self, *, at_all_nodes: bool) -> tuple[float, float]:
        """Return for how many seconds a hold and a notice have been due.

        While a node of a Citus cluster is lost, they are those read before, or 0: the process serves the lists of
        the other nodes. With `at_all_nodes`, this raises Unavailable, like any other outage.
        """
        try:
            record: Record | None = await self.read()
        except Unavailable as problem:
            if at_all_nodes or not is_of_lost_node(problem.__cause__):
                raise
            record = self._record
        if record is None:
            return 0.0, 0.0
        return record["oldest_due_hold_seconds"], record["oldest_due_notice_seconds"]

    @property
    def mail_seen(self) -> MailSeen:
        """How the deployment sends e-mails, and when a worker last did, as far as the last read says."""
        if self._record is None or not self._record["mail_seen_timestamp_seconds"]:
            return MailSeen(None, None)
        at = datetime.fromtimestamp(self._record["mail_seen_timestamp_seconds"], UTC)
        return MailSeen(self._record["mail_transport"], at)

    async def _read(self) -> Record:
        try:
            async with snapshot(self._pool) as acquired:
                record = await acquired.fetchrow(sql("read_figures"))
            assert record is not None
            self._record, self._read_at = record, time.monotonic()
            return record
        finally:
            self._reading = None

    async def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus.

        While the database is away, its metrics are missing and `waiting_list_database_up` is 0.
        """
        try:
            record = await self.read()
        except Unavailable:
            record = None
        registry = CollectorRegistry()
        if folder := os.environ.get(_SHARED):
            _forget_the_dead(Path(folder))
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(REGISTRY)
        registry.register(_DeploymentCollector(record))
        return generate_latest(registry)


class _DeploymentCollector(Collector):
    def __init__(self, record: Record | None) -> None:
        self._record = record

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("waiting_list", "Version of the service.", {"version": __version__})
        up = self._record is not None
        yield GaugeMetricFamily(
            "waiting_list_database_up", "Whether the database answers (1) or not (0).", float(up)
        )
        if self._record is not None:
            for name, description in DEPLOYMENT_METRICS.items():
                yield GaugeMetricFamily(f"waiting_list_{name}", description, float(self._record[name]))


def _forget_the_dead(folder: Path) -> None:
    # The gauges of an ended process no longer count; its counters stay.
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another process has just done so
                multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass
