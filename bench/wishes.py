"""What wishes cost promotions: many lists of one organization promote at the same time, with and without wishes.

make bench-wishes

Each list has the same fans in line. In half of the lists each fan waits by a wish over this list and the next. All
wishes of an organization have one lock, so the lists wait for each other. Prints Markdown.
"""

import asyncio
import os
import statistics
import time
from datetime import UTC, datetime
from uuid import uuid4

from bench.measured import say
from bench.report import table
from bench.stage import CALLER, ORGANIZATION, Stage
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.wishes import make_wish
from waiting_list.lists.wishes import Choice
from waiting_list.postgres.pool import connection

QUICK = bool(os.environ.get("BENCH_QUICK"))
LISTS = 8
ROUNDS = 3 if QUICK else 6
CALLS = 10
"""Calls in one round of one list, one after the other."""
AT_ONCE = (1, 10)
"""How many fans one call promotes."""
FANS = ROUNDS * CALLS * sum(AT_ONCE)
METHOD = """\
# What wishes cost promotions

{when}, {cores} cores. {lists} lists of one organization promote at the same time, each call after the one before
it, in one process with PostgreSQL on durable settings. In half of the lists each fan waits by a wish over two
lists. The rounds alternate; read the ratios.
"""


async def main() -> None:
    """Measure, and print."""
    async with Stage.make() as stage:
        plain = [await stage.make_list() for _ in range(LISTS)]
        wished = [await stage.make_list() for _ in range(LISTS)]
        await asyncio.gather(*(_join(stage, key, None) for key in plain))
        await asyncio.gather(*(_join(stage, key, wished[n - 1]) for n, key in enumerate(wished)))
        await stage.settle()
        say("filled")
        rows = []
        for tickets in AT_ONCE:
            found: dict[bool, list[float]] = {False: [], True: []}
            for round_ in range(ROUNDS):
                for with_wishes in (round_ % 2 == 0, round_ % 2 == 1):
                    keys = wished if with_wishes else plain
                    found[with_wishes].append(await _promote(stage, keys, tickets))
            without, many = (statistics.median(found[one]) for one in (False, True))
            ratio = statistics.median(b / a for a, b in zip(found[False], found[True], strict=True))
            rows.append([str(tickets), f"**{ratio:.2f}**", f"{without:,.0f}", f"{many:,.0f}"])
        async with connection(stage.pool) as acquired:
            holds = await acquired.fetchval(
                "SELECT max(n) FROM (SELECT count(*) AS n FROM entries"
                " WHERE status = 'ready' AND wish_id IS NOT NULL GROUP BY wish_id) AS held"
            )
        assert holds == 1, "a wish has several holds"
    print(METHOD.format(when=f"{datetime.now(UTC):%Y-%m-%d}", cores=os.cpu_count(), lists=LISTS))
    head = ["fans that a call promotes", "with wishes, to without", "promoted /s without", "promoted /s with"]
    print(table(head, rows))


async def _join(stage: Stage, key: ListKey, other: ListKey | None) -> None:
    for number in range(FANS):
        # Each wish is joined here alone, so that both kinds of lists promote as many.
        user, wish_id = f"{key.offer_id}_{number}", None
        if other:
            wish_id = uuid4()
            await make_wish(
                stage.pool,
                wish_id,
                organization_id=ORGANIZATION,
                user_id=user,
                choice=Choice.WITHDRAW_WHEN_BOUGHT,
                lists=[key, other],
            )
        await stage.engine.run(key, CALLER, verbs.join, user_id=user, tickets_wanted=1, wish_id=wish_id)


async def _promote(stage: Stage, keys: list[ListKey], tickets: int) -> float:
    """Return how many fans all lists together made ready in a second."""

    async def one(key: ListKey) -> int:
        promoted = 0
        for _ in range(CALLS):
            answer = await stage.engine.run(key, CALLER, verbs.add_stock, quantity=tickets)
            promoted += len(answer.promoted)
        return promoted

    began = time.perf_counter()
    promoted = sum(await asyncio.gather(*map(one, keys)))
    assert promoted == LISTS * CALLS * tickets
    return promoted / (time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(main())
