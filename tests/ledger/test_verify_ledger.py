"""The stand-alone script: it finds a ledger right that is, and catches each way to cheat by itself."""

import hmac
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support import receipts
from tests.support.ledger import verify, verify_lines
from tests.support.lists import Lists
from waiting_list.ledger import queries
from waiting_list.ledger import verify_ledger as verify_ledger_script
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.ledger.notes import checkpoint, verifier_key
from waiting_list.ledger.receipts import Proven, receipt
from waiting_list.ledger.verify_ledger import (
    Replay,
    Wrong,
    leaf_of,
    report,
    root_of,
    verify_ledger,
    verify_receipt,
)
from waiting_list.lists import policy
from waiting_list.lists.list_clock import ListClock
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.setting_values import Policy
from waiting_list.problems import Problem

ORIGIN = "tickets.example/v1/user/waiting-lists/off_1/rep_1"
buying, promoting, wishing = (
    import_module(f"waiting_list.lists.verbs.{one}") for one in ("buy", "promote", "wish")
)
SCRIPT = Path(verify_ledger_script.__file__)


class Published:
    """A ledger as anybody downloads it, with the key to sign another one as its operator could."""

    def __init__(self, lines: list[bytes], note: str, keys: list[str], private_key: bytes) -> None:
        self.lines, self.note, self.keys, self.private_key = lines, note, keys, private_key

    def signed(self, lines: list[bytes]) -> str:
        """Sign other changes with the operator's own key."""
        return checkpoint(ORIGIN, len(lines), root_of([leaf_of(line) for line in lines]), self.private_key)


@pytest.fixture
async def published(lists: Lists) -> Published:
    for user, wanted in (("ada", 2), ("bob", 1), ("cleo", 1)):
        await lists.join(user, wanted)
    await lists.add_stock(3)
    await lists.buy("ada", 2)
    await lists.add_stock(1)
    await lists.join("dan", 1)
    return await download(lists)


async def download(lists: Lists) -> Published:
    checkpoints = Checkpoints(lists.pool, "https://tickets.example")
    head = await checkpoints.sign(lists.key.list_id)
    assert head is not None
    keys = await queries.keys(lists.pool, checkpoints, lists.key)
    ((private_key,),) = await lists.rows("SELECT private_key FROM ledger_keys")
    lines: list[bytes] = []
    async for part in queries.lines(lists.pool, lists.key.list_id, 1, head.size):
        lines += part.splitlines()
    return Published(lines, head.note, keys, private_key)


async def test_a_ledger_that_is_right_is_found_right(published: Published) -> None:
    head, replay = verify_ledger(published.lines, published.note, published.keys, published.note)
    assert (head.origin, head.size, replay.turns, replay.bought) == (ORIGIN, len(published.lines), 3, 2)
    assert "each of 3 turns went to the next in line" in "\n".join(report(head, replay, kept=True))


def altered(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"tickets_wanted":1', b'"tickets_wanted":4') for line in lines]


def reordered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-2], lines[-1], lines[-2]]


def dropped(lines: list[bytes]) -> list[bytes]:
    return lines[:3] + lines[4:]


@pytest.mark.parametrize("cheat", [altered, reordered, dropped])
async def test_what_was_changed_after_it_was_signed_is_caught(
    published: Published, cheat: Callable[[list[bytes]], list[bytes]]
) -> None:
    with pytest.raises(Wrong):
        verify_ledger(cheat(published.lines), published.note, published.keys)
    # Also where the operator signs it: the replay, or the sequence, does not add up.
    lines = cheat(published.lines)
    if cheat is not altered:
        with pytest.raises(Wrong):
            verify_ledger(lines, published.signed(lines), published.keys)


async def test_a_second_version_is_caught_by_the_checkpoint_that_was_kept(published: Published) -> None:
    lines = altered(published.lines)
    other = published.signed(lines)
    verify_ledger(lines, other, published.keys)  # by itself it is right
    with pytest.raises(Wrong, match="it was rewritten"):
        verify_ledger(lines, other, published.keys, published.note)
    shorter = published.lines[:-1]
    with pytest.raises(Wrong, match="it was rewritten"):
        verify_ledger(shorter, published.signed(shorter), published.keys, published.note)


