"""Drafts: fans do not see them, and the organizer deletes their lists with the entries of tests."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, Lists
from tests.support.shop import EVENT, Shop, problem
from waiting_list.audit.run import deleted_lists
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import deletion
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventFields
from waiting_list.lists import verbs
from waiting_list.lists.counts import count_changes
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import changes as change_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import (
    EventNotFound,
    HasDependents,
    InventoryNotFound,
    OfferNotFound,
    RepresentationNotFound,
    Unavailable,
    WaitingListNotOpen,
)

PATH = "/inventory/off_1/rep_1"


async def put_event(lists: Lists, *, draft: bool) -> None:
    fields = EventFields(title="Jazz", timezone="Europe/Paris", draft=draft)
    await catalogue_changes.put_event(lists.pool, ORGANIZATION, "ev_1", fields)


async def join_for(lists: Lists, user_id: str) -> None:
    await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.join, user_id=user_id, tickets_wanted=1, tickets_minimum=None
    )


async def delete(lists: Lists) -> None:
    await deletion.delete_inventory(lists.pool, ORGANIZER, LIST, with_entries=True)


async def rows_of_list(pool: Pool) -> set[str]:
    """Return the tables that have rows of the list, by its id."""
    async with connection(pool) as acquired:
        tables = await acquired.fetch(
            "SELECT table_name FROM information_schema.columns c JOIN information_schema.tables t"
            " USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND column_name = 'list_id' AND table_type = 'BASE TABLE'"
            " AND table_name !~ '_[0-9]{6}$'"  # a shard of Citus
        )
        return {
            table
            for (table,) in tables
            if await acquired.fetchval(f"SELECT count(*) FROM {table} WHERE list_id = $1", LIST.list_id)
        }


@pytest.fixture
async def draft(lists: Lists) -> Lists:
    """A draft with one sold-out list."""
    await put_event(lists, draft=True)
    return lists


async def test_fans_do_not_see_a_draft_and_cannot_join_it(draft: Lists) -> None:
    async def listed() -> list[str]:
        page = await catalogue_queries.upcoming_events(draft.pool, [ORGANIZATION], limit=9, cursor=None)
        return [event.event_id for event in page.items]

    async with draft.refused(WaitingListNotOpen):
        await draft.join("ada")
    assert await listed() == list(await catalogue_queries.organizations(draft.pool)) == []
    shown = await list_queries.waiting_list(draft.pool, LIST)
    assert (shown.open, shown.closed_reason) == (False, "not_opened")
    await join_for(draft, "test-1")
    await put_event(draft, draft=False)
    assert (await listed(), list(await catalogue_queries.organizations(draft.pool))) == (["ev_1"], [ORGANIZATION])
    assert (await list_queries.waiting_list(draft.pool, LIST)).open
    assert (await draft.join("ada")).number == 2


async def test_a_published_event_with_entries_becomes_no_draft(lists: Lists) -> None:
    await put_event(lists, draft=True)
    await put_event(lists, draft=False)
    await lists.join("ada")
    async with lists.refused(HasDependents):
        await put_event(lists, draft=True)


async def test_the_list_of_a_draft_goes_with_its_entries_and_the_audit_counts_it(draft: Lists) -> None:
    for number in range(3):
        await join_for(draft, f"test-{number}")
    await draft.set_contact("test-0", email="test@example.org")
    await draft.add_stock(2)
    await draft.buy("test-0")
    await draft.move("test-2", "first")
    await count_changes(draft.pool)
    await change_queries.changes(draft.pool, ORGANIZATION, after=None, limit=9)
    changes = len(await draft.history())
    assert {"entries", "history", "segments", "contacts", "outbox", "feed_parts"} <= await rows_of_list(draft.pool)
    async with draft.refused(HasDependents):
        await deletion.delete_inventory(draft.pool, ORGANIZER, LIST)
    await delete(draft)
    assert await rows_of_list(draft.pool) == {"deleted_lists"}
    assert await deleted_lists(draft.pool) == (1, changes, 3)
    (kept,) = await draft.rows("SELECT actor, tickets_bought FROM deleted_lists")
    assert tuple(kept) == ("organizer:test", 1)
    with pytest.raises(InventoryNotFound):
        await delete(draft)
    await draft.add_list(LIST)
    await join_for(draft, "test-9")
    assert (await draft.entry("test-9")).number == 1
    await draft.audit()


async def test_a_list_that_a_fan_has_joined_stays_also_in_what_became_a_draft(lists: Lists) -> None:
    await lists.join("ada")
    async with lists.refused(HasDependents):
        await delete(lists)
    await lists.rows("UPDATE events SET draft = true")
    async with lists.refused(HasDependents):
        await delete(lists)


async def test_a_list_whose_people_are_all_erased_goes_with_its_entries(lists: Lists) -> None:
    for user_id in ("ada", "bob"):
        await lists.join(user_id)
    await lists.erase("ada")
    async with lists.refused(HasDependents):
        await delete(lists)
    await lists.erase("bob")
    await delete(lists)
    assert (await deleted_lists(lists.pool)).entries == 2


async def event_with_two_lists(lists: Lists) -> ListKey:
    """Add a list to the event, and to each a test; return the key of the second."""
    other = ListKey("off_2", "rep_2")
    await lists.add_list(other)
    await put_event(lists, draft=True)
    await join_for(lists, "test-1")
    await join_for(replace(lists, key=other), "test-2")
    return other


async def test_a_draft_event_goes_in_one_call_and_the_audit_counts_its_lists(lists: Lists) -> None:
    await event_with_two_lists(lists)
    async with lists.refused(HasDependents):
        await deletion.delete_event(lists.pool, ORGANIZER, "ev_1")
    gone = await deletion.delete_event(lists.pool, ORGANIZER, "ev_1", with_entries=True)
    assert gone.event_id == "ev_1"
    assert (await deleted_lists(lists.pool)).entries == 2
    for table in ("events", "offers", "representations", "inventory", "entries", "history"):
        assert await lists.rows(f"SELECT FROM {table}") == [], table
    with pytest.raises(EventNotFound):
        await deletion.delete_event(lists.pool, ORGANIZER, "ev_1", with_entries=True)


@pytest.mark.parametrize("what", ["event", "offer", "representation"])
async def test_if_one_list_has_to_stay_the_call_deletes_none_and_names_it(lists: Lists, what: str) -> None:
    other = await event_with_two_lists(lists)
    await lists.rows("UPDATE events SET draft = false")
    await replace(lists, key=other).join("ada")
    await lists.rows("UPDATE events SET draft = true")
    delete_it, name = {
        "event": (deletion.delete_event, "ev_1"),
        "offer": (deletion.delete_offer, "off_2"),
        "representation": (deletion.delete_representation, "rep_2"),
    }[what]
    async with lists.refused(HasDependents) as refused:
        await delete_it(lists.pool, ORGANIZER, name, with_entries=True)
    assert [(one.offer_id, one.waiting, one.ready) for one in refused[0].extra["lists"]] == [("off_2", 2, 0)]


async def test_a_deletion_that_died_is_finished_by_the_next_call(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    await event_with_two_lists(lists)
    whole = deletion.delete_inventory

    async def dies(*arguments: Any, **more: Any) -> None:
        await whole(*arguments, **more)
        raise Unavailable("gone")

    monkeypatch.setattr(deletion, "delete_inventory", dies)
    with pytest.raises(Unavailable):
        await deletion.delete_event(lists.pool, ORGANIZER, "ev_1", with_entries=True)
    assert len(await lists.rows("SELECT FROM inventory")) == 1
    monkeypatch.undo()
    await deletion.delete_event(lists.pool, ORGANIZER, "ev_1", with_entries=True)
    assert (await deleted_lists(lists.pool)).entries == 2
    assert await lists.rows("SELECT FROM events") == []


async def test_a_whole_event_of_another_organization_is_not_there(lists: Lists) -> None:
    await event_with_two_lists(lists)
    stranger = Caller("org_2", "organizer:other")
    async with lists.refused(EventNotFound):
        await deletion.delete_event(lists.pool, stranger, "ev_1", with_entries=True)
    async with lists.refused(OfferNotFound):
        await deletion.delete_offer(lists.pool, stranger, "off_1", with_entries=True)
    async with lists.refused(RepresentationNotFound):
        await deletion.delete_representation(lists.pool, stranger, "rep_1", with_entries=True)


@pytest.mark.parametrize(
    ("path", "left"),
    [("/offers/off_1", {"events", "representations"}), ("/representations/rep_1", {"events", "offers"})],
)
async def test_over_http_an_offer_or_a_date_of_a_draft_goes_with_its_lists(
    shop: Shop, path: str, left: set[str]
) -> None:
    await shop.stock()
    await shop.made("PUT", "/events/ev_1", EVENT | {"draft": True})
    await shop.made("POST", "/waiting-lists/off_1/rep_1/entries", {"user_id": "test-1", "tickets_wanted": 1})
    problem(await shop.organizer("DELETE", path), 409, "has_dependents")
    await shop.made("DELETE", f"{path}?with_entries=true")
    kinds = ("events", "offers", "representations", "inventory")
    assert {kind for kind in kinds if (await shop.made("GET", f"/{kind}"))["items"]} == left


async def test_over_http_a_draft_is_tried_out_and_goes(shop: Shop) -> None:
    await shop.stock()
    assert (await shop.made("PUT", "/events/ev_1", EVENT | {"draft": True}))["draft"] is True
    await shop.made("POST", "/waiting-lists/off_1/rep_1/entries", {"user_id": "test-1", "tickets_wanted": 1})
    problem(await shop.user("ada", "POST", body={"tickets_wanted": 1}), 409, "waiting_list_not_open")
    assert (await shop.http.get("/v1/user/events")).json()["items"] == []
    problem(await shop.organizer("DELETE", PATH), 409, "has_dependents")
    problem(await shop.organizer("DELETE", f"{PATH}?with_entries=false"), 409, "has_dependents")
    problem(await shop.organizer("DELETE", f"{PATH}?with_entries=x"), 422, "invalid_request")
    await shop.made("DELETE", f"{PATH}?with_entries=true")
    for path in (PATH, "/offers/off_1", "/representations/rep_1", "/events/ev_1"):
        answer = await shop.organizer("DELETE", path)
        assert answer.status_code == (404 if path == PATH else 200)
