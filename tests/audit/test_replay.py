"""The replay in memory: a story with every verb, and thousands of ways to falsify it.

tests/replay/history.jsonl is the history of one list as the service wrote it. Each of its changes is falsified in
every simple way, and tests/replay/differences.txt says what the replay finds: how often each check finds
it, and each kind of sentence once. `python -m tests.audit.test_replay` prints that file anew; read what changes in
it.
"""

import hmac
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from waiting_list.audit.entry_replay import EntryReplay
from waiting_list.audit.queue_order import WaitingQueue
from waiting_list.audit.recorded_change import Row, read_row
from waiting_list.audit.replay import ListReplay
from waiting_list.audit.report import Difference
from waiting_list.lists.events import VERBS
from waiting_list.lists.models import LeftReason, Status
from waiting_list.lists.setting_values import Policy

FOLDER = Path(__file__).parent.parent / "replay"
STORY: list[list[Any]] = [json.loads(line) for line in (FOLDER / "history.jsonl").read_text().splitlines()]
Told = list[Any]


def replay(story: list[Told]) -> tuple[ListReplay, dict[int, EntryReplay]]:
    """Replay a story; return the list and its entries. Raises Difference."""
    whole, entries = ListReplay(), {}
    for sequence, at, verb, number, before, after in story:
        told = None if before is None else json.dumps(before)
        row = read_row((sequence, datetime.fromisoformat(at), verb, number, told, json.dumps(after)))
        whole.fold(row)
        if number is not None:
            entries.setdefault(number, EntryReplay(number, draw=whole.drawn)).fold(row)
    for entry in entries.values():
        entry.pass_draw()
    return whole, entries


def others(value: Any) -> list[Any]:
    """Return other values for a field with this value."""
    match value:
        case bool():
            return [not value, None, 1]
        case int():
            return [value - 1, value + 1, value + 100, -value - 1, None, str(value)]
        case None:
            return [0, 1, "2030-01-01T12:00:00+00:00", "2031-01-01T12:00:00+00:00", "bought", "ready"]
        case str() if value[:1].isdigit():
            return ["2030-01-01T12:00:30+00:00", "2040-01-01T00:00:00+00:00", "2030-01-01T12:00:00", None, 0]
        case _:
            return ["waiting", "ready", "left", "bought", "ended", "strict", "skip", "unknown", None]


def falsified(index: int) -> Iterator[list[Told]]:
    """Yield the story with one change falsified, in every simple way."""
    sequence, at, verb, number, before, after = STORY[index]

    def instead(*rows: Told) -> list[Told]:
        return [*STORY[:index], *rows, *STORY[index + 1 :]]

    yield instead()
    yield instead(STORY[index], STORY[index])
    yield instead(*reversed(STORY[index : index + 2]))
    for other in (*(one for one in VERBS if one != verb), "unknown"):
        yield instead([sequence, at, other, number, before, after])
    for other in (one for one in (None, 0, 1, 2, 4, 5, 9, 11, -1) if one != number):
        yield instead([sequence, at, verb, other, before, after])
    for other in ("2029-01-01T00:00:00+00:00", "2030-01-02T12:01:00+00:00", "2030-01-02T12:02:00+00:00"):
        yield instead([sequence, other, verb, number, before, after])
    yield instead([sequence, at, verb, number, before, before])
    yield instead([sequence + 1, at, verb, number, before, after])
    yield instead([sequence, at, verb, number, {} if before is None else None, after])
    yield instead([sequence, at, verb, number, before, {}])
    yield instead([sequence, at, verb, number, before, after | {"nobody_knows": 1}])
    for extra in (one for one in ("rank", "policy", "held", "user_id", "passed_over") if one not in after):
        yield instead([sequence, at, verb, number, before and before | {extra: 0}, after | {extra: 1}])
    for side in (before or {}, after):
        for name, value in side.items():
            for other in [*others(value), ...]:
                changed = {
                    key: other if key == name else was for key, was in side.items() if key != name or other != ...
                }
                sides = (changed, after) if side is before else (before, changed)
                yield instead([sequence, at, verb, number, *sides])


