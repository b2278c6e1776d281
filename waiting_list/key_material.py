"""Make the deployment's signing keys, and derive secrets from them. No I/O here."""

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def derived(secret: bytes, *parts: object) -> bytes:
    """Derive 32 bytes from the deployment's `derived` secret and these parts (HMAC-SHA256, RFC 2104).

    It is for secrets that the service shows again but does not store. No part contains NUL.
    """
    return hmac.new(secret, "\x00".join(map(str, parts)).encode(), hashlib.sha256).digest()


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
