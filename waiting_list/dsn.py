"""Read the address of a database (DSN), in the forms in which providers and other programs write it.

`for_asyncpg` returns the address in the form of asyncpg. Each parameter is passed on, translated, left out because
the service does it in its own way, or refused. No text of this module has a password.
"""

import ssl
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

_SCHEMES = ("postgres", "postgresql")
_EXAMPLE = "postgresql://user:password@host:5432/name"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SERVERS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

PASSED_ON = frozenset((
    "host", "port", "user", "password", "dbname", "database", "passfile", "service", "krbsrvname", "gsslib",
    "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation", "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    # of the server
    "application_name", "options", "search_path", "timezone", "statement_timeout", "lock_timeout",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "work_mem", "role",
))  # fmt: skip
"""Parameters that asyncpg or the server knows by the same name."""
LEFT_OUT: Mapping[str, str] = {
    "connect_timeout": "the service waits 5 seconds for a connection",
    "connection_timeout": "the service waits 5 seconds for a connection",
    "logintimeout": "the service waits 5 seconds for a connection",
    "sockettimeout": "`WAITING_LIST_STATEMENT_TIMEOUT_SECONDS` is the limit of a statement",
    "socket_timeout": "`WAITING_LIST_STATEMENT_TIMEOUT_SECONDS` is the limit of a statement",
    "command_timeout": "`WAITING_LIST_STATEMENT_TIMEOUT_SECONDS` is the limit of a statement",
    "keepalives": "the service replaces connections that do not answer",
    "keepalives_idle": "the service replaces connections that do not answer",
    "keepalives_interval": "the service replaces connections that do not answer",
    "keepalives_count": "the service replaces connections that do not answer",
    "tcp_user_timeout": "the service replaces connections that do not answer",
    "tcpkeepalive": "the service replaces connections that do not answer",
    "connection_limit": "`WAITING_LIST_POOL_SIZE` is the number of connections",
    "pool": "`WAITING_LIST_POOL_SIZE` is the number of connections",
    "pool_size": "`WAITING_LIST_POOL_SIZE` is the number of connections",
    "max_overflow": "`WAITING_LIST_POOL_SIZE` is the number of connections",
    "pool_timeout": "the service waits 5 seconds for a connection of its pool",
    "pool_recycle": "the service closes a connection that it has not used for 5 minutes",
    "pool_pre_ping": "the service replaces connections that do not answer",
    "max_idle_connection_lifetime": "the service closes a connection that it has not used for 5 minutes",
    "load_balance_hosts": "the service connects to all hosts at once",
    "fallback_application_name": "it names another program",
    "sslsni": "the service always names the host to the server",
    "sslcompression": "TLS has no compression any longer",
    "serverversion": "the service asks the server",
    "supa": "it is for a program of the provider",
    "workaround": "it is for a program of the provider",
}
"""Parameters of other programs that the service does not need, each with the reason."""


class DsnError(ValueError):
    """The address cannot be used. The text says what it must be, and has no password."""


def for_asyncpg(dsn: str) -> str:
    """Return the address in the form of asyncpg. Raises DsnError."""
    parts = _split(dsn)
    given = _parameters(parts)
    query: dict[str, str] = {}
    if "port" in given and not all(map(_is_port, given["port"].split(","))):
        raise DsnError(f"has port={given['port']}, but a port is a number from 1 to 65535")
    for name, value in given.items():
        if name in PASSED_ON:
            query[name] = value
        elif name in _TRANSLATED:
            query.update(_TRANSLATED[name](value))
        elif name not in LEFT_OUT:
            nearest = get_close_matches(name, {*PASSED_ON, *_TRANSLATED}, n=1)
            hint = (
                f"the nearest is {nearest[0]}"
                if nearest
                else "settings of the server go into options=-c name=value"
            )
            raise DsnError(f"has the unknown parameter {name}; {hint}")
    # After `ssl`, which is less exact.
    for name in ("sslmode", "channel_binding"):
        if name in given:
            query.update(_TRANSLATED[name](given[name]))
    if "sslrootcert" in given:
        query["sslrootcert"] = given["sslrootcert"]
        if given["sslrootcert"] == "system" and "sslmode" not in query:
            query["sslmode"] = "verify-full"
    for name in ("sslcert", "sslkey", "sslrootcert", "sslcrl"):
        if name in query:
            query[name] = _file(name, query[name])
    return f"postgresql://{_place(parts)}{parts.path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")


def is_behind_pooler(dsn: str) -> bool:
    """Return whether a parameter says that a pooler stands in front of the server. It never raises."""
    try:
        given = _parameters(_split(dsn))
    except DsnError:
        return False
    kept = ("statement_cache_size", "prepared_statement_cache_size", "preparethreshold", "prepared_statements")
    return given.get("pgbouncer") in ("true", "1") or any(given.get(name) in ("0", "false") for name in kept)


