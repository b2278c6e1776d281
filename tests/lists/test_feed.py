"""The feed of an organization's changes: each change once, each list in order, whatever commits meanwhile."""

import asyncio
import itertools
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, SERVICE, T0, Lists
from tests.support.shop import Shop, problem
from tests.support.until import until
from waiting_list.catalogue import deletion
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import changes as change_queries
from waiting_list.lists.queries.changes import ChangePage
from waiting_list.lists.queries.models import ListChange
from waiting_list.postgres.pool import Pool, connection, lock_list
from waiting_list.problems import InvalidRequest

OTHER = ListKey("off_2", "rep_2")


async def read(pool: Pool, after: str | None, limit: int = 500, organization_id: str = ORGANIZATION) -> ChangePage:
    return await change_queries.changes(pool, organization_id, after=after, limit=limit)


def named(found: list[ListChange]) -> list[tuple[str, int, str]]:
    return [(one.offer_id, one.sequence, one.verb) for one in found]


async def test_the_feed_has_every_change_of_every_list_and_goes_on_where_a_reader_was(lists: Lists) -> None:
    await lists.add_list(OTHER)
    await lists.join("ada")
    page = await read(lists.pool, None)
    assert sorted(named(page.items)) == [("off_1", 1, "create"), ("off_1", 2, "join"), ("off_2", 1, "create")]
    (joined,) = [one for one in page.items if one.verb == "join"]
    assert (joined.user_id, joined.number, joined.actor, joined.event_id) == ("ada", 1, "user", "ev_1")
    again = await read(lists.pool, page.next_after)
    assert (again.items, again.next_after, again.more) == ([], page.next_after, False)
    lists.key = OTHER
    await lists.join("bob")
    await lists.add_stock(1)
    page = await read(lists.pool, page.next_after, 2)
    assert (named(page.items), page.more) == ([("off_2", 2, "join"), ("off_2", 3, "add_stock")], True)
    page = await read(lists.pool, page.next_after, 2)
    assert (named(page.items), page.more) == ([("off_2", 4, "promote")], False)


async def test_pages_of_every_size_have_each_change_once(lists: Lists) -> None:
    await lists.add_list(OTHER)
    for turn in range(4):
        for lists.key in (LIST, OTHER):
            for fan in range(turn + 1):
                await lists.join(f"{turn}-{fan}")
        await read(lists.pool, None, 1)  # a part ends here, between pages of others
    whole = named((await read(lists.pool, None)).items)
    assert len(whole) == len(set(whole)) == 2 * (1 + 10)
    for limit in range(1, 12):
        found, after = [], None
        while True:
            page = await read(lists.pool, after, limit)
            found += named(page.items)
            assert len(page.items) == limit or not page.more
            if not page.more:
                break
            after = page.next_after
        assert found == whole


async def test_now_is_the_end_of_the_feed(lists: Lists) -> None:
    await lists.join("ada")
    page = await read(lists.pool, "now")
    assert (page.items, page.more) == ([], False)
    await lists.join("bob")
    assert named((await read(lists.pool, page.next_after)).items) == [("off_1", 3, "join")]


async def test_a_feed_is_its_organizations_own(lists: Lists) -> None:
    await lists.add_event("ev_2", "org_2")
    await lists.add_list(OTHER, event_id="ev_2", organization_id="org_2")
    assert named((await read(lists.pool, None)).items) == [("off_1", 1, "create")]
    assert named((await read(lists.pool, None, organization_id="org_2")).items) == [("off_2", 1, "create")]
    assert (await read(lists.pool, None, organization_id="none")).items == []


async def test_a_change_that_commits_late_comes_later_and_is_not_lost(lists: Lists) -> None:
    """Another list's change has a later time and an earlier commit."""
    await lists.add_list(OTHER)
    after = (await read(lists.pool, None)).next_after
    async with connection(lists.pool) as slow, connection(lists.pool) as watching:
        held = slow.transaction()
        await held.start()
        await lock_list(slow, LIST.list_id)
        join = asyncio.create_task(lists.join("ada"))
        await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        other = Lists(lists.pool, lists.engine, OTHER, T0 + timedelta(hours=1))
        await other.join("bob")
        page = await read(lists.pool, after)
        assert named(page.items) == [("off_2", 2, "join")]
        await held.rollback()
        await join
    assert named((await read(lists.pool, page.next_after)).items) == [("off_1", 2, "join")]


async def test_a_list_that_is_deleted_and_made_anew_begins_anew(lists: Lists) -> None:
    await lists.put_stock(100, 4)
    page = await read(lists.pool, None)
    assert named(page.items) == [("off_1", 1, "create"), ("off_1", 2, "put_stock")]
    await deletion.delete_inventory(lists.pool, ORGANIZER, LIST)
    assert (await read(lists.pool, page.next_after)).items == []
    assert (await read(lists.pool, None)).items == []
    await lists.add_list(LIST)
    await lists.join("ada")
    assert named((await read(lists.pool, page.next_after)).items) == [("off_1", 1, "create"), ("off_1", 2, "join")]
    assert named((await read(lists.pool, None)).items) == [("off_1", 1, "create"), ("off_1", 2, "join")]


