"""Verify the public ledger of a waiting list, or a receipt, without trusting the service that wrote it.

    python verify_ledger.py https://tickets.example/v1/user/waiting-lists/off_001/rep_001
    python verify_ledger.py --receipt 42-join.tlog-proof

One file, which needs Python 3.11 and `cryptography`. It is written from docs/ledger.md and shares no code with the
service. It ends with 0 if everything is right, 1 if something is wrong, and 2 if it cannot check.
"""

import argparse
import heapq
import hmac
import json
import sys
import time
import urllib.request
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MEMBERS = ["actor", "after", "at", "before", "list", "number", "reason", "sequence", "verb"]
BY_HAND = {"move", "grant", "remove", "revoke", "change", "promote", "extend", "pause", "unpause", "leave"}
"""What organizers do to entries, or operators as the service: the report names each."""
BY_ITSELF = {"promote", "leave"}
"""Those of them that the service does by its rules: the next turn, and the end of a wish that was fulfilled."""
SERVES = {"promote", "top_up", "grant", "idle", "draw"}
"""The verbs by which tickets go to fans."""
UNDONE_WITHIN = timedelta(minutes=1)
COSIGNED_WITHIN = 10
"""How many seconds to wait for the witnesses of a checkpoint that was signed just now."""
OPENS_UP = {"total_stock", "order_limit", "skip_failed_addresses", "verify_email", "policy", "skip_limit"}
"""The fields of a list whose change can make an entry fit that was passed over."""


class Wrong(Exception):
    """The ledger or the receipt is not what it claims."""


class Restored(Wrong):
    """The kept checkpoint no longer fits, and the operator declared a restore that can be why."""


class NotCosigned(Wrong):
    """A witness whose cosignature was asked for has not made it, or not yet."""


class Checkpoint(NamedTuple):
    """A checkpoint whose signature was verified."""

    origin: str
    size: int
    root: bytes
    key_id: str


class Declared(NamedTuple):
    """A declaration of the operator that the list was restored to an earlier instant."""

    sequence: int
    at: str
    why: str
    lost_size: int | None

    def explains(self, kept: Checkpoint) -> str | None:
        """Say what became of a checkpoint that no longer fits; None if this declaration cannot be why."""
        if self.sequence <= kept.size:
            gone = f"changes {self.sequence}…{kept.size} of the checkpoint that you kept are gone"
        elif self.lost_size is not None and self.lost_size >= kept.size:
            gone = f"changes up to {kept.size} of the checkpoint that you kept are gone"
        else:
            return None
        return f"{self}; {gone}. If you kept it after that instant, the list was rewritten all the same."

    def __str__(self) -> str:
        return f"The operator declared at {self.at} that the list was restored to an earlier instant ({self.why})"


def read_checkpoint(note: str, keys: Iterable[str]) -> Checkpoint:
    """Verify a signed note with one of these keys, as `ledger-keys` has them. Raises Wrong."""
    text, _, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if len(lines) < 3 or not lines[1].isascii() or not lines[1].isdigit():
        raise Wrong("The checkpoint is not a checkpoint.")
    known = {}
    for key in keys:
        name, key_id, public = key.strip().split("+", 2)
        raw = b64decode(public)
        if raw[:1] != b"\1" or sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != key_id:
            raise Wrong(f"The key {key_id} has another id than it says.")
        known[name, key_id] = Ed25519PublicKey.from_public_bytes(raw[1:])
    for line in signatures.strip("\n").split("\n"):
        _, name, made = line.split(" ")
        raw = b64decode(made)
        public_key = known.get((name, raw[:4].hex()))
        if public_key is None:
            continue
        try:
            public_key.verify(raw[4:], f"{text}\n".encode())
        except InvalidSignature:
            raise Wrong("The signature of the checkpoint is forged.") from None
        return Checkpoint(lines[0], int(lines[1]), b64decode(lines[2]), raw[:4].hex())
    raise Wrong("No key that you trust has signed the checkpoint.")


