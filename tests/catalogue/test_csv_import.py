"""The CSV import: the first implementation's files, all or nothing, and errors by file and line."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.lists import ORGANIZATION, Lists
from waiting_list.catalogue import csv_import
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.postgres.pool import Pool, connection
from waiting_list.settings import Settings

FIRST = Path(__file__).parent.parent / "data" / "first"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIRST, tmp_path / "files"))


async def test_the_first_implementations_files_import_as_they_are(pool: Pool) -> None:
    made = await csv_import.load(pool, csv_import.read(FIRST))
    assert made == {"events": 10, "representations": 18, "offers": 15, "inventory": 28}
    sold_out = await list_queries.waiting_list(pool, ListKey("off_001", "rep_001"))
    assert (sold_out.open, sold_out.closed_reason) == (False, "ended")
    page = await catalogue_queries.inventories(
        pool, "HIDDEN", event_id=None, offer_id=None, representation_id=None, limit=50, cursor=None
    )
    assert all(one.waiting_list_open == (one.available_stock == 0) for one in page.items)
    assert await csv_import.load(pool, csv_import.read(FIRST)) == dict.fromkeys(made, 0)


async def test_shifted_dates_lie_ahead_at_the_same_local_time_of_the_same_weekday(pool: Pool) -> None:
    today = datetime.now(UTC).date()
    plain = csv_import.read(FIRST)
    moved = csv_import.shifted(plain, today)
    for key, representation in moved.representations.items():
        zone = ZoneInfo(plain.events[representation.event_id].timezone)
        before = plain.representations[key].start_datetime.astimezone(zone)
        after = representation.start_datetime.astimezone(zone)
        assert after.date() > today
        assert (after.time(), after.weekday()) == (before.time(), before.weekday())
    await csv_import.load(pool, moved)
    assert (await list_queries.waiting_list(pool, ListKey("off_001", "rep_001"))).open


def test_a_catalogue_that_lies_ahead_already_is_not_shifted() -> None:
    plain = csv_import.read(FIRST)
    assert csv_import.shifted(plain, date(2020, 1, 1)).representations == plain.representations


BAD = [
    ("events.csv", "Europe/Paris", "Europe/Nowhere", "events.csv:2: timezone: must be an IANA timezone"),
    ("events.csv", "ev_002,", "ev_001,", "events.csv:3: ev_001 is already in line 2"),
    ("events.csv", "id,title", "id,name", "events.csv:1: columns missing: ['title']"),
    (
        "representations.csv",
        "2025-07-15T20:00:00+02:00",
        "2025-07-15T20:00:00",
        "representations.csv:2: start_datetime",
    ),
    (
        "representations.csv",
        "2025-07-15T23:00:00",
        "2025-07-15T03:00:00",
        "representations.csv:2: Representation: end",
    ),
    ("offers.csv", "ticket,4,", "ticket,four,", "offers.csv:2: max_quantity_per_order"),
    ("offers.csv", "off_001,ev_001", "off_001,ev_999", "offers.csv:2: event_id: 'ev_999' is missing"),
    (
        "inventory.csv",
        "rep_001,500,0",
        "rep_004,500,0",
        "inventory.csv:2: the offer and the representation belong",
    ),
    (
        "inventory.csv",
        "rep_001,500,0",
        "rep_001,5,9",
        "inventory.csv:2: InventoryFields: available_stock must not",
    ),
    ("inventory.csv", "rep_001,500,0", "rep_001,-1,0", "inventory.csv:2: total_stock"),
    ("inventory.csv", "rep_002,500,0", "rep_001,500,0", "inventory.csv:3: "),
    ("inventory.csv", "rep_001,500,0", "rep_001,500", "inventory.csv:2: does not have 5 cells"),
]


@pytest.mark.parametrize(("file", "old", "new", "error"), BAD, ids=[f"{one[0]}-{one[2]}" for one in BAD])
def test_a_bad_row_is_named_by_file_and_line(folder: Path, file: str, old: str, new: str, error: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(csv_import.ImportRefused) as caught:
        csv_import.read(folder)
    assert any(line.startswith(error) for line in caught.value.errors), caught.value.errors


async def test_every_bad_row_is_told_and_nothing_is_imported(folder: Path, lists: Lists) -> None:
    (folder / "offers.csv").unlink()
    (folder / "events.csv").write_bytes(b"\xff")
    with pytest.raises(csv_import.ImportRefused) as caught:
        csv_import.read(folder)
    assert len(caught.value.errors) > 10


async def test_an_id_of_another_organization_stops_the_whole_import(lists: Lists) -> None:
    await lists.add_event("ev_010", "somebody_else")
    before = await lists.tables()
    with pytest.raises(csv_import.ImportRefused, match=r"^events\.csv:11: The event id ev_010 is already in use"):
        await csv_import.load(lists.pool, csv_import.read(FIRST))
    assert await lists.tables() == before


async def test_importing_again_sets_the_stock_and_serves_who_waits(folder: Path, pool: Pool) -> None:
    def read() -> csv_import.Catalogue:
        return csv_import.shifted(csv_import.read(folder, organization_id=ORGANIZATION), datetime.now(UTC).date())

    await csv_import.load(pool, read())
    lists = Lists(pool, Engine(pool, Settings()), ListKey("off_001", "rep_001"), datetime.now(UTC))
    await lists.join("ada", 2, email="ada@example.org")
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at)"
            " VALUES ('wh_1', $1, 'https://example.org/', '', '{}', now())",
            ORGANIZATION,
        )
    text = (folder / "inventory.csv").read_text()
    (folder / "inventory.csv").write_text(
        "\ufeff" + text.replace("rep_001,500,0", "rep_001,500,3").replace("\n", "\r\n")
    )
    await csv_import.load(pool, read(), sends_mail=True)
    assert await lists.status("ada") is Status.READY
    async with connection(pool) as acquired:
        told = await acquired.fetch("SELECT type FROM outbox ORDER BY type")
    assert [one["type"] for one in told] == ["entry.ready", "ready", "reminder", "stock.changed"]
    await lists.audit()
