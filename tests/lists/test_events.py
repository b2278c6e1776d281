"""The table of verbs: it has every verb, and each of its rows is what the verb does."""

import ast
import importlib
import inspect
import itertools
import json
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

import waiting_list
from tests.audit.test_replay import DRAW_STORY, STORY, replay
from waiting_list.audit import entry_replay, recorded_change
from waiting_list.audit.entry_replay import EntryReplay
from waiting_list.audit.recorded_change import read_row
from waiting_list.audit.report import Difference
from waiting_list.lists.events import RECORDED_AS, VERBS, VerbRow, WebhookType
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status

SOURCES = sorted(Path(waiting_list.__file__).parent.glob("**/*.py"))
WELL_FORMED = recorded_change._is_well_formed.__wrapped__
RECORDING = {"record", "take_out", "_set_stock", "_write_history", "note_change", "append_history"}
"""The functions whose argument is the name of the recorded verb."""
AFTER_A_VERB = {"settle", "write_outbox", "write_change_letters", "inventory"}
"""The functions that the engine calls after a verb."""


def verbs_of_the_engine() -> Iterator[str]:
    """Yield every function with the signature of a verb: async, public, a LockedList, then keywords only."""
    for found in pkgutil.walk_packages(waiting_list.__path__, "waiting_list."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            if function.__module__ != found.name or name.startswith("_"):
                continue
            signature = inspect.signature(function)
            first, *others = signature.parameters.values() or [None]
            if first is None or first.annotation is not LockedList or name in AFTER_A_VERB:
                continue
            if all(one.kind is one.KEYWORD_ONLY for one in others):
                yield name


def test_every_verb_of_the_engine_is_in_the_table() -> None:
    found = {*verbs_of_the_engine()}
    assert len(found) > 20
    assert found <= VERBS.keys() | RECORDED_AS.keys()
    assert RECORDED_AS.keys() <= found
    assert RECORDED_AS.keys().isdisjoint(VERBS)
    # These have no function of their own: `remove_stock` revokes holds, `promote` fills them up and sets entries
    # aside, `heed` brings these back, and the catalogue makes the others.
    around = {"reschedule", "cancel", "reinstate", "change_event"}
    assert (
        VERBS.keys() - found
        == {"revoke", "create", "put_offer", "settle", "top_up", "set_aside", "bring_back"} | around
    )


def test_the_table_has_what_is_recorded_and_nothing_else() -> None:
    recorded = set()
    for source in SOURCES:
        for call in ast.walk(ast.parse(source.read_text())):
            if isinstance(call, ast.Call):
                name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
                # A verb may be chosen right in the call.
                parts = itertools.chain.from_iterable(map(ast.walk, call.args[:2]))
                told = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if name in RECORDING:
                    recorded |= {*told}
    # The catalogue inserts a list together with its first change.
    assert recorded == VERBS.keys() - {"create"}
    assert VERBS.keys() >= {verb for others in RECORDED_AS.values() for verb in others}


def broken(row: VerbRow, told: set[str]) -> Iterator[VerbRow]:
    """Yield the row with one part removed or replaced, in every way."""
    for move in row.moves:
        yield replace(row, moves=row.moves - {move})
    for name in row.fields & told:
        yield replace(row, fields=row.fields - {name}, always=row.always - {name})
    if row.left_reason:
        yield replace(row, left_reason=next(one for one in type(row.left_reason) if one is not row.left_reason))
    if row.always:
        yield replace(row, always=row.always | {"nothing"}, fields=row.fields | {"nothing"})
        yield replace(row, always=frozenset())
    else:
        yield replace(row, always=frozenset(told))


def moves_of_the_story() -> set[tuple[str, Status | None, Status]]:
    """Return the transitions of the story's entries, with their verbs."""
    found, entries = set(), {}
    for sequence, at, verb, number, before, after in STORY:
        if number is not None:
            entry = entries.setdefault(number, EntryReplay(number))
            was = entry.fields.get("status")
            told = (None if side is None else json.dumps(side) for side in (before, after))
            entry.fold(read_row((sequence, datetime.fromisoformat(at), verb, number, *told)))
            found.add((verb, was, entry.fields["status"]))
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_with_a_broken_row_the_replay_takes_a_true_history_for_false(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = DRAW_STORY if verb == "draw" else STORY
    told = {name for _, _, other, _, _, after in story if other == verb for name in after}
    known, tried = moves_of_the_story(), 0
    for row in broken(VERBS[verb], told):
        if any((verb, *move) not in known for move in VERBS[verb].moves - row.moves):
            continue  # the story lacks these transitions: see the next test
        for module in (recorded_change, entry_replay):
            monkeypatch.setattr(module, "VERBS", {**VERBS, verb: row})
        # Without its memory of the whole table.
        monkeypatch.setattr(recorded_change, "_is_well_formed", WELL_FORMED)
        with pytest.raises(Difference):
            replay(story)
        tried += 1
    assert tried > 0


def test_the_story_goes_nearly_all_ways() -> None:
    table = {(verb, *move) for verb, row in VERBS.items() for move in row.moves}
    assert moves_of_the_story() <= table
    ready = Status.READY
    assert table - moves_of_the_story() == {
        ("leave", ready, Status.LEFT),
        *(
            (verb, ready, ready)
            for verb in (
                "change",
                "move",
                "set_contact",
                "verify",
                "fail_address",
                "mend_address",
                "unlink",
                "transfer",
            )
        ),
    }


WISH = "6f1c9a52-3c1d-4f6e-9b39-0d6a3d2b7e11"
OUT = {"status": "left", "left_reason": "cancelled", "tickets_held": 0, "left_at": STORY[1][1], "held": 0}


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("leave", {"status": "ready", "left_reason": None, "tickets_held": 2, "left_at": None, "held": 2}, OUT),
        ("move", {"rank": 1_000_000}, {"rank": 999_999}),
        ("set_contact", {"unverified": False}, {"unverified": True}),
        ("verify", {"unverified": True}, {"unverified": False}),
        ("change", {"keep_waiting_for_rest": True}, {"keep_waiting_for_rest": False}),
        ("fail_address", {"address_failed": False}, {"address_failed": True}),
        ("mend_address", {"address_failed": True}, {"address_failed": False}),
        ("unlink", {"wish_id": WISH}, {"wish_id": None}),
    ],
)
def test_a_ready_fan_leaves_is_moved_or_gives_another_address(
    verb: str, before: dict[str, object], after: dict[str, object]
) -> None:
    sequence, at, _, number, _, joined = STORY[1]
    given = ("unverified", "keep_waiting_for_rest", "address_failed", "wish_id")
    joined = joined | {name: before[name] for name in given if before.get(name)}
    ready = {"status": "ready", "tickets_held": 2, "ready_at": at, "held": 2}
    story = [
        STORY[0],
        [sequence, at, "join", number, None, joined],
        [3, at, "add_stock", None, {"available_stock": 0}, {"available_stock": 2}],
        [4, at, "promote", number, dict.fromkeys(ready, 0) | {"status": "waiting", "ready_at": None}, ready],
        [5, at, verb, number, before, after],
    ]
    _, entries = replay(story)
    assert entries[number].fields["status"] == after.get("status", "ready")


