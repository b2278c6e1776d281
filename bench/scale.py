"""How much is measured: all of it in a full run, a little of each part with BENCH_QUICK set."""

import os
import resource

QUICK = bool(os.environ.get("BENCH_QUICK"))
SECONDS = 1.0 if QUICK else 2.5
"""How long each measurement of a rate lasts."""
ROUNDS = 1 if QUICK else 3
PROCESSES = (1,) if QUICK else (1, 2, 4)
CONNECTIONS = 128
FASTEST = 12_000
"""Calls a second that no process on a core will exceed: so many are prepared for each second."""
POLLING = 2_000
"""Fans who poll, again and again."""
FILLED = 10_000 if QUICK else 100_000
"""How many wait in the list that is polled."""
SIZES = (1_000, 10_000) if QUICK else (1_000, 10_000, 100_000, 1_000_000)
REPEATS = 15 if QUICK else 100
HOLDS = 500 if QUICK else 10_000
LAPSING = 50 if QUICK else 400
STREAMS = 200 if QUICK else min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
"""Each takes a socket of the server, and one of the reader."""
CLIENTS = 8
"""Clients of the load that waiting lists of other systems are measured with."""
COST_SECONDS = 1.0 if QUICK else 2.0
"""How long the costs of a kind of call are measured."""
TOLD = 500 if QUICK else 2_000
"""Fans who are made ready at once, to measure what an e-mail costs."""
LENGTH = 2_000 if QUICK else 100_000
"""How many these clients bring to a list that was empty."""
RELEASED = 100
"""Places that are then released at once."""
PEERS_SECONDS = 4.0 if QUICK else 150.0
"""How long these joins may take."""


def prepared(processes: int) -> int:
    """How many calls to prepare for one measurement: more processes than cores do not make it faster.

    Whole mixes of 20 calls, each over 20 lists.
    """
    return int(SECONDS * FASTEST * min(processes, os.cpu_count() or 1)) // 400 * 400