def differences() -> str:
    """Return what the replay finds in every falsified story."""
    lines, sentences = [], {}
    for index, (sequence, _, verb, *_) in enumerate(STORY):
        found: Counter[str] = Counter()
        for story in falsified(index):
            try:
                replay(story)
                found["nothing"] += 1
            except Difference as d:
                found[d.check] += 1
                row = d.sequence and next((one for one in story if one[0] == d.sequence), None)
                kind = (d.check, row and row[2], d.number is None, d.found is None)
                sentences.setdefault(
                    kind, f"{d.check}: {d.sentence} [{d.sequence} {d.number} {d.expected} {d.found}]"
                )
        lines.append(f"{sequence} {verb}: " + ", ".join(f"{check} {n}" for check, n in sorted(found.items())))
    return "\n".join([*lines, "", *sorted(sentences.values())]) + "\n"


def test_the_story_has_every_verb_and_adds_up() -> None:
    # A list that is drawn by lot has a story of its own.
    assert {told[2] for told in STORY} == VERBS.keys() - {"draw"}
    whole, entries = replay(STORY)
    assert (whole.last_sequence, whole.last_number, whole.last_rank) == (len(STORY), 11, 11_000_000)
    assert (whole.line.first(), whole.unverified.first()) == (None, None)
    assert (whole.fields["total_stock"], whole.fields["available_stock"], whole.fields["held"]) == (121, 4, 0)
    assert whole.fields["policy"] is Policy.SKIP
    assert whole.at == datetime.fromisoformat(STORY[-1][1])
    assert {number: entry.fields["left_reason"] for number, entry in entries.items()} == {
        1: LeftReason.REMOVED,
        2: LeftReason.EXPIRED,
        3: LeftReason.CANCELLED,
        4: LeftReason.EXPIRED,
        5: LeftReason.REMOVED,
        6: LeftReason.BOUGHT,
        **dict.fromkeys((7, 8, 9, 10, 11), LeftReason.ENDED),
    }
    assert {entry.fields["status"] for entry in entries.values()} == {Status.LEFT}
    assert [number for number, entry in entries.items() if entry.erased] == [5]
    assert (entries[7].fields["passed_over"], entries[4].fields["tickets_wanted"]) == (3, 3)
    assert entries[6].fields["joined_at"] == datetime.fromisoformat(STORY[6][1])


def test_each_falsified_story_is_found_out_by_the_same_check_as_ever() -> None:
    assert differences() == (FOLDER / "differences.txt").read_text()


def change(verb: str, number: int | None = None, **told: tuple[Any, Any]) -> Told:
    """A change from these values to those, at the hour at which the story was made."""
    before, after = ({name: pair[side] for name, pair in told.items()} for side in (0, 1))
    return [0, STORY[1][1], verb, number, before, after]


def joined(number: int, rank: int) -> Told:
    return [0, STORY[1][1], "join", number, None, STORY[1][5] | {"rank": rank}]


def held(number: int, was: int, now: int) -> Told:
    at = STORY[1][1]
    ready = {"ready_at": (None, at), "ready_until": (None, "2030-01-02T12:00:00+00:00")}
    return change("promote", number, held=(was, now), status=("waiting", "ready"), tickets_held=(0, 2), **ready)


def numbered(*changes: Told) -> list[Told]:
    return [[sequence, *told[1:]] for sequence, told in enumerate((STORY[0], *changes), start=1)]


def test_the_smallest_steps_add_up() -> None:
    at, until = STORY[1][1], "2030-01-02T12:00:00+00:00"
    whole, entries = replay(
        numbered(
            joined(1, 1_000_000),
            joined(2, 2_000_000),
            change("move", 1, rank=(1_000_000, 5_000_000)),
            joined(3, 5_000_001),
            change("add_stock", available_stock=(0, 1)),
            change("remove_stock", available_stock=(1, 0)),
            change("add_total_stock", total_stock=(100, 101), available_stock=(0, 1)),
            change("remove_total_stock", total_stock=(101, 100), available_stock=(1, 0)),
            change("add_stock", available_stock=(0, 2)),
            held(2, 0, 2),
            change(
                "revoke",
                2,
                held=(2, 0),
                status=("ready", "waiting"),
                tickets_held=(2, 0),
                ready_at=(at, None),
                ready_until=(until, None),
            ),
            held(2, 0, 2),
            change(
                "buy",
                2,
                held=(2, 0),
                available_stock=(2, 0),
                status=("ready", "left"),
                left_reason=(None, "bought"),
                tickets_held=(2, 0),
                left_at=(None, at),
            ),
        )
    )
    assert (whole.fields["available_stock"], whole.line.first(), whole.last_rank) == (0, (5_000_000, 1), 5_000_001)
    assert entries[2].fields["left_reason"] is LeftReason.BOUGHT


