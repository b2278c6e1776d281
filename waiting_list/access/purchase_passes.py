"""Sign and read purchase passes. A pass names one hold, and proves it to the shop that sells the tickets."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from waiting_list.access.signing_keys import ISSUER, SigningKeys
from waiting_list.lists.holds import hold_id
from waiting_list.lists.models import Entry, ListKey, Status
from waiting_list.problems import InvalidRequest

E = TypeVar("E", bound=Entry)
PASS_AUDIENCE = "waiting-list/purchase"  # noqa: S105 - the name of an audience
"""The audience, in the claim `aud`."""
_PASS_CLAIMS = ("sub", "offer_id", "representation_id", "jti")


class Pass(NamedTuple):
    """The content of a purchase pass: one hold of a user in a list."""

    key: ListKey
    user_id: str
    hold: UUID


class PurchasePasses:
    """Sign and read purchase passes. Each process has one."""

    def __init__(self, signing_keys: SigningKeys) -> None:
        self._signing_keys = signing_keys

    async def with_pass(self, entry: E) -> E:
        """Return the entry, with its purchase pass if it is ready.

        The same hold always gets the same pass. After the person was erased, a repeated answer has no pass.
        """
        if entry.status is not Status.READY or entry.ready_at is None or entry.ready_until is None:
            return entry
        if entry.user_id is None:
            return entry
        keys = await self._signing_keys.keys()
        signed = _signed(
            keys.purchase_pass,
            keys.purchase_pass_id,
            ListKey(entry.offer_id, entry.representation_id),
            entry.user_id,
            number=entry.number,
            tickets=entry.tickets_held,
            ready_at=entry.ready_at,
            ready_until=entry.ready_until,
        )
        return entry.model_copy(update={"purchase_pass": signed})

    async def read_pass(self, text: str) -> Pass:
        """Return the content of a purchase pass.

        The engine checks the deadline of the hold with the database clock, so this method ignores that of the
        pass. Raises InvalidRequest if this deployment has not signed the pass; Unavailable.
        """
        keys = await self._signing_keys.keys()
        try:
            claims = jwt.decode(
                text,
                keys.purchase_pass.public_key(),
                algorithms=["EdDSA"],
                issuer=ISSUER,
                audience=PASS_AUDIENCE,
                options={"require": list(_PASS_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
            key, hold = ListKey(claims["offer_id"], claims["representation_id"]), UUID(claims["jti"])
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidRequest.of(
                "body.purchase_pass", "is not a valid purchase pass of this service"
            ) from error
        return Pass(key, claims["sub"], hold)

    async def jwks(self) -> dict[str, Any]:
        """Return the public key of purchase passes, as a JWKS (RFC 7517). Raises Unavailable."""
        keys = await self._signing_keys.keys()
        public = OKPAlgorithm.to_jwk(keys.purchase_pass.public_key(), as_dict=True)
        return {"keys": [public | {"kid": keys.purchase_pass_id, "alg": "EdDSA", "use": "sig"}]}


@lru_cache(maxsize=10_000)  # because fans poll, and a signature takes longer than the rest of a poll's own work
def _signed(
    private: Ed25519PrivateKey,
    key_id: str,
    key: ListKey,
    user_id: str,
    *,
    number: int,
    tickets: int,
    ready_at: datetime,
    ready_until: datetime,
) -> str:
    claims = {
        "iss": ISSUER,
        "aud": PASS_AUDIENCE,
        "sub": user_id,
        "offer_id": key.offer_id,
        "representation_id": key.representation_id,
        "number": number,
        "tickets": tickets,
        "jti": str(hold_id(key.list_id, number, ready_at)),
        "iat": int(ready_at.timestamp()),
        "exp": int(ready_until.timestamp()),
    }
    return jwt.encode(claims, private, "EdDSA", headers={"kid": key_id})
