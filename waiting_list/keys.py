"""What this deployment signs with, and how API keys look. Kept apart from HTTP and from the database."""

import hashlib
import hmac
import secrets
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "wl"


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
    if len(parts) != 3 or parts[0] != _PREFIX or not text.isascii():
        return None
    return ApiKey(parts[1], parts[2])


def new_signing_key(purpose: str) -> bytes:
    """A fresh key: 32 random bytes to sign user tokens (HS256: only this service checks them), or an
    Ed25519 private key in PKCS #8 for purchase passes (EdDSA: shops check them with the public half)."""
    if purpose == "user_token":
        return secrets.token_bytes(32)
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
