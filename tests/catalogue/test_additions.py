"""Ids that people can read, and several dates or lists added at once."""

from datetime import timedelta

import pytest

from tests.support.lists import LIST, ORGANIZER, START, Lists
from waiting_list.catalogue.additions import add_dates, add_lists, readable_id
from waiting_list.catalogue.models import InventoryFields, RepresentationFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection
from waiting_list.problems import EventNotFound


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Jazz & Blues Night", "jazz-blues-night"),
        ("Élégie à Noël", "elegie-a-noel"),
        ("東京", ""),
        ("<b>..//", "b"),
        ("x" * 300, "x" * 40),
    ],
)
def test_an_id_begins_with_the_title_and_is_the_same_for_the_same_form(text: str, begins: str) -> None:
    made = readable_id(text, "1a2b3c4d")
    assert made == f"{begins}-1a2b3c4d".lstrip("-")
    assert made == readable_id(text, "1a2b3c4d")


async def test_all_dates_are_added_or_none(lists: Lists) -> None:
    fields = RepresentationFields(event_id="ev_1", start_datetime=START, end_datetime=START + timedelta(hours=1))
    other = fields.model_copy(update={"event_id": "nowhere"})
    with pytest.raises(EventNotFound):
        await add_dates(lists.pool, ORGANIZER, {"new_1": fields, "new_2": other})
    assert await add_dates(lists.pool, ORGANIZER, {"new_1": fields, "new_2": fields}) == 2
    assert await add_dates(lists.pool, ORGANIZER, {"new_1": fields, "new_2": fields}) == 0


async def test_lists_are_added_open_and_one_that_exists_keeps_its_stock(lists: Lists) -> None:
    fields = RepresentationFields(event_id="ev_1", start_datetime=START, end_datetime=START + timedelta(hours=1))
    await add_dates(lists.pool, ORGANIZER, {"new": fields})
    new = ListKey("off_1", "new")
    stock = InventoryFields(total_stock=7, available_stock=0)
    stranger = Caller("org_2", "organizer:other")
    assert await add_lists(lists.pool, stranger, [(new, stock)]) == set()
    assert await add_lists(lists.pool, ORGANIZER, [(LIST, stock), (new, stock)]) == {new}
    async with connection(lists.pool) as acquired:
        found = await acquired.fetch(
            "SELECT representation_id, total_stock, waiting_list_open FROM inventory ORDER BY 1"
        )
    assert [tuple(row) for row in found] == [("new", 7, True), ("rep_1", 100, True)]
