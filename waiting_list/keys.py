"""What this deployment signs with, and how API keys look. Kept apart from HTTP and from the database."""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid5

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "wl"


class Scope(StrEnum):
    """The rights of an API key."""

    READ = "read"
    """Read everything: stock, lists, entries and personal data."""
    STOCK = "stock"
    """Change events, representations, offers and inventory. Add, remove and release stock."""
    ENTRIES = "entries"
    """Manage lists and entries: settings, join, move, buy, remove; user tokens, contacts and links."""
    ADMIN = "admin"
    """All other scopes, and API keys, webhooks, resending notices, and erasing a person."""


class ApiKey(NamedTuple):
    """An API key: `wl_<key_id>_<secret>`. Only the hash of the secret is stored."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"{_PREFIX}_{self.key_id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """SHA-256: the secret has 256 random bits, so a slow password hash would add nothing."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, secret_hash: bytes) -> bool:
        """Whether this is the key whose hash was stored, compared in constant time."""
        return hmac.compare_digest(self.secret_hash, secret_hash)


def new_api_key() -> ApiKey:
    """A fresh random key."""
    return ApiKey(secrets.token_hex(6), secrets.token_hex(32))


def derived_api_key(deployment_secret: bytes, *, key_id: str, source: str) -> ApiKey:
    """The key that always follows from these; without the deployment's secret it cannot be guessed."""
    message = f"{key_id}\x00{source}".encode()
    return ApiKey(key_id, hmac.new(deployment_secret, message, hashlib.sha256).hexdigest())


def parse_api_key(text: str) -> ApiKey | None:
    """The key that a client sent, or None if it does not look like one."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != _PREFIX or not text.isascii() or not all(map(str.isalnum, parts)):
        return None
    return ApiKey(parts[1], parts[2])


def derived(secret: bytes, *parts: object) -> bytes:
    """32 bytes that always follow from the deployment's `derived` secret and these parts, and from nothing less:
    what must be shown again, but not be stored. HMAC-SHA256 (RFC 2104); no part holds NUL."""
    return hmac.new(secret, "\x00".join(map(str, parts)).encode(), hashlib.sha256).digest()


def webhook_secret(secret: bytes, webhook_id: str, version: int) -> str:
    """What a webhook's deliveries are signed with, as Standard Webhooks writes it: `whsec_`, then 32 bytes in
    base64."""
    return f"whsec_{base64.b64encode(derived(secret, 'webhook', webhook_id, version)).decode()}"


def link_token(secret: bytes, list_id: UUID, number: int, version: int) -> str:
    """The private link of an entry: 54 characters, safe in a URL. It begins with the list's key, by which it is
    found; the rest follows from the deployment's secret. Only its hash is stored."""
    opaque = derived(secret, "link", list_id, number, version)[:24]
    return base64.urlsafe_b64encode(list_id.bytes + opaque).decode().rstrip("=")


def link_list(token: str) -> UUID | None:
    """The key of the list that a link names; None if it is not a link."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 40 else None


def link_hash(token: str) -> bytes:
    """What is stored of a link. SHA-256: it has 192 secret bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).digest()


def verification_code(secret: bytes, list_id: UUID, number: int, email: str) -> str:
    """What shows that whoever has it reads that mailbox, for this entry. Another address has another code."""
    return base64.urlsafe_b64encode(derived(secret, "verify", list_id, number, email)[:18]).decode()


def sign_in_token(secret: bytes, sign_in_id: UUID) -> str:
    """The link with which somebody signs in: 46 characters, safe in a URL. It begins with the name by which it is
    found; the rest follows from the deployment's secret. It is not stored."""
    opaque = derived(secret, "sign-in", sign_in_id)[:18]
    return base64.urlsafe_b64encode(sign_in_id.bytes + opaque).decode().rstrip("=")


def sign_in_id(token: str) -> UUID | None:
    """The name of who asked for a link; None if it is not one."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 34 else None


def hold_id(list_id: UUID, number: int, ready_at: datetime) -> UUID:
    """The name of one hold: another entry, or another hold of the same one, has another."""
    return uuid5(list_id, f"{number}/{ready_at.astimezone(UTC).isoformat()}")


def new_signing_key(purpose: str) -> bytes:
    """A fresh key: 32 random bytes to sign user tokens (HS256: only this service checks them) or to derive from,
    or an Ed25519 private key in PKCS #8 for purchase passes (EdDSA: shops check them with the public half)."""
    if purpose in ("user_token", "derived"):
        return secrets.token_bytes(32)
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
