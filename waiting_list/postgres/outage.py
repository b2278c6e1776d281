"""Turn errors of an unreachable database into Unavailable, and log each outage once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import structlog

from waiting_list.problems import Unavailable

log = structlog.get_logger(__name__)

_OVER_SECONDS = 1.0
"""How long after the last failure an answered call ends an outage."""
UNREACHABLE = (
    OSError,  # refused, reset, no route, and TimeoutError
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not promoted yet
    asyncpg.InternalClientError,  # cut off in the middle of an exchange
    asyncpg.TransactionRollbackError,  # a deadlock with the statement of another client, or a failover
    asyncpg.InvalidAuthorizationSpecificationError,  # including a wrong password
    asyncpg.InvalidCatalogNameError,  # no such database (yet)
)
"""Errors of a database that is unreachable, or that cannot work now."""
CUT_OFF = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors after which other connections to the same server are unusable, too: see is_cut_off."""
_LOST_NODE = ("could not commit transaction", "failure on connection marked as essential")
"""What Citus says, as an error of its own, when it loses a node within a transaction."""


def is_cut_off(error: BaseException) -> bool:
    """Return whether other connections to the same server are unusable after this error, too.

    They are usable after an error that a session reports and survives: of a cancelled statement, or of a lost node
    of a Citus cluster. But a server that has become read-only reports that, and is the wrong one from then on.
    """
    if not isinstance(error, CUT_OFF):
        return False
    return not _is_survived(error) or isinstance(error, asyncpg.ReadOnlySQLTransactionError)


def is_of_lost_node(error: BaseException | None) -> bool:
    """Return whether a session reports that it lost another node of its Citus cluster."""
    if isinstance(error, asyncpg.InternalServerError):
        return str(error).startswith(_LOST_NODE)
    of_a_server = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
    return (
        isinstance(error, of_a_server)
        and not isinstance(error, asyncpg.QueryCanceledError)
        and _is_survived(error)
    )


def _is_survived(error: BaseException) -> bool:
    return getattr(error, "severity_en", None) == "ERROR"


class _Outage:
    """Whether this process can reach the database. It logs the start and the end of an outage once, even if many
    calls fail."""

    is_logged = True
    began_at: float | None = None
    failed_at = 0.0
    ended_at = float("-inf")

    def failed(self, error: BaseException, *, since: float, now: float) -> None:
        # A call to a lost machine may fail long after other calls have found its replacement.
        if since < self.ended_at:
            return
        self.failed_at = now
        if self.began_at is None:
            self.began_at = now
            if self.is_logged:
                log.warning("database_unreachable", error=type(error).__name__, detail=str(error))

    def answered(self, *, now: float) -> None:
        # One answered call among many failures does not end the outage.
        if self.began_at is not None and now - self.failed_at > _OVER_SECONDS:
            if self.is_logged:
                log.info("database_reachable_again", seconds=round(self.failed_at - self.began_at, 1))
            self.began_at, self.ended_at = None, now


_outage = _Outage()


def log_outages(is_logged: bool) -> None:
    """Choose whether this process logs outages. A command that ends at the first one reports it itself."""
    _outage.is_logged = is_logged


class _Disk:
    """Whether a statement has failed for lack of disk space, and no later check found space (web/health.py)."""

    is_full = False


DISK = _Disk()
"""The disk of the database, as this process knows it."""


@contextmanager
def reachable(*, standby: bool = False, logged: bool = True) -> Iterator[None]:
    """Turn every error of an unreachable database, or of a lost node of a cluster, into Unavailable.

    A commit whose answer was lost may or may not have happened. Unavailable means "safe to repeat", which is true
    for every verb. The log shows the start and the end of an outage once, unless `logged` is false because the
    caller reports it.
    """
    since = time.monotonic()
    try:
        yield
    except (*UNREACHABLE, asyncpg.InternalServerError) as error:
        if isinstance(error, asyncpg.InterfaceError) and "clos" not in str(error):
            raise  # a wrong argument, not a closed connection or pool
        if isinstance(error, asyncpg.InternalServerError) and not is_of_lost_node(error):
            raise
        if isinstance(error, asyncpg.DiskFullError) and not standby:
            DISK.is_full = True
        if logged and not standby:
            # If the rollback fails, too, the first failure is the cause.
            cause = error.__context__ if isinstance(error, asyncpg.InterfaceError) else None
            _outage.failed(cause or error, since=since, now=time.monotonic())
        raise Unavailable from error
    else:
        if not standby:
            _outage.answered(now=time.monotonic())
