"""An authenticator in software: makes passkeys and signs with them (W3C Web Authentication), also wrongly."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, BACKED_UP, ATTESTED = 0x01, 0x04, 0x18, 0x40
"""Flags: the user is present, the user is verified, the passkey is synchronized, the data contain a credential."""


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def of_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """A device with one passkey. Its fields are what it claims, so that tests can make it lie."""

    origin: str
    domain: str | None = None
    """The domain for which it signs; None: that of the options."""
    flags: int = UP | UV
    count: int = 0
    """The sign count of the next answer; it grows unless it is 0."""
    user: bytes | None = None
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any], **client: Any) -> str:
        """A new credential, as the script of the page sends it."""
        self.user = of_base64url(options["user"]["id"])
        self.domain = self.domain or options["rp"]["id"]
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = (
            bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(public)
        )
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        self.count += self.count > 0
        response = {
            "clientDataJSON": base64url(self._client("webauthn.create", options, client)),
            "attestationObject": base64url(cbor2.dumps(statement)),
            "transports": ["internal", "hybrid", "smoke-signals"],
        }
        return self._credential(response)

    def sign(self, options: dict[str, Any], **client: Any) -> str:
        """An answer to the options of a sign-in, as the script of the page sends it."""
        assert self.user is not None
        data, said = self._data(0), self._client("webauthn.get", options, client)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        self.count += self.count > 0
        response = {
            "clientDataJSON": base64url(said),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
            "userHandle": base64url(self.user),
        }
        return self._credential(response)

    def _credential(self, response: dict[str, Any]) -> str:
        named = base64url(self.credential_id)
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": response})

    def _data(self, flags: int) -> bytes:
        assert self.domain is not None
        hashed = hashlib.sha256(self.domain.encode()).digest()
        return hashed + bytes([self.flags | flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], said: dict[str, Any]) -> bytes:
        known = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(known | said).encode()
