"""The limit of places per person in the lists of one event: exact, also when joins are concurrent."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.pages.test_fans import FRENCH, PAGE, Venue, venue
from tests.support.lists import LIST, ORGANIZATION, ORGANIZER, USER, Lists
from tests.support.shop import EVENT, Shop, problem
from tests.support.shop import LIST as PATH
from tests.support.until import until, working
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import csv_import
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import EventFields
from waiting_list.lists import outbox, verbs
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Answer, ListKey
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import Pool, connection
from waiting_list.problems import AlreadyInList, TooManyPlaces, WaitingListEnded
from waiting_list.settings import Settings

__all__ = ["venue"]

LATE = ListKey("off_2", "rep_2")
THIRD = ListKey("off_3", "rep_3")
ELSEWHERE = ListKey("off_4", "rep_4")
"""A list of another event, which has a limit, too."""


async def limit(lists: Lists, maximum: int | None, event_id: str = "ev_1") -> None:
    """Set the limit of the event."""
    fields = EventFields(title="Jazz", timezone="Europe/Paris", max_places_per_person=maximum)
    await catalogue_changes.put_event(lists.pool, ORGANIZATION, event_id, fields)


@pytest.fixture
async def event(lists: Lists) -> Lists:
    """An event of three lists on which one person may wait on two, and another event."""
    await lists.add_list(LATE)
    await lists.add_list(THIRD)
    await lists.add_event("ev_2")
    await lists.add_list(ELSEWHERE, event_id="ev_2")
    await limit(lists, 2)
    await limit(lists, 1, "ev_2")
    return lists


def on(lists: Lists, key: ListKey) -> Lists:
    """Return the same lists, acting on another one."""
    return Lists(lists.pool, lists.engine, key, lists.now)


async def active(lists: Lists) -> int:
    """Return the number of active entries in all lists."""
    (row,) = await lists.rows("SELECT count(*) FROM entries WHERE status <> 'left'")
    return int(row[0])


async def test_a_person_waits_on_as_many_lists_of_an_event_as_it_allows(event: Lists) -> None:
    third = on(event, THIRD)
    await event.join("ada")
    await on(event, LATE).join("ada")
    async with third.refused(TooManyPlaces) as caught:
        await third.join("ada")
    assert caught[0].extra == {"maximum": 2}
    # Other persons, other events, and a list that the person is in already.
    await third.join("bob")
    await on(event, ELSEWHERE).join("ada")
    async with event.refused(AlreadyInList):
        await event.join("ada")
    # To leave a list and join it again is no further place.
    await event.leave("ada")
    await event.join("ada")
    async with third.refused(TooManyPlaces):
        await third.join("ada")
    await event.audit()


@pytest.mark.parametrize("how", ["leave", "remove", "erase", "buy", "expire", "end"])
async def test_whichever_way_a_place_ends_another_list_can_be_joined(event: Lists, how: str) -> None:
    await on(event, LATE).join("ada")
    await event.join("ada")
    third = on(event, THIRD)
    if how in ("buy", "expire"):
        await event.add_stock(1)
        # At their turn they have the place still.
        async with third.refused(TooManyPlaces):
            await third.join("ada")
    match how:
        case "leave" | "remove" | "erase" | "buy":
            await getattr(event, how)("ada")
        case "expire":
            event.later(hours=25)
            await event.expire()
        case "end":
            await event.configure(closes_at=event.now)
            await event.end()
    assert await active(event) == 1
    await third.join("ada")
    async with event.refused(WaitingListEnded if how == "end" else TooManyPlaces):
        await event.join("ada")
    await event.audit()


async def test_an_organizer_who_joins_for_a_person_is_bound_by_the_limit_as_well(event: Lists) -> None:
    await limit(event, 1)
    await event.engine.at(event.now).run(LIST, ORGANIZER, verbs.join, user_id="ada", tickets_wanted=1)
    async with event.refused(TooManyPlaces):
        await event.engine.at(event.now).run(LATE, ORGANIZER, verbs.join, user_id="ada", tickets_wanted=1)


async def test_a_lower_limit_takes_no_place_away_and_a_requeue_is_no_join(event: Lists) -> None:
    late = on(event, LATE)
    await event.configure(after_expiry="requeue")
    await event.join("ada")
    await late.join("ada")
    await limit(event, 1)
    await event.add_stock(1)
    event.later(hours=25)
    await event.expire()
    # No other fan waits, so the requeued entry has the ticket again.
    assert (await event.entry("ada")).number == 2
    assert await active(event) == 2
    removed = await event.engine.at(event.now).run(
        LIST, ORGANIZER, verbs.remove_lookalikes, numbers=[2], reason="x"
    )
    assert removed.several is not None
    assert removed.several.undo is not None
    # To undo a removal gives back what the person had.
    await event.engine.at(event.now).run(LIST, ORGANIZER, verbs.restore, undo=removed.several.undo)
    assert await active(event) == 2
    await late.leave("ada")
    async with late.refused(TooManyPlaces):
        await late.join("ada")
    await limit(event, None)
    await late.join("ada")
    await event.audit()


async def test_where_there_is_no_limit_no_person_is_locked(lists: Lists) -> None:
    await lists.add_list(LATE)
    for key in (LIST, LATE):
        await on(lists, key).join("ada")
    assert await lists.rows("SELECT FROM event_visitors") == []
    # With a limit there is a row for each person, whom it does not name.
    await limit(lists, 2)
    await lists.join("bob")
    await on(lists, LATE).join("bob")
    (row,) = await lists.rows("SELECT event_id, user_hash, locked_at FROM event_visitors")
    assert (row["event_id"], len(row["user_hash"]), row["locked_at"]) == ("ev_1", 16, lists.now)


async def test_a_preview_and_a_repeat_are_told_what_the_join_was(event: Lists) -> None:
    await limit(event, 1)
    await event.join("ada")
    preview = event.engine.preview
    async with event.refused(TooManyPlaces):
        await preview.at(event.now).run(LATE, USER, verbs.join, user_id="ada", tickets_wanted=1)
    visitors = "SELECT user_hash FROM event_visitors"
    before = await event.rows(visitors)
    await preview.at(event.now).run(LATE, USER, verbs.join, user_id="bob", tickets_wanted=1)
    assert await event.rows(visitors) == before

    async def join(key: ListKey, once: str) -> Answer:
        caller = Caller(ORGANIZATION, "user", Idempotency.of(caller="cleo", key=once, request=once))
        return await event.engine.at(event.now).run(key, caller, verbs.join, user_id="cleo", tickets_wanted=1)

    first = await join(LATE, "a")
    with pytest.raises(TooManyPlaces):
        await join(LIST, "b")
    again = await join(LATE, "a")
    assert (again.replayed, again.entry) == (True, first.entry)
    # A refusal is not kept: once there is room the same request is done.
    await on(event, LATE).leave("cleo")
    assert not (await join(LIST, "b")).replayed


async def storm(lists: Lists, joins: Sequence[tuple[ListKey, str]]) -> list[Any]:
    """All of these at once, from two processes, by the clock, so that they go in batches."""
    engines = [lists.engine, Engine(lists.pool, Settings())]
    calls = [
        engines[n % 2].run(key, USER, verbs.join, user_id=user, tickets_wanted=1)
        for n, (key, user) in enumerate(joins)
    ]
    async with asyncio.timeout(60):
        return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("seed", range(5))
async def test_of_two_joins_to_two_lists_at_one_moment_one_is_refused(event: Lists, seed: int) -> None:
    await limit(event, 1)
    users = [f"u{n}" for n in range(30)]
    joins = [(key, user) for user in users for key in (LIST, LATE)]
    random.Random(seed).shuffle(joins)
    answers = await storm(event, joins)
    refused = [one for one in answers if isinstance(one, BaseException)]
    assert {type(one) for one in refused} == {TooManyPlaces}
    assert (len(refused), await active(event)) == (30, 30)
    rows = await event.rows("SELECT user_id FROM entries WHERE status <> 'left' GROUP BY 1 HAVING count(*) = 1")
    assert sorted(row[0] for row in rows) == sorted(users)
    await event.audit()


async def test_many_lists_at_once_give_each_person_exactly_as_many_places_as_the_event_allows(
    event: Lists,
) -> None:
    keys = [LIST, LATE, THIRD, *(ListKey(f"off_{n}", f"rep_{n}") for n in range(10, 15))]
    for key in keys[3:]:
        await event.add_list(key)
    joins = [(key, f"u{n}") for key in keys for n in range(20)]
    random.Random(1).shuffle(joins)
    answers = await storm(event, joins)
    refused = [one for one in answers if isinstance(one, BaseException)]
    assert {type(one) for one in refused} == {TooManyPlaces}
    rows = await event.rows("SELECT user_id FROM entries WHERE status <> 'left' GROUP BY 1 HAVING count(*) = 2")
    assert (len(rows), await active(event)) == (20, 40)
    await event.audit()


@asynccontextmanager
async def held_before_its_commit(
    monkeypatch: pytest.MonkeyPatch, key: ListKey
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Transactions of this list stop when all is written: `written` is set, and `may_commit` awaited."""
    written, may_commit, write = asyncio.Event(), asyncio.Event(), outbox.write_outbox

    async def stopped(locked: LockedList) -> bool:
        wrote = await write(locked)
        if locked.list.list_id == key.list_id:
            written.set()
            await may_commit.wait()
        return wrote

    monkeypatch.setattr(outbox, "write_outbox", stopped)
    try:
        yield written, may_commit
    finally:
        may_commit.set()


