"""Why a fan still waits, for how long, and what the shop may sell meanwhile."""

from datetime import timedelta

from tests.support.lists import LIST, ORGANIZATION, T0, Lists
from tests.support.shop import Shop
from waiting_list.lists.models import Entry, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.entries import EntryFilter
from waiting_list.lists.queries.entry_details import read_entry_details
from waiting_list.lists.queries.wait_estimate import STRETCHES, Throughput
from waiting_list.lists.queries.why_waiting import Estimate, FanEntry, estimate_of
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings

NOTHING_KNOWN = {"earliest_seconds": None, "latest_seconds": None}


async def why(lists: Lists, user_id: str) -> str | None:
    """Return the reason that the fan, the organizer and the page are told, checked to be the same."""
    reads = CoalescedReads(lists.pool, Settings())
    polled = await reads.own_entry(LIST, user_id, organization_id=ORGANIZATION)
    own = FanEntry.model_validate_json(polled) if isinstance(polled, bytes) else polled
    # The JSON of a fan who waits is written without the model, and the same.
    assert not isinstance(polled, bytes) or own.model_dump_json().encode() == polled
    assert isinstance(polled, bytes) == (own.status is Status.WAITING)
    entry = await reads.entry(LIST, user_id, organization_id=ORGANIZATION)
    assert own.model_dump(include={*Entry.model_fields}) == entry.model_dump()
    organizers = await reads.explained_entry(LIST, user_id, organization_id=ORGANIZATION)
    page = await read_entry_details(lists.pool, LIST.list_id, own.number)
    assert page is not None
    assert organizers.why == own.why
    for only in (EntryFilter(), EntryFilter(user_id=[user_id])):
        for by_number in (True, False):
            listed = await entry_queries.entries(
                lists.pool, ORGANIZATION, only, limit=500, cursor=None, by_number=by_number
            )
            assert organizers in listed.items
    assert page.why_waiting == (own.why and own.why.code)
    assert (own.estimate is None) == (own.why is None)
    return own.why and own.why.code


async def test_a_fan_and_the_organizer_are_told_what_the_page_says(lists: Lists) -> None:
    await lists.join("ada", 3)
    await lists.join("bob", 1)
    assert [await why(lists, fan) for fan in ("ada", "bob")] == ["nothing_free", "nothing_free"]
    await lists.add_stock(2)
    assert [await why(lists, fan) for fan in ("ada", "bob")] == ["first", "ahead"]
    await lists.configure(automatic=False)
    assert await why(lists, "bob") == "by_hand"
    await lists.configure(automatic=True, policy="skip", skip_limit=1)
    assert [await why(lists, fan) for fan in ("ada", "bob")] == ["first", None]
    await lists.join("cleo", 1)
    assert await why(lists, "cleo") == "first_waits"
    ada = await CoalescedReads(lists.pool, Settings()).explained_entry(LIST, "ada", organization_id=ORGANIZATION)
    assert (ada.passed_over, ada.unverified) == (1, False)
    assert ada.why is not None
    assert (ada.why.free, ada.why.most_held) == (1, 6)
    await lists.leave("ada")
    assert [await why(lists, fan) for fan in ("ada", "cleo")] == [None, None]


async def test_an_unverified_address_and_a_wish_beyond_what_one_can_hold_are_said_first(lists: Lists) -> None:
    await lists.configure(verify_email=True)
    await lists.join("ada", 5, email="ada@example.org")
    await lists.join("bob", 5, email="bob@example.org", email_verified=True)
    assert [await why(lists, fan) for fan in ("ada", "bob")] == ["unverified", "nothing_free"]
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE offers SET max_quantity_per_order = 4")
    assert [await why(lists, fan) for fan in ("ada", "bob")] == ["unverified", "too_many"]
    found = await CoalescedReads(lists.pool, Settings()).explained_entry(LIST, "ada", organization_id=ORGANIZATION)
    assert found.unverified


