"""The tour that is simulated: who comes when, and what fans do then. All of it is assumed."""

import math
from dataclasses import dataclass

from waiting_list.settings import Settings

HOUR = 3600
POOL_SIZE: int = Settings.model_fields["pool_size"].default
SEGMENT_FANS = 2**30 / 1_000_000
"""Fans in a segment of a picture, which asks for its own entry when a fan of its segment leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """The fans of an hour, their lists, and their habits."""

    fans: int = 10_000_000
    lists: int = 200
    organizations: int = 20
    """Each has as many lists, dealt out by size: the first list to the first organization, and so on."""
    skew: float = 1.0
    """Zipf's law: the list of rank r has a share of fans that is proportional to 1 / r to this power."""
    rush_seconds: float = 900.0
    """All lists open at once. Arrivals fall by the factor e in this time."""
    streaming: float = 0.2
    """The share of fans who watch by a stream. The others watch by the picture."""
    polling: float = 0.0
    """The share of fans who ask for their own entry again and again, in place of stream and picture."""
    stay_seconds: float = 600.0
    """How long a fan keeps the page open, on average."""
    picture_seconds: float = 2.0
    poll_seconds: float = 5.0
    leaving: float = 0.02
    """The share of waiting fans who leave in an hour."""
    returned: float = 0.002
    """Tickets that come back in the hour, for each fan who came."""
    return_seconds: float = 10.0
    """How often stock comes back to a list."""
    entry_tickets: float = 2.0
    buying_seconds: float = 600.0
    """How long a fan who is ready takes to buy, on average."""

    def share(self, index: int) -> float:
        """The share of fans who come to a list; 0 is the largest."""
        whole = sum((rank + 1) ** -self.skew for rank in range(self.lists))
        return float((index + 1) ** -self.skew / whole)

    def organization(self, index: int) -> int:
        """Whose list it is."""
        return index % self.organizations

    def arrived(self, second: float) -> float:
        """The share of fans who have come until then; 1 at the end of the hour."""
        return (1 - math.exp(-second / self.rush_seconds)) / (1 - math.exp(-HOUR / self.rush_seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What serves the tour. A core is one of the machine that measured the costs."""

    api: float
    """API processes, with a core each, over all clusters."""
    postgresql: float
    """Cores of PostgreSQL: of the primary, or of Citus's coordinator; over all clusters."""
    mail: float
    """Worker processes that send e-mails, with a core each."""
    relay: float
    """E-mails a second that the mail server takes."""
    standby: float = 0.0
    """Cores of standbys, which answer polls and pictures."""
    cached: bool = False
    """Whether a cache in front answers pictures."""
    caches: int = 20
    """Places of that cache, each of which asks once a second for each list."""
    clusters: int = 1
    """Plain clusters, with whole organizations on each."""
    nodes: int = 0
    """Nodes of Citus beside the coordinator; 0: plain PostgreSQL."""
    node_cores: float = 0.0
    queue_limit: float = Settings.model_fields["list_queue_limit"].default
    """Joins that wait for one list in one process before further ones are refused."""

    @property
    def cores(self) -> float:
        """All cores."""
        return self.api + self.postgresql + self.mail + self.standby + self.nodes * self.node_cores

    @property
    def connections(self) -> float:
        """The connections to each PostgreSQL, at most."""
        return (self.api + self.mail) * POOL_SIZE / self.clusters
