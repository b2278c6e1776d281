"""The CSV import: the first implementation's own files, all or nothing, by file and line."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.lists import ORGANIZATION, Lists
from waiting_list import importer, reading
from waiting_list.database import Pool, connection
from waiting_list.engine import Engine
from waiting_list.models import ListKey, Status
from waiting_list.settings import Settings

FIRST = Path(__file__).parent / "data" / "first"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIRST, tmp_path / "files"))


async def test_the_first_implementations_files_import_as_they_are(pool: Pool) -> None:
    made = await importer.load(pool, importer.read(FIRST))
    assert made == {"events": 10, "representations": 18, "offers": 15, "inventory": 28}
    sold_out = await reading.waiting_list(pool, ListKey("off_001", "rep_001"))
    assert (sold_out.open, sold_out.closed_reason) == (False, "ended")
    page = await reading.inventories(
        pool, "HIDDEN", event_id=None, offer_id=None, representation_id=None, limit=50, cursor=None
    )
    assert all(one.waiting_list_open == (one.available_stock == 0) for one in page.items)
    assert await importer.load(pool, importer.read(FIRST)) == dict.fromkeys(made, 0)


async def test_shifted_dates_lie_ahead_at_the_same_local_time_of_the_same_weekday(pool: Pool) -> None:
    today = datetime.now(UTC).date()
    plain = importer.read(FIRST)
    moved = importer.shifted(plain, today)
    for key, representation in moved.representations.items():
        zone = ZoneInfo(plain.events[representation.event_id].timezone)
        before = plain.representations[key].start_datetime.astimezone(zone)
        after = representation.start_datetime.astimezone(zone)
        assert after.date() > today
        assert (after.time(), after.weekday()) == (before.time(), before.weekday())
    await importer.load(pool, moved)
    assert (await reading.waiting_list(pool, ListKey("off_001", "rep_001"))).open


def test_a_catalogue_that_lies_ahead_already_is_not_shifted() -> None:
    plain = importer.read(FIRST)
    assert importer.shifted(plain, date(2020, 1, 1)).representations == plain.representations


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
    with pytest.raises(importer.ImportRefused) as caught:
        importer.read(folder)
    assert any(line.startswith(error) for line in caught.value.errors), caught.value.errors


async def test_every_bad_row_is_told_and_nothing_is_imported(folder: Path, lists: Lists) -> None:
    (folder / "offers.csv").unlink()
    (folder / "events.csv").write_bytes(b"\xff")
    with pytest.raises(importer.ImportRefused) as caught:
        importer.read(folder)
    assert len(caught.value.errors) > 10


async def test_an_id_of_another_organization_stops_the_whole_import(lists: Lists) -> None:
    await lists.add_event("ev_010", "somebody_else")
    before = await lists.tables()
    with pytest.raises(importer.ImportRefused, match=r"^events\.csv:11: The event id ev_010 is already in use"):
        await importer.load(lists.pool, importer.read(FIRST))
    assert await lists.tables() == before


async def test_importing_again_sets_the_stock_and_serves_who_waits(folder: Path, pool: Pool) -> None:
    def read() -> importer.Catalogue:
        return importer.shifted(importer.read(folder, organization_id=ORGANIZATION), datetime.now(UTC).date())

    await importer.load(pool, read())
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
    await importer.load(pool, read(), sends_mail=True)
    assert await lists.status("ada") is Status.READY
    async with connection(pool) as acquired:
        told = await acquired.fetch("SELECT type FROM outbox ORDER BY type")
    assert [one["type"] for one in told] == ["entry.ready", "ready", "reminder", "stock.changed"]
    await lists.audit()
