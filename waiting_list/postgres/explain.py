"""Explain errors of the database to the operator: one sentence each, with the server, and without the password."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg

from waiting_list.dsn import server_of
from waiting_list.problems import Unavailable


class DatabaseError(Exception):
    """A command cannot use the database. The text is a sentence or two for the operator."""


@contextmanager
def explained(dsn: str) -> Iterator[None]:
    """Turn every error of this database into DatabaseError, and let all others pass."""
    try:
        yield
    except Unavailable as problem:
        if problem.__cause__ is None:
            raise
        raise DatabaseError(explain(problem.__cause__, dsn)) from problem
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise DatabaseError(explain(error, dsn)) from error


def explain(error: BaseException, dsn: str) -> str:
    """Return what is wrong with the database, and what to do if that is known."""
    where = f"The database at {server_of(dsn)}"
    for kind, say in _SENTENCES:
        if isinstance(error, kind):
            return f"{where} {say(_first_line(error), dsn)}"
    if isinstance(error, asyncpg.PostgresError):
        return f"{where} refused a statement: {_first_line(error)} (SQLSTATE {error.sqlstate})."
    return f"{where} cannot be used: {_first_line(error)}."


def _first_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    line = str(text).strip().partition("\n")[0]
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line).rstrip(".")


def _user(dsn: str) -> str:
    user = unquote(urlsplit(dsn).netloc.rpartition("@")[0].partition(":")[0])
    return f"the role {user}" if user else "this role"


def _database(dsn: str) -> str:
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def _lacks_a_right(text: str, dsn: str) -> str:
    who = _user(dsn)
    return f"does not let {who} do this: {text}. Grant the right, or use the owner of the database."


_Say: TypeAlias = Callable[[str, str], str]
_TOO_MANY = "has no connection left: {}. Lower WAITING_LIST_POOL_SIZE, or raise max_connections of the server."
_SENTENCES: tuple[tuple[type[BaseException], _Say], ...] = (
    # The network. Subclasses come before their classes.
    (socket.gaierror, lambda text, _: f"cannot be found: {text}. Check the host in DATABASE_URL."),
    (ConnectionRefusedError, lambda *_: "does not listen there: connection refused. Check host and port."),
    (FileNotFoundError, lambda *_: "has no socket there. Check the host in DATABASE_URL, or start the server."),
    (TimeoutError, lambda *_: "did not answer in time. Check host, port and firewall."),
    (ssl.SSLCertVerificationError, lambda text, _: f"has a certificate that is not valid here: {text}."),
    (ssl.SSLError, lambda text, _: f"offers no TLS that works: {text}."),
    (OSError, lambda text, _: f"cannot be reached: {text}."),
    # The login.
    (asyncpg.InvalidPasswordError, lambda _, dsn: f"refuses the password of {_user(dsn)}."),
    (asyncpg.InvalidAuthorizationSpecificationError, lambda text, dsn: f"refuses {_user(dsn)}: {text}."),
    (
        asyncpg.InvalidCatalogNameError,
        lambda _, dsn: f"has no database {_database(dsn)}. Make it, or correct the name in DATABASE_URL.",
    ),
    (asyncpg.ClientConfigurationError, lambda text, _: f"has an address that cannot be used: {text}."),
    # What the server lets the service do.
    (asyncpg.InsufficientPrivilegeError, _lacks_a_right),
    (
        asyncpg.InvalidSchemaNameError,
        lambda text, _: f"has no schema for the tables: {text}. Make it, or correct the address.",
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        lambda *_: "is read-only: it is a standby, or set so. Name the main server in DATABASE_URL.",
    ),
    (asyncpg.DiskFullError, lambda *_: "has a full disk. Make room, then try again."),
    (asyncpg.TooManyConnectionsError, lambda text, _: _TOO_MANY.format(text)),
    (asyncpg.CannotConnectNowError, lambda text, _: f"is not ready: {text}. Try again in a moment."),
    (
        asyncpg.QueryCanceledError,
        lambda text, _: f"stopped a statement: {text}. Raise its statement_timeout for this role.",
    ),
    (asyncpg.LockNotAvailableError, lambda text, _: f"has locked what the command needs: {text}. Try again."),
    (asyncpg.OperatorInterventionError, lambda text, _: f"ended the connection: {text}. Try again in a moment."),
    (
        asyncpg.TargetServerAttributeNotMatched,
        lambda *_: "is not of the kind that target_session_attrs asks for. Name the right server, or change it.",
    ),
    (asyncpg.InterfaceError, lambda text, _: f"lost the connection: {text}."),
    (asyncpg.InternalClientError, lambda text, _: f"lost the connection: {text}."),
)
