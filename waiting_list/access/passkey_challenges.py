"""Define where passkeys work, and make and check their challenges. No I/O here."""

import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from waiting_list.key_material import derived

LIFETIME = timedelta(minutes=5)
"""How long a challenge is valid."""
_RANDOM_BYTES = 16
_HEAD_BYTES = _RANDOM_BYTES + 8
_PROOF_BYTES = 16


class PasskeyRefused(Exception):
    """The service does not accept the answer of an authenticator. Nothing has changed."""


class RelyingParty(NamedTuple):
    """The domain for which browsers make passkeys, and the origin from which they may use them."""

    domain: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "RelyingParty | None":
        """Return the one of a public address; None where browsers have no passkeys.

        They need https, except at localhost, and a host name instead of an IP address (W3C Web Authentication,
        5.1.3 and 5.1.4.1).
        """
        parts = urlsplit(public_url)
        host, is_secure = parts.hostname or "", parts.scheme == "https"
        with suppress(ValueError):
            ip_address(host)
            return None
        if not is_secure and host != "localhost" and not host.endswith(".localhost"):
            return None
        if not host.isascii():
            host = host.encode("idna").decode()
        # Browsers leave the usual port out of an origin (RFC 6454, 6.2).
        port = "" if parts.port in (None, 443 if is_secure else 80) else f":{parts.port}"
        return cls(host, f"{parts.scheme}://{host}{port}")


def to_add(member_id: str) -> str:
    """Return the purpose of a challenge that adds a passkey to a member."""
    return f"add:{member_id}"


TO_SIGN_IN = "sign-in"
"""The purpose of a challenge that signs a member in."""


def new_challenge(secret: bytes, purpose: str) -> bytes:
    """Make a challenge: random bytes, the second in which it ends, and the proof that both have this purpose."""
    ends = int(time.time() + LIFETIME.total_seconds())
    head = secrets.token_bytes(_RANDOM_BYTES) + ends.to_bytes(_HEAD_BYTES - _RANDOM_BYTES, "big")
    return head + _proof(secret, purpose, head)


def end_of(secret: bytes, purpose: str, challenge: bytes) -> datetime:
    """Return when a challenge ends. Raises PasskeyRefused if this deployment did not make it for this purpose."""
    head = challenge[:_HEAD_BYTES]
    if len(head) < _HEAD_BYTES or not compare_digest(challenge, head + _proof(secret, purpose, head)):
        raise PasskeyRefused("the challenge is not ours, or has another purpose")
    return datetime.fromtimestamp(int.from_bytes(head[_RANDOM_BYTES:], "big"), UTC)


def _proof(secret: bytes, purpose: str, head: bytes) -> bytes:
    return derived(secret, "passkey-challenge", purpose, head.hex())[:_PROOF_BYTES]
