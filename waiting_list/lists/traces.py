"""Traces of where a join came from, so that look-alike entries can be found. No I/O here.

A trace has only hashes, with a different secret for each list. They only show that two entries of one list are
alike.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from waiting_list.key_material import derived
from waiting_list.lists.mailboxes import mailbox

_WIDESPREAD = frozenset({
    "aol.com", "bluewin.ch", "comcast.net", "fastmail.com", "free.fr", "gmail.com", "gmx.de", "gmx.fr",
    "gmx.net", "hotmail.co.uk", "hotmail.com", "hotmail.fr", "icloud.com", "laposte.net", "live.com",
    "live.fr", "mail.com", "mail.ru", "msn.com", "orange.fr", "outlook.com", "outlook.fr", "proton.me",
    "sfr.fr", "t-online.de", "telenet.be", "wanadoo.fr", "web.de", "yahoo.co.uk", "yahoo.com", "yahoo.fr",
    "yandex.ru",
})  # fmt: skip
"""Domains with so many users that two names of the same shape prove no likeness."""


class Trace(NamedTuple):
    """Two hashes of 64 bits, of the network of a join and of the shape of its address, if it has one."""

    network: int
    family: int | None


def trace_key(secret: bytes, list_id: UUID) -> bytes:
    """Return the key for the traces of one list. `secret` is the deployment's `derived` one."""
    return derived(secret, "traces", list_id)


def trace(key: bytes, network: str, email: str | None) -> Trace:
    """Return the trace of a join from a public address (`Limits.network`)."""
    return Trace(hash_of(key, near(network)), None if email is None else hash_of(key, family(email)))


def hash_of(key: bytes, text: str) -> int:
    """Return a hash of 64 bits that only this key's list has."""
    # BLAKE2 with a key (RFC 7693), because it takes a third of the time of an HMAC, at every join.
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=key).digest(), signed=True)


def near(network: str) -> str:
    """Return the /24 of an IPv4 address, or the /64 of an IPv6 subscriber as it is."""
    return network if ":" in network else network.rpartition(".")[0]


@lru_cache(maxsize=10_000)
def family(email: str) -> str:
    """Return the shape of a mailbox: its domain, and its name with each run of digits as one 9.

    Each letter of the name also becomes an a, unless the domain is widespread.
    """
    name, _, domain = mailbox(email).rpartition("@")
    name = re.sub(r"\d+", "9", name)
    return f"{name if domain in _WIDESPREAD else re.sub('[a-z]', 'a', name)}@{domain}"
