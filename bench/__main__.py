"""Everything that is measured, in one run; writes RESULTS.md, its plots, a line of the history,
and the simulation in docs/scaling.md.

make bench        all of it, within a quarter of an hour
make bench-quick  a little of each part, within a minute: prints the page instead
"""

import asyncio
from pathlib import Path
from typing import Any

from bench import history, report, simulate
from bench.costs import costs
from bench.database import audit, pgbench, version
from bench.growth import growth
from bench.peers import peers
from bench.rates import rates
from bench.scale import CONNECTIONS, PROCESSES, QUICK, ROUNDS, SECONDS
from bench.stage import Stage
from bench.waits import delays, storm, streams


async def main() -> None:
    """Runs all parts, one after the other."""
    results = await measure()
    if QUICK:
        print(report.page(results, [*history.read(), history.run(results)]))
    else:
        report.write(results, Path(__file__).parent)
        simulate.main()


async def measure() -> dict[str, Any]:
    """Measures all parts."""
    results: dict[str, Any] = {"connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS}
    async with Stage.make() as stage:
        results["postgresql"] = await version(stage)
        results["rates"] = {processes: await rates(stage, processes) for processes in PROCESSES}
        results["pgbench"] = await pgbench(stage)
        results["storm"] = await storm(stage, results["rates"][1]["joins, one list"]["rate"])
        results["peers"] = await peers(stage)
        results["audit"] = await audit(stage.pool, stage.audited)
        results["growth"] = await growth(stage)
        results["delays"] = await delays(stage)
        results["memory"] = await streams(stage)
        if not QUICK:  # they are for the simulation, which a short run does not make anew
            results["costs"] = await costs(stage, results["memory"])
    return results


if __name__ == "__main__":
    asyncio.run(main())
