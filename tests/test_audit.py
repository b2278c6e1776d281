"""The audit: clean after every story, and each kind of corruption is caught by its name."""

from datetime import timedelta

import pytest

from tests.lists import START, Lists
from waiting_list.audit import audit_list, audit_lists
from waiting_list.database import connection
from waiting_list.findings import Check
from waiting_list.models import ListKey
from waiting_list.problems import InventoryNotFound

CHECKS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
WHERE contype = 'c' AND conrelid = ANY ('{inventory, entries, segments, history}'::regclass[])
"""


async def story(lists: Lists) -> None:
    """Numbers: 1 bought, 2 ready, 3 left, 4 waiting, 5 waiting before 4, 6 erased."""
    for user_id, wanted in (("ada", 2), ("bob", 2), ("cleo", 1), ("dan", 3), ("eve", 1), ("fay", 1)):
        await lists.join(user_id, wanted)
    await lists.add_stock(4)
    await lists.buy("ada")
    await lists.leave("cleo")
    await lists.move("eve", before="dan")
    await lists.erase("fay")


async def test_the_audit_is_clean_after_all_verbs_of_both_policies(lists: Lists) -> None:
    await story(lists)
    await lists.audit()
    await lists.configure(policy="skip", skip_limit=1, after_expiry="requeue", max_waiting=50)
    for number in range(10):
        await lists.join(f"fan{number}", 1 + number % 3, 1)
    await lists.add_total_stock(5)
    await lists.change("fan9", 3)
    await lists.change("fan8", 1)
    await lists.remove_stock(3, revoke_holds=True)
    lists.later(hours=25)
    await lists.expire()
    await lists.put_stock(60, 20)
    await lists.remove("fan9")
    await lists.configure(automatic=False, open=False)
    await lists.add_total_stock(2)
    await lists.remove_total_stock(1)
    await lists.audit()
    lists.now = START + timedelta(minutes=1)
    await lists.end(at_most=4)
    await lists.audit()
    await lists.end()
    await lists.audit()


CORRUPTIONS = [
    ("UPDATE inventory SET held = held + 1", {Check.LIST}),
    ("UPDATE inventory SET available_stock = available_stock + 1", {Check.LIST}),
    ("UPDATE inventory SET policy = 'skip'", {Check.LIST}),
    ("UPDATE inventory SET waiting = waiting + 1, tickets_waiting = tickets_waiting + 1", {Check.COUNTER}),
    ("UPDATE inventory SET last_number = last_number + 1", {Check.NUMBER, Check.COUNTER, Check.LIST}),
    ("UPDATE inventory SET last_rank = last_rank + 1", {Check.COUNTER, Check.LIST}),
    ("UPDATE inventory SET last_sequence = last_sequence + 1", {Check.SEQUENCE}),
    ("UPDATE segments SET waiting = waiting + 1, tickets = tickets + 1", {Check.SEGMENT}),
    ("UPDATE segments SET tickets = tickets + 1", {Check.SEGMENT}),
    ("DELETE FROM segments", {Check.SEGMENT}),
    ("DELETE FROM history WHERE sequence = 1", {Check.SEQUENCE, Check.CREATION}),
    ("DELETE FROM history WHERE verb = 'buy'", {Check.SEQUENCE}),
    ("DELETE FROM history WHERE sequence = (SELECT max(sequence) FROM history)", {Check.SEQUENCE}),
    ("UPDATE history SET before = before || '{\"held\": 99}' WHERE verb = 'buy'", {Check.BEFORE}),
    (
        "UPDATE history SET after = after || '{\"available_stock\": 9}' WHERE verb = 'buy'",
        {Check.STOCK, Check.CONTENT},
    ),
    ("UPDATE history SET number = 2 WHERE verb = 'leave'", {Check.BEFORE, Check.TRANSITION, Check.STOCK}),
    ("UPDATE history SET verb = 'expire' WHERE verb = 'leave'", {Check.TRANSITION, Check.BEFORE, Check.CONTENT}),
    ("UPDATE history SET after = after || '{\"rank\": 7}' WHERE verb = 'buy'", {Check.CONTENT}),
    ("UPDATE history SET number = 9 WHERE verb = 'join' AND number = 2", {Check.NUMBER}),
    ("UPDATE entries SET rank = 1 WHERE number = 4", {Check.ENTRY}),
    ("UPDATE entries SET status = 'waiting', tickets_held = 0 WHERE number = 2", {Check.ENTRY}),
    ("UPDATE entries SET tickets_held = 1 WHERE number = 2", {Check.ENTRY}),
    ("UPDATE entries SET left_reason = 'ended' WHERE number = 3", {Check.ENTRY}),
    ("UPDATE entries SET tickets_wanted = 4 WHERE number = 4", {Check.ENTRY}),
    ("UPDATE entries SET joined_at = joined_at - interval '1 hour' WHERE number = 4", {Check.ENTRY}),
    ("UPDATE entries SET ready_until = ready_until + interval '1 hour' WHERE number = 2", {Check.ENTRY}),
    ("DELETE FROM entries WHERE number = 4", {Check.ENTRY}),
    (
        "INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)"
        " SELECT list_id, 7, 'zed', 'waiting', 1, 1, 7000000, joined_at FROM entries WHERE number = 1",
        {Check.ENTRY},
    ),
    ("UPDATE entries SET user_id = 'fay' WHERE number = 6", {Check.ERASED}),
    ("UPDATE entries SET user_id = NULL WHERE number = 4", {Check.ERASED}),
    ("UPDATE entries SET user_id = 'bob' WHERE number = 4", {Check.USER}),
]


@pytest.mark.parametrize(("corruption", "named"), CORRUPTIONS, ids=[one[0][:70] for one in CORRUPTIONS])
async def test_a_corruption_is_caught_by_its_name(lists: Lists, corruption: str, named: set[Check]) -> None:
    await story(lists)
    await lists.audit()
    async with connection(lists.pool) as acquired:
        # What the database itself would refuse is let through here: the audit must not rely on it.
        for record in await acquired.fetch(CHECKS):
            await acquired.execute(record["format"])
        await acquired.execute("DROP INDEX entries_active, entries_order")
        await acquired.execute(corruption)
    finding = (await audit_list(lists.pool, lists.key)).finding
    assert finding is not None
    assert finding.check in named, finding
    assert finding.sentence


async def test_a_promotion_that_was_left_out_is_found(lists: Lists) -> None:
    await lists.configure(automatic=False)
    await lists.join("ada")
    await lists.add_stock(1)
    await lists.audit()
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE inventory SET automatic = true")
        await acquired.execute(
            "UPDATE history SET after = '{\"automatic\": true}', before = NULL WHERE verb = 'x'"
        )
        await acquired.execute("UPDATE history SET after = after || '{\"automatic\": true}' WHERE verb = 'create'")
        await acquired.execute("DELETE FROM history WHERE verb = 'configure'")
        await acquired.execute("UPDATE history SET sequence = sequence - 1 WHERE sequence > 2")
        await acquired.execute("UPDATE inventory SET last_sequence = last_sequence - 1")
    finding = (await audit_list(lists.pool, lists.key)).finding
    assert finding is not None
    assert finding.check is Check.PROMOTION


async def test_every_list_is_audited_and_an_unknown_one_is_refused(lists: Lists) -> None:
    await lists.add_list(ListKey("off_2", "rep_2"))
    reports = [report async for report in audit_lists(lists.pool)]
    assert {report.key for report in reports} == {lists.key, ListKey("off_2", "rep_2")}
    with pytest.raises(InventoryNotFound):
        await audit_list(lists.pool, ListKey("no", "list"))


async def test_the_audit_waits_for_no_lock_and_holds_none(lists: Lists) -> None:
    await story(lists)
    async with connection(lists.pool) as acquired, acquired.transaction():
        await acquired.execute("SELECT 1 FROM inventory FOR UPDATE")
        await lists.audit()
