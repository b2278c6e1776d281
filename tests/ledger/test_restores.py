"""A restore to an earlier instant: the operator declares it, and outsiders see it for what it is."""

import json

import pytest

from tests.ledger.test_verify_ledger import Published, canonical, download
from tests.support.lists import Lists
from waiting_list.ledger.restores import declare_restore, has_all_of, lists_of, read_kept
from waiting_list.ledger.verify_ledger import Restored, Wrong, report, verify_ledger

WHY = "A disk failed"


@pytest.fixture
async def published(lists: Lists) -> Published:
    for user in ("ada", "bob"):
        await lists.join(user)
    return await download(lists)


def and_more(published: Published, joins: int) -> list[bytes]:
    """The changes as they were before the restore: others joined, of whom the database knows no more."""
    lines, one = list(published.lines), json.loads(published.lines[-1])
    for _ in range(joins):
        one["sequence"] += 1
        one["number"] += 1
        one["after"]["rank"] += 1_000_000
        lines.append(canonical(one))
    return lines


async def test_a_declared_restore_is_reported_as_what_it_is(lists: Lists, published: Published) -> None:
    size = len(published.lines)
    kept = published.signed(and_more(published, 2))
    with pytest.raises(Wrong, match="it was rewritten"):
        verify_ledger(published.lines, published.note, published.keys, kept)
    assert [key async for key in lists_of(lists.pool)] == [lists.key]
    key, lost = await read_kept(lists.pool, kept)
    assert (key, lost.size) == (lists.key, size + 2)
    assert not await has_all_of(lists.pool, key, lost)
    await declare_restore(lists.engine.at(lists.now), key, why=WHY, lost=lost)
    await lists.join("cleo")
    await lists.audit()
    after = await download(lists)
    said = json.loads(after.lines[size])
    assert (said["actor"], said["verb"], said["after"]["lost_size"]) == ("service", "declare_restore", size + 2)
    with pytest.raises(Restored) as found:
        verify_ledger(after.lines, after.note, after.keys, kept)
    sentence = str(found.value)
    assert f"The operator declared at {said['at']} that the list was restored to an earlier instant" in sentence
    assert f"({WHY}); changes {size + 1}…{size + 2} of the checkpoint that you kept are gone." in sentence
    # An older checkpoint still fits, and the declaration is in every report.
    head, replay = verify_ledger(after.lines, after.note, after.keys, published.note)
    assert f"with change {size + 1}" in "\n".join(report(head, replay, kept=True))


async def test_a_declaration_is_no_excuse_for_what_came_before_it(lists: Lists, published: Published) -> None:
    altered = [line.replace(b'"tickets_wanted":1', b'"tickets_wanted":4') for line in published.lines]
    kept = published.signed(altered)
    await declare_restore(lists.engine.at(lists.now), lists.key, why=WHY)
    after = await download(lists)
    with pytest.raises(Wrong, match="it was rewritten"):
        verify_ledger(after.lines, after.note, after.keys, kept)


async def test_only_a_checkpoint_of_the_service_that_no_longer_fits_is_lost(
    lists: Lists, published: Published
) -> None:
    _, lost = await read_kept(lists.pool, published.note)
    assert await has_all_of(lists.pool, lists.key, lost)
    _, other = await read_kept(lists.pool, published.signed(published.lines[:-1][::-1]))
    assert not await has_all_of(lists.pool, lists.key, other)
    with pytest.raises(ValueError, match="forged"):
        await read_kept(lists.pool, published.note.replace(f"\n{len(published.lines)}\n", "\n99\n"))