@pytest.mark.parametrize("verb", ["add_stock", "remove_stock", "add_total_stock", "remove_total_stock"])
def test_a_change_of_no_ticket_is_none(verb: str) -> None:
    of_both = {"total_stock": (100, 100)} if "total" in verb else {}
    with pytest.raises(Difference) as caught:
        replay(numbered(change(verb, available_stock=(0, 0), **of_both)))
    assert (caught.value.check, caught.value.sequence) == ("stock", 2)


def test_who_was_sent_back_stands_before_who_came_later() -> None:
    at, until = STORY[1][1], "2030-01-02T12:00:00+00:00"
    back = change(
        "revoke",
        1,
        held=(2, 0),
        status=("ready", "waiting"),
        tickets_held=(2, 0),
        ready_at=(at, None),
        ready_until=(until, None),
    )
    come = (joined(1, 1_000_000), joined(2, 2_000_000), change("add_stock", available_stock=(0, 2)))
    with pytest.raises(Difference) as caught:
        replay(numbered(*come, held(1, 0, 2), back, held(2, 0, 2)))
    assert (caught.value.check, caught.value.expected, str(caught.value)) == ("order", 1, caught.value.sentence)


def row(told: Told) -> Row:
    sequence, at, verb, number, before, after = told
    sides = (None if side is None else json.dumps(side) for side in (before, after))
    return read_row((sequence, datetime.fromisoformat(at), verb, number, *sides))


def test_an_entry_begins_with_its_join_and_ends_when_it_is_erased() -> None:
    leave = change(
        "leave", 1, status=("waiting", "left"), left_reason=(None, "cancelled"), left_at=(None, STORY[1][1])
    )
    entry = EntryReplay(1)
    with pytest.raises(Difference) as caught:
        entry.fold(row(leave))
    sentence = "Change 0 (leave) took entry 1 from nowhere to nowhere which the rules do not allow."
    assert caught.value.sentence == sentence
    erase = [0, STORY[1][1], "erase", 1, {}, {"user_id": None}]
    for told in (joined(1, 1_000_000), leave, erase):
        entry.fold(row(told))
    with pytest.raises(Difference) as caught:
        entry.fold(row(erase))
    sentence = "Change 0 (erase) took entry 1 from left to left (cancelled), erased, which the rules do not allow."
    assert caught.value.sentence == sentence


def test_a_hold_may_expire_at_its_deadline_and_may_not_buy_then() -> None:
    until = "2030-01-02T12:00:00+00:00"
    come = (joined(1, 1_000_000), change("add_stock", available_stock=(0, 2)), held(1, 0, 2))
    out = {"held": (2, 0), "status": ("ready", "left"), "tickets_held": (2, 0), "left_at": (None, until)}
    expired = change("expire", 1, left_reason=(None, "expired"), **out)
    bought = change("buy", 1, left_reason=(None, "bought"), available_stock=(2, 0), **out)
    for last in (expired, bought):
        last[1] = until
    _, entries = replay(numbered(*come, expired))
    assert entries[1].fields["left_reason"] is LeftReason.EXPIRED
    with pytest.raises(Difference) as caught:
        replay(numbered(*come, bought))
    assert caught.value.check == "deadline"