def test_webhooks_are_told_by_where_an_entry_goes() -> None:
    types = {
        None: WebhookType.ENTRY_JOINED,
        Status.READY: WebhookType.ENTRY_READY,
        Status.LEFT: WebhookType.ENTRY_LEFT,
    }
    for verb, row in VERBS.items():
        came = {was for was, _ in row.moves} & {None}
        went = {now for was, now in row.moves if was is not now} - {Status.WAITING}
        (key,) = came or went or {Status.WAITING}
        expected = types.get(key, WebhookType.ENTRY_CHANGED) if row.moves else None
        if verb == "grant":
            expected = WebhookType.ENTRY_GRANTED
        if verb == "transfer":
            expected = WebhookType.ENTRY_TRANSFERRED
        if verb == "top_up":  # as if more tickets were held for the first time
            expected = WebhookType.ENTRY_READY
        # What clients do not see changes nothing for them.
        assert row.webhook is (None if verb in ("set_contact", "erase") else expected), verb


def test_fans_get_letters_of_what_they_have_not_done_and_of_their_join() -> None:
    assert {verb: row.email for verb, row in VERBS.items() if row.email} == {
        "join": "joined",
        "promote": "ready",
        "top_up": "ready",
        "grant": "ready",
        "extend": "extended",
        "revoke": "revoked",
        "expire": "expired",
        "remove": "removed",
        "end": "ended",
    }
