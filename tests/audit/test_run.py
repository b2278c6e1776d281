"""The audit of whole lists: no finding after every story, and no lock. test_checks.py has the corruptions."""

from datetime import timedelta

import pytest

from tests.support.lists import START, Lists
from waiting_list.audit.report import Check
from waiting_list.audit.run import audit_list, audit_lists
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection
from waiting_list.problems import InventoryNotFound


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
