"""A tour's hour in steps of a second: what each part of a deployment does, and what waits for it.

Deterministic: arrivals follow their expected curve, because at thousands a second chance adds a few percent. In
each step a part does at most what its cores allow. What does not fit waits (joins, e-mails), is done late (a
picture, a poll, an event), or is refused (joins beyond the limit of a list's queue).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.calibration import BATCH_LIMIT, Costs
from bench.tour import HOUR, SEGMENT_FANS, Machines, Tour

CITUS_FACTOR = 4.0
"""A change's CPU time on Citus's coordinator, to that of a plain PostgreSQL."""
BRISK = 50.0
"""Transactions a second of a list: at this pace or above it, fans notice no wait for a batch."""
_HALVINGS = 14
"""How often the range of paces is halved to find the one of the joins: to a thousandth."""
_ROUNDING = 1e-9
_NEARLY = 0.95
"""API processes fall short only if they are so busy: less is asked of them while joins wait for PostgreSQL."""
_SLOWEST = 1e-5
"""The lowest pace: transactions a second of a list."""
PARTS = ("API", "PostgreSQL", "standbys", "nodes", "busiest list", "e-mail")
"""What may be full. The busiest list is bounded by its lock, e-mail by its workers and by the mail server."""


@dataclass(slots=True)
class Hour:
    """What happened. Lists hold a figure for each second."""

    arrivals: list[float] = field(default_factory=list)
    joined: list[float] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)
    """Joins that wait for an answer, at the end of the second."""
    join_wait: list[float] = field(default_factory=list)
    """Seconds until a join that arrives now is answered, at this second's pace: queue / answers."""
    late: list[float] = field(default_factory=list)
    """The share of pictures, polls and events that were not answered in their second."""
    mail_wait: list[float] = field(default_factory=list)
    """Seconds until an e-mail that is written now is sent."""
    streams: list[float] = field(default_factory=list)
    busy: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})
    """The utilisation of each part."""
    cores: dict[str, list[float]] = field(
        default_factory=lambda: {part: [] for part in PARTS if part != "busiest list"}
    )
    """The cores that each part used."""
    short: dict[str, int] = field(default_factory=dict)
    """The parts that fell short of what was asked of them, with the first second of it."""
    waiting: float = 0.0
    ready: float = 0.0
    bought: float = 0.0
    left: float = 0.0
    refused: float = 0.0
    emails: float = 0.0
    unsent: float = 0.0
    wal: float = 0.0
    disk: float = 0.0
    sent: float = 0.0
    """Bytes of answers."""
    calls: dict[str, float] = field(default_factory=dict)
    most_transactions: float = 0.0
    """Transactions of joins in the busiest second."""

    def bottleneck(self) -> tuple[str, int] | None:
        """The part that fell short first, and the second."""
        return min(self.short.items(), key=lambda one: one[1]) if self.short else None

    def core_hours(self) -> float:
        """Core hours that were used."""
        return sum(map(sum, self.cores.values())) / HOUR


class _List:
    """The state of one list."""

    __slots__ = ("fans", "polling", "queue", "ready", "returned", "streaming", "waiting", "watching")

    def __init__(self, fans: float) -> None:
        self.fans = fans
        self.queue = self.waiting = self.ready = self.returned = 0.0
        self.streaming = self.watching = self.polling = 0.0


@dataclass(slots=True)
class _Wanted:
    """What fans want of a cluster in a second."""

    returning: bool
    """Whether stock comes back in this second."""
    arrivals: float = 0.0
    pictures: float = 0.0
    asked: float = 0.0
    """The pictures that no cache answers."""
    polls: float = 0.0
    events: float = 0.0
    changes: float = 0.0
    bought: float = 0.0
    mailed: float = 0.0
    api: float = 0.0
    """The CPU seconds of the API for all of it, joins not included."""


@dataclass(slots=True)
class _Joins:
    """The joins of a second, and what they cost."""

    joins: float = 0.0
    postgresql: float = 0.0
    api: float = 0.0
    wal: float = 0.0
    transactions: float = 0.0
    most: float = 0.0
    """The joins of the busiest list."""
    is_bound: bool = False
    """Whether a list did all that its lock allows, and fans still wait for it."""


@dataclass(slots=True, kw_only=True)
class _Done:
    """What a cluster did of that: parts of reads and of writes, e-mails, joins."""

    reads: float
    writes: float
    mailed: float
    joins: _Joins


