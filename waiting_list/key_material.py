"""Make the deployment's signing keys, and derive secrets from them. No I/O here."""

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def derived(secret: bytes, *parts: object) -> bytes:
    """Derive 32 bytes from the deployment's `derived` secret and these parts (HMAC-SHA256, RFC 2104).

    It is for secrets that the service shows again but does not store. No part contains NUL.
    """
    return hmac.new(secret, "\x00".join(map(str, parts)).encode(), hashlib.sha256).digest()


def new_signing_key(purpose: str) -> bytes:
    """Make a signing key of the deployment.

    It is 32 random bytes to sign user tokens (HS256, which only this service checks) or to derive secrets from, or
    a private key in PKCS #8: Ed25519 for purchase passes (EdDSA, so that shops can check them with the public
    key), P-256 for what is pushed (ES256, as RFC 8292 asks for).
    """
    if purpose in ("user_token", "derived"):
        return secrets.token_bytes(32)
    private = ec.generate_private_key(ec.SECP256R1()) if purpose == "push" else Ed25519PrivateKey.generate()
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def new_ledger_key() -> tuple[str, bytes, bytes]:
    """Make a key that signs checkpoints of ledgers (Ed25519): its id, private and public key, 32 bytes each."""
    private = Ed25519PrivateKey.generate()
    return secrets.token_hex(8), private.private_bytes_raw(), private.public_key().public_bytes_raw()
