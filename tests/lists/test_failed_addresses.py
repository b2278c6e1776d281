"""Addresses to which e-mails fail: noted on the entry, shown, and passed over where the list asks for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lists.test_outbox import add_webhook, told
from tests.lists.test_why_waiting import why
from tests.support.lists import LIST, ORGANIZATION, SERVICE, Lists
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.maintenance import Maintenance
from waiting_list.settings import Settings

WHY = "550 5.1.1 No such user"


def address(user: str, **more: Any) -> dict[str, Any]:
    return {"email": f"{user}@example.org", "email_verified": True} | more


async def failing(lists: Lists) -> set[str | None]:
    """The users whose address counts as failed, as the listing and the entry say, and as many as the list says."""
    page = await entry_queries.entries(lists.pool, ORGANIZATION, EntryFilter(), limit=500, cursor=None)
    found = {one.user_id for one in page.items if one.address_failed and one.status is not Status.LEFT}
    for one in page.items:
        assert one.user_id is not None
        own = await CoalescedReads(lists.pool, Settings()).explained_entry(
            ListKey(one.offer_id, one.representation_id), one.user_id, organization_id=ORGANIZATION
        )
        assert own.number != one.number or own.address_failed == one.address_failed
    for only in (EntryFilter(), EntryFilter(user_id=[one.user_id for one in page.items if one.user_id])):
        summaries = await list_queries.waiting_lists(lists.pool, ORGANIZATION, only, limit=50, cursor=None)
        assert sum(one.address_failed for one in summaries.items) == len(found)
    return found


async def statuses(lists: Lists, *users: str) -> list[Status]:
    return [await lists.status(user) for user in users]


async def test_tickets_are_held_for_a_failed_address_as_before_unless_the_list_skips_it(lists: Lists) -> None:
    for user in ("ada", "bob", "cleo"):
        await lists.join(user, **address(user))
    await lists.fail_address("ada", "ada@example.org")
    assert await failing(lists) == {"ada"}
    assert await why(lists, "ada") == "nothing_free"
    await lists.add_stock(1)
    assert await statuses(lists, "ada", "bob", "cleo") == [Status.READY, Status.WAITING, Status.WAITING]
    await lists.configure(skip_failed_addresses=True)
    await lists.fail_address("bob", "bob@example.org")
    await lists.add_stock(1)
    assert await statuses(lists, "ada", "bob", "cleo") == [Status.READY, Status.WAITING, Status.READY]
    assert (await why(lists, "bob"), await failing(lists)) == ("address_failed", {"ada", "bob"})
    assert (await lists.entry("bob")).position == 1
    await lists.audit()


@pytest.mark.parametrize("policy", ["strict", "skip"])
async def test_who_is_skipped_is_served_once_the_address_is_mended(lists: Lists, policy: str) -> None:
    await lists.configure(policy=policy, skip_failed_addresses=True)
    for user in ("ada", "bob", "cleo", "dan"):
        await lists.join(user, email=f"{user}@example.org", email_verified=user != "cleo")
        await lists.fail_address(user, f"{user}@example.org")
    await lists.add_stock(4)
    assert await failing(lists) == {"ada", "bob", "cleo", "dan"}
    assert (await lists.inventory()).sellable == 4
    # The same address is no other address.
    await lists.set_contact("ada", email="ada@example.org", name="Ada")
    assert await statuses(lists, "ada") == [Status.WAITING]
    await lists.set_contact("ada", email="ada@example.net")
    await lists.mend_address("bob", "bob@example.org")
    await lists.verify("cleo", 3, "cleo@example.org")
    assert await statuses(lists, "ada", "bob", "cleo", "dan") == [Status.READY] * 3 + [Status.WAITING]
    assert await failing(lists) == {"dan"}
    # A list that skips no failed address any more serves them at once.
    await lists.configure(skip_failed_addresses=False)
    assert await statuses(lists, "dan") == [Status.READY]
    await lists.audit()


async def test_a_bounce_that_comes_late_marks_no_other_address_and_nobody_who_left(lists: Lists) -> None:
    for user in ("ada", "bob"):
        await lists.join(user, **address(user))
    await lists.set_contact("ada", email="ada@example.net")
    await lists.leave("bob")
    before = await lists.tables()
    for user in ("ada", "bob", "nobody"):
        await lists.fail_address(user, f"{user}@example.org")
    assert await lists.tables() == before
    await lists.audit()


async def test_a_bounce_is_in_the_history_with_its_reason_once_and_goes_to_webhooks(lists: Lists) -> None:
    await add_webhook(lists, "entry.changed")
    await lists.join("ada", **address("ada"))
    for _ in range(2):
        await lists.fail_address("ada", "ada@example.org")
    await lists.mend_address("ada", "ada@example.org")
    rows = await lists.rows("SELECT verb, actor, reason, after FROM history WHERE number = 1 ORDER BY sequence")
    assert [(one["verb"], one["actor"], one["reason"]) for one in rows[1:]] == [
        ("fail_address", SERVICE.actor, WHY),
        ("mend_address", SERVICE.actor, None),
    ]
    assert [body["data"]["entry"]["number"] for body in await told(lists)] == [1, 1]
    await lists.audit()


async def test_a_failed_address_goes_along_with_a_fan_who_waits_again(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue", hold_minutes=30)
    await lists.join("ada", **address("ada"))
    await lists.add_stock(1)
    await lists.fail_address("ada", "ada@example.org")
    await lists.configure(skip_failed_addresses=True)
    assert await lists.status("ada") is Status.READY
    lists.later(minutes=30)
    await lists.expire()
    again = await lists.entry("ada")
    assert (again.number, again.status) == (2, Status.WAITING)
    assert await failing(lists) == {"ada"}
    await lists.audit()


async def test_a_verification_that_nobody_answers_within_a_week_fails_the_address(lists: Lists) -> None:
    lists.now = datetime.now(UTC) - timedelta(days=8)
    await lists.configure(verify_email=True)
    for user in ("ada", "bob", "cleo", "dan"):
        await lists.join(user, email=f"{user}@example.org")
    await lists.rows("UPDATE outbox SET status = 'sent', ended_at = now() - interval '7 days 1 hour'")
    await lists.rows("UPDATE outbox SET ended_at = now() - interval '6 days 23 hours' WHERE number = 3")
    await lists.verify("bob", 2, "bob@example.org")
    await lists.set_contact("dan", email="dan@example.net")  # and another e-mail to verify is pending
    lists.now = datetime.now(UTC)
    for _ in range(2):
        await Maintenance(lists.pool, lists.engine).work()
    assert await failing(lists) == {"ada"}
    rows = await lists.rows("SELECT reason FROM history WHERE verb = 'fail_address'")
    assert [one["reason"] for one in rows] == ["not verified within 7 days"]
    # Under the lock, an address that was verified meanwhile stays as it is.
    late = [verbs.AddressReport(2, "bob@example.org", "late", unless_verified=True)]
    await lists.engine.at(lists.now).run(LIST, SERVICE, verbs.fail_address, failed=late)
    assert await failing(lists) == {"ada"}
    await lists.audit()
