"""What a process counts, for Prometheus. figures.py has what is true of the whole deployment, docs/metrics.md the
list of all of it.

Names follow Prometheus' conventions: base units, `_total` for what only grows. Labels have few values: never the
id of a list, a user or an organization.
"""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("waiting_list_requests_total", "Requests answered.", ["call", "status"])
REQUEST_SECONDS = Histogram(
    "waiting_list_request_duration_seconds",
    "From a request's headers to the beginning of its answer.",
    ["call"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_LIMITED = Counter("waiting_list_rate_limited_total", "Refused by a limit, by its name.", ["limit"])
CHALLENGES = Counter(
    "waiting_list_challenges_total",
    "Challenges that were asked for, solved, or answered wrongly.",
    ["purpose", "outcome"],
)
BATCH_REQUESTS = Histogram(
    "waiting_list_batch_requests",
    "Requests done together in one transaction on a list.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
QUEUED_REQUESTS = Gauge(
    "waiting_list_queued_requests", "Requests that wait for their batch.", multiprocess_mode="livesum"
)
LOCK_SECONDS = Histogram(
    "waiting_list_lock_wait_seconds",
    "How long a transaction waited for the lock of its list.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
CONNECTIONS = Gauge(
    "waiting_list_database_connections_in_use", "Connections of the pools in use.", multiprocess_mode="livesum"
)
ENTRY_CHANGES = Counter(
    "waiting_list_entry_changes_total", "Changes of entries, committed, by the history's verb.", ["verb"]
)
NOTICE_TRIES = Counter(
    "waiting_list_notice_tries_total", "What became of notices that were due, by receiver.", ["receiver", "status"]
)
OPEN_STREAMS = Gauge("waiting_list_open_streams", "Live entries that are watched.", multiprocess_mode="livesum")
WORKER_ROUNDS = Counter("waiting_list_worker_rounds_total", "Times that a worker has done all that was due.")
