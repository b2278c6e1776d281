"""Events that fans reach by their link alone, archived events, and duplicates."""

from datetime import timedelta

import pytest

from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, START, Lists
from tests.support.shop import EVENT, Shop, problem
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.csv_import import Catalogue, load
from waiting_list.catalogue.duplicate import duplicate
from waiting_list.catalogue.models import EventFields
from waiting_list.lists.engine import Caller
from waiting_list.postgres.pool import connection
from waiting_list.problems import HasDependents, IdTaken

FLAGS = {"unlisted": True, "archived": True}


async def test_a_put_keeps_what_it_does_not_say(shop: Shop) -> None:
    made = await shop.made("PUT", "/events/ev_1", EVENT)
    assert made == EVENT | made | {"unlisted": False, "archived": False}
    assert await shop.made("PUT", "/events/ev_1", EVENT | FLAGS) == made | FLAGS
    assert await shop.made("PUT", "/events/ev_1", EVENT | {"title": "Other", "archived": None}) == made | FLAGS | {
        "title": "Other"
    }
    assert await shop.made("GET", "/events/ev_1") == made | FLAGS | {"title": "Other"}
    assert await shop.made("PUT", "/events/ev_1", EVENT | dict.fromkeys(FLAGS, False)) == made
    problem(await shop.organizer("PUT", "/events/ev_1", EVENT | {"unlisted": "yes"}), 422, "invalid_request")


async def test_no_page_lists_an_unlisted_event_and_fans_join_it_by_its_link(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PUT", "/events/ev_1", EVENT | {"unlisted": True})
    assert (await shop.http.get("/v1/user/events")).json()["items"] == []
    assert "Jazz Festival" not in (await shop.http.get("/")).text
    assert "Jazz Festival" in (await shop.http.get("/events/ev_1")).text
    assert (await shop.join("ada"))["status"] == "waiting"
    await shop.made("PUT", "/events/ev_1", EVENT | {"unlisted": False})
    assert len((await shop.http.get("/v1/user/events")).json()["items"]) == 1


async def test_an_event_for_which_fans_wait_is_not_archived_until_it_is_over(shop: Shop, lists: Lists) -> None:
    async def put(**flags: bool) -> None:
        fields = EventFields(title="Jazz", timezone="Europe/Paris", **flags)
        await catalogue_changes.put_event(lists.pool, ORGANIZATION, "ev_1", fields)

    await lists.join("ada")
    with pytest.raises(HasDependents, match="cannot be archived"):
        await put(archived=True)
    await lists.rows("UPDATE representations SET cancelled_at = now()")
    await put(archived=True)
    await lists.rows("UPDATE representations SET cancelled_at = NULL")
    await put(archived=True)  # it is already
    assert (await catalogue_queries.event(lists.pool, "ev_1", organization_id=ORGANIZATION)).archived


async def test_a_duplicate_has_the_types_and_the_moved_dates_and_neither_lists_nor_fans(lists: Lists) -> None:
    await lists.join("ada")
    event = await catalogue_queries.event(lists.pool, "ev_1", organization_id=ORGANIZATION)
    fields = EventFields(title="Jazz II", timezone="Europe/Paris", draft=True, description="x")
    for days, number in ((7, 1), (None, 0)):
        for _ in range(2):  # sent twice
            new = await duplicate(lists.pool, ORGANIZER, event, fields, f"0000000{number}", days_later=days)
        copy = await catalogue_queries.event(lists.pool, new, organization_id=ORGANIZATION)
        assert (copy.title, copy.draft, copy.description) == ("Jazz II", True, "x")
        async with connection(lists.pool) as acquired:
            offers = await acquired.fetch(
                "SELECT name, max_quantity_per_order FROM offers WHERE event_id = $1", new
            )
            dates = await acquired.fetch("SELECT start_datetime FROM representations WHERE event_id = $1", new)
            lists_of = await acquired.fetch("SELECT FROM inventory WHERE event_id = $1", new)
        assert [tuple(row) for row in offers] == [("Floor", 6)]
        assert [row["start_datetime"] for row in dates] == [START + timedelta(days=7)][:number]
        assert lists_of == []
    assert LIST.representation_id == "rep_1"
    with pytest.raises(IdTaken):
        await duplicate(lists.pool, Caller("org_2", "organizer:x"), event, fields, "00000001", days_later=None)


async def test_an_import_leaves_an_event_unlisted_and_archived(lists: Lists) -> None:
    fields = EventFields(title="Jazz", timezone="Europe/Paris", unlisted=True, archived=True)
    await catalogue_changes.put_event(lists.pool, ORGANIZATION, "ev_1", fields)
    event = await catalogue_queries.event(lists.pool, "ev_1", organization_id=ORGANIZATION)
    found = Catalogue(
        events={"ev_1": event.model_copy(update={"title": "Other", "unlisted": False, "archived": False})}
    )
    await load(lists.pool, found)
    stored = await catalogue_queries.event(lists.pool, "ev_1", organization_id=ORGANIZATION)
    assert (stored.title, stored.unlisted, stored.archived) == ("Other", True, True)
