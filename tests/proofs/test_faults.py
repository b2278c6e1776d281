"""Kills and cuts during a storm. CHAOS_FAULTS sets how many (`make chaos`: 120; `make test-all`: a few)."""

import asyncio
import os
import random
import tempfile
from pathlib import Path

from tests.support.chaos import rage

FEW = ["database", "api", "worker", "cut", "stall"]
KINDS = ["database", "supervisor", "api", "worker", "cut", "stall"]


async def test_whatever_is_killed_in_a_storm_nothing_acknowledged_is_lost() -> None:
    count, seed = int(os.environ.get("CHAOS_FAULTS", "0")), int(os.environ.get("CHAOS_SEED", "1"))
    random_ = random.Random(seed)
    faults = random_.choices(KINDS, weights=[3, 2, 3, 2, 1, 1], k=count) if count else FEW
    with tempfile.TemporaryDirectory(prefix="wl-chaos-") as folder:
        Path(folder).chmod(0o711)
        storm = await rage(
            Path(folder),
            fans=16,
            faults=faults,
            seed=seed,
            # How long the storm rages between two faults is a part of the experiment, not a wait for anything.
            between=lambda: asyncio.sleep(random_.uniform(0.1, 1.0)),
        )
    slowest = max(storm.back_after, default=0.0)
    print(
        f"\nkills and cuts {storm.kills}, requests {storm.requests}, repeated {storm.repeats}, "
        f"joins {len(storm.joined)}, purchases {len(storm.bought)}, slowest return {slowest:.2f} s"
    )
    assert len(storm.joined) > 10 * len(faults)
    assert storm.bought
