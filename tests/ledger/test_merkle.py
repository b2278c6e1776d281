"""Merkle trees: against the definitions of RFC 9162, written down once more."""

from hashlib import sha256

import pytest

from waiting_list.ledger.merkle import (
    TILE,
    Nodes,
    consistency_ranges,
    inclusion_ranges,
    needed,
    root_of,
)

SIZES = (*range(1, 40), 255, 256, 257, 511, 512, 513, 600)
MOST = TILE * TILE + 3 * TILE + 7


def leaves(count: int) -> list[bytes]:
    return [sha256(b"\0%d" % index).digest() for index in range(count)]


def mth(hashes: list[bytes]) -> bytes:
    """Section 2.1.1, from its words."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256().digest()
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha256(b"\1" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def is_included(leaf: bytes, index: int, size: int, root: bytes, path: list[bytes]) -> bool:
    """Section 2.1.3.2."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_consistent(first: int, second: int, old: bytes, new: bytes, path: list[bytes]) -> bool:
    """Section 2.1.4.2."""
    if first & (first - 1) == 0:
        path = [old, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\1" + c + fr).digest(), sha256(b"\1" + c + sr).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\1" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (old, new)


def nodes_of(hashes: list[bytes]) -> Nodes:
    """All full subtrees over these leaves, as the service keeps them."""
    known, level = {}, 0
    while hashes:
        known |= {(level, number): one for number, one in enumerate(hashes)}
        full = len(hashes) // TILE
        hashes = [root_of(hashes[number * TILE : (number + 1) * TILE]) for number in range(full)]
        level += 1
    return Nodes(known)


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_root_is_as_the_rfc_defines_it(size: int) -> None:
    hashes = leaves(size)
    assert root_of(hashes) == mth(hashes) == nodes_of(hashes).hash_of((0, size))


def test_every_inclusion_is_proven_as_the_rfc_verifies_it() -> None:
    for size in SIZES:
        hashes = leaves(size)
        nodes, root = nodes_of(hashes), mth(hashes)
        for index in {*range(min(size, 9)), size // 2, size - 1}:
            path = [nodes.hash_of(part) for part in inclusion_ranges(index, size)]
            assert is_included(hashes[index], index, size, root, path), (index, size)
            assert not is_included(hashes[index][::-1], index, size, root, path)


def test_every_older_size_is_proven_consistent_as_the_rfc_verifies_it() -> None:
    for size in SIZES:
        hashes = leaves(size)
        nodes, root = nodes_of(hashes), mth(hashes)
        for old in range(1, size):
            path = [nodes.hash_of(part) for part in consistency_ranges(old, size)]
            assert is_consistent(old, size, mth(hashes[:old]), root, path), (old, size)
        assert consistency_ranges(size, size) == consistency_ranges(0, size) == []


def test_a_proof_of_a_long_list_needs_a_few_tiles_only() -> None:
    hashes = leaves(MOST)
    nodes, root = nodes_of(hashes), root_of(hashes)
    for index in (0, 300, TILE * TILE - 1, TILE * TILE, MOST - 1):
        parts = inclusion_ranges(index, MOST)
        assert is_included(hashes[index], index, MOST, root, [nodes.hash_of(part) for part in parts])
        read = needed(parts)
        assert len(read) <= 5
        assert all(after - first <= TILE for first, after in read.values())
