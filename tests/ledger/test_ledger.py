"""The ledger of a list: leaves of changes, the tree over them, and checkpoints that are signed."""

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, get_args, get_type_hints

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.ledger.test_merkle import is_consistent, is_included, mth
from tests.support.lists import ORGANIZATION, ORGANIZER, Lists
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue.models import EventFields
from waiting_list.ledger import queries
from waiting_list.ledger.checkpoints import Checkpoints, Head, prove_consistency, prove_inclusion, rotate_key
from waiting_list.ledger.tree import IncompleteLedger
from waiting_list.lists import verbs
from waiting_list.lists.events import VERBS
from waiting_list.lists.leaves import NOT_PUBLIC
from waiting_list.lists.rows import NOTED, NOTED_OF_DRAW, NOTED_OF_ENTRY, NOTED_OF_RESTORE, EntryRow, ListRow
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import connection

URL = "https://tickets.example"
ORIGIN = "tickets.example/v1/user/waiting-lists/off_1/rep_1"
PUBLIC_TEXTS = {
    "status", "left_reason", "policy", "after_expiry", "join_challenge", "quiet_from", "quiet_until",
    "order", "draw_source", "draw_commitment", "draw_secret", "draw_randomness", "draw_signature",
    "purchase_url", "title", "venue_name", "venue_address", "timezone", "cancelled_reason", "to",
    "lost_root", "why",
}  # fmt: skip
"""The fields of changes with a text that anybody may read: states, rules, and what the pages of a list show."""


@pytest.fixture
def checkpoints(lists: Lists) -> Checkpoints:
    return Checkpoints(lists.pool, URL)


async def forms(lists: Lists, size: int) -> list[bytes]:
    async for some in queries.lines(lists.pool, lists.key.list_id, 1, 10**6):
        return some.splitlines()[:size]
    return []


async def stored(lists: Lists) -> list[Mapping[str, Any]]:
    return await lists.rows(
        "SELECT sequence, leaf, reason, reason_salt, reason_hash FROM history WHERE list_id = $1 ORDER BY 1",
        lists.key.list_id,
    )


async def signed(lists: Lists, checkpoints: Checkpoints) -> Head:
    head = await checkpoints.sign(lists.key.list_id)
    assert head is not None
    return head


async def move(lists: Lists, user_id: str, reason: str) -> None:
    engine = lists.engine.at(lists.now)
    await engine.run(
        lists.key, ORGANIZER, verbs.move, user_id=user_id, to="first", before=None, after=None, reason=reason
    )


async def a_story(lists: Lists) -> None:
    """Changes of many kinds, with reasons and with letters beyond ASCII."""
    for user in ("ada", "bob", "cleo"):
        await lists.join(user, 2)
    await move(lists, "cleo", "Sa chaise roulante – désolé \u2028 \U0001f3ab")
    await lists.add_stock(2)
    await lists.buy("cleo", 1)
    await catalogue_changes.put_event(
        lists.pool,
        ORGANIZATION,
        "ev_1",
        EventFields(title='Déjà\\vu "€"', timezone="Europe/Paris"),
        engine=lists.engine,
    )
    await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.catch_up)
    await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.erase, user_id="bob")


async def test_the_leaf_of_each_change_follows_from_its_stored_row(lists: Lists) -> None:
    await a_story(lists)
    rows = await stored(lists)
    lines = await forms(lists, len(rows))
    assert len(lines) == len(rows) > 8
    for row, line in zip(rows, lines, strict=True):
        assert row["leaf"] == sha256(b"\0" + line).digest(), line


