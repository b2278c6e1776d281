"""What the overview says an organizer should look at, and that pages of the dashboard follow changes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.pages.test_dashboard import HOME, PAGE, Office, office  # noqa: F401 - a fixture
from tests.support.shop import LIST, ORGANIZATION, Shop
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries.list_watch import MOST_PAGES, ListWatch
from waiting_list.lists.queries.needs import MOST_SHOWN, needs
from waiting_list.postgres.pool import Pool
from waiting_list.problems import RateLimited

KEY = ListKey("off_1", "rep_1")
NOTHING = "Nothing at the moment"


async def test_the_overview_names_what_an_organizer_should_do_first(office: Office) -> None:  # noqa: F811
    await office.line()
    organizer = await office.organizer()
    assert "1 free ticket fits none of the next fans" in (await organizer.get(HOME)).text
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"automatic": False})
    assert "1 ticket is free to release" in (await organizer.get(HOME)).text
    await office.run("UPDATE entries SET ready_until = now() + interval '59 minutes' WHERE status = 'ready'")
    assert "1 hold ends within the hour: at " in (await organizer.get(HOME)).text
    await office.run("UPDATE representations SET start_datetime = now() + interval '23 hours'")
    assert "Within a day · 2 fans wait · 2 tickets held" in (await organizer.get(HOME)).text
    await office.run("UPDATE events SET draft = true")
    assert NOTHING in (await organizer.get(HOME)).text


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE representations SET cancelled_at = now()",
        "UPDATE representations SET start_datetime = now() - interval '1 minute'",
        "UPDATE inventory SET closes_at = now() - interval '1 minute'",
        "UPDATE inventory SET organization_id = 'other' WHERE false",
    ],
)
async def test_a_list_that_has_ended_needs_nobody(office: Office, change: str) -> None:  # noqa: F811
    await office.line()
    pool = office.app.state.service.pool
    (found,), more = await needs(pool, ORGANIZATION)
    assert (found.free, found.waiting, found.held, found.automatic, more) == (1, 2, 2, True, False)
    await office.run(change)
    assert ([one.offer_id for one in (await needs(pool, ORGANIZATION))[0]] == []) == ("false" not in change)
    assert (await needs(pool, "other"))[0] == []


async def test_the_next_shows_come_first_and_the_page_says_that_there_are_more(office: Office) -> None:  # noqa: F811
    await office.line()
    for number in range(2, MOST_SHOWN + 3):
        where = f"off_1/rep_{number}"
        await office.shop.stock(where=where, total=4, available=0)
        await office.shop.made("POST", f"/waiting-lists/{where}/entries", {"user_id": "ada", "tickets_wanted": 2})
        await office.shop.made("POST", f"/inventory/{where}/add-stock", {"quantity": 1})
    found, more = await needs(office.app.state.service.pool, ORGANIZATION)
    assert len(found) == MOST_SHOWN
    assert more
    assert [one.start_datetime for one in found] == sorted(one.start_datetime for one in found)
    assert "There are more" in (await (await office.organizer()).get(HOME)).text


async def test_failed_notices_are_counted_until_they_are_sent_again(office: Office) -> None:  # noqa: F811
    await office.line()
    organizer = await office.organizer()
    assert "could not be delivered" not in (await organizer.get(HOME)).text
    await office.run(
        "INSERT INTO outbox (list_id, notice_id, organization_id, type, status, created_at, due_at, ended_at)"
        " SELECT list_id, gen_random_uuid(), organization_id, 'entry.ready', 'dead', now(), now(), now()"
        " FROM inventory, generate_series(1, 2)"
    )
    assert "2 notices could not be delivered" in (await organizer.get(HOME)).text


class Look:
    """A watch whose looks the test makes."""

    def __init__(self, watch: ListWatch) -> None:
        self.watch = watch

    async def told(self, key: ListKey | None, do: Callable[[], Awaitable[object]] | None = None) -> bool:
        """Whether a watcher of this list, or of all, has news after this."""
        watcher = self.watch.watch(ORGANIZATION, key)
        await self.watch.look()
        assert watcher.take() is not None, "the first look tells where it starts"
        await self.watch.look()
        assert watcher.take() is None
        if do:
            await do()
        await self.watch.look()
        self.watch.leave(watcher)
        return watcher.take() is not None


async def test_a_change_of_a_list_is_told_to_who_watches_it_or_all_and_nobody_else(shop: Shop, pool: Pool) -> None:
    await shop.stock(total=4, available=0)
    await shop.stock(where="off_1/rep_2", total=4, available=0)
    look = Look(ListWatch(pool))

    def joins(user_id: str, where: str) -> Callable[[], Awaitable[object]]:
        return lambda: shop.made(
            "POST", f"/waiting-lists/{where}/entries", {"user_id": user_id, "tickets_wanted": 1}
        )

    assert await look.told(KEY, joins("ada", LIST))
    assert await look.told(None, joins("bob", LIST))
    assert not await look.told(KEY, joins("cleo", "off_1/rep_2"))
    assert await look.told(None, joins("dan", "off_1/rep_2"))
    assert not await look.told(KEY)
    assert not await look.told(None)


async def test_an_organization_without_a_list_is_watched_until_it_has_one(shop: Shop, pool: Pool) -> None:
    watch = ListWatch(pool)
    assert await watch.version(ORGANIZATION, None) == 0
    watcher = watch.watch(ORGANIZATION, None)
    await watch.look()
    assert (watcher.take(), watcher.closed) == (0, False)
    await shop.stock(total=4, available=0)
    await shop.join("ada", 1)
    await watch.look()
    assert watcher.take() == await watch.version(ORGANIZATION, None) > 0


async def test_a_list_that_is_gone_and_a_process_that_ends_close_the_watch(pool: Pool) -> None:
    watch = ListWatch(pool)
    gone = watch.watch(ORGANIZATION, KEY)
    await watch.look()
    assert gone.closed
    watcher = watch.watch(ORGANIZATION, None)
    watch.close()
    assert watcher.closed
    assert watch.watch(ORGANIZATION, None).closed


async def test_an_organization_has_a_bound_of_live_pages(pool: Pool) -> None:
    watch = ListWatch(pool)
    pages = [watch.watch(ORGANIZATION, None) for _ in range(MOST_PAGES)]
    with pytest.raises(RateLimited):
        watch.watch(ORGANIZATION, None)
    watch.watch("org_2", None)
    watch.leave(pages[0])
    watch.watch(ORGANIZATION, None)


async def test_a_page_comes_back_now_and_then_so_that_its_session_is_checked_again(shop: Shop, pool: Pool) -> None:
    await shop.stock(total=4, available=0)
    watch = ListWatch(pool)
    watcher, looks = watch.watch(ORGANIZATION, KEY), 0
    while not watcher.closed:
        watcher.tell(1)
        looks += 1
    assert timedelta(minutes=4) < timedelta(seconds=looks) < timedelta(minutes=6)


async def test_only_who_is_signed_in_and_owns_the_list_may_watch(office: Office) -> None:  # noqa: F811
    await office.line()
    guest, stranger = office.browser(), await office.organizer(await office.key(organization_id="org_2"))
    for path in (f"{HOME}/changes", f"{PAGE}/changes"):
        assert (await guest.http.get(path)).status_code == 303
    assert (await stranger.http.get(f"{PAGE}/changes")).status_code == 404
    assert (await stranger.http.head(f"{HOME}/changes")).headers["content-type"].startswith("text/event-stream")