@pytest.mark.parametrize("other", ["ada", "bob"])
async def test_a_join_waits_for_one_of_the_same_person_to_another_list_and_for_no_one_elses(
    event: Lists, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    await limit(event, 1)
    async with held_before_its_commit(monkeypatch, LIST) as (written, may_commit), asyncio.timeout(30):
        first = asyncio.create_task(event.engine.run(LIST, USER, verbs.join, user_id="ada", tickets_wanted=1))
        await written.wait()
        second = asyncio.create_task(event.engine.run(LATE, USER, verbs.join, user_id=other, tickets_wanted=1))
        if other == "bob":
            assert (await second).entry is not None
            may_commit.set()
        else:

            async def is_blocked() -> bool:
                return bool(
                    await event.rows(
                        "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                        " WHERE NOT l.granted AND a.datname = current_database()"
                    )
                )

            await until(is_blocked)
            may_commit.set()
            with pytest.raises(TooManyPlaces):
                await second
        assert (await first).entry is not None


async def test_rows_of_persons_are_forgotten_after_a_day_but_none_that_a_join_holds(
    event: Lists, pool: Pool
) -> None:
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO event_visitors SELECT 'ev_1', int4send(n), now() - n * interval '10 hours'"
            " FROM generate_series(1, 4) AS n"
        )
    held = "SELECT FROM event_visitors WHERE user_hash = int4send(3) FOR UPDATE"

    async def left() -> list[int]:
        rows = await event.rows("SELECT user_hash FROM event_visitors ORDER BY 1")
        return [int.from_bytes(row[0]) for row in rows]

    async with connection(pool) as acquired, acquired.transaction():
        await acquired.execute(held)
        async with working(Maintenance(pool, event.engine)):

            async def is_clean() -> bool:
                return 4 not in await left()

            await until(is_clean)
        assert await left() == [1, 2, 3]
    async with working(Maintenance(pool, event.engine)):

        async def is_cleaner() -> bool:
            return await left() == [1, 2]

        await until(is_cleaner)