async def test_a_deletion_beside_a_reader_leaves_nothing_of_the_list_in_the_feed(lists: Lists) -> None:
    """The reader has looked at the list when it is deleted: the deletion waits for it."""
    async with connection(lists.pool) as reader, connection(lists.pool) as watching:
        held = reader.transaction()
        await held.start()
        await reader.execute("INSERT INTO feeds VALUES ($1, 1, 1, 1)", ORGANIZATION)
        deleting = asyncio.create_task(deletion.delete_inventory(lists.pool, ORGANIZER, LIST))
        await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await reader.execute("INSERT INTO feed_parts VALUES ($1, 1, $2, 0, 1)", ORGANIZATION, LIST.list_id)
        await held.commit()
        await deleting
    await lists.add_list(LIST)
    assert named((await read(lists.pool, None)).items) == [("off_1", 1, "create")]


@pytest.mark.parametrize("after", ["x", "", "bm93", "WzFd", "WzEsMSwxXQ", "WyJhIiwxXQ"])
async def test_a_cursor_of_another_listing_is_refused(lists: Lists, after: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await read(lists.pool, after)
    assert caught.value.extra["errors"][0]["field"] == "after"


async def test_a_cursor_of_after_a_restore_is_refused(lists: Lists) -> None:
    ahead = (await read(lists.pool, None)).next_after
    await lists.rows("DELETE FROM feed_parts")
    await lists.rows("DELETE FROM feeds")
    await deletion.delete_inventory(lists.pool, ORGANIZER, LIST)
    with pytest.raises(InvalidRequest, match="restored"):
        await read(lists.pool, ahead)


async def test_a_feed_at_rest_reads_no_list_and_takes_no_lock(lists: Lists) -> None:
    page = await read(lists.pool, None)
    async with connection(lists.pool) as other:
        held = other.transaction()
        await held.start()
        await other.execute("UPDATE feeds SET position = position")
        assert (await asyncio.wait_for(read(lists.pool, page.next_after), 5)).items == []
        await held.rollback()


async def test_readers_amid_a_storm_get_each_change_of_each_list_once_and_in_order(lists: Lists) -> None:
    """Fans join and leave six lists, one list is deleted and made anew, one has ended and is pruned. Three readers
    follow the feed, with pages of other sizes."""
    keys = [ListKey(f"off_{number}", f"rep_{number}") for number in range(1, 8)]
    for key in keys[1:]:
        await lists.add_list(key)
    ended, made_anew = keys[5:]
    old = Lists(lists.pool, lists.engine, ended, T0)
    for fan in range(20):
        await old.join(f"old-{fan}")
    old.later(days=60)
    await old.end()
    stopped = asyncio.Event()
    names = itertools.count()

    async def fans(key: ListKey, seed: int) -> None:
        mine, dice = Lists(lists.pool, lists.engine, key), random.Random(seed)
        for _ in range(25):
            fan = f"fan-{next(names)}"
            await mine.join(fan)
            if dice.random() < 0.5:
                await mine.add_stock(1)
            if dice.random() < 0.5:
                await mine.leave(fan)

    async def prune() -> None:
        engine = lists.engine.at(T0 + timedelta(days=90))
        for _ in range(10):
            await engine.run(ended, SERVICE, verbs.prune, kept=timedelta(days=1), at_most=3)

    async def make_anew() -> None:
        mine = Lists(lists.pool, lists.engine, made_anew)
        for _ in range(15):
            await deletion.delete_inventory(lists.pool, ORGANIZER, made_anew)
            await mine.add_list(made_anew)
            await mine.put_stock(100, 3)

    async def follow(limit: int) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        after, last = None, False
        while True:
            last = stopped.is_set()
            page = await read(lists.pool, after, limit)
            for one in page.items:
                if one.verb == "create":
                    found[one.offer_id].clear()  # made anew
                found[one.offer_id].append(one.sequence)
            after = page.next_after
            if last and not page.more:
                return found

    readers = [asyncio.create_task(follow(limit)) for limit in (3, 17, 500)]
    await asyncio.gather(
        *(fans(key, seed) for seed, key in enumerate(keys[:5]) for _ in range(3)), prune(), make_anew()
    )
    stopped.set()
    ends = {
        row["offer_id"]: row["last_sequence"]
        for row in await lists.rows("SELECT offer_id, last_sequence FROM inventory")
    }
    for found in await asyncio.gather(*readers):
        assert dict(found) == {offer_id: list(range(1, last + 1)) for offer_id, last in ends.items()}
    await lists.audit()


async def test_the_feed_over_http(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    first = await shop.made("GET", "/changes?limit=1")
    assert (first["items"][0]["verb"], first["next_cursor"]) == ("create", first["next_after"])
    rest = await shop.made("GET", "/changes", params={"after": first["next_after"]})
    assert [one["verb"] for one in rest["items"]] == ["join"]
    assert rest["next_cursor"] is None
    history = await shop.made("GET", "/waiting-lists/off_1/rep_1/history")
    where = {"offer_id": "off_1", "representation_id": "rep_1", "event_id": "ev_1"}
    assert first["items"] + rest["items"] == [one | where for one in history["items"]]
    for query in ("after=x", "after=", "limit=0", "limit=501", "cursor=x"):
        problem(await shop.organizer("GET", f"/changes?{query}"), 422, "invalid_request")
    assert (await shop.organizer("HEAD", "/changes")).status_code == 200
    assert (await shop.organizer("POST", "/changes")).headers["Allow"] == "GET, HEAD"
