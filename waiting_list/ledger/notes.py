"""Write checkpoints as signed notes (C2SP signed-note and tlog-checkpoint). No I/O here."""

from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519 = b"\x01"
"""The type of an Ed25519 signature."""


def checkpoint(origin: str, size: int, root: bytes, private_key: bytes) -> str:
    """Return the signed checkpoint of a tree. The key's name is the origin."""
    text = f"{origin}\n{size}\n{b64encode(root).decode()}\n"
    private = Ed25519PrivateKey.from_private_bytes(private_key)
    public = private.public_key().public_bytes_raw()
    signature = key_id(origin, public) + private.sign(text.encode())
    return f"{text}\n\N{EM DASH} {origin} {b64encode(signature).decode()}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes that say which key made a signature."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """Return a public key as verifiers take it: name, id and key."""
    return f"{name}+{key_id(name, public_key).hex()}+{b64encode(_ED25519 + public_key).decode()}"
