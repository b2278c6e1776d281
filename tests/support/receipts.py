"""Receipts to check: good ones, and each way to tamper with them. What verifies receipts refuses the same ones."""

import json
from base64 import b64decode, b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from waiting_list.ledger.merkle import Nodes, inclusion_ranges
from waiting_list.ledger.notes import checkpoint, verifier_key
from waiting_list.ledger.verify_ledger import leaf_of, root_of

ORIGIN = "tickets.example/v1/user/waiting-lists/off_1/rep_1"
SIZE = 7
_KEY, _OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([byte]) * 32) for byte in (1, 2))


def _key(private: Ed25519PrivateKey) -> str:
    return verifier_key(ORIGIN, private.public_key().public_bytes_raw())


KEY, OTHER_KEY = _key(_KEY), _key(_OTHER)


def _line(sequence: int) -> bytes:
    change: dict[str, Any] = {
        "actor": "user",
        "after": {"rank": sequence * 1_000_000, "status": "waiting", "tickets_minimum": 1, "tickets_wanted": 1},
        "at": "2030-01-01T12:00:00.000000Z",
        "before": None,
        "list": "00b5be1c-3e1c-5f0c-9b0e-0d0e7a0a6f3b",
        "number": sequence,
        "reason": None,
        "sequence": sequence,
        "verb": "join",
    }
    return json.dumps(change, sort_keys=True, separators=(",", ":")).encode()


LINES = [_line(sequence) for sequence in range(1, SIZE + 1)]
LEAVES = [leaf_of(line) for line in LINES]


def _written(form: bytes, key: str, index: int, path: list[bytes], note: str) -> str:
    extra = b64encode(form + b"\n" + key.encode()).decode()
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in path)
    return f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex {index}\n{hashes}\n{note}"


def _note(private: Ed25519PrivateKey = _KEY, size: int = SIZE) -> str:
    return checkpoint(ORIGIN, size, root_of(LEAVES[:size]), private.private_bytes_raw())


def _path(index: int) -> list[bytes]:
    nodes = Nodes({(0, place): hashed for place, hashed in enumerate(LEAVES)})
    return [nodes.hash_of(part) for part in inclusion_ranges(index, SIZE)]


def good(index: int) -> str:
    """The receipt of a change."""
    return _written(LINES[index], KEY, index, _path(index), _note())


def _tampered() -> dict[str, str]:
    form, path, note = LINES[2], _path(2), _note()
    first, (root, signature) = path[0], (note.split("\n")[2], note.split(" ")[-1])
    turned = bytes([first[0] ^ 1]) + first[1:]
    made = b64decode(signature)
    broken = b64encode(made[:-1] + bytes([made[-1] ^ 1])).decode()
    mine = good(2)
    return {
        "a changed member": _written(form.replace(b'"number":3', b'"number":1'), KEY, 2, path, note),
        "a changed path": _written(form, KEY, 2, [turned, *path[1:]], note),
        "a path in another order": _written(form, KEY, 2, path[::-1], note),
        "a path that is too long": _written(form, KEY, 2, [*path, first], note),
        "a path that is too short": _written(form, KEY, 2, path[:-1], note),
        "a changed root": mine.replace(root, b64encode(turned).decode()),
        "a changed size": mine.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n"),
        "a changed origin": mine.replace(f"\n{ORIGIN}\n", f"\n{ORIGIN}2\n"),
        "a changed signature": mine.replace(signature.strip(), broken),
        "another index": _written(form, KEY, 3, path, note),
        "an index past the end": _written(form, KEY, SIZE, path, note),
        "an index below 0": _written(form, KEY, -1, path, note),
        "another key that signed": _written(form, KEY, 2, path, _note(_OTHER)),
        "another key that is brought": _written(form, OTHER_KEY, 2, path, note),
        "a key with another id": _written(form, KEY.replace("+", "+0", 1)[:-1], 2, path, note),
        "no signature": mine[: mine.rindex("\N{EM DASH}")],
        "no checkpoint": mine.partition("\n\n")[0],
        "another kind": mine.replace("tlog-proof@v1", "tlog-proof@v2"),
        "nothing": "",
    }


TAMPERED = _tampered()