def test_the_line_keeps_its_order_through_moves_holds_and_returns() -> None:
    line, other = WaitingQueue(), WaitingQueue()
    assert line.first() is None
    for rank in (10, 20, 30, 40):
        line.join(rank)
        other.join(None)
    assert (line.first(), other.first()) == ((10, 1), None)
    line.move(3, 5)
    assert line.first() == (5, 3)
    assert [line.hold(1), line.hold(3), line.hold(3)] == [True, True, False]
    line.move(1, 25)  # makes room among those who are ready
    assert line.first() == (20, 2)
    line.revoke(1)
    line.revoke(1)
    assert line.first() == (20, 2)
    line.leave(2)
    line.leave(2)
    line.move(2, 1)
    assert line.first() == (25, 1)
    assert line.take(1) == 25
    assert line.take(1) is None
    line.revoke(3)
    assert line.first() == (5, 3)
    assert line.hold(3)
    line.hand_over(3, other)
    line.revoke(3)
    assert (line.first(), other.first()) == ((40, 4), None)
    other.revoke(3)
    line.hand_over(4, other)
    line.hand_over(4, other)
    assert (line.first(), other.first()) == (None, (5, 3))
    other.leave(3)
    other.revoke(3)
    assert (other.first(), other.take(4), other.first()) == ((40, 4), 40, None)
    line.join(50)
    assert line.hold(5)
    line.leave(5)
    line.revoke(5)
    assert line.first() is None


def test_whose_address_nobody_has_verified_is_passed_over_where_the_list_asks_for_it() -> None:
    asks = change("configure", verify_email=(False, True))
    joins = joined(1, 1_000_000), joined(2, 2_000_000), change("add_stock", available_stock=(0, 4))
    joins[0][5]["unverified"] = True
    verify = change("verify", 1, unverified=(True, False))
    another = change("set_contact", 2, unverified=(False, True))
    alone = joins[0], joins[2], asks
    for story in (
        (*joins, held(1, 0, 2), held(2, 2, 4)),
        (*joins, asks, held(2, 0, 2)),
        (*joins, asks, held(2, 0, 2), verify, held(1, 2, 4)),
    ):
        whole, _ = replay(numbered(*story))
        assert whole.fields["held"] >= 2
    for story, sentence in (
        ((*alone, held(1, 0, 2)), "Change 5 made entry 1 ready, whose address was not verified."),
        (
            (*joins, asks, another, held(2, 0, 2)),
            "Change 7 made entry 2 ready, whose address was not verified.",
        ),
        (
            (*joins, asks, held(1, 0, 2)),
            "Change 6 made entry 1 ready, whose address was not verified.",
        ),
        ((*joins, held(2, 0, 2)), "Change 5 made entry 2 ready, but entry 1 stood first."),
        ((*joins, asks, verify, held(2, 0, 2)), "Change 7 made entry 2 ready, but entry 1 stood first."),
    ):
        with pytest.raises(Difference) as caught:
            replay(numbered(*story))
        assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("shrinks", "grows"),
    [
        (("put_offer", {"order_limit": (None, 5)}), ("put_offer", {"order_limit": (5, 6)})),
        (("put_stock", {"total_stock": (100, 5)}), ("put_stock", {"total_stock": (5, 6)})),
        (("put_offer", {"order_limit": (None, 5)}), ("change", {"tickets_minimum": (6, 5)})),
    ],
)
def test_who_was_set_aside_counts_again_once_so_many_tickets_can_be_held(
    shrinks: tuple[str, dict[str, tuple[Any, int]]], grows: tuple[str, dict[str, tuple[Any, int]]]
) -> None:
    large = joined(1, 1_000_000)
    large[5] |= {"tickets_wanted": 6, "tickets_minimum": 6}
    come = large, joined(2, 2_000_000), joined(3, 3_000_000), change("add_stock", available_stock=(0, 4))
    smaller, larger = (change(verb, 1 if verb == "change" else None, **told) for verb, told in (shrinks, grows))
    aside = *come, smaller, held(2, 0, 2)
    whole, _ = replay(numbered(*aside, held(3, 2, 4)))
    assert whole.fields["held"] == 4
    with pytest.raises(Difference) as caught:
        replay(numbered(*aside, larger, held(3, 2, 4)))
    assert caught.value.sentence == "Change 9 made entry 3 ready, but entry 1 stood first."