def test_an_estimate_is_in_seconds_and_without_a_range_where_too_little_was_seen() -> None:
    week = Throughput(since=T0, now=T0 + timedelta(days=7), fans=(2,) * STRETCHES, tickets=70, releases=16)
    found = Estimate.model_validate(estimate_of(week, 20))
    assert (found.seen_seconds, found.fans, found.tickets) == (7 * 86400, 2 * STRETCHES, 70)
    assert (found.earliest_seconds, found.latest_seconds) == (round(2 * 86400 / 1.25), round(2 * 86400 / 0.75))
    day = Throughput(since=T0, now=T0 + timedelta(hours=3), fans=(0,) * STRETCHES, tickets=0, releases=0)
    assert estimate_of(day, 20).items() >= NOTHING_KNOWN.items()


async def test_a_poll_reads_once_and_the_estimate_of_the_list_at_most_every_ten_seconds(lists: Lists) -> None:
    for fan in ("ada", "bob", "cleo"):
        await lists.join(fan)
    reads = CoalescedReads(lists.pool, Settings())
    await reads.own_entry(LIST, "ada", organization_id=ORGANIZATION)
    async with connection(lists.pool) as acquired:
        sent: list[str] = []
        acquired.add_query_logger(lambda query: sent.append(query.query))
    for fan in ("ada", "bob", "cleo"):
        await reads.own_entry(LIST, fan, organization_id=ORGANIZATION)
    assert len(sent) == 3
    assert all("The newest entry" in one or "Read the newest entry of each" in one for one in sent)


async def test_the_shop_may_sell_what_is_free_and_no_fan_waits_for(lists: Lists) -> None:
    async def sellable() -> int:
        stock = await lists.inventory()
        (changed,) = [one.inventory for one in [await lists.put_stock(stock.total_stock, stock.available_stock)]]
        assert changed == stock == await lists.inventory()
        return stock.sellable

    assert await sellable() == 0
    await lists.add_stock(5)
    assert await sellable() == 5
    await lists.join("ada", 2)
    assert await sellable() == 3, "ada is held two"
    await lists.join("bob", 4)
    assert await sellable() == 0, "three are free, and bob waits for a fourth"
    await lists.join("cleo", 1)
    assert await sellable() == 0
    await lists.leave("bob")
    assert await sellable() == 2, "cleo is held one"
    await lists.configure(automatic=False)
    await lists.join("dan", 1)
    assert await sellable() == 0, "the organizer has not released them"
    await lists.promote(1)
    assert await sellable() == 1
    await lists.configure(automatic=True, verify_email=True)
    await lists.join("eve", 1, email="eve@example.org")
    assert await sellable() == 1, "the list passes over eve"
    await lists.configure(verify_email=False)
    assert await sellable() == 0, "eve is held the last one"
    assert (await lists.inventory()).free == 0


async def test_a_fan_who_can_never_be_held_so_many_keeps_no_ticket_from_the_shop(lists: Lists) -> None:
    await lists.join("ada", 5)
    await lists.add_stock(2)
    assert (await lists.inventory()).sellable == 0
    await lists.rows("UPDATE offers SET max_quantity_per_order = 4")
    assert (await lists.inventory()).sellable == 2


async def test_over_http_why_is_for_the_fan_and_for_the_organizer(shop: Shop) -> None:
    await shop.stock()
    joined = await shop.join("ada", 2)
    mine = (await shop.user("ada", "GET")).json()
    assert mine["why"] == {"code": "nothing_free", "free": 0, "most_held": 6, "held_in": None, "draw_at": None}
    assert mine["estimate"].items() >= NOTHING_KNOWN.items()
    assert {name: mine[name] for name in joined} == joined
    theirs = await shop.entry("ada")
    assert (theirs["why"], theirs["unverified"], theirs["passed_over"]) == (mine["why"], False, 0)
    assert (await shop.made("GET", "/entries"))["items"] == [theirs]
    await shop.made("POST", "/inventory/off_1/rep_1/add-stock", {"quantity": 2})
    mine = (await shop.user("ada", "GET")).json()
    assert (mine["status"], mine["why"], mine["estimate"]) == ("ready", None, None)
