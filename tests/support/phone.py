"""A device that takes what is pushed to it: its keys, and how it opens a message.

By RFC 8188 and RFC 8291 alone, with none of the code that sends.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from os import urandom
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Phone:
    """The keys that a browser makes for one subscription."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(_CURVE))
    auth: bytes = field(default_factory=lambda: urandom(16))

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def form(self, endpoint: str) -> dict[str, str]:
        """What its browser gives to a page."""
        return {"endpoint": endpoint, "p256dh": encoded(self.public), "auth": encoded(self.auth)}

    def open(self, body: bytes) -> bytes:
        """The text of a message of one record. Raises InvalidTag for one that is for another device."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
        secret = _derived(shared, self.auth, b"WebPush: info\0" + self.public + sender, 32)
        key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
        text, _, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert not padding.strip(b"\0")
        return text

    def read(self, body: bytes) -> dict[str, Any]:
        """What a message of the service says."""
        said: dict[str, Any] = json.loads(self.open(body))
        return said


def sender_of(authorization: str, *, audience: str) -> tuple[str, dict[str, Any]]:
    """The public key and the claims of who pushes, checked as a push service does (RFC 8292)."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid"
    given = dict(one.strip().split("=", 1) for one in parameters.split(","))
    public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(given["k"]))
    claims: dict[str, Any] = jwt.decode(given["t"], public, algorithms=["ES256"], audience=audience)
    return given["k"], claims


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
