"""Read the signing keys of the deployment: of user tokens, purchase passes and pushes; the `derived` secret."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

ISSUER = "waiting-list"
"""The issuer, in the claim `iss`."""


class PushKey(NamedTuple):
    """The key that signs what is pushed (RFC 8292). `public` is what browsers and push services know it by."""

    private_pem: bytes
    public_pem: bytes
    public: str


@dataclass(frozen=True)
class _Keys:
    user_token: bytes
    derived: bytes
    purchase_pass: Ed25519PrivateKey
    purchase_pass_id: str
    push: PushKey


class SigningKeys:
    """The signing keys of one deployment. Each process has one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._keys: _Keys | None = None

    async def derived_secret(self) -> bytes:
        """Return the secret from which private links and webhook secrets are derived (key_material.py). Raises
        Unavailable."""
        return (await self.keys()).derived

    async def keys(self) -> _Keys:
        """Return the signing keys of this deployment, read once from its database. Raises Unavailable."""
        if self._keys is None:
            async with connection(self._pool) as acquired:
                records = await acquired.fetch(sql("read_signing_keys"))
            found = {record["purpose"]: record for record in records}
            private = load_pem_private_key(found["purchase_pass"]["secret"], password=None)
            assert isinstance(private, Ed25519PrivateKey)
            self._keys = _Keys(
                found["user_token"]["secret"],
                found["derived"]["secret"],
                private,
                found["purchase_pass"]["key_id"],
                _push_key(found["push"]["secret"]),
            )
        return self._keys


def _push_key(pem: bytes) -> PushKey:
    private = load_pem_private_key(pem, password=None)
    assert isinstance(private, EllipticCurvePrivateKey)
    public = private.public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    known = urlsafe_b64encode(point).rstrip(b"=").decode()
    return PushKey(pem, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), known)