def cosigned_at(note: str, witness: str) -> datetime:
    """Return when the witness with this key cosigned a checkpoint (C2SP tlog-cosignature). Raises Wrong."""
    name, key_id, public = witness.strip().split("+", 2)
    raw = b64decode(public)
    if raw[:1] != b"\4" or sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != key_id:
        raise Wrong(f"{name} has no key of a witness (Ed25519, type 4), or one with another id than it says.")
    public_key = Ed25519PublicKey.from_public_bytes(raw[1:])
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.strip("\n").split("\n"):
        _, signer, made = line.split(" ")
        signed = b64decode(made)
        if (signer, signed[:4].hex()) != (name, key_id):
            continue
        seconds = int.from_bytes(signed[4:12], "big")
        try:
            public_key.verify(signed[12:], f"cosignature/v1\ntime {seconds}\n{text}\n".encode())
        except InvalidSignature:
            raise Wrong(f"The cosignature of {name} is forged.") from None
        return datetime.fromtimestamp(seconds, UTC)
    raise NotCosigned(f"The witness {name} has not cosigned this checkpoint.")


def leaf_of(line: bytes) -> bytes:
    """Return the leaf of a change."""
    return sha256(b"\0" + line).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over these leaves (RFC 9162, 2.1)."""
    row = list(leaves)
    while len(row) > 1:
        pairs = [sha256(b"\1" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0] if row else sha256().digest()


def verify_receipt(text: str, keys: Sequence[str] = ()) -> tuple[dict[str, Any], Checkpoint, str]:
    """Return the change that a receipt proves, the checkpoint, and the key that it brought. Raises Wrong."""
    proof, _, note = text.partition("\n\n")
    lines = proof.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 3 or not lines[1].startswith("extra "):
        raise Wrong("This is no receipt.")
    form, _, key = b64decode(lines[1].removeprefix("extra ")).rpartition(b"\n")
    head = read_checkpoint(note, keys or [key.decode()])
    index, change = int(lines[2].removeprefix("index ")), json.loads(form)
    first, last, found = index, head.size - 1, leaf_of(form)
    if not 0 <= index <= last or change["sequence"] != index + 1:
        raise Wrong("The receipt is of another change than it says.")
    for hashed in map(b64decode, lines[3:]):  # RFC 9162, 2.1.3.2
        if last == 0:
            raise Wrong("The proof is too long.")
        if first & 1 or first == last:
            found = sha256(b"\1" + hashed + found).digest()
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + hashed).digest()
        first, last = first >> 1, last >> 1
    if last or found != head.root:
        raise Wrong("The receipt does not prove its change: it was forged, or altered.")
    return change, head, key.decode()


class Replay:
    """Follow a list change by change, by the rules as published."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.entries: dict[int, dict[str, Any]] = {}
        self.line: list[tuple[int, int]] = []
        """A heap of (rank, number); those that no longer stand there are passed when they come up."""
        self.aside: set[int] = set()
        """Entries that came up and could not be served; they come back when something about them changes."""
        self.undoable: dict[int, dict[str, Any]] = {}
        """Each fan's newest change of the tickets wanted, with what was before, until tickets go to anybody."""
        self.last_rank = 0
        self.serves_behind = False
        self.leaves: Sequence[bytes] = ()
        """The leaves of the whole ledger."""
        self.drawn: list[str] = []
        """What the report says of the draw."""
        self._of_list = {
            "settle": self._check_idle,
            "idle": self._check_idle,
            "configure": self._check_announced,
            "draw": self._draw,
        }
        self.passes: tuple[int, int] | None = None
        """The number that was passed over since its last count, and how often."""
        self.paying: set[int] = set()
        """The entries whose hold a payment has made longer."""
        self.turns = 0
        self.verbs: Counter[str] = Counter()
        self.by_hand: list[str] = []
        self.bought = 0
        self.restores: list[Declared] = []
        self.fulfilled = 0
        """How many places left because, as the service says, another list had fulfilled their wish."""

    @property
    def most(self) -> int:
        """How many tickets one entry can be held."""
        total: int = self.fields["total_stock"]
        return min(self.fields.get("order_limit") or total, total)

    def follow(self, one: dict[str, Any]) -> None:
        """Take the next change. Raises Wrong if it cannot come next."""
        verb, number, before, after = one["verb"], one["number"], one["before"] or {}, one["after"]
        where = f"Change {one['sequence']} ({verb})"
        self.verbs[verb] += 1
        if verb not in _ROUND:
            self._check_count(None, 0, where)
            self.serves_behind = verb == "idle"
        if verb == "declare_restore":
            self.restores.append(Declared(one["sequence"], one["at"], after["why"], after["lost_size"]))
            return
        if (check := self._of_list.get(verb)) is not None:
            check(one, where)
        if verb == "join":
            self._join(one, where)
            return
        entry = self.entries.get(number) if number is not None else None
        if number is not None and entry is None:
            raise Wrong(f"{where} is about number {number}, who had not joined.")
        for name, value in before.items():
            state = entry if entry is not None and name in _OF_ENTRY else self.fields
            if name in state and state[name] != value:
                raise Wrong(f"{where} says that {name} was {value}. It was {state[name]}.")
        if entry is not None:
            self._note_by_hand(one)
            self._check_hold(entry, one, where)
            self._check_place(entry, one, where)
        self._check_stock(verb, entry, before, after, where)
        self._check_wish(number, entry, one, where)
        for name, value in after.items():
            (entry if entry is not None and name in _OF_ENTRY else self.fields)[name] = value
        if entry is not None:
            self.last_rank = max(self.last_rank, entry["rank"])
            self.aside.discard(number)
            self._stand(number, entry)
        if self.aside and not OPENS_UP.isdisjoint(after):
            for other in list(self.aside):
                self._stand(other, self.entries[other])
            self.aside.clear()

    def _note_by_hand(self, one: dict[str, Any]) -> None:
        verb, actor = one["verb"], one["actor"]
        if verb not in BY_HAND or actor == "user":
            return
        if actor == "organizer" or verb not in BY_ITSELF:
            sealed = ", for a reason that is not public" if one["reason"] else ""
            number, by = one["number"], " by the service" if actor == "service" else ""
            self.by_hand.append(f"change {one['sequence']} at {one['at']}: {verb} of number {number}{by}{sealed}")
        elif verb == "leave":
            self.fulfilled += 1

    def _check_place(self, entry: dict[str, Any], one: dict[str, Any], where: str) -> None:
        """Check a turn, a count of passes, and a move: what an entry's place in line decides."""
        verb, number, after = one["verb"], one["number"], one["after"]
        undrawn = self.fields.get("order") == "draw" and not self.fields.get("drawn_at")
        if undrawn and verb in ("promote", "top_up", "move"):
            raise Wrong(f"{where} is about the place of number {number}, before the draw.")
        if verb == "top_up" or (verb == "promote" and after.get("status") == "ready"):
            self._check_turn(number, entry, one, where)
        elif verb == "promote":
            self._check_count(number, after["passed_over"] - entry.get("passed_over", 0), where)
        elif verb == "move" and one["actor"] == "user" and after["rank"] <= self.last_rank:
            raise Wrong(f"{where} lets a fan choose the place of number {number}.")
        elif after.get("passed_over", 0) != 0 and "undoes" not in after:
            raise Wrong(f"{where} counts passes of number {number} that were none.")

    def _check_announced(self, one: dict[str, Any], where: str) -> None:
        """Check that a draw stays as it was announced to those who joined."""
        after, known = one["after"], self.fields.get("draw_at")
        if not self.entries and not self.fields.get("drawn_at"):
            return
        if not after.keys().isdisjoint(("order", "draw_source", "draw_commitment")):
            raise Wrong(f"{where} changes the draw after fans joined it.")
        if self.fields.get("order") == "draw" and "draw_at" in after:
            both = (known, after["draw_at"])
            ahead = all(at and instant(at) > one["at"] for at in both)
            if not ahead or self.fields.get("drawn_at"):
                raise Wrong(f"{where} moves the draw when its randomness may have been known.")

    def _draw(self, one: dict[str, Any], where: str) -> None:
        """Check the draw, and give each entry that joined in time its rank by lot."""
        after, at, fields = one["after"], self.fields.get("draw_at"), self.fields
        if fields.get("order") != "draw" or at is None or fields.get("drawn_at"):
            raise Wrong(f"{where} draws lots that were not to be drawn, or were drawn before.")
        if instant(after["drawn_at"]) != one["at"] or one["at"] < instant(at):
            raise Wrong(f"{where} draws lots at {one['at']}. They were to be drawn from {at} on.")
        secret, randomness = bytes.fromhex(after["draw_secret"]), after["draw_randomness"]
        if sha256(secret).hexdigest() != fields["draw_commitment"]:
            raise Wrong(f"{where} draws lots with another secret than the one that the ledger had committed to.")
        in_time = [number for number, entry in self.entries.items() if entry["joined_at"] < instant(at)]
        through = max(in_time, default=0)
        if after["drawn_through"] != through:
            raise Wrong(f"{where} draws lots up to {after['drawn_through']}. The last in time was {through}.")
        self._check_randomness(one, randomness, where)
        seed = sha256(secret + randomness.encode()).digest()
        active = [number for number, entry in self.entries.items() if entry["status"] != "left"]
        lots = [number for number in active if number <= through]
        lots.sort(key=lambda number: hmac.digest(seed, number.to_bytes(8, "big"), "sha256"))
        for place, number in enumerate(lots, 1):
            self.entries[number]["rank"] = place * 1_000_000 - 500_000
        self.line, self.aside = [], set()
        for number in active:
            self._stand(number, self.entries[number])
        self.drawn = [
            f"Draw: change {one['sequence']} at {one['at']} ranked {len(lots)} entries by lot, and rightly.",
            f"  announced source: {fields['draw_source']}",
            f"  randomness used:  {randomness}",
            "  Compare both: this script does not know what the source said.",
        ]
        if randomness.startswith("ledger:"):
            self.drawn[-1] = "  The source gave no value in time, so the value is the root of the changes before."
        elif fields["draw_source"] == "drand":
            first = drand_round(at)
            self.drawn[-1] = (
                f"  Compare it with round {first} of drand's quicknet: its signature is not checked here."
            )

    def _check_randomness(self, one: dict[str, Any], randomness: str, where: str) -> None:
        after, at, source = one["after"], self.fields["draw_at"], self.fields["draw_source"]
        if randomness.startswith("ledger:"):
            root = root_of(self.leaves[: one["sequence"] - 1]).hex()
            if randomness != f"ledger:{root}" or moment(one["at"]) < moment(at) + timedelta(hours=24):
                raise Wrong(f"{where} draws lots with a root that the ledger did not have, or too early.")
        elif "draw_round" in after:
            hashed = sha256(bytes.fromhex(after["draw_signature"])).hexdigest()
            if source != "drand" or after["draw_round"] != drand_round(at) or hashed != randomness:
                raise Wrong(f"{where} draws lots with another round of drand than the one announced.")

    def _check_count(self, number: int | None, counted: int, where: str) -> None:
        """Check that each pass over the first in line was counted, and no other."""
        first, passes = self.passes or (number, 0)
        if (first, passes) != (number, counted):
            raise Wrong(
                f"{where}: number {first} had been passed over {passes} times more. {counted} were counted."
            )
        self.passes = None

    def _check_idle(self, one: dict[str, Any], where: str) -> None:
        """Check that free tickets waited for the first in line as long as the list says."""
        until, was = one["after"]["idle_until"], self.fields.get("idle_until")
        minutes = self.fields.get("idle_minutes")
        if one["verb"] == "idle" and (was is None or instant(was) > one["at"]):
            raise Wrong(f"{where} served fans behind the first in line. Tickets had to wait until {was}.")
        if until is not None and (minutes is None or instant(until) != later(one["at"], minutes)):
            raise Wrong(f"{where} lets tickets wait until {until}. The list says {minutes} minutes.")

    def _check_hold(self, entry: dict[str, Any], one: dict[str, Any], where: str) -> None:
        """Check when a hold begins, and that nothing ends it early, or uses it late."""
        verb, at, after = one["verb"], one["at"], one["after"]
        was, until = entry.get("ready_until"), one["after"].get("ready_until")
        is_over = was is not None and instant(was) <= at
        if verb == "buy" and is_over:
            raise Wrong(f"{where} sold tickets at {at}. Their hold had ended at {was}.")
        if verb == "expire" and not is_over:
            raise Wrong(f"{where} ended a hold at {at}. It lasted until {was}.")
        if verb == "end" and self.fields.get("ended_at") is None:
            raise Wrong(f"{where} took number {one['number']} out. The list had not ended.")
        if entry["status"] == after.get("status", "ready") == "ready" and "ready_until" in after:
            if until is not None and (was is None or instant(until) < instant(was)):
                raise Wrong(f"{where} shortens a hold from {was} to {until}.")
            if is_over:
                raise Wrong(f"{where} makes a hold longer that had ended at {was}.")
        elif after.get("status") == "ready":
            self.paying.discard(one["number"])
            if instant(after["ready_at"]) != at:
                raise Wrong(f"{where} began a hold at {at} that says {after['ready_at']}.")
            self._check_length(at, until, where)
        if verb == "checkout":
            grace = timedelta(seconds=self.fields.get("hold_grace_seconds", 0))
            if one["number"] in self.paying or moment(after["ready_until"]) - moment(entry["ready_until"]) > grace:
                raise Wrong(f"{where} makes a hold longer than the list allows for a payment.")
            self.paying.add(one["number"])

    def _check_length(self, at: str, until: str | None, where: str) -> None:
        """Check the length of a new hold. The show's date decides which step counts, and is not in the ledger."""
        steps = [minutes for _, minutes in self.fields.get("hold_steps") or ()]
        lengths = {self.fields.get("hold_minutes"), *steps}
        minutes = lengths - {None}
        if until is None:
            right = None in lengths
        else:
            quiet = 25 * 60 if self.fields.get("quiet_from") else 0
            right = bool(minutes) and later(at, min(minutes)) <= instant(until) <= later(at, max(minutes) + quiet)
        if not right:
            raise Wrong(f"{where} holds tickets until {until}, which is not as long as the list says.")

    def _check_wish(self, number: Any, entry: dict[str, Any] | None, one: dict[str, Any], where: str) -> None:
        """Check that a fan who wants more tickets goes last, unless it undoes a change soon after, exactly."""
        if one["verb"] in SERVES or (one["verb"] == "move" and one["actor"] != "user"):
            self.undoable.clear()
        if entry is None or one["verb"] not in ("move", "change"):
            return
        before, after, newest = one["before"], dict(one["after"]), self.undoable.pop(number, None)
        undoes = after.pop("undoes", None)
        if undoes is not None:
            in_time = newest and moment(one["at"]) - moment(newest["at"]) < UNDONE_WITHIN
            if not newest or not in_time or (newest["first"], newest["before"]) != (undoes, after):
                raise Wrong(f"{where} undoes change {undoes}, but not exactly and within a minute.")
            return
        if one["verb"] == "change" and "rank" in after:
            raise Wrong(f"{where} moves number {number}, which only a move or an undo does.")
        if one["actor"] != "user":
            return
        if after.get("tickets_wanted", 0) > entry["tickets_wanted"] and entry["rank"] < self.last_rank:
            raise Wrong(f"{where} asks for more tickets, and number {number} did not go last.")
        is_one = newest and newest["verb"] == "move" and newest["sequence"] == one["sequence"] - 1
        first, was = (newest["first"], newest["before"]) if newest and is_one else (one["sequence"], {})
        self.undoable[number] = one | {"first": first, "before": was | before}

    def _join(self, one: dict[str, Any], where: str) -> None:
        number, entry = one["number"], dict(one["after"])
        if number != len(self.entries) + 1:
            raise Wrong(f"{where} has the number {number}. The next was {len(self.entries) + 1}.")
        if entry["rank"] <= self.last_rank or entry["status"] != "waiting":
            raise Wrong(f"{where} did not go to the end of the line.")
        entry |= {"tickets_held": 0, "joined_at": one["at"]}
        self.entries[number], self.last_rank = entry, entry["rank"]
        self._stand(number, self.entries[number])

    def _stand(self, number: int, entry: dict[str, Any]) -> None:
        if entry["status"] != "left":
            heapq.heappush(self.line, (entry["rank"], number))

    def _is_next(self, entry: dict[str, Any], at: str) -> bool:
        """Whether tickets can go to an entry at this instant, if there are enough."""
        held, wanted = entry["tickets_held"], entry["tickets_wanted"]
        if entry["status"] == "ready":
            until = entry.get("ready_until")
            is_over = until is not None and instant(until) <= instant(at)
            return bool(entry.get("keep_waiting_for_rest")) and held < min(wanted, self.most) and not is_over
        skipped = (self.fields.get("verify_email") and entry.get("unverified")) or (
            self.fields.get("skip_failed_addresses") and entry.get("address_failed")
        )
        kept_back = skipped or entry.get("paused_at") or entry.get("set_aside_at")
        return entry["status"] == "waiting" and not kept_back and entry["tickets_minimum"] <= self.most

    def _check_turn(self, number: int, entry: dict[str, Any], one: dict[str, Any], where: str) -> None:
        self.turns += 1
        if not self._is_next(entry, one["at"]):
            raise Wrong(f"{where} gave tickets to number {number}, whose turn cannot come then.")
        if one["after"]["tickets_held"] > self.most:
            raise Wrong(f"{where} holds more tickets than one order may have.")
        free = self.fields["available_stock"] - self.fields["held"]
        seen: list[int] = []
        for first in self._in_line(one["at"]):
            seen.append(first)
            if first == number:
                break
            other = self.entries[first]
            least = max(other["tickets_minimum"] - other["tickets_held"], 1)
            skips = self.fields["policy"] == "skip"
            # By hand, an organizer may give out fewer tickets than are free.
            fits = least <= free and one["actor"] != "organizer"
            if fits or not (skips or self.serves_behind):
                raise Wrong(f"{where} gave tickets to number {number}, but number {first} stood first.")
            if len(seen) == 1 and not self.serves_behind:
                self._pass_over(first, other, where)
        for first in seen:
            self._stand(first, self.entries[first])

    def _pass_over(self, number: int, entry: dict[str, Any], where: str) -> None:
        """Note that the first in line was passed over, which the list allows so often."""
        passed, passes = self.passes or (number, 0)
        if passed != number:
            raise Wrong(f"{where}: number {passed} had been passed over. It was not counted.")
        if entry.get("passed_over", 0) + passes >= self.fields["skip_limit"]:
            raise Wrong(f"{where} passed over number {number} more often than the list allows.")
        self.passes = number, passes + 1

    def _in_line(self, at: str) -> Iterator[int]:
        done = set()
        while self.line:
            rank, number = heapq.heappop(self.line)
            entry = self.entries[number]
            if entry["status"] == "left" or entry["rank"] != rank or number in done:
                continue
            done.add(number)
            if self._is_next(entry, at):
                yield number
            else:
                self.aside.add(number)

    def _check_stock(
        self, verb: str, entry: dict[str, Any] | None, before: dict[str, Any], after: dict[str, Any], where: str
    ) -> None:
        grew = {name: after[name] - before[name] for name in _STOCK if name in before and name in after}
        now = self.fields | {name: after[name] for name in _OF_STOCK if name in after}
        total, available, held = (now[name] for name in _OF_STOCK)
        if not 0 <= held <= available <= total:
            raise Wrong(f"{where} leaves {held} held, {available} available and {total} in all.")
        if entry is not None and grew.get("held", 0) != grew.get("tickets_held", 0):
            raise Wrong(f"{where} holds other tickets in all than for the entry.")
        if verb == "buy":
            sold = -grew.get("available_stock", 0)
            if not 1 <= sold <= -grew.get("held", 0):
                raise Wrong(f"{where} sold {sold} tickets that were not held.")
            self.bought += sold

    def finish(self) -> None:
        """Check what must be true at the end. Raises Wrong."""
        self._check_count(None, 0, "The end")
        held = sum(entry["tickets_held"] for entry in self.entries.values() if entry["status"] == "ready")
        if held != self.fields["held"]:
            raise Wrong(f"Entries hold {held} tickets, and the list says {self.fields['held']}.")


