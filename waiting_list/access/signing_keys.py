"""Read the signing keys of the deployment: those of user tokens and purchase passes, and the `derived` secret."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql

ISSUER = "waiting-list"
"""The issuer, in the claim `iss`."""


@dataclass(frozen=True)
class _Keys:
    user_token: bytes
    derived: bytes
    purchase_pass: Ed25519PrivateKey
    purchase_pass_id: str


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
            )
        return self._keys