def simulate(tour: Tour, machines: Machines, costs: Costs, *, seconds: int = HOUR) -> Hour:
    """Simulate the hour. Clusters share nothing: each has its organizations and its part of the machines."""
    whole = [tour.fans * tour.share(index) for index in range(tour.lists)]
    if machines.clusters == 1:
        return _Cluster(tour, machines, costs, whole).run(seconds)
    parts: list[list[float]] = [[] for _ in range(machines.clusters)]
    for index, fans in enumerate(whole):
        parts[tour.organization(index) % machines.clusters].append(fans)
    return _together([_Cluster(tour, machines, costs, part).run(seconds) for part in parts])


class _Cluster:
    """One database with its processes."""

    def __init__(self, tour: Tour, machines: Machines, costs: Costs, fans: Sequence[float]) -> None:
        self._tour, self._machines, self._costs = tour, machines, costs
        self._lists = [_List(one) for one in fans]
        clusters = machines.clusters
        self._api, self._postgresql = machines.api / clusters, machines.postgresql / clusters
        self._mail, self._standby = machines.mail / clusters, machines.standby / clusters
        self._mail_limit = min(self._mail / costs.email.api, machines.relay / clusters)
        self._leaving = tour.leaving / HOUR
        self._nodes = machines.nodes * machines.node_cores / clusters
        self._factor = CITUS_FACTOR if machines.nodes else 1.0
        self._emails = 0.0
        self._hour = Hour()

    def run(self, seconds: int) -> Hour:
        hour = self._hour
        for second in range(seconds):
            self._step(second)
        hour.waiting = sum(one.waiting for one in self._lists)
        hour.ready = sum(one.ready for one in self._lists)
        hour.unsent = self._emails
        costs = self._costs
        changes = hour.calls.get("changes", 0.0) + hour.calls.get("purchases", 0.0)
        hour.disk = sum(hour.joined) * costs.join_disk + changes * costs.change_disk
        return hour

    def _step(self, second: int) -> None:
        wanted = self._wanted(second)
        share = self._share_of_api(wanted)
        # What polls and pictures cost PostgreSQL falls to the standbys, where there are any.
        costs = self._costs
        reads = share * (wanted.asked * costs.picture.postgresql + wanted.polls * costs.poll.postgresql)
        on_standby = min(reads, self._standby)
        followed = share * wanted.events * costs.event.postgresql + (0.0 if self._standby else reads)
        written = (
            share * (wanted.changes * costs.change.postgresql + wanted.bought * costs.purchase.postgresql)
            + wanted.mailed * costs.email.postgresql
        )
        primary = followed + self._factor * written
        allowed, rate = self._shares_of_postgresql(share, primary, followed + written)
        done = _Done(
            reads=share * (on_standby / reads if self._standby and reads else allowed),
            writes=share * allowed,
            mailed=wanted.mailed * allowed,
            joins=self._join_all(share, rate),
        )
        self._move(wanted, done)
        self._note(wanted, done)
        hour = self._hour
        joins = done.joins
        hour.mail_wait.append(self._emails / (self._mail_limit * max(allowed, 1e-9)))
        used = {
            "API": (share * wanted.api + joins.api, self._api),
            "PostgreSQL": (primary * allowed + joins.postgresql * self._factor, self._postgresql),
            "standbys": (on_standby, self._standby),
            "nodes": ((followed + written) * allowed + joins.postgresql if self._nodes else 0.0, self._nodes),
        }
        short = {
            "API": share < 1 and used["API"][0] > _NEARLY * self._api,
            "PostgreSQL": allowed < 1,
            "standbys": self._standby > 0 and reads > self._standby,
            "busiest list": joins.is_bound,
            "e-mail": self._emails > self._mail_limit and done.mailed > (1 - _ROUNDING) * self._mail_limit,
        }
        if self._nodes and allowed < 1 and used["nodes"][0] > (1 - _ROUNDING) * self._nodes:
            short |= {"nodes": True, "PostgreSQL": False}
        for part, is_short in short.items():
            if is_short:
                hour.short.setdefault(part, second)
        for part, (cores, most) in used.items():
            hour.cores[part].append(cores)
            hour.busy[part].append(cores / most if most else 0.0)
        hour.busy["busiest list"].append(joins.most / costs.list_limit)
        hour.busy["e-mail"].append(done.mailed / self._mail_limit)
        hour.cores["e-mail"].append(done.mailed * costs.email.api)

    def _wanted(self, second: int) -> _Wanted:
        """Let the fans of this second come, and count what all fans ask for."""
        tour, machines = self._tour, self._machines
        wanted = _Wanted(returning=second % tour.return_seconds < 1)
        part = tour.arrived(second + 1) - tour.arrived(second)
        limit, leaving = machines.queue_limit * self._api, self._leaving
        moving = min(leaving * SEGMENT_FANS, 1 / tour.picture_seconds)
        for one in self._lists:
            came = one.fans * part
            wanted.arrivals += came
            one.queue += came
            if one.queue > limit:
                self._hour.refused += one.queue - limit
                one.queue = limit
            asked = one.watching / tour.picture_seconds
            wanted.pictures += asked
            wanted.asked += min(asked, machines.caches) if machines.cached else asked
            wanted.polls += one.polling / tour.poll_seconds + one.watching * moving
            gone = one.waiting * leaving
            wanted.changes += gone
            # Half of those who leave stood before a fan. A fan who becomes ready stood before all.
            wanted.events += one.streaming * min(gone / 2 + (wanted.returning and one.waiting > 0), 1.0)
            if wanted.returning:
                one.returned += one.fans * tour.returned / tour.entry_tickets * tour.return_seconds / HOUR
                wanted.changes += min(one.returned, one.waiting)
            wanted.bought += one.ready / tour.buying_seconds
        wanted.mailed = min(self._emails, self._mail_limit)
        costs = self._costs
        wanted.api = (
            wanted.asked * costs.picture.api
            + wanted.polls * costs.poll.api
            + wanted.events * costs.event.api
            + wanted.changes * costs.change.api
            + wanted.bought * costs.purchase.api
        )
        return wanted

    def _share_of_api(self, wanted: _Wanted) -> float:
        """The part of all calls that the API processes do within the second; joins that wait are among them."""
        joining = sum(
            one.queue * self._costs.join(self._batch(one.queue)).api for one in self._lists if one.queue > 0
        )
        return min(1.0, self._api / (wanted.api + joining)) if wanted.api + joining else 1.0

    def _shares_of_postgresql(self, share: float, primary: float, on_nodes: float) -> tuple[float, float]:
        """The part of all other work that PostgreSQL does, and the transactions a second of each list.

        Joins give way first: fans wait for a busy PostgreSQL in the batches of their lists, and larger batches
        cost less. Below the pace BRISK they share what is missing with the other work.
        """
        rate = 1 / self._costs.lock_seconds
        if self._fits(self._cpu(share, rate), primary, on_nodes):
            return 1.0, rate
        slow = min(BRISK, rate)
        joining, allowed = self._cpu(share, slow), 1.0
        if not self._fits(joining, primary, on_nodes):
            allowed = self._postgresql / (primary + self._factor * joining)
            if self._nodes:
                allowed = min(allowed, self._nodes / (on_nodes + joining))
            allowed = min(allowed, 1.0)
        spare = (self._postgresql - primary * allowed) / self._factor
        if self._nodes:
            spare = min(spare, self._nodes - on_nodes * allowed)
        return allowed, self._pace(share, spare)

    def _fits(self, joining: float, primary: float, on_nodes: float) -> bool:
        """Whether PostgreSQL can spend so much on joins beside all other work, and the nodes of Citus too."""
        if self._nodes and on_nodes + joining > self._nodes:
            return False
        return primary + self._factor * joining <= self._postgresql

    def _move(self, wanted: _Wanted, done: _Done) -> None:
        """Let fans leave, become ready, buy, and close their pages."""
        tour, hour = self._tour, self._hour
        self._emails += done.joins.joins - done.mailed
        stays, leaving = 1 - 1 / tour.stay_seconds, self._leaving * done.writes
        buying = done.writes / tour.buying_seconds
        for one in self._lists:
            gone = one.waiting * leaving
            one.waiting -= gone
            hour.left += gone
            sold = one.ready * buying
            one.ready -= sold
            hour.bought += sold
            if wanted.returning:
                ready = min(one.returned, one.waiting) * done.writes
                one.returned -= ready
                one.waiting -= ready
                one.ready += ready
                self._emails += ready
            one.streaming *= stays
            one.watching *= stays
            one.polling *= stays

    def _note(self, wanted: _Wanted, done: _Done) -> None:
        costs, hour, joins = self._costs, self._hour, done.joins
        hour.emails += done.mailed
        hour.arrivals.append(wanted.arrivals)
        hour.joined.append(joins.joins)
        queued = sum(one.queue for one in self._lists)
        hour.queued.append(queued)
        hour.join_wait.append(queued / joins.joins if joins.joins > 1e-9 else 0.0)
        hour.late.append(1 - done.reads if wanted.pictures + wanted.polls > 0 else 0.0)
        hour.streams.append(sum(one.streaming for one in self._lists))
        hour.most_transactions = max(hour.most_transactions, joins.transactions)
        calls = {
            "joins": joins.joins,
            "pictures": wanted.asked * done.reads,
            "pictures from the cache": wanted.pictures - wanted.asked,
            "polls": wanted.polls * done.reads,
            "events": wanted.events * done.writes,
            "changes": wanted.changes * done.writes,
            "purchases": wanted.bought * done.writes,
        }
        for name, count in calls.items():
            hour.calls[name] = hour.calls.get(name, 0.0) + count
        hour.wal += joins.wal + done.mailed * costs.email.wal
        hour.wal += calls["changes"] * costs.change.wal + calls["purchases"] * costs.purchase.wal
        hour.sent += joins.joins * costs.join(1).sent + calls["pictures"] * costs.picture.sent
        hour.sent += calls["polls"] * costs.poll.sent + calls["events"] * costs.event.sent

    def _batch(self, waiting: float) -> float:
        """The smallest batch with which one list answers so many joins within a second: they find its lock taken,
        and share the next transaction. Many API processes make batches this small."""
        costs = self._costs
        if waiting * costs.lock_seconds <= 1:
            return 1.0
        idle = 1 - waiting * costs.join_seconds
        if idle <= 0:
            return BATCH_LIMIT
        return min(waiting * (costs.lock_seconds - costs.join_seconds) / idle, BATCH_LIMIT)

    def _join(self, waiting: float, share: float, rate: float) -> tuple[float, float]:
        """The joins of one list in a second, and the size of their batches, with at most `rate` transactions."""
        batch, wanted = self._batch(waiting), waiting * share
        if wanted > batch * rate:
            batch = min(wanted / rate, BATCH_LIMIT)
        return min(wanted, batch * rate, batch / self._costs.locked(batch)), batch

    def _cpu(self, share: float, rate: float) -> float:
        """The CPU seconds of PostgreSQL for the joins of a second."""
        found = 0.0
        for one in self._lists:
            if one.queue > 0:
                done, batch = self._join(one.queue, share, rate)
                found += done * self._costs.join(batch).postgresql
        return found

    def _pace(self, share: float, spare: float) -> float:
        """The transactions a second of each list with which joins take the CPU seconds that are left."""
        low, high = _SLOWEST, 1 / self._costs.lock_seconds
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            if self._cpu(share, middle) <= spare:
                low = middle
            else:
                high = middle
        return low

    def _join_all(self, share: float, rate: float) -> _Joins:
        """Do the joins of a second."""
        tour, costs, found = self._tour, self._costs, _Joins()
        if rate <= 0:
            return found
        for one in self._lists:
            if one.queue <= 0:
                continue
            done, batch = self._join(one.queue, share, rate)
            cost = costs.join(batch)
            one.queue -= done
            one.waiting += done
            one.polling += done * tour.polling
            one.streaming += done * tour.streaming
            one.watching += done * (1 - tour.polling - tour.streaming)
            found.joins += done
            found.postgresql += done * cost.postgresql
            found.api += done * cost.api
            found.wal += done * cost.wal
            found.transactions += done / batch
            found.most = max(found.most, done)
            found.is_bound |= one.queue > 0 and done >= (1 - _ROUNDING) * costs.list_limit
        return found