_ROUND = {"promote", "top_up", "set_aside"}
"""The changes of one round of turns."""
_OF_STOCK = ("total_stock", "available_stock", "held")
_STOCK = (*_OF_STOCK, "tickets_held")
_OF_ENTRY = {
    "status", "left_reason", "tickets_wanted", "tickets_minimum", "tickets_held", "rank", "passed_over",
    "unverified", "ready_at", "ready_until", "left_at", "requeued", "keep_waiting_for_rest", "address_failed",
    "paused_at", "set_aside_at",
}  # fmt: skip


def moment(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def instant(text: str) -> str:
    """Return an instant in a form whose order as a text is that of time."""
    return moment(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def drand_round(at: str) -> int:
    """Return the first round of drand's quicknet at or after an instant: there is one every three seconds."""
    genesis = datetime.fromtimestamp(1_692_803_367, UTC)
    return max(0, -((genesis - moment(at)) // timedelta(seconds=3))) + 1


def later(at: str, minutes: int) -> str:
    """Return the instant so many minutes later, in the form of `instant`."""
    return (moment(at) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def verify_ledger(
    lines: Sequence[bytes], note: str, keys: Sequence[str], kept: str | None = None
) -> tuple[Checkpoint, Replay]:
    """Check a ledger against its checkpoint, and against one that was kept; replay it. Raises Wrong."""
    head = read_checkpoint(note, keys)
    if len(lines) < head.size:
        raise Wrong(
            f"The checkpoint covers {head.size} changes. The ledger has {len(lines)}: changes were dropped."
        )
    lines = lines[: head.size]
    leaves = [leaf_of(line) for line in lines]
    if root_of(leaves) != head.root:
        raise Wrong(
            "The changes are not those that were signed: a change was altered, dropped, added or reordered."
        )
    lost: Checkpoint | None = None
    if kept is not None:
        old = read_checkpoint(kept, keys)
        if old.origin != head.origin:
            raise Wrong(f"The checkpoint that you kept is of {old.origin}.")
        if old.size > head.size or root_of(leaves[: old.size]) != old.root:
            lost = old
    rewritten = "This is another history than the one whose checkpoint you kept: it was rewritten."
    if lost and not any(b'"verb":"declare_restore"' in line for line in lines):
        raise Wrong(rewritten)
    replay, list_id = Replay(), None
    replay.leaves = leaves
    for sequence, line in enumerate(lines, start=1):
        one = json.loads(line)
        list_id = list_id or one.get("list")
        if sorted(one) != MEMBERS or one["sequence"] != sequence or one["list"] != list_id:
            raise Wrong(f"Change {sequence} does not have the form of a change, or is not the next one.")
        if json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != line:
            raise Wrong(f"Change {sequence} is not in its canonical form.")
        replay.follow(one)
    replay.finish()
    if lost:
        why = [said for one in replay.restores if (said := one.explains(lost))]
        raise Restored(why[-1]) if why else Wrong(rewritten)
    return head, replay


def report(head: Checkpoint, replay: Replay, kept: bool) -> Iterator[str]:
    """Yield what was found, a line each."""
    fields, verbs = replay.fields, replay.verbs
    yield f"{head.origin}: {head.size} changes, signed by the key {head.key_id}."
    yield f"Order: each of {replay.turns} turns went to the next in line, by the rules at that instant."
    if replay.by_hand:
        yield f"By hand, past the line or in it: {len(replay.by_hand)} changes."
        yield from (f"  {one}" for one in replay.by_hand)
    yield from replay.drawn
    if replay.fulfilled:
        yield f"Left because another list had fulfilled their wish, as the service says: {replay.fulfilled}."
    yield (
        f"Stock: {fields['total_stock']} in all, {replay.bought} bought here, {fields['available_stock']} "
        f"available, {fields['held']} of them held. It adds up."
    )
    yield f"Entries: {verbs['join']} joined, in the order of their numbers."
    yield from (f"{one}, with change {one.sequence}." for one in replay.restores)
    if kept:
        yield "Nothing was removed or altered since the checkpoint that you kept."
    else:
        yield "Keep the checkpoint (--save FILE), and give it the next time (--kept FILE)."


def cosigned(note: str, witnesses: Sequence[str]) -> Iterator[str]:
    """Yield when each of these witnesses cosigned a checkpoint, a line each. Raises Wrong."""
    for witness in witnesses:
        at = cosigned_at(note, witness).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"Cosigned at {at} by the witness {witness.partition('+')[0]}, which has seen no other history.\n"


def download_checkpoint(prefix: str, witnesses: Sequence[str]) -> str:
    """Return the newest checkpoint, once these witnesses have cosigned it, or after a while. Raises OSError."""
    until = time.monotonic() + COSIGNED_WITHIN
    while True:
        note = download(f"{prefix}/checkpoint").decode()
        try:
            for witness in witnesses:
                cosigned_at(note, witness)
        except NotCosigned:
            if time.monotonic() < until:
                time.sleep(1)
                continue
        except Wrong:
            pass
        return note


def download(url: str) -> bytes:
    """Return what is at an address. Raises OSError."""
    if not url.startswith(("https://", "http://")):
        raise OSError(f"{url} is not an address of the Web.")
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 # nosec B310 # its scheme is checked above
        body: bytes = answer.read()
        return body


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify what the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description="Verify the ledger of a waiting list, or a receipt.")
    parser.add_argument("url", nargs="?", help="address of the list: https://…/v1/user/waiting-lists/OFFER/DATE")
    parser.add_argument("--receipt", type=Path, help="verify this receipt instead, without a network")
    parser.add_argument("--key", action="append", default=[], help="trust only this key, as ledger-keys has it")
    parser.add_argument("--witness", action="append", default=[], help="require a cosignature by this key")
    parser.add_argument("--kept", type=Path, help="a checkpoint that you kept")
    parser.add_argument("--save", type=Path, help="where to keep the checkpoint")
    given = parser.parse_args(arguments)
    if (given.url is None) == (given.receipt is None):
        parser.error("give either the address of a list or a receipt")
    try:
        if given.receipt:
            text = given.receipt.read_text(encoding="utf-8")
            change, head, key = verify_receipt(text, given.key)
            witnessed = "".join(cosigned(text.partition("\n\n")[2], given.witness))
            print(
                f"Number {change['number']}: {change['verb']}, as change {change['sequence']} at {change['at']}."
            )
            print(f"It is among the first {head.size} changes of {head.origin}.")
            print(witnessed, end="")
            if not given.key:
                print(f"The receipt brought its key. Compare it with {head.origin}/ledger-keys:\n{key}")
            return 0
        prefix = given.url.rstrip("/")
        note = download_checkpoint(prefix, given.witness)
        keys = given.key or download(f"{prefix}/ledger-keys").decode().splitlines()
        kept = given.kept.read_text(encoding="utf-8") if given.kept else None
        head, replay = verify_ledger(download(f"{prefix}/ledger").splitlines(), note, keys, kept)
        witnessed = "".join(cosigned(note, given.witness))
        print("\n".join(report(head, replay, kept is not None)))
        print(witnessed, end="")
        if given.save:
            given.save.write_text(note, encoding="utf-8")
    except Wrong as wrong:
        print(wrong)
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"Cannot check: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