def test_whose_address_failed_is_passed_over_where_the_list_asks_for_it() -> None:
    skips = change("configure", skip_failed_addresses=(False, True))
    skips_no_more = change("configure", skip_failed_addresses=(True, False))
    joins = joined(1, 1_000_000), joined(2, 2_000_000), change("add_stock", available_stock=(0, 4))
    failed = change("fail_address", 1, address_failed=(False, True))
    mended = change("mend_address", 1, address_failed=(True, False))
    for story in (
        (*joins, failed, held(1, 0, 2), held(2, 2, 4)),
        (*joins, failed, skips, held(2, 0, 2)),
        (*joins, failed, skips, held(2, 0, 2), mended, held(1, 2, 4)),
        (*joins, skips, failed, held(2, 0, 2), skips_no_more, held(1, 2, 4)),
    ):
        whole, _ = replay(numbered(*story))
        assert whole.fields["held"] >= 2
    for story, sentence in (
        ((*joins, failed, skips, held(1, 0, 2)), "Change 7 made entry 1 ready, whose address had failed."),
        ((*joins, failed, held(2, 0, 2)), "Change 6 made entry 2 ready, but entry 1 stood first."),
        ((*joins, failed, skips, mended, held(2, 0, 2)), "Change 8 made entry 2 ready, but entry 1 stood first."),
    ):
        with pytest.raises(Difference) as caught:
            replay(numbered(*story))
        assert caught.value.sentence == sentence


def test_a_place_is_given_to_another_person_once_and_only_where_the_list_allows_it() -> None:
    joins = (joined(1, 1_000_000),)
    allowed, given = (
        change("configure", transfer=(False, True)),
        [0, STORY[1][1], "transfer", 1, {}, {"transferred": True}],
    )
    replay(numbered(*joins, allowed, given))
    for story in ((*joins, given), (*joins, allowed, given, given)):
        with pytest.raises(Difference) as caught:
            replay(numbered(*story))
        assert caught.value.check == "transition"


def test_an_undo_restores_exactly_what_the_newest_change_replaced_within_a_minute() -> None:
    joins = joined(1, 1_000_000), joined(2, 2_000_000), change("add_stock", available_stock=(0, 9))
    moved = change("move", 1, rank=(1_000_000, 2_000_001), passed_over=(3, 0))
    skipped = change("promote", 1, passed_over=(0, 3))
    more = change("change", 1, tickets_wanted=(2, 3))

    def undone(undoes: int, *, at: str = STORY[1][1], **fields: tuple[Any, Any]) -> Told:
        one = change("change", 1, **fields)
        return [one[0], at, *one[2:5], one[5] | {"undoes": undoes}]

    back: dict[str, tuple[Any, Any]] = {"tickets_wanted": (3, 2)}
    place: dict[str, tuple[Any, Any]] = {"rank": (2_000_001, 1_000_000), "passed_over": (0, 3)}
    both = place | back
    whole, _ = replay(numbered(*joins, skipped, moved, more, undone(6, **both), held(1, 0, 2)))
    assert whole.fields["held"] == 2
    replay(numbered(*joins, skipped, moved, more, undone(7, **back)))  # after a move by the organizer
    late = (datetime.fromisoformat(STORY[1][1]) + timedelta(minutes=1)).isoformat()
    other = change("change", 1, keep_waiting_for_rest=(False, True))
    for story in (
        (moved, more, undone(6, at=late, **both)),
        (moved, more, undone(7, **both)),
        (moved, more, undone(6, **back)),
        (moved, more, undone(6, **(both | {"tickets_wanted": (3, 1)}))),
        (moved, more, held(2, 0, 2), undone(6, **both)),
        (moved, more, other, undone(6, **both)),
        (moved, more, undone(6, **both), undone(6, tickets_wanted=(2, 3))),
        (undone(4, tickets_wanted=(2, 1)),),
    ):
        with pytest.raises(Difference) as caught:
            replay(numbered(*joins, skipped, *story))
        assert caught.value.check == "transition"


