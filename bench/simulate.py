"""A tour of ten million fans in an hour, step by step: the generated part of docs/scaling.md, and its curves.

make simulate  simulates with the costs of the newest run, some seconds, and writes both
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import history, plots
from bench.calibration import BATCH_LIMIT, Costs
from bench.report import table
from bench.simulation import BRISK, CITUS_FACTOR, PARTS, Hour, simulate
from bench.tour import HOUR, Machines, Tour

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "scaling.md"
BEGIN = "<!-- `make simulate` writes what follows, up to the end mark. Do not edit it. -->"
END = "<!-- end of what `make simulate` writes -->"
MINUTE = 60
GIGABYTE = 1e9
_NO_LIMIT = 1e6

_LARGE = Machines(api=20, postgresql=8, mail=4, relay=1_000)
_SPREAD = replace(_LARGE, api=128)
_CACHED = replace(_SPREAD, api=32, cached=True)
_MAILING = replace(_CACHED, mail=48, relay=20_000)
_POLLED = replace(_MAILING, api=72, postgresql=12)
_ALL_POLL = Tour(streaming=0.0, polling=1.0)
STEPS: Mapping[str, tuple[str, Machines, Tour]] = {
    "one process": ("one PostgreSQL, a worker", Machines(api=1, postgresql=1, mail=1, relay=1_000), Tour()),
    "one large machine": ("20 processes, 8 cores for PostgreSQL, 4 workers", _LARGE, Tour()),
    "API elsewhere": ("128 processes, the same PostgreSQL and workers", _SPREAD, Tour()),
    "a cache in front": ("32 processes, the same PostgreSQL and workers", _CACHED, Tour()),
    "more e-mail": ("the same, 48 workers, a mail server for 20,000 a second", _MAILING, Tour()),
    "four clusters": (
        "the same API and workers; 4 PostgreSQL of 8 cores",
        replace(_MAILING, postgresql=32, clusters=4),
        Tour(),
    ),
    "Citus": (
        "the same API and workers; a coordinator of 8 cores, 4 nodes of 8",
        replace(_MAILING, nodes=4, node_cores=8),
        Tour(),
    ),
    "every fan polls every 5 s": ("as `more e-mail`, 72 processes, 12 cores for PostgreSQL", _POLLED, _ALL_POLL),
    "every fan polls, standbys": ("the same, 16 cores of standbys", replace(_POLLED, standby=16), _ALL_POLL),
}
"""Deployments, what each has and what its fans do. From `four clusters` on, rows start from `more e-mail`."""
HABITS: Mapping[str, tuple[Tour, bool]] = {
    "as assumed": (Tour(), False),
    "a cache in front": (Tour(), True),
    "a poll every 5 s in place of a stream": (Tour(streaming=0.0, polling=0.2), True),
    "every fan streams": (Tour(streaming=1.0), True),
    "every fan polls every 5 s": (Tour(streaming=0.0, polling=1.0), True),
}
"""How fans watch, and whether a cache answers queue snapshots."""
_LABELS = {
    "joins, one list": "join, one list",
    "joins, 20 lists": "join, 20 lists",
    "joins, 200 lists": "join, alone in its transaction",
    "leaves": "leave",
    "polls": "poll of the own entry",
    "picture": "queue snapshot",
    "picture, 304": "queue snapshot, unchanged (304)",
    "purchases": "purchase",
}


def run(costs: Costs) -> tuple[dict[str, Hour], dict[str, Hour]]:
    """The hour of each step, and what each habit takes of machines without a limit."""
    endless = Machines(api=_NO_LIMIT, postgresql=_NO_LIMIT, mail=_NO_LIMIT, relay=_NO_LIMIT)
    steps = {name: simulate(tour, machines, costs) for name, (_, machines, tour) in STEPS.items()}
    habits = {
        name: simulate(tour, replace(endless, cached=cached), costs) for name, (tour, cached) in HABITS.items()
    }
    return steps, habits


def page(
    runs: Sequence[Mapping[str, Any]], costs: Costs, steps: Mapping[str, Hour], habits: Mapping[str, Hour]
) -> str:
    """The generated part."""
    noted = next(one for one in reversed(runs) if "costs" in one)["costs"]
    parts = [
        *_measured(noted, costs),
        *_assumed(costs),
        *_needs(costs, habits),
        *_steps(steps),
    ]
    return "\n".join(parts)


def draw(steps: Mapping[str, Hour]) -> dict[str, str]:
    """The curves, by the names of their files in docs."""
    first = next(iter(steps))
    small, large = steps[first], steps["one large machine"]
    busy = {part: large.busy[part] for part in PARTS if max(large.busy[part]) > 0}
    return {
        "scaling-joins": plots.lines(
            "Joins of a world tour: fans who arrive, and fans who get a place",
            "minute",
            "a second",
            {
                "fans arrive": _minutes(small.arrivals),
                "Citus": _minutes(steps["Citus"].joined),
                first: _minutes(small.joined),
            },
        ),
        "scaling-parts": plots.lines(
            "How busy each part of one large machine is",
            "minute",
            "% of what it can do",
            {part: _minutes(values, 100.0) for part, values in busy.items()},
        ),
        "scaling-mail": plots.lines(
            "How late an e-mail is",
            "minute in which it was written",
            "minutes until it is sent",
            {
                name: _minutes(steps[name].mail_wait, 1 / MINUTE)
                for name in ("one large machine", "a cache in front", "more e-mail")
            },
        ),
    }


def _measured(noted: Mapping[str, Any], costs: Costs) -> list[str]:
    rows = [
        [label, _whole(one["rate"]), _whole(one["api"]), _whole(one["postgresql"]), _whole(one["wal"])]
        for name, label in _LABELS.items()
        for one in [noted["calls"][name]]
    ]
    stream, email = noted["stream"], noted["email"]
    rows.append(["a stream's new position", "", _whole(stream["event"]), _whole(stream["event_postgresql"]), "0"])
    alone = costs.join(1).postgresql / costs.join(BATCH_LIMIT).postgresql
    mail = [_whole(email[name]) for name in ("rate", "api", "postgresql", "wal")]
    rows.append(["e-mail, with the change that it tells of", *mail])
    return [
        "### What a call costs\n",
        f"Measured with one process ({costs.source}). The CPU time is what counts here, because it hardly depends "
        "on neighbours; calls a second do.\n",
        table(["call", "a second", "µs of the API", "µs of PostgreSQL", "bytes of WAL"], rows),
        f"By these figures one list takes at most **{_whole(costs.list_limit)} joins a second**, in full batches. "
        f"A join alone in its transaction costs PostgreSQL {alone:.0f} times one in a full batch. An open stream "
        f"takes {costs.stream_memory / 1000:.1f} KB.\n",
    ]


def _assumed(costs: Costs) -> list[str]:
    tour = Tour()
    rows = [
        ["fans, lists, organizations", f"{_whole(tour.fans)}, {tour.lists}, {tour.organizations}"],
        [
            "who wants what",
            f"Zipf's law: the list of rank r has a share proportional to 1/r. The first has {tour.share(0):.0%}, "
            f"the first ten have {sum(map(tour.share, range(10))):.0%}",
        ],
        [
            "when they come",
            f"all lists open at once; arrivals begin at {_whole(tour.fans * tour.arrived(1))} a second, and fall "
            f"by the factor e every {tour.rush_seconds / MINUTE:.0f} minutes",
        ],
        [
            "how they watch",
            f"{tour.streaming:.0%} by a stream, the others by the queue snapshot every {tour.picture_seconds:g} s"
            ", and by a poll when a fan of their segment leaves; a page stays open for "
            f"{tour.stay_seconds / MINUTE:.0f} minutes on average",
        ],
        [
            "what changes",
            f"{tour.leaving:.0%} of those who wait leave in an hour; {tour.returned:.1%} as many tickets as fans "
            f"come back, every {tour.return_seconds:g} s; a fan who is ready buys after "
            f"{tour.buying_seconds / MINUTE:.0f} minutes on average",
        ],
        ["e-mails", "one to each fan who joins, one to each who becomes ready, in the order of their writing"],
        [
            "a busy PostgreSQL",
            f"joins give way first: they wait in larger batches, down to {BRISK:g} transactions a second of a "
            "list; then other work is late too",
        ],
        [
            "machines",
            "a core is one of the machine that measured; more cores do more work in proportion; network, TLS and "
            "disk keep up",
        ],
    ]
    return ["### What is assumed\n", table(["", "assumption"], rows)]


def _needs(costs: Costs, habits: Mapping[str, Hour]) -> list[str]:
    rows = []
    for name, hour in habits.items():
        streams = max(hour.streams)
        rows.append(
            [
                name,
                *(f"{max(hour.cores[part]):.0f}" for part in ("API", "PostgreSQL", "e-mail")),
                f"{hour.core_hours():.0f}",
                f"{_whole(streams)}: {streams * costs.stream_memory / GIGABYTE:.1f} GB",
                f"{hour.disk / GIGABYTE:.0f} / {hour.wal / GIGABYTE:.0f}",
                _whole(hour.sent / GIGABYTE),
            ]
        )
    first = next(iter(habits.values()))
    return [
        "### What the hour takes, if no part has a limit\n",
        table(
            [
                "fans watch",
                "API cores at most",
                "PostgreSQL cores",
                "e-mail cores",
                "core hours in all",
                "streams at once",
                "GB of disk / WAL",
                "GB sent",
            ],
            rows,
        ),
        f"As assumed, the hour has {_millions(first.calls['joins'])} joins, {_millions(first.calls['pictures'])} "
        f"queue snapshots, {_millions(first.calls['polls'])} polls, {_millions(first.calls['events'])} new "
        f"positions on streams, {_millions(first.calls['changes'] + first.calls['purchases'])} other changes and "
        f"{_millions(first.emails)} e-mails. Its busiest second has {_whole(max(first.joined))} joins in "
        f"{_whole(first.most_transactions)} transactions. The busiest list then does "
        f"{max(first.busy['busiest list']):.0%} of what one list can. GB sent are those of the service, "
        "without the cache. Provide a quarter more cores than the most.\n",
    ]


def _steps(steps: Mapping[str, Hour]) -> list[str]:
    rows = []
    for name, hour in steps.items():
        text, machines, _ = STEPS[name]
        rows.append(
            [
                f"**{name}**: {text}",
                f"{machines.cores:.0f}",
                _whole(machines.connections),
                _short(hour),
                _span(max(hour.join_wait)) if hour.joined else "",
                f"{sum(hour.joined) / Tour().fans:.1%}",
                f"{max(hour.late):.0%}",
                _span(max(hour.mail_wait)),
            ]
        )
    first = next(iter(steps.values())).bottleneck()
    large = steps["one large machine"].bottleneck()
    return [
        "### The steps, and what each removes\n",
        table(
            [
                "deployment",
                "cores",
                "connections to a PostgreSQL",
                "what falls short, and from when",
                "longest wait for a join",
                "fans who got a place",
                "reads late, worst second",
                "latest e-mail",
            ],
            rows,
        ),
        f"**The first bottleneck** of one process is {_named(first)}; of one large machine it is {_named(large)}. "
        "A part falls short when it leaves work undone at the end of a second. Widen the part that falls short "
        "first; a row removes a bottleneck if it does not name it. A busy PostgreSQL does not stop joins at once: "
        "fans wait in larger batches, which cost less.\n",
        "![Joins a second over the hour](scaling-joins.svg)\n",
        "![How busy each part is over the hour](scaling-parts.svg)\n",
        "![How late an e-mail is over the hour](scaling-mail.svg)\n",
        f"The coordinator of *Citus* spends {CITUS_FACTOR:g} times a plain PostgreSQL's CPU time on a change, and "
        "as much on a read. Each cluster has the same part of the machines, and whole organizations.\n",
    ]


def _short(hour: Hour) -> str:
    found = sorted(hour.short.items(), key=lambda one: one[1])
    return ", ".join(f"{part} ({_span(second)})" for part, second in found) or "none"


def _named(found: tuple[str, int] | None) -> str:
    return "none" if found is None else f"{found[0]}, after {_span(found[1])}"


def _span(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def _minutes(values: Sequence[float], scale: float = 1.0) -> list[tuple[float, float]]:
    """A point every two minutes: the mean of these seconds, in their middle."""
    width = 2 * MINUTE
    return [
        ((start + width / 2) / MINUTE, scale * sum(values[start : start + width]) / width)
        for start in range(0, len(values), width)
    ]


def _millions(number: float) -> str:
    return f"{number / 1e6:,.1f} million" if number < 1e8 else f"{number / 1e6:,.0f} million"


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def replaced(text: str, generated: str) -> str:
    """The page with this generated part. Raises ValueError if it lacks a mark."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs both marks: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{generated}\n{END}{after}"


def main() -> None:
    """Simulates, and writes the page and its curves."""
    runs = history.read()
    costs = Costs.read(runs)
    steps, habits = run(costs)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replaced(text, page(runs, costs, steps, habits)), encoding="utf-8")
    for name, drawn in draw(steps).items():
        (DOCS / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