async def test_a_turn_out_of_order_is_caught_though_the_operator_signed_it(published: Published) -> None:
    said = [json.loads(line) for line in published.lines]
    turn = next(one for one in said if one["verb"] == "promote")
    assert (turn["number"], turn["after"]["tickets_held"]) == (1, 2)
    turn["number"] = 3
    turn["after"] |= {"tickets_held": 1, "held": 1}
    wrong = said[: turn["sequence"]]
    lines = [canonical(one) for one in wrong]
    with pytest.raises(Wrong, match="number 1 stood first"):
        verify_ledger(lines, published.signed(lines), published.keys)


def _is_moved(one: dict[str, Any]) -> None:
    one["after"]["rank"] = 1


def _is_restored_to_more(one: dict[str, Any]) -> None:
    one["after"]["tickets_wanted"] = 3


def _is_later(one: dict[str, Any]) -> None:
    one["at"] = one["at"].replace("T12:00", "T12:01")


def _is_no_undo(one: dict[str, Any]) -> None:
    del one["after"]["undoes"]


def _undoes_another(one: dict[str, Any]) -> None:
    one["after"]["undoes"] += 1


@pytest.mark.parametrize(
    ("cheat", "message"),
    [
        (_is_moved, "undoes change 4, but not exactly"),
        (_is_restored_to_more, "undoes change 4, but not exactly"),
        (_is_later, "undoes change 4, but not exactly"),
        (_undoes_another, "undoes change 5, but not exactly"),
        (_is_no_undo, "moves number 1, which only a move or an undo does"),
        ("served", "undoes change 4, but not exactly"),
        ("ahead", "lets a fan choose the place of number 1"),
        ("stays", "number 1 did not go last"),
    ],
)
async def test_a_place_that_gets_better_but_by_an_exact_undo_is_caught(
    lists: Lists, cheat: str | Callable[[dict[str, Any]], None], message: str
) -> None:
    await lists.join("ada", 1)
    await lists.join("bob", 1)
    done = await lists.make_change("ada", 2)
    await lists.add_stock(1) if cheat == "served" else await lists.configure(automatic=False)
    ledger = await download(lists)
    undo = json.loads(ledger.lines[4]) | {"sequence": len(ledger.lines) + 1}
    undo["before"] = undo["after"] | {"rank": json.loads(ledger.lines[3])["after"]["rank"]}
    undo["after"] = {"rank": 1_000_000, "tickets_wanted": 1, "tickets_minimum": 1, "undoes": 4}
    if cheat != "served":
        await lists.undo("ada", done.undo)
        ledger = await download(lists)
        verify_ledger(ledger.lines, ledger.note, ledger.keys)
        assert json.loads(ledger.lines[-1]) == undo
    said = [json.loads(line) for line in ledger.lines]
    if cheat == "ahead":
        said[3]["after"]["rank"] = 1_500_000
    elif cheat == "stays":
        said = [*said[:3], said[4] | {"sequence": 4}]
    elif cheat == "served":
        said.append(undo)
    elif not isinstance(cheat, str):
        cheat(said[-1])
    lines = [json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for one in said]
    with pytest.raises(Wrong, match=message):
        verify_ledger(lines, ledger.signed(lines), ledger.keys)


DRAW = {"order": "draw", "draw_source": "the lottery of 1 January 2030"}


@pytest.fixture
async def drawn(lists: Lists) -> list[dict[str, Any]]:
    """Return the changes of a list of eight, whose lots were drawn, and three of whom were served."""
    at = lists.now + timedelta(hours=1)
    await lists.configure(draw_at=lists.now + timedelta(hours=2), **DRAW)
    for number in range(1, 9):
        await lists.join(f"u{number}", 1)
    await lists.configure(draw_at=at)
    await lists.leave("u5")
    await lists.grant("u6", 1, add_stock=True)
    lists.now = at
    await lists.join("late", 1)
    await lists.add_stock(2)
    await lists.draw("3 17 21")
    await lists.add_stock(1)
    await lists.audit()
    return [json.loads(line) for line in (await download(lists)).lines]