def _together(hours: Sequence[Hour]) -> Hour:
    """The hour of several clusters: sums, and the longest wait and the busiest part of any."""
    whole = Hour()
    for name in ("arrivals", "joined", "queued", "streams"):
        setattr(whole, name, [sum(one) for one in zip(*(getattr(hour, name) for hour in hours), strict=True)])
    for name in ("join_wait", "late", "mail_wait"):
        setattr(whole, name, [max(one) for one in zip(*(getattr(hour, name) for hour in hours), strict=True)])
    for hour in hours:
        for part, second in hour.short.items():
            whole.short[part] = min(second, whole.short.get(part, second))
    for part in PARTS:
        whole.busy[part] = [max(one) for one in zip(*(hour.busy[part] for hour in hours), strict=True)]
    for part in whole.cores:
        whole.cores[part] = [sum(one) for one in zip(*(hour.cores[part] for hour in hours), strict=True)]
    for name in ("waiting", "ready", "bought", "left", "refused", "emails", "unsent", "wal", "disk", "sent"):
        setattr(whole, name, sum(getattr(hour, name) for hour in hours))
    for hour in hours:
        for name, count in hour.calls.items():
            whole.calls[name] = whole.calls.get(name, 0.0) + count
    whole.most_transactions = sum(hour.most_transactions for hour in hours)
    return whole
