"""Read the public address of the service, which may have a path, such as `https://shop.example/waiting`."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

FIRST_PARTS = frozenset(
    (
        "v1",
        "app.webmanifest",
        "worker.js",
        "stop-emails",
        "health",
        "metrics",
        "version",
        ".well-known",
        "language",
        "sign-in",
        "sign-out",
        "my-lists",
        "waiting-lists",
        "transfers",
        "events",
        "e",
        "accents",
        "images",
        "dashboard",
        "demo",
        "mails",
        "static",
        "docs",
        "verify",
        "openapi.json",
        "robots.txt",
        "favicon.ico",
    )
)
"""The first parts of all addresses of the service. The path of a public address must not begin with one. So an
address with that path differs from one without."""
_SHAPE = re.compile(r"https?://[^/\s?#@\\]+((?:/[A-Za-z0-9._~-]+)*)/*")


def checked(url: str) -> str:
    """Return a public address without its last slash. Raises ValueError with a sentence."""
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise ValueError(
            "must be an address such as https://tickets.example or https://shop.example/waiting, "
            "without a user name, a query or a fragment"
        )
    try:
        parts_of_url = urlsplit(url)
        has_host = bool(parts_of_url.hostname) and parts_of_url.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError("must have a host name, and a port from 1 to 65535 or no port")
    _, *parts = shape[1].split("/")
    if {".", ".."} & {*parts}:
        raise ValueError("must have no . and no .. in its path")
    if parts and parts[0] in FIRST_PARTS:
        raise ValueError(
            f"must not begin its path with /{parts[0]}, because addresses of this service begin with it"
        )
    return url.rstrip("/")


def of_server(host: str, port: int) -> str:
    """Return the address at which a browser on this machine reaches a server that listens on this host and port.

    A server that listens on all addresses is reached at 127.0.0.1, or for IPv6 at [::1].
    """
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if isinstance(address, IPv6Address):
        return f"http://[{'::1' if address.is_unspecified else host}]:{port}"
    return f"http://{'127.0.0.1' if address.is_unspecified else host}:{port}"


def path_of(url: str) -> str:
    """Return the path of a public address, such as `/waiting`; empty without one."""
    return urlsplit(url).path


def origin_of(url: str) -> str:
    """Return a public address without its path."""
    return url.removesuffix(path_of(url))


def is_loopback(url: str) -> bool:
    """Return whether only browsers on this machine reach the address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
