"""The metrics of the whole deployment, and all metrics together as Prometheus reads them.

What a process counts (metrics.py) is its own. Several behind one address (`serve --workers`) put their counts
together in files (prometheus_client's multiprocess mode), so that whichever is asked answers for all.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from waiting_list import __version__
from waiting_list.database import Pool, Record, snapshot, sql
from waiting_list.problems import Unavailable

DEPLOYMENT_METRICS = {
    "lists": "Waiting lists.",
    "waiting_entries": "Entries that wait.",
    "held_tickets": "Tickets that are held.",
    "ready_entries": "Entries whose tickets are held.",
    "oldest_due_hold_seconds": "How long the first hold to lapse has been due; 0 if none is.",
    "pending_notices": "Notices that are to be sent.",
    "oldest_due_notice_seconds": "How long the first notice to be sent has been due; 0 if none is.",
    "dead_notices": "Notices that were given up, while they are kept.",
    "audit_lists": "Lists that the last audit of all lists looked at.",
    "audit_differences": "Those of them that had a difference.",
    "audit_timestamp_seconds": "When that audit ended; 0 if there was none.",
}
"""What sql/read_figures.sql reads, each as `waiting_list_` + its name."""

_SHARED = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client looks at it when it is imported
_FRESH_SECONDS = 5.0


def share_counts() -> "tempfile.TemporaryDirectory[str]":
    """Has the processes that this one starts put their counts together, as long as what is returned is kept."""
    folder = tempfile.TemporaryDirectory(prefix="waiting-list-metrics-")
    os.environ[_SHARED] = folder.name
    return folder


class DeploymentMetrics:
    """Reads the metrics of the deployment, at most every few seconds, however many ask. One for each process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read_at = float("-inf")
        self._record: Record | None = None
        self._reading: asyncio.Task[Record] | None = None

    async def read(self) -> Record:
        """Return the metrics as of now, or of some seconds ago. Raises Unavailable."""
        if self._record is not None and time.monotonic() - self._read_at <= _FRESH_SECONDS:
            return self._record
        # Counting what is pending takes a moment where that is much, and anybody may ask: once for all who do.
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

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
        """Return all metrics in Prometheus' text format. While the database is away its metrics are missing, and
        `waiting_list_database_up` is 0."""
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
        yield InfoMetricFamily("waiting_list", "Which version runs.", {"version": __version__})
        up = self._record is not None
        yield GaugeMetricFamily("waiting_list_database_up", "Whether the database answers.", float(up))
        if self._record is not None:
            for name, description in DEPLOYMENT_METRICS.items():
                yield GaugeMetricFamily(f"waiting_list_{name}", description, float(self._record[name]))


def _forget_the_dead(folder: Path) -> None:
    # Whatever a process that has ended had open is open no more; what it had counted stays.
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # another process has just done so
                multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass
