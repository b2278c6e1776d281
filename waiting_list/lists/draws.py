"""Compute the seed of a draw and the lots that follow from it: docs/draws.md. No I/O here."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from waiting_list.lists.ranks import RANK_STEP

DRAND = "drand"
"""The `draw_source` that stands for the drand network."""
ENTERED = "a value that the organizer enters"
"""The `draw_source` of a draw for which the organizer names none."""
LEDGER = "ledger:"
"""What the randomness begins with that the service takes from the list's own ledger, when it has got no other."""
_GENESIS = datetime.fromtimestamp(1_692_803_367, UTC)
_PERIOD = timedelta(seconds=3)
"""Rounds of drand's network `quicknet` come from its genesis on, in this interval."""
_BLOCK_BYTES = 64


def seed_of(secret: bytes, randomness: str) -> bytes:
    """Return the seed: the hash of the secret and the randomness."""
    return sha256(secret + randomness.encode()).digest()


def lot_of(seed: bytes, number: int) -> bytes:
    """Return the lot of an entry; the lowest comes first."""
    return hmac.digest(seed, number.to_bytes(8, "big"), "sha256")


def drawn_rank(place: int) -> int:
    """Return the rank of the entry with this place among the lots, from 1: half a step before that of a number."""
    return place * RANK_STEP - RANK_STEP // 2


def padded_keys(seed: bytes) -> tuple[bytes, bytes]:
    """Return the inner and the outer key of HMAC (RFC 2104), as PostgreSQL has only the hash."""
    key = seed.ljust(_BLOCK_BYTES, b"\0")
    return bytes(one ^ 0x36 for one in key), bytes(one ^ 0x5C for one in key)


def drand_round(at: datetime) -> int:
    """Return the first round of the drand network `quicknet` at or after an instant."""
    return max(0, -((_GENESIS - at) // _PERIOD)) + 1
