"""Compute roots and proofs of Merkle trees as RFC 9162 (section 2.1) defines them. No I/O here.

A range of leaves is a pair: the first, and the one after the last. Proofs are lists of ranges. `Nodes` computes
their hashes from those of full subtrees of 1, 256, 65536 … leaves (levels 0, 1, 2 …).
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple, TypeAlias

Range: TypeAlias = tuple[int, int]
TILE = 256
"""How many hashes a full tile has (C2SP tlog-tiles)."""
TILE_BITS = 8
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a tree over these hashes, which are of leaves or of subtrees of one size."""
    row = list(hashes)
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        # A last hash without a neighbour goes up as it is, which gives the tree that RFC 9162 defines.
        pairs = [node(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove that the leaf of an index is in a tree (RFC 9162, 2.1.3.1)."""
    found: list[Range] = []
    first, after = 0, size
    while after - first > 1:
        middle = first + _split(after - first)
        if index < middle:
            found.append((middle, after))
            after = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Return the ranges whose hashes prove that a tree begins with an older one (RFC 9162, 2.1.4.1)."""
    if not 0 < old < new:
        return []
    found: list[Range] = []
    first, after, whole = 0, new, True
    while old < after:
        middle = first + _split(after - first)
        if old <= middle:
            found.append((middle, after))
            after = middle
        else:
            found.append((first, middle))
            first, whole = middle, False
    return ([] if whole else [(first, after)]) + found[::-1]


def _split(size: int) -> int:
    return int(1 << (size - 1).bit_length() - 1)


class Tile(NamedTuple):
    """The place of 256 hashes of one level."""

    level: int
    tile: int


def full_subtrees(part: Range) -> Iterator[Range]:
    """Yield the largest full subtrees of a range that begins at a subtree's begin, from left to right."""
    first, after = part
    while first < after:
        size = 1 << (after - first).bit_length() - 1
        yield first, first + size
        first += size


def needed(parts: Sequence[Range]) -> dict[Tile, Range]:
    """Return which hashes the ranges need: of each tile, the first and the one after the last of its level."""
    found: dict[Tile, Range] = {}
    for part in parts:
        for subtree in full_subtrees(part):
            level, first, after = _in_level(subtree)
            place = Tile(level, first // TILE)
            known = found.get(place, (first, after))
            found[place] = min(known[0], first), max(known[1], after)
    return found


def _in_level(subtree: Range) -> tuple[int, int, int]:
    first, after = subtree
    level = (after - first).bit_length() - 1 >> 3
    return level, first >> TILE_BITS * level, after >> TILE_BITS * level


class Nodes:
    """The hashes of some tiles, from which it computes those of ranges."""

    def __init__(self, hashes: Mapping[tuple[int, int], bytes]) -> None:
        """Take the hash of each full subtree, by its level and its number in the level."""
        self._hashes = hashes

    def hash_of(self, part: Range) -> bytes:
        """Return the hash of a range. Raises KeyError if a hash that it needs is missing."""
        roots = [self._of_subtree(subtree) for subtree in full_subtrees(part)]
        if not roots:
            return EMPTY_ROOT
        found = roots.pop()
        while roots:
            found = node(roots.pop(), found)
        return found

    def _of_subtree(self, subtree: Range) -> bytes:
        level, first, after = _in_level(subtree)
        return root_of([self._hashes[level, number] for number in range(first, after)])
