"""A date in the past does not end a list with people in it, unless the organizer says so."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.lists import ORGANIZATION, ORGANIZER, Lists
from tests.support.shop import LIST, Shop, problem
from tests.support.until import until
from tests.web.test_http import unchanged
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import csv_import
from waiting_list.catalogue.models import RepresentationFields
from waiting_list.catalogue.shift import shifted
from waiting_list.csv_files import ImportRefused
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.postgres.pool import Pool, connection, transaction
from waiting_list.problems import WaitingListEnded, WouldEndList

PAST = datetime(2020, 1, 31, 20, tzinfo=UTC)
PATH = f"/waiting-lists/{LIST}"


def dates(start: datetime) -> dict[str, Any]:
    end = start + timedelta(hours=3)
    return {"event_id": "ev_1", "start_datetime": start.isoformat(), "end_datetime": end.isoformat()}


async def with_people(shop: Shop) -> None:
    await shop.stock()
    for user in ("ada", "bob", "cleo"):
        await shop.join(user)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})


async def test_a_start_in_the_past_is_refused_while_fans_wait_or_hold(app: FastAPI, shop: Shop) -> None:
    await with_people(shop)
    async with unchanged(app):
        refused = problem(
            await shop.organizer("PUT", "/representations/rep_1", dates(PAST)), 409, "would_end_list"
        )
    offer_id, representation_id = LIST.split("/")
    lists = [{"offer_id": offer_id, "representation_id": representation_id, "waiting": 2, "ready": 1}]
    assert refused["lists"] == lists
    assert "2 waiting, 1 ready" in refused["detail"]
    await shop.made("PUT", "/representations/rep_1", dates(PAST) | {"end_lists": True})
    # The list has ended, so the same dates end it no more.
    await shop.made("PUT", "/representations/rep_1", dates(PAST))


async def test_an_end_in_the_past_is_refused_while_fans_wait_or_hold(app: FastAPI, shop: Shop) -> None:
    await with_people(shop)
    body = {"closes_at": PAST.isoformat()}
    async with unchanged(app):
        refused = problem(await shop.organizer("PATCH", PATH, body), 409, "would_end_list")
    assert [(one["waiting"], one["ready"]) for one in refused["lists"]] == [(2, 1)]
    assert (await shop.made("PATCH", PATH, body | {"end_lists": True}))["closes_at"]


async def test_dates_in_the_past_are_taken_where_no_fan_is(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.user("ada", "DELETE")
    await shop.made("PATCH", PATH, {"closes_at": PAST.isoformat()})
    await shop.made("PUT", "/representations/rep_1", dates(PAST))


async def test_a_start_that_is_earlier_but_lies_ahead_ends_no_list(shop: Shop) -> None:
    await with_people(shop)
    await shop.made("PUT", "/representations/rep_1", dates(datetime.now(UTC) + timedelta(hours=1)))


async def test_the_lists_of_other_representations_and_ended_ones_do_not_count(lists: Lists) -> None:
    other, ended = ListKey("off_2", "rep_2"), ListKey("off_3", "rep_1")
    await lists.add_list(other)
    await lists.add_list(ended)
    for key in (other, ended):
        lists.key = key
        await lists.join("ada")
    await lists.rows("UPDATE inventory SET closes_at = '2020-01-01Z' WHERE list_id = $1", ended.list_id)
    fields = RepresentationFields.model_validate(dates(PAST))
    await catalogue_changes.put_representation(lists.pool, lists.engine, ORGANIZER, "rep_1", fields)


async def test_a_fan_who_joins_while_the_date_is_put_waits_for_its_outcome(lists: Lists) -> None:
    """The check and the change are one: no fan comes between them."""
    fields = RepresentationFields.model_validate(dates(PAST))
    async with connection(lists.pool) as watching:
        async with transaction(lists.pool) as acquired:
            await catalogue_changes.write_representation(acquired, ORGANIZATION, "rep_1", fields)
            joining = asyncio.create_task(lists.join("ada"))
            await until(lambda: watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        with pytest.raises(WaitingListEnded):
            await asyncio.wait_for(joining, 5)


async def test_an_old_file_ends_no_list_with_people_in_it(pool: Pool, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    first = Path(__file__).parent.parent / "data" / "first"
    files = csv_import.read(first, organization_id=ORGANIZATION)
    await csv_import.load(pool, shifted(files, now.date()))
    lists = Lists(pool, (await Lists.make(pool)).engine, ListKey("off_001", "rep_001"), now)
    await lists.join("ada")
    before = await lists.tables()
    with pytest.raises(ImportRefused) as refused:
        await csv_import.load(pool, files)
    (line,) = [one for one in str(refused.value).splitlines() if "off_001 at rep_001" in one]
    assert line.startswith("representations.csv:")
    assert "1 waiting, 0 ready" in line
    assert await lists.tables() == before
    await csv_import.load(pool, files, end_lists=True)
    await lists.end()
    assert await lists.status("ada") is Status.LEFT


async def test_the_engine_asks_only_where_a_list_would_end(lists: Lists) -> None:
    await lists.join("ada")
    engine = lists.engine.at(lists.now)
    async with lists.refused(WouldEndList):
        await engine.run(lists.key, ORGANIZER, verbs.configure, settings=SettingsChange(closes_at=lists.now))
    await lists.configure(closes_at=lists.now)
    # It has ended: another end in the past ends it no more.
    await engine.run(lists.key, ORGANIZER, verbs.configure, settings=SettingsChange(closes_at=PAST))