async def test_the_public_form_is_canonical_and_has_exactly_its_members(lists: Lists) -> None:
    await a_story(lists)
    lines = await forms(lists, 10**6)
    for sequence, line in enumerate(lines, start=1):
        one = json.loads(line)
        # RFC 8785, for objects of ASCII names, integers and texts.
        assert json.dumps(one, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == line
        assert sorted(one) == ["actor", "after", "at", "before", "list", "number", "reason", "sequence", "verb"]
        assert (one["sequence"], one["list"]) == (sequence, str(lists.key.list_id))
    said = [json.loads(line) for line in lines]
    assert {one["verb"] for one in said} >= {"create", "join", "move", "promote", "buy", "add_stock", "erase"}
    assert {one["actor"] for one in said} <= {"user", "organizer", "service"}
    join = next(one for one in said if one["verb"] == "join")
    assert join["after"] == {"rank": 10**6, "status": "waiting", "tickets_minimum": 2, "tickets_wanted": 2}
    text = b"".join(lines).decode()
    assert not any(secret in text for secret in ('"ada"', "bob", "cleo", "organizer:", "désolé", "user_id"))


def test_no_field_of_a_change_can_name_a_person() -> None:
    hints = (
        get_type_hints(ListRow)
        | get_type_hints(EntryRow)
        | dict(NOTED)
        | dict(NOTED_OF_DRAW)
        | dict(NOTED_OF_ENTRY)
        | dict(NOTED_OF_RESTORE)
    )
    recorded = frozenset().union(*(row.fields for row in VERBS.values()))
    around = {"start_datetime", "end_datetime", "cancelled_at"}
    for name in sorted(recorded - NOT_PUBLIC - around):
        kinds = {hints.get(name, str), *get_args(hints.get(name, str))}
        is_text = any(kind is str or (isinstance(kind, type) and issubclass(kind, StrEnum)) for kind in kinds)
        assert not is_text or name in PUBLIC_TEXTS, f"{name} has a text: may anybody read it in the ledger?"
    assert recorded >= NOT_PUBLIC


async def test_a_checkpoint_is_a_note_that_anybody_verifies(lists: Lists, checkpoints: Checkpoints) -> None:
    await a_story(lists)
    head = await signed(lists, checkpoints)
    text, _, signature = head.note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    assert (origin, int(size), b64decode(root)) == (ORIGIN, head.size, head.root)
    assert head.root == mth([row["leaf"] for row in await stored(lists)])
    dash, name, made = signature.rstrip("\n").split(" ")
    (vkey,) = await queries.keys(lists.pool, checkpoints, lists.key)
    key_name, key_id, key = vkey.split("+", 2)
    assert (dash, name, key_name) == ("\N{EM DASH}", ORIGIN, ORIGIN)
    public = b64decode(key)
    assert public[:1] == b"\x01"
    assert b64decode(made)[:4].hex() == key_id == sha256(ORIGIN.encode() + b"\n" + public).hexdigest()[:8]
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(b64decode(made)[4:], (text + "\n").encode())
    assert await signed(lists, checkpoints) == head


async def test_the_tree_grows_tile_by_tile_and_proves_every_change(lists: Lists, checkpoints: Checkpoints) -> None:
    await fill(lists, 300)
    old = await signed(lists, checkpoints)
    await fill(lists, 250, "late")
    head = await signed(lists, checkpoints)
    hashes = [row["leaf"] for row in await stored(lists)]
    assert (head.size, head.root) == (len(hashes), mth(hashes))
    levels = await lists.rows("SELECT level, count(*) FROM ledger_subtrees GROUP BY level")
    assert [tuple(one) for one in levels] == [(1, len(hashes) // 256)]
    async with connection(lists.pool) as acquired:
        for index in (0, 255, 256, 400, head.size - 1):
            path = await prove_inclusion(acquired, lists.key.list_id, index, head.size)
            assert is_included(hashes[index], index, head.size, head.root, path)
        path = await prove_consistency(acquired, lists.key.list_id, old.size, head.size)
    assert is_consistent(old.size, head.size, old.root, head.root, path)


async def fill(lists: Lists, count: int, name: str = "fan") -> None:
    for number in range(count):
        await lists.join(f"{name}{number}", 1)


async def test_changes_of_an_older_version_get_the_leaves_that_they_would_have_had(
    lists: Lists, checkpoints: Checkpoints
) -> None:
    await fill(lists, 260)
    await a_story(lists)
    before = [row["leaf"] for row in await stored(lists)]
    without = "UPDATE history SET leaf = NULL, reason_salt = NULL, reason_hash = NULL WHERE sequence % 3 > 0"
    await lists.rows(without)
    head = await signed(lists, checkpoints)
    rows = await stored(lists)
    changed = [row["sequence"] for row, leaf in zip(rows, before, strict=True) if row["leaf"] != leaf]
    # Only a reason is sealed with another salt.
    assert changed == [row["sequence"] for row in rows if row["reason"] and row["sequence"] % 3 > 0]
    assert head.root == mth([row["leaf"] for row in rows])
    lines = (await forms(lists, 10**6))[: len(rows)]
    assert [sha256(b"\0" + line).digest() for line in lines] == [row["leaf"] for row in rows]


async def test_to_forget_a_reason_breaks_no_proof(lists: Lists, checkpoints: Checkpoints) -> None:
    await lists.join("ada", 2)
    await lists.join("bob", 2)
    await move(lists, "bob", "because")
    (moved,) = [row for row in await stored(lists) if row["reason"]]
    assert moved["reason_hash"] == sha256(moved["reason_salt"] + b"because").digest()
    before = await signed(lists, checkpoints)
    await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.erase, user_id="bob")
    rows = await stored(lists)
    (kept,) = [row for row in rows if row["reason_hash"]]
    assert (kept["reason"], kept["reason_salt"], kept["reason_hash"]) == (None, None, moved["reason_hash"])
    assert kept["leaf"] == moved["leaf"]
    assert mth([row["leaf"] for row in rows[: before.size]]) == before.root
    after = await signed(lists, checkpoints)
    assert after.size > before.size


async def test_a_salt_that_an_older_version_leaves_is_forgotten(lists: Lists) -> None:
    """A process from before the salts erases a reason during an upgrade. Other salts stay."""
    for user_id in ("ada", "bob", "cid"):
        await lists.join(user_id, 2)
    await move(lists, "bob", "because")
    await move(lists, "cid", "because")
    await lists.rows("UPDATE history SET reason = NULL WHERE list_id = $1 AND number = 3", lists.key.list_id)
    await Maintenance(lists.pool, lists.engine).work()
    bob, cid = [row for row in await stored(lists) if row["reason_hash"]]
    assert (bob["reason"], cid["reason"], cid["reason_salt"]) == ("because", None, None)
    assert bob["reason_hash"] == sha256(bob["reason_salt"] + b"because").digest()


async def test_an_old_key_still_verifies_what_it_signed(lists: Lists, checkpoints: Checkpoints) -> None:
    await lists.join("ada", 1)
    old = await signed(lists, checkpoints)
    await rotate_key(lists.pool)
    await lists.join("bob", 1)
    new = await signed(lists, checkpoints)
    ids = [vkey.split("+")[1] for vkey in await queries.keys(lists.pool, checkpoints, lists.key)]
    assert [b64decode(note.split(" ")[-1])[:4].hex() for note in (new.note, old.note)] == ids
    assert len({*ids}) == 2
    assert await lists.rows("SELECT 1 FROM ledger_keys WHERE private_key IS NOT NULL") == [(1,)]


async def test_a_history_that_was_rewritten_gets_no_further_checkpoint(
    lists: Lists, checkpoints: Checkpoints
) -> None:
    await fill(lists, 5)
    head = await signed(lists, checkpoints)
    await lists.rows("UPDATE history SET leaf = sha256(leaf) WHERE sequence = 3")
    await lists.join("late", 1)
    with pytest.raises(IncompleteLedger, match="no longer begins"):
        await checkpoints.sign(lists.key.list_id)
    await lists.rows("DELETE FROM history WHERE sequence = 4")
    with pytest.raises(IncompleteLedger, match="lacks hashes"):
        await checkpoints.sign(lists.key.list_id)
    assert await checkpoints.sign_due() is False  # the worker goes on
    ((size,),) = await lists.rows("SELECT size FROM checkpoints")
    assert size == head.size


async def test_the_worker_signs_what_changed_a_while_after_the_last_time(
    lists: Lists, checkpoints: Checkpoints
) -> None:
    await lists.join("ada", 1)
    await checkpoints.sign_due()
    ((first, at),) = await lists.rows("SELECT size, signed_at FROM checkpoints")
    await lists.join("bob", 1)
    await checkpoints.sign_due()
    assert await lists.rows("SELECT 1 FROM checkpoints WHERE size = $1", first)
    await lists.rows("UPDATE checkpoints SET signed_at = $1", at - timedelta(seconds=6))
    await checkpoints.sign_due()
    ((second, last),) = await lists.rows(
        "SELECT c.size, i.last_sequence FROM checkpoints c JOIN inventory i USING (list_id)"
    )
    assert second == last > first
