"""The audit of ledgers: each leaf, each full subtree, and the newest checkpoint with its signature."""

import asyncio
from typing import Any

from tests.support.lists import ORGANIZER, Lists
from waiting_list.audit.report import Check, Finding
from waiting_list.audit.run import audit_list
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.lists import verbs


async def finding(lists: Lists) -> Finding | None:
    return (await audit_list(lists.pool, lists.key)).finding


def flipped(column: str) -> str:
    """An SQL expression that changes a bit; again, it changes it back."""
    return f"{column} = set_byte({column}, 0, get_byte({column}, 0) # 1)"


async def test_each_part_of_a_ledger_that_was_tampered_with_is_found(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.move, user_id="bob", to="first", before=None, after=None, reason="Early"
    )
    await asyncio.gather(*(lists.join(f"fan{number}") for number in range(260)))
    checkpoints = Checkpoints(lists.pool, "https://tickets.example")
    old = await checkpoints.sign(lists.key.list_id)
    await lists.join("late")
    await lists.audit()  # there are changes after the checkpoint
    new = await checkpoints.sign(lists.key.list_id)
    assert old is not None
    assert new is not None
    await lists.audit()
    (moved,) = await lists.rows("SELECT sequence FROM history WHERE reason IS NOT NULL")
    reason = f"UPDATE history SET reason = $1 WHERE sequence = {moved[0]}"
    note = "UPDATE checkpoints SET note = $1"
    forged = new.note.replace(f"\n{new.size}\n", f"\n{new.size - 1}\n")
    other_size = "UPDATE checkpoints SET size = size + $1"
    further = "UPDATE ledger_subtrees SET subtree = subtree + $1"
    actor = "UPDATE history SET actor = $1 WHERE sequence = 8"
    cases: list[tuple[str, Any, Any, Check, str]] = [
        (
            f"UPDATE history SET {flipped('leaf')} WHERE sequence = 5",
            None,
            None,
            Check.LEAF,
            "Change 5 (join) was",
        ),
        (
            f"UPDATE history SET {flipped('reason_hash')} WHERE reason IS NOT NULL",
            None,
            None,
            Check.LEAF,
            "reason",
        ),
        (reason, "Late", "Early", Check.LEAF, "another reason than its hash says"),
        (actor, "organizer:me", "user", Check.LEAF, "Change 8 (join) was altered"),
        (f"UPDATE ledger_subtrees SET {flipped('hash')}", None, None, Check.TREE, "another hash for subtree 0"),
        (further, 1, -1, Check.TREE, "has lost subtree 0 of level 1, which ends with change 256"),
        (other_size, 5, -5, Check.CHECKPOINT, "changes are gone"),
        (other_size, -5, 5, Check.CHECKPOINT, "are not those that were signed"),
        (f"UPDATE checkpoints SET {flipped('root')}", None, None, Check.CHECKPOINT, "are not those that were"),
        (note, forged, new.note, Check.CHECKPOINT, "forged"),
        (note, old.note, new.note, Check.CHECKPOINT, f"is about {old.size} changes"),
        (note, "gone", new.note, Check.CHECKPOINT, "not a checkpoint"),
        ("UPDATE checkpoints SET origin = $1", "elsewhere", new.origin, Check.CHECKPOINT, "No key that you trust"),
        (f"UPDATE ledger_keys SET {flipped('public_key')}", None, None, Check.CHECKPOINT, "No key that you trust"),
    ]
    for statement, wrong, right, check, words in cases:
        await lists.rows(statement, *([] if wrong is None else [wrong]))
        found = await finding(lists)
        assert found is not None, statement
        assert (found.check, words in found.sentence) == (check, True), (statement, found.sentence)
        await lists.rows(statement, *([] if wrong is None else [right]))
    await lists.audit()
    await lists.rows("INSERT INTO ledger_subtrees SELECT list_id, level, subtree + 1, hash FROM ledger_subtrees")
    found = await finding(lists)
    assert found is not None
    assert (found.check, "of changes that are gone" in found.sentence) == (Check.TREE, True)
    await lists.rows("UPDATE history SET leaf = NULL WHERE sequence = 100")
    found = await finding(lists)
    assert found is not None
    assert (found.check, found.sequence) == (Check.LEAF, 100)


async def test_changes_of_an_older_version_without_leaves_are_no_difference_before_they_are_signed(
    lists: Lists,
) -> None:
    await lists.join("ada")
    checkpoints = Checkpoints(lists.pool, "https://tickets.example")
    await checkpoints.sign(lists.key.list_id)
    await lists.join("bob")
    await lists.join("cleo")
    await lists.rows("UPDATE history SET leaf = NULL WHERE number = 2")
    await lists.audit()
    await checkpoints.sign(lists.key.list_id)
    await lists.audit()
