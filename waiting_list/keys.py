"""Define the signing keys of the deployment, and the format of API keys. No HTTP and no database here."""

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
        """Return the SHA-256 of the secret. A slow password hash would add nothing, because the secret has 256
        random bits."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, secret_hash: bytes) -> bool:
        """Return whether this key has the stored hash. The comparison takes constant time."""
        return hmac.compare_digest(self.secret_hash, secret_hash)


def new_api_key() -> ApiKey:
    """Make a random API key."""
    return ApiKey(secrets.token_hex(6), secrets.token_hex(32))


def derived_api_key(deployment_secret: bytes, *, key_id: str, source: str) -> ApiKey:
    """Derive an API key from these parts. Without the deployment's secret it cannot be guessed."""
    message = f"{key_id}\x00{source}".encode()
    return ApiKey(key_id, hmac.new(deployment_secret, message, hashlib.sha256).hexdigest())


def parse_api_key(text: str) -> ApiKey | None:
    """Parse the API key that a client sent. Return None if it does not look like one."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != _PREFIX or not text.isascii() or not all(map(str.isalnum, parts)):
        return None
    return ApiKey(parts[1], parts[2])


def derived(secret: bytes, *parts: object) -> bytes:
    """Derive 32 bytes from the deployment's `derived` secret and these parts (HMAC-SHA256, RFC 2104).

    It is for secrets that the service shows again but does not store. No part contains NUL.
    """
    return hmac.new(secret, "\x00".join(map(str, parts)).encode(), hashlib.sha256).digest()


def webhook_secret(secret: bytes, webhook_id: str, version: int) -> str:
    """Derive the signing secret of a webhook, in the format of Standard Webhooks: `whsec_`, then 32 bytes in
    base64."""
    return f"whsec_{base64.b64encode(derived(secret, 'webhook', webhook_id, version)).decode()}"


def link_token(secret: bytes, list_id: UUID, number: int, version: int) -> str:
    """Derive the private link of an entry: 54 characters, safe in a URL.

    It begins with the list's key, by which the service finds the list. The rest comes from the deployment's
    secret. The database stores only its hash.
    """
    opaque = derived(secret, "link", list_id, number, version)[:24]
    return base64.urlsafe_b64encode(list_id.bytes + opaque).decode().rstrip("=")


def link_list(token: str) -> UUID | None:
    """Return the key of the list in a private link; None if it is not a link."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 40 else None


def link_hash(token: str) -> bytes:
    """Return the stored hash of a private link (SHA-256). A slow hash would add nothing, because the link has 192
    secret bits."""
    return hashlib.sha256(token.encode()).digest()


def verification_code(secret: bytes, list_id: UUID, number: int, email: str) -> str:
    """Derive the code that proves access to a mailbox, for this entry. Each address has another code."""
    return base64.urlsafe_b64encode(derived(secret, "verify", list_id, number, email)[:18]).decode()


def sign_in_token(secret: bytes, sign_in_id: UUID) -> str:
    """Derive the token of a sign-in link: 46 characters, safe in a URL.

    It begins with the id of the request, by which the service finds it. The rest comes from the deployment's
    secret. The database does not store it.
    """
    opaque = derived(secret, "sign-in", sign_in_id)[:18]
    return base64.urlsafe_b64encode(sign_in_id.bytes + opaque).decode().rstrip("=")


def sign_in_id(token: str) -> UUID | None:
    """Return the id of the sign-in request in a token; None if it is not one."""
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=decoded[:16]) if len(decoded) == 34 else None


def hold_id(list_id: UUID, number: int, ready_at: datetime) -> UUID:
    """Derive the id of one hold. Another entry, or another hold of the same entry, has another id."""
    return uuid5(list_id, f"{number}/{ready_at.astimezone(UTC).isoformat()}")


def new_signing_key(purpose: str) -> bytes:
    """Make a signing key of the deployment.

    It is 32 random bytes to sign user tokens (HS256, which only this service checks) or to derive secrets from, or
    an Ed25519 private key in PKCS #8 for purchase passes (EdDSA, so that shops can check them with the public
    key).
    """
    if purpose in ("user_token", "derived"):
        return secrets.token_bytes(32)
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