def signed_again(said: list[dict[str, Any]]) -> Replay:
    """Verify other changes, signed as their operator can."""
    return verify_lines(
        [json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for one in said]
    )


async def test_a_draw_is_found_right_with_what_people_must_compare(drawn: list[dict[str, Any]]) -> None:
    replay = signed_again(drawn)
    assert replay.turns == 3
    told = "\n".join(replay.drawn)
    assert "ranked 7 entries by lot" in told
    assert "the lottery of 1 January 2030" in told
    assert "3 17 21" in told


def other_secret(said: list[dict[str, Any]]) -> None:
    of(said, "draw")["after"]["draw_secret"] = "00" * 32


def other_randomness(said: list[dict[str, Any]]) -> None:
    """Serve by the lots of another value than the one that is recorded: here, whoever stood first is another."""
    randomness = next(text for text in map(str, range(100)) if first_lot(said, text) != first_lot(said, "3 17 21"))
    of(said, "draw")["after"]["draw_randomness"] = randomness


def first_lot(said: list[dict[str, Any]], randomness: str) -> int:
    seed = sha256(bytes.fromhex(of(said, "draw")["after"]["draw_secret"]) + randomness.encode()).digest()
    return min((1, 2, 3, 4, 7, 8), key=lambda one: hmac.digest(seed, one.to_bytes(8, "big"), "sha256"))


def other_turn(said: list[dict[str, Any]]) -> None:
    served = [one for one in said if one["verb"] == "promote"]
    served[0]["number"], served[2]["number"] = served[2]["number"], served[0]["number"]


def drawn_early(said: list[dict[str, Any]]) -> None:
    draw = of(said, "draw")
    draw["at"] = draw["after"]["drawn_at"] = "2030-01-01T12:59:59.000000Z"


def late_fan_in(said: list[dict[str, Any]]) -> None:
    of(said, "draw")["after"]["drawn_through"] = 9


def moved_late(said: list[dict[str, Any]]) -> None:
    [one for one in said if one["verb"] == "configure"][1]["at"] = "2030-01-01T14:00:00.000000Z"


def other_source(said: list[dict[str, Any]]) -> None:
    moved = [one for one in said if one["verb"] == "configure"][1]
    moved["before"]["draw_source"], moved["after"]["draw_source"] = DRAW["draw_source"], "another lottery"


def other_root(said: list[dict[str, Any]]) -> None:
    of(said, "draw")["after"]["draw_randomness"] = "ledger:" + "00" * 32


def other_round(said: list[dict[str, Any]]) -> None:
    of(said, "draw")["after"] |= {"draw_round": 1, "draw_signature": "00"}


def served_before(said: list[dict[str, Any]]) -> None:
    draw = said.index(of(said, "draw"))
    said.insert(draw - 1, said.pop(next(at for at, one in enumerate(said) if one["verb"] == "promote")))
    for sequence, one in enumerate(said, 1):
        one["sequence"] = sequence


def of(said: list[dict[str, Any]], verb: str) -> dict[str, Any]:
    return next(one for one in said if one["verb"] == verb)


@pytest.mark.parametrize(
    ("steer", "caught"),
    [
        (other_secret, "another secret"),
        (other_randomness, "stood first"),
        (other_turn, "stood first"),
        (drawn_early, "were to be drawn from"),
        (late_fan_in, "The last in time was 8"),
        (moved_late, "moves the draw"),
        (other_source, "changes the draw"),
        (other_root, "a root that the ledger did not have"),
        (other_round, "another round of drand"),
        (served_before, "before the draw"),
    ],
)
async def test_a_steered_draw_is_caught_though_the_operator_signed_it(
    drawn: list[dict[str, Any]], steer: Callable[[list[dict[str, Any]]], None], caught: str
) -> None:
    steer(drawn)
    with pytest.raises(Wrong, match=caught):
        signed_again(drawn)


async def test_a_checkpoint_of_another_key_is_caught(published: Published) -> None:
    other = Ed25519PrivateKey.generate()
    root = root_of([leaf_of(line) for line in published.lines])
    note = checkpoint(ORIGIN, len(published.lines), root, other.private_bytes_raw())
    with pytest.raises(Wrong, match="No key that you trust"):
        verify_ledger(published.lines, note, published.keys)
    forged = published.note.replace(f"\n{len(published.lines)}\n", f"\n{len(published.lines) - 1}\n")
    with pytest.raises(Wrong, match="forged"):
        verify_ledger(published.lines, forged, published.keys)
    assert verifier_key(ORIGIN, other.public_key().public_bytes_raw()) not in published.keys


