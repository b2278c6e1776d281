"""Replay the ledger of one list: its leaves, the tree over them, and its checkpoint. No I/O here.

Each leaf follows from its stored row, each full subtree and the root of the checkpoint from the leaves. Memory
stays small: one hash for each bit of the number of changes.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from waiting_list.audit.report import Check, Difference
from waiting_list.ledger.merkle import TILE_BITS, node
from waiting_list.ledger.notes import verifier_key
from waiting_list.ledger.verify_ledger import Wrong, read_checkpoint
from waiting_list.lists.leaves import leaf, public_form, stored_fields
from waiting_list.postgres.pool import Record


class Subtree(NamedTuple):
    """A full subtree: its level, its number in the level, its hash, and the changes up to its end."""

    level: int
    subtree: int
    hash: bytes
    end: int


class LedgerReplay:
    """The tree over the changes so far."""

    def __init__(self, list_id: UUID, checkpoint: Mapping[str, Any]) -> None:
        """Take the row of the newest checkpoint, with the public keys; its size is None if the list has none."""
        self._list_id = list_id
        self._checkpoint = checkpoint
        self._size: int = checkpoint["size"] or 0
        self._sequence = 0
        self._row: list[tuple[int, bytes]] = []
        """The full subtrees from left to right: how many changes each has, and its hash."""
        self._root: bytes | None = None
        self.is_whole = True
        """Whether each change so far has its leaf. Those of an older version get it before the next checkpoint."""

    def fold(self, record: Record) -> list[Subtree]:
        """Take the next change, and return the full subtrees that it completes.

        The record has sequence, instant, verb, number, before and after (JSON), actor, reason, salt and hash of
        the reason, and leaf. Raises Difference.
        """
        sequence, at, verb, number, before, after, actor, reason, salt, hashed, stored = record
        self._sequence = sequence
        if stored is None:
            self.is_whole = False
            if sequence <= self._size:
                raise self._differs(Check.LEAF, record, "has lost its leaf.", "a leaf", None)
            return []
        if reason is not None and (salt is None or sha256(salt + reason.encode()).digest() != hashed):
            raise self._differs(Check.LEAF, record, "has another reason than its hash says.", None, hashed)
        row = (sequence, actor, verb, number, *stored_fields(before, after))
        made = leaf(public_form(self._list_id, at, row, hashed).encode())
        if made != stored:
            raise self._differs(Check.LEAF, record, "was altered after its leaf was written.", made, stored)
        return self._append(made) if self.is_whole else []

    def finish(self) -> None:
        """Compare the checkpoint with the tree, and verify its note by the service's keys. Raises Difference."""
        row = self._checkpoint
        if not self._size:
            return
        if self._size > self._sequence:
            raise Difference(
                Check.CHECKPOINT,
                f"The checkpoint covers {self._size} changes. The history has {self._sequence}: changes are gone.",
                expected=self._sequence,
                found=self._size,
            )
        if self._root != row["root"]:
            raise Difference(
                Check.CHECKPOINT,
                f"The first {self._size} changes are not those that were signed: the root of their tree differs.",
                expected=self._root and self._root.hex(),
                found=row["root"].hex(),
            )
        try:
            keys = [verifier_key(row["origin"], public) for public in row["public_keys"] or ()]
            noted = read_checkpoint(row["note"], keys)
        except (Wrong, ValueError) as error:
            raise Difference(
                Check.CHECKPOINT, f"The note of the checkpoint is wrong. {error}", expected="a signed note"
            ) from None
        if noted[:3] != (row["origin"], self._size, row["root"]):
            raise Difference(
                Check.CHECKPOINT,
                f"The signed note is about {noted.size} changes of {noted.origin}, not about this checkpoint.",
                expected=[row["origin"], self._size, row["root"].hex()],
                found=[noted.origin, noted.size, noted.root.hex()],
            )

    def compare(self, made: Subtree, stored: Subtree | None) -> None:
        """Compare the next full subtree with the next stored one. Raises Difference."""
        if stored is None and made.end > self._size:
            return  # the next checkpoint writes it
        if stored is None or (stored.end, stored.level) > (made.end, made.level):
            raise Difference(Check.TREE, f"The tree has lost {_named(made)}.", expected=made.hash.hex())
        if made != stored:
            raise Difference(
                Check.TREE,
                f"The tree has another hash for {_named(stored)}, than the changes add up to.",
                expected=made.hash.hex(),
                found=stored.hash.hex(),
            )

    def extra_subtree(self, stored: Subtree) -> Difference:
        """Return the difference for a stored subtree after the last one that the changes complete."""
        return Difference(
            Check.TREE, f"The tree has {_named(stored)}, of changes that are gone.", found=stored.hash.hex()
        )

    def _append(self, hashed: bytes) -> list[Subtree]:
        row, size, full = self._row, 1, []
        bits = 0
        while row and row[-1][0] == size:
            hashed = node(row.pop()[1], hashed)
            size, bits = size * 2, bits + 1
            if bits % TILE_BITS == 0:
                end = self._sequence
                full.append(Subtree(bits // TILE_BITS, end // size - 1, hashed, end))
        row.append((size, hashed))
        if self._sequence == self._size:
            root = row[-1][1]
            for _, left in reversed(row[:-1]):
                root = node(left, root)
            self._root = root
        return full

    def _differs(self, check: Check, record: Record, what: str, expected: Any, found: Any) -> Difference:
        sequence, _, verb, number, *_ = record
        values = [one.hex() if isinstance(one, bytes) else one for one in (expected, found)]
        return Difference(
            check,
            f"Change {sequence} ({verb}) {what}",
            sequence=sequence,
            number=number,
            expected=values[0],
            found=values[1],
        )


def _named(one: Subtree) -> str:
    return f"subtree {one.subtree} of level {one.level}, which ends with change {one.end}"
