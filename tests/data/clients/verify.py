"""Check a list's ledger with a library that knows C2SP and nothing of this service. ADDRESS is the list's."""

import json
import os
import urllib.request
from base64 import b64decode

import aics_tlog as c2sp

ADDRESS = os.environ["ADDRESS"]


def read(path: str) -> bytes:
    with urllib.request.urlopen(f"{ADDRESS}/{path}") as answer:  # noqa: S310 - the test gives an http address
        return bytes(answer.read())


def proven(key: c2sp.VKey, receipt: str) -> tuple[bytes, int, c2sp.Checkpoint, list[bytes]]:
    proof, _, note = receipt.partition("\n\n")
    _, extra, index, *hashes = proof.split("\n")
    form, _, _ = b64decode(extra.removeprefix("extra ")).rpartition(b"\n")
    assert c2sp.verify_checkpoint(c2sp.parse_note(note.encode()), key).ok
    head = c2sp.parse_checkpoint(c2sp.parse_note(note.encode()).text)
    return form, int(index.removeprefix("index ")), head, [b64decode(one) for one in hashes]


key = c2sp.parse_vkey(read("ledger-keys").decode().split("\n")[0])
note = c2sp.parse_note(read("checkpoint"))
assert c2sp.verify_checkpoint(note, key).ok
head = c2sp.parse_checkpoint(note.text)
reader = c2sp.HttpTileReader([f"{ADDRESS}/"])
c2sp.audit_tiles(reader, head.size, head.root)
tiles = c2sp.VerifiedTileReader(reader, head.size, head.root)
lines = read("ledger?from=1").split(b"\n")[: head.size]
altered = 0
for sequence, line in enumerate(lines, start=1):
    assert tiles.entry(sequence - 1) == line
    form, index, of, hashes = proven(key, read(f"ledger/{sequence}/receipt").decode())
    assert (form, index) == (line, sequence - 1)
    assert c2sp.verify_leaf_inclusion(form, index, of.size, hashes, of.root)
    altered += not c2sp.verify_leaf_inclusion(form.replace(b"0", b"1"), index, of.size, hashes, of.root)
consistent = [
    size
    for size in range(1, head.size)
    if c2sp.verify_consistency(
        size,
        head.size,
        c2sp.tree_root_from_tiles(tiles, size),
        head.root,
        c2sp.consistency_proof_from_tiles(tiles, size, head.size),
    )
]
print(json.dumps({"size": head.size, "refused": altered, "consistent": len(consistent)}))
