"""Define the Prometheus metrics that each process counts.

web/deployment_metrics.py has the metrics of the whole deployment; docs/metrics.md lists them all. Names follow the
conventions of Prometheus: base units, and `_total` for counters. Labels have few values, and never hold the id of
a list, a user or an organization.
"""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("waiting_list_requests_total", "Requests that the service answered.", ["call", "status"])
REQUEST_SECONDS = Histogram(
    "waiting_list_request_duration_seconds",
    "Time from the headers of a request to the start of its answer.",
    ["call"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_LIMITED = Counter(
    "waiting_list_rate_limited_total", "Requests that a rate limit refused, by the name of the limit.", ["limit"]
)
CHALLENGES = Counter(
    "waiting_list_challenges_total",
    "Challenges that the service required, and that were solved or failed.",
    ["purpose", "outcome"],
)
BATCH_REQUESTS = Histogram(
    "waiting_list_batch_requests",
    "Number of requests in one transaction on a list.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
QUEUED_REQUESTS = Gauge(
    "waiting_list_queued_requests", "Requests that wait for their transaction.", multiprocess_mode="livesum"
)
LOCK_SECONDS = Histogram(
    "waiting_list_lock_wait_seconds",
    "Time that a transaction waited for the lock of its list.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
CONNECTIONS = Gauge(
    "waiting_list_database_connections_in_use", "Database connections in use.", multiprocess_mode="livesum"
)
ENTRY_CHANGES = Counter(
    "waiting_list_entry_changes_total", "Committed changes of entries, by the verb in the history.", ["verb"]
)
NOTICE_TRIES = Counter(
    "waiting_list_notice_tries_total",
    "Tries to send a notice, by receiver and resulting status.",
    ["receiver", "status"],
)
OPEN_STREAMS = Gauge("waiting_list_open_streams", "Open live streams.", multiprocess_mode="livesum")
WORKER_ROUNDS = Counter("waiting_list_worker_rounds_total", "Completed rounds of the worker.")
