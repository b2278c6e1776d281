"""Read the keys of witnesses, and verify their cosignatures (C2SP tlog-cosignature, Ed25519). No I/O here."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_COSIGNATURE = b"\x04"
"""The type of an Ed25519 cosignature, which begins with the instant."""
_BYTES = 4 + 8 + 64
_WITNESS = re.compile(
    r"(?P<name>[^\s+,]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+=*) (?P<url>https?://[^\s,]+)"
)


class Witness(NamedTuple):
    """A witness: its name, the id of its key in hexadecimal, its public key, and its submission prefix."""

    name: str
    key_id: str
    public_key: bytes
    url: str

    @property
    def id(self) -> str:
        """What names the witness and its key."""
        return f"{self.name}+{self.key_id}"

    def cosignature(self, note: str, answer: str) -> str | None:
        """Return the line of this witness among the signature lines of an answer; None if none of it is valid."""
        text, _, _ = note.rpartition("\n\n")
        for line in answer.split("\n"):
            _, name, made = [*line.split(" "), "", ""][:3]
            try:
                raw = b64decode(made, validate=True)
            except ValueError:
                continue
            if len(raw) != _BYTES or (name, raw[:4].hex()) != (self.name, self.key_id):
                continue
            seconds = int.from_bytes(raw[4:12])
            signed = f"cosignature/v1\ntime {seconds}\n{text}\n".encode()
            try:
                Ed25519PublicKey.from_public_bytes(self.public_key).verify(raw[12:], signed)
            except InvalidSignature:
                continue
            if 0 < seconds < 2**63:
                return f"\N{EM DASH} {name} {b64encode(raw).decode()}\n"
        return None


def read_witnesses(text: str) -> list[Witness]:
    """Read witnesses, separated by commas: each a verifier key, a space, and an address. Raises ValueError."""
    found = [_read(one.strip()) for one in text.split(",") if one.strip()]
    if len({one.id for one in found}) < len(found):
        raise ValueError("must have each witness once")
    return found


def _read(text: str) -> Witness:
    found = _WITNESS.fullmatch(text)
    if found is None:
        raise ValueError(f"must have a verifier key, a space, and an address, but {text!r} is none")
    try:
        raw = b64decode(found["key"], validate=True)
    except ValueError:
        raw = b""
    hashed = sha256(found["name"].encode() + b"\n" + raw).hexdigest()[:8]
    if raw[:1] != _COSIGNATURE or len(raw) != 1 + 32 or hashed != found["id"]:
        raise ValueError(
            f"must have Ed25519 keys of witnesses (type 4), but {found['name']} has another, or another id"
        )
    return Witness(found["name"], found["id"], raw[1:], found["url"].rstrip("/"))


def checked(value: str) -> str:
    """Check the setting. Raises ValueError."""
    read_witnesses(value)
    return value