async def test_a_forged_receipt_is_caught(lists: Lists, published: Published, tmp_path: Path) -> None:
    checkpoints = Checkpoints(lists.pool, "https://tickets.example")
    text = await receipt(lists.pool, checkpoints, lists.key, 2, Proven.JOIN)
    change, head, _ = verify_receipt(text, published.keys)
    assert (change["number"], change["verb"], head.size) == (2, "join", len(published.lines))
    file = tmp_path / "2-join.tlog-proof"
    file.write_text(text)
    done = subprocess.run([sys.executable, SCRIPT, "--receipt", file], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Number 2: join, as change ")
    form = published.lines[change["sequence"] - 1]
    better = form.replace(b'"number":2', b'"number":1')
    extra = b64encode(better + b"\n" + published.keys[0].encode()).decode()
    lines = text.split("\n")
    lines[1] = f"extra {extra}"
    with pytest.raises(Wrong, match="forged"):
        verify_receipt("\n".join(lines))
    file.write_text("\n".join(lines))
    done = subprocess.run([sys.executable, SCRIPT, "--receipt", file], capture_output=True, text=True, check=False)
    assert (done.returncode, "forged" in done.stdout) == (1, True)


def test_the_receipt_of_each_change_is_found_right() -> None:
    for index in range(receipts.SIZE):
        for keys in ([], [receipts.KEY]):
            change, head, key = verify_receipt(receipts.good(index), keys)
            assert (change["sequence"], head.size, key) == (index + 1, receipts.SIZE, receipts.KEY)
    with pytest.raises(Wrong, match="No key that you trust"):
        verify_receipt(receipts.good(2), [receipts.OTHER_KEY])


@pytest.mark.parametrize("how", receipts.TAMPERED)
def test_a_tampered_receipt_is_refused(how: str, tmp_path: Path) -> None:
    file = tmp_path / "receipt"
    file.write_text(receipts.TAMPERED[how])
    assert verify_ledger_script.main(["--receipt", str(file)]) in (1, 2)


def test_the_script_shares_no_code_with_the_service() -> None:
    assert "import waiting_list" not in SCRIPT.read_text()
    assert "from waiting_list" not in SCRIPT.read_text()
    assert Replay().turns == 0


async def a_story_of_all_rules(lists: Lists) -> None:
    """Turns, a hold that expires, a purchase after it, and fans who are passed over."""
    await lists.configure(hold_minutes=60, hold_grace_seconds=300)
    for user, wanted in (("ada", 2), ("bob", 1), ("cleo", 3), ("dan", 1), ("eve", 1)):
        await lists.join(user, wanted, wanted)
    await lists.move("eve", before="dan")
    await lists.add_stock(3)
    await lists.add_stock(2)
    lists.later(minutes=30)
    # Under a broken rule, some of these are refused.
    with suppress(Problem):
        await lists.checkout("ada")
    await lists.expire()
    lists.later(minutes=36)
    with suppress(Problem):
        await lists.buy("bob")
    await lists.expire()
    with suppress(Problem):
        await lists.buy("cleo")
    await lists.configure(policy="skip", skip_limit=1)
    await lists.join("fay", 3, 3)
    for user in ("gus", "hal"):
        await lists.join(user, 1)
        await lists.add_stock(1)
    await lists.configure(policy="strict", idle_minutes=60)
    lists.later(minutes=60)
    await lists.idle()


def second_first(free: int, candidates: Any, **rules: Any) -> policy.Choice:
    choice = policy.choose(free, candidates[1:], **rules)
    if not choice.held:
        return policy.choose(free, candidates, **rules)
    return policy.Choice([(index + 1, tickets) for index, tickets in choice.held], choice.looked_at + 1)


def passing_all_over(free: int, candidates: Any, **rules: Any) -> policy.Choice:
    return policy.choose(free, candidates, **rules | {"policy": Policy.SKIP})


async def without_limit(locked: LockedList, tickets: int) -> None:
    kept, locked.list.skip_limit = locked.list.skip_limit, 99
    await _round(locked, tickets)
    locked.list.skip_limit = kept


def uncounted(locked: LockedList, verb: str, *arguments: Any, **fields: Any) -> None:
    if verb != "promote" or "passed_over" not in fields:
        _record(locked, verb, *arguments, **fields)


async def too_early(locked: LockedList, statement: str, *arguments: Any) -> Any:
    if statement == "read_due_entries":
        arguments = arguments[0] + timedelta(minutes=50), *arguments[1:]
    return await _read(locked, statement, *arguments)


_round, _record, _read = promoting._round, LockedList.record, LockedList.read


async def test_an_engine_with_a_broken_rule_is_accused_by_the_verifier_alone(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_story_of_all_rules(lists)
    assert (await verify(lists.pool, lists.key.list_id)).turns == 7
    broken: list[tuple[object, str, Any, str]] = [
        (wishing, "choose", second_first, "stood first"),
        (wishing, "choose", passing_all_over, "stood first"),
        (promoting, "_round", without_limit, "more often than the list allows"),
        (LockedList, "record", uncounted, "were counted"),
        (LockedList, "read", too_early, "It lasted until"),
        (buying, "require_hold", lambda _, entry, **__: entry, "sold tickets"),
        (ListClock, "hold_until", lambda clock: clock.now + timedelta(minutes=5), "not as long as the list says"),
    ]
    for number, (owner, name, rule, accusation) in enumerate(broken):
        key = lists.key._replace(offer_id=f"off_{number + 2}")
        await lists.add_list(key)
        other = Lists(lists.pool, lists.engine, key)
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, rule)
            await a_story_of_all_rules(other)
        with pytest.raises(Wrong, match=accusation):
            await verify(lists.pool, key.list_id)


def canonical(change: dict[str, Any]) -> bytes:
    return json.dumps(change, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def shifted(text: str, minutes: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def on(first: str, /, **edits: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Edit members of the first change of a verb: other values, or minutes by which an instant moves."""

    def edit(changes: list[dict[str, Any]]) -> None:
        one = next(one for one in changes if one["verb"] == first)
        for name, value in edits.items():
            where = one if name in one else one["after"]
            moves = isinstance(value, int) and isinstance(where[name], str)
            where[name] = shifted(where[name], value) if moves else value

    return edit


def with_other_limit(changes: list[dict[str, Any]]) -> None:
    next(one for one in changes if "skip_limit" in one["after"] and one["verb"] == "configure")["after"][
        "skip_limit"
    ] = 0


def without_its_count(changes: list[dict[str, Any]]) -> None:
    del changes[next(place for place, one in enumerate(changes) if one["after"].get("passed_over"))]
    for sequence, one in enumerate(changes, start=1):
        one["sequence"] = sequence


async def test_each_rule_that_the_operator_breaks_and_signs_is_named(lists: Lists) -> None:
    await a_story_of_all_rules(lists)
    lines = await queries.public_forms(lists.pool, lists.key.list_id, 1, 999)
    for cheat, accusation in [
        (on("expire", at=-10), "It lasted until"),
        (on("buy", at=120), "Their hold had ended"),
        (on("promote", ready_until=-50), "not as long as the list says"),
        (on("promote", ready_until=50), "not as long as the list says"),
        (on("promote", ready_at=-1), "began a hold"),
        (on("checkout", ready_until=30), "longer than the list allows for a payment"),
        (on("checkout", ready_until=-30), "shortens a hold"),
        (on("checkout", at=90), "makes a hold longer that had ended"),
        (on("expire", verb="end"), "The list had not ended"),
        (on("settle", idle_until=-30), "The list says 60 minutes"),
        (on("idle", at=-30), "served fans behind the first in line"),
        (on("move", actor="user"), "lets a fan choose the place"),
        (with_other_limit, "more often than the list allows"),
        (without_its_count, "were counted"),
    ]:
        changes = [json.loads(line) for line in lines]
        cheat(changes)
        with pytest.raises(Wrong, match=accusation):
            verify_lines([canonical(one) for one in changes])