def server_of(dsn: str) -> str:
    """Return the host and port of an address, for people. It never raises."""
    try:
        parts = urlsplit(dsn)
        query = dict(parse_qsl(parts.query))
        hosts = unquote(parts.netloc.rpartition("@")[2]) or query.get("host", "")
    except ValueError:
        return "the server"
    if not hosts:
        return "the server that PGHOST names, or that of this machine"
    ports = f":{query['port']}" if "port" in query and ":" not in hosts else ""
    return hosts + ports


def _split(dsn: str) -> SplitResult:
    text = dsn.strip().removeprefix("jdbc:")
    if text[:1] in ("'", '"'):
        raise DsnError("must have no quotes around it")
    scheme, mark, _ = text.partition("://")
    if not mark or scheme.partition("+")[0] not in _SCHEMES:
        what = f"begins with {scheme}://" if mark and scheme.isalnum() else "does not begin with postgresql://"
        raise DsnError(f"must be an address such as {_EXAMPLE}, but {what}")
    try:
        parts = urlsplit(text)
        for host in parts.netloc.rpartition("@")[2].split(","):
            _check_port(host)
    except ValueError as error:
        raise DsnError(
            f"must be an address such as {_EXAMPLE}. In a user or password, write special characters in their "
            "percent-encoded form: %40 for @, %2F for /, %23 for #, %3F for ?"
        ) from error
    if parts.fragment or "#" in text:
        raise DsnError("has a #. In a password, write it as %23")
    return parts


def _check_port(host: str) -> None:
    name, colon, port = host.rpartition("]")[2].rpartition(":")
    if colon and not _is_port(port):
        raise ValueError(f"no port behind {name}")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _place(parts: SplitResult) -> str:
    """Return user, password and hosts. An @ in the password, which asyncpg would misread, is encoded."""
    login, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    return f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}{at}{hosts}"


def _parameters(parts: SplitResult) -> dict[str, str]:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise DsnError("has a parameter without a value. Write each as name=value, with & between them") from error
    return {name.lower(): value for name, value in pairs if value}


def _sslmode(value: str) -> dict[str, str]:
    mode = "require" if value == "no-verify" else value.lower()  # as node-postgres calls it
    if mode not in _MODES:
        raise DsnError(f"has sslmode={value}, but it must be one of {', '.join(_MODES)}")
    return {"sslmode": mode}


def _ssl(value: str) -> dict[str, str]:
    modes = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
    return _sslmode(modes.get(value.lower(), value))


def _channel_binding(value: str) -> dict[str, str]:
    # asyncpg has no channel binding. A checked certificate protects from the same attack: a server in between.
    if value != "require":
        return {}
    return {"sslmode": "verify-full", "sslrootcert": "system"}


def _sslaccept(value: str) -> dict[str, str]:
    return {"sslmode": "verify-full", "sslrootcert": "system"} if value == "strict" else {"sslmode": "require"}


def _target(value: str) -> dict[str, str]:
    # The names of JDBC: master and slave are from before PostgreSQL 14.
    value = {"master": "primary", "secondary": "standby", "slave": "standby"}.get(value, value).lower()
    if value not in _SERVERS:
        raise DsnError(f"has target_session_attrs={value}, but it must be one of {', '.join(_SERVERS)}")
    return {"target_session_attrs": value}


def _gss(value: str) -> dict[str, str]:
    if value == "require":
        raise DsnError("has gssencmode=require, which the service does not support. Use sslmode=verify-full")
    return {}


def _encoding(value: str) -> dict[str, str]:
    if value.lower().replace("-", "") not in ("utf8", "unicode", "auto"):
        raise DsnError("has another encoding than UTF8, which is the only one that the service uses")
    return {}


def _schema(value: str) -> dict[str, str]:
    # The usual one is not sent, because poolers refuse parameters that they do not know.
    return {} if value == "public" else {"search_path": value}


def _nothing(_: str) -> dict[str, str]:
    return {}


_TRANSLATED: Mapping[str, Callable[[str], dict[str, str]]] = {
    "ssl": _ssl,
    "sslmode": _sslmode,
    "sslaccept": _sslaccept,
    "channel_binding": _channel_binding,
    "target_session_attrs": _target,
    "targetservertype": _target,
    "gssencmode": _gss,
    "schema": _schema,
    "currentschema": _schema,
    "client_encoding": _encoding,
    "charset": _encoding,
    "encoding": _encoding,
    "applicationname": lambda value: {"application_name": value},
    # `is_behind_pooler` reads these.
    "pgbouncer": _nothing,
    "statement_cache_size": _nothing,
    "prepared_statement_cache_size": _nothing,
    "preparethreshold": _nothing,
    "prepared_statements": _nothing,
}


def _file(name: str, value: str) -> str:
    if name == "sslrootcert" and value == "system":
        usual = ssl.get_default_verify_paths().cafile
        found = next((one for one in (usual, *_AUTHORITIES) if one and Path(one).is_file()), None)
        if found is None:
            raise DsnError("needs the certificates of this system, but there are none. Name a file in sslrootcert")
        return found
    try:
        Path(value).read_bytes()
    except OSError as error:
        raise DsnError(f"has {name}={value}, which cannot be read: {error.strerror}") from error
    return value
