"""Verify the ledger of a list in memory: what outsiders would download, signed, without HTTP."""

from collections.abc import Sequence
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from waiting_list.ledger import queries
from waiting_list.ledger.notes import checkpoint, verifier_key
from waiting_list.ledger.verify_ledger import Replay, leaf_of, root_of, verify_ledger
from waiting_list.postgres.pool import Pool

ORIGIN = "tickets.example/v1/user/waiting-lists/off_1/rep_1"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_EVERY_CHANGE = 10**9


async def verify(pool: Pool, list_id: UUID) -> Replay:
    """Verify the whole ledger of a list with the stand-alone verifier. Raises its Wrong."""
    lines = await queries.public_forms(pool, list_id, 1, _EVERY_CHANGE)
    return verify_lines(lines)


def verify_lines(lines: Sequence[bytes]) -> Replay:
    """Sign these changes as an operator can, whatever they say, and verify them. Raises Wrong."""
    root = root_of([leaf_of(line) for line in lines])
    note = checkpoint(ORIGIN, len(lines), root, _KEY.private_bytes_raw())
    return verify_ledger(lines, note, [verifier_key(ORIGIN, _KEY.public_key().public_bytes_raw())])[1]