async def test_an_import_leaves_the_limit_of_an_event_and_a_put_without_it_takes_it_away(pool: Pool) -> None:
    files = csv_import.Catalogue()
    fields: dict[str, Any] = {"title": "Jazz", "timezone": "Europe/Paris"}
    await catalogue_changes.put_event(pool, ORGANIZATION, "ev_1", EventFields(**fields, max_places_per_person=3))
    kept = await catalogue_queries.event(pool, "ev_1", organization_id=ORGANIZATION)
    files.events["ev_1"] = kept.model_copy(update={"title": "Blues", "max_places_per_person": None})
    await csv_import.load(pool, files)
    kept = await catalogue_queries.event(pool, "ev_1", organization_id=ORGANIZATION)
    assert (kept.title, kept.max_places_per_person) == ("Blues", 3)
    await catalogue_changes.put_event(pool, ORGANIZATION, "ev_1", EventFields(**fields))
    kept = await catalogue_queries.event(pool, "ev_1", organization_id=ORGANIZATION)
    assert kept.max_places_per_person is None


async def test_over_http_the_limit_is_set_shown_and_kept(shop: Shop) -> None:
    await shop.stock()
    await shop.stock(where="off_2/rep_2")
    for bad in (0, -1, 1.5, "2", True, 2**31):
        answer = await shop.organizer("PUT", "/events/ev_1", EVENT | {"max_places_per_person": bad})
        problem(answer, 422, "invalid_request")
    put = await shop.made("PUT", "/events/ev_1", EVENT | {"max_places_per_person": 1})
    assert put["max_places_per_person"] == 1
    assert (await shop.made("GET", "/events/ev_1"))["max_places_per_person"] == 1
    (shown,) = (await shop.http.get("/v1/user/events")).json()["items"]
    assert shown["max_places_per_person"] == 1
    assert (await shop.http.get(f"/v1/user/waiting-lists/{PATH}")).json()["max_places_per_person"] == 1
    await shop.join("ada")
    second = "/waiting-lists/off_2/rep_2/entry"
    refused = problem(await shop.user("ada", "POST", second, {"tickets_wanted": 1}), 409, "too_many_places")
    assert refused["maximum"] == 1
    for_ada = {"user_id": "ada", "tickets_wanted": 1}
    answer = await shop.organizer("POST", "/waiting-lists/off_2/rep_2/entries", for_ada)
    assert problem(answer, 409, "too_many_places")["maximum"] == 1
    assert (await shop.user("ada", "DELETE")).is_success
    assert (await shop.user("ada", "POST", second, {"tickets_wanted": 1})).status_code == 201


async def test_pages_say_the_limit_and_what_to_do_about_it(venue: Venue) -> None:
    await venue.shop.stock(where="off_2/rep_2")
    await venue.shop.made("PUT", "/events/ev_1", EVENT | {"max_places_per_person": 1})
    page = await venue.browser().get(PAGE)
    assert "You can be on at most 1 waiting list of this event." in page.text
    ada = await venue.fan("ada")
    await venue.shop.user("ada", "POST", "/waiting-lists/off_2/rep_2/entry", {"tickets_wanted": 1})
    page = await ada.refused(f"{PAGE}/join", 409, tickets_wanted="1")
    assert "To join this one, leave the other one first." in page.text
    french = await venue.browser(**FRENCH).get(PAGE)
    assert "Vous pouvez être sur 1 liste d'attente au plus pour cet événement." in french.text