def test_whom_a_fan_paused_is_passed_over_until_the_pause_ends() -> None:
    at = STORY[1][1]
    joins = joined(1, 1_000_000), joined(2, 2_000_000), change("add_stock", available_stock=(0, 4))
    paused = change("pause", 1, paused_at=(None, at))
    resumed = change("unpause", 1, paused_at=(at, None))
    for story in (
        (*joins, paused, held(2, 0, 2)),
        (*joins, paused, held(2, 0, 2), resumed, held(1, 2, 4)),
    ):
        whole, _ = replay(numbered(*story))
        assert whole.fields["held"] >= 2
    for story, sentence in (
        ((*joins, paused, held(1, 0, 2)), "Change 6 made entry 1 ready, whose fan had paused it."),
        ((*joins, paused, resumed, held(2, 0, 2)), "Change 7 made entry 2 ready, but entry 1 stood first."),
    ):
        with pytest.raises(Difference) as caught:
            replay(numbered(*story))
        assert caught.value.sentence == sentence
    with pytest.raises(Difference) as caught:
        replay(numbered(*joins, paused, change("pause", 1, paused_at=(at, None))))
    assert caught.value.check == "transition"


SECRET = "5f" * 32
DRAW_AT = "2030-01-01T13:00:00+00:00"


def drawn(**told: Any) -> Told:
    """A draw of three fans at the first instant at which it can be held, but for what is told."""
    after = {"drawn_at": DRAW_AT, "drawn_through": 3, "draw_secret": SECRET, "draw_randomness": "7 8 9"}
    return [0, DRAW_AT, "draw", None, {"drawn_at": None, "drawn_through": None}, after | told]


def of_a_draw(*more: Told) -> list[Told]:
    """The story of a list whose three fans are drawn by lot; a fourth came when the draw was due."""
    announced = change(
        "configure",
        order=("arrival", "draw"),
        draw_at=(None, DRAW_AT),
        draw_source=(None, "a lottery"),
        draw_commitment=(None, sha256(bytes.fromhex(SECRET)).hexdigest()),
    )
    joins = [joined(number, number * 1_000_000) for number in (1, 2, 3)]
    late = [0, DRAW_AT, *joined(4, 4_000_000)[2:]]
    return numbered(announced, *joins, late, *more)


DRAW_STORY = of_a_draw(drawn(), change("add_stock", available_stock=(0, 2)))


def test_a_draw_is_computed_again_and_each_steered_one_is_found_out() -> None:
    whole, entries = replay(DRAW_STORY)
    seed = sha256(bytes.fromhex(SECRET) + b"7 8 9").digest()
    order = sorted((1, 2, 3), key=lambda one: hmac.new(seed, one.to_bytes(8, "big"), "sha256").digest())
    assert [entries[number].fields["rank"] for number in (*order, 4)] == [500_000, 1_500_000, 2_500_000, 4_000_000]
    assert whole.line.first() == (500_000, order[0])
    replay([*DRAW_STORY, [9, *held(order[0], 0, 2)[1:]]])
    moved = change("configure", draw_at=(DRAW_AT, "2030-01-01T14:00:00+00:00"))
    replay([*of_a_draw()[:-1], [6, *moved[1:]]])
    for story, check in (
        ([*DRAW_STORY, [9, *held(order[1], 0, 2)[1:]]], "order"),
        (of_a_draw(drawn(draw_secret="00" * 32)), "draw"),
        (of_a_draw(drawn(drawn_through=4)), "draw"),
        (of_a_draw(drawn(draw_randomness="ledger:00")), "draw"),
        (of_a_draw(drawn(draw_round=1, draw_signature="00")), "draw"),
        (of_a_draw(drawn(), drawn()), "before"),
        (of_a_draw([0, STORY[1][1], *drawn()[2:]]), "draw"),
        (of_a_draw(change("add_stock", available_stock=(0, 2)), held(1, 0, 2)), "draw"),
        (of_a_draw(change("move", 2, rank=(2_000_000, 500_000))), "draw"),
        (of_a_draw([0, DRAW_AT, *moved[2:]]), "draw"),
        (of_a_draw(change("configure", draw_source=("a lottery", "another"))), "draw"),
    ):
        with pytest.raises(Difference) as caught:
            replay(story)
        assert caught.value.check == check, story


def test_what_no_change_can_tell_says_why() -> None:
    with pytest.raises(Difference) as caught:
        row([7, STORY[1][1], "join", 3, None, {"rank": "first"}])
    said = caught.value
    assert (said.check, said.sequence, said.number) == ("content", 7, 3)
    assert said.sentence == "Change 7 (join) contains values that no change can have."
    assert (said.expected, said.found) == ("fields of a list and of an entry", "Input should be a valid integer")


if __name__ == "__main__":
    print(differences(), end="")
