"""The CSV import: the first implementation's files, all or nothing, and errors by file and line."""

import csv
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lists import ORGANIZATION, Lists
from waiting_list.audit.run import audit_lists
from waiting_list.catalogue import csv_import
from waiting_list.catalogue import queries as catalogue_queries
from waiting_list.catalogue.models import Event, InventoryFields, Offer, Representation
from waiting_list.catalogue.shift import shifted
from waiting_list.csv_files import ImportRefused
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import lists as list_queries
from waiting_list.postgres.pool import Pool, connection
from waiting_list.settings import Settings

DATA = Path(__file__).parent.parent / "data"
FIRST = DATA / "first"
SHEETS = DATA / "sheets"
"""Files as spreadsheets and people write them."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIRST, tmp_path / "files"))


async def test_the_first_implementations_files_import_as_they_are(pool: Pool) -> None:
    made = await csv_import.load(pool, csv_import.read(FIRST))
    assert made.made == {"events": 10, "representations": 18, "offers": 15, "inventory": 28}
    sold_out = await list_queries.waiting_list(pool, ListKey("off_001", "rep_001"))
    assert (sold_out.open, sold_out.closed_reason) == (False, "ended")
    page = await catalogue_queries.inventories(
        pool, "HIDDEN", event_id=None, offer_id=None, representation_id=None, limit=50, cursor=None
    )
    assert all(one.waiting_list_open == (one.available_stock == 0) for one in page.items)
    assert (await csv_import.load(pool, csv_import.read(FIRST))).made == dict.fromkeys(made.made, 0)


async def test_shifted_dates_lie_ahead_at_the_same_local_time_of_the_same_weekday(pool: Pool) -> None:
    today = datetime.now(UTC).date()
    plain = csv_import.read(FIRST)
    moved = shifted(plain, today)
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
    assert shifted(plain, date(2020, 1, 1)).representations == plain.representations


BAD = [
    ("events.csv", "Europe/Paris", "Europe/Nowhere", "events.csv:2: timezone: must be an IANA timezone"),
    ("events.csv", "ev_002,", "ev_001,", "events.csv:3: ev_001 is already in line 2"),
    ("events.csv", "id,title", "id,name", "events.csv:1: wrong columns (missing: title; unknown: name)"),
    (
        "representations.csv",
        "2025-07-15T20:00:00+02:00",
        "15.07.2025 20:00",
        "representations.csv:2: start_datetime: '15.07.2025 20:00' may be day or month first",
    ),
    (
        "representations.csv",
        "2025-07-15T23:00:00",
        "2025-07-15T03:00:00",
        "representations.csv:2: end_datetime must not be before",
    ),
    ("offers.csv", "ticket,4,", "ticket,four,", "offers.csv:2: max_quantity_per_order"),
    ("offers.csv", "off_001,ev_001", "off_001,ev_999", "offers.csv:2: event_id: 'ev_999' is not in events.csv"),
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
        "inventory.csv:2: available_stock must not",
    ),
    ("inventory.csv", "rep_001,500,0", "rep_001,-1,0", "inventory.csv:2: total_stock: must be at least 0"),
    (
        "inventory.csv",
        "rep_001,500,0",
        "rep_001,9999999999,0",
        "inventory.csv:2: total_stock: must be at most 2147483647",
    ),
    ("events.csv", "ev_002,", ",", "events.csv:3: id: must not be empty"),
    ("events.csv", "Rock Concert", "R" * 501, "events.csv:3: title: must have at most 500 characters"),
    (
        "inventory.csv",
        "rep_002,500,0",
        "rep_001,500,0",
        "inventory.csv:3: off_001 with rep_001 is already in line 2",
    ),
    ("inventory.csv", "rep_001,500,0", "rep_001,500", "inventory.csv:2: has 4 cells in place of 5"),
]


@pytest.mark.parametrize(("file", "old", "new", "error"), BAD, ids=[f"{one[0]}-{one[2]}" for one in BAD])
def test_a_bad_row_is_named_by_file_and_line(folder: Path, file: str, old: str, new: str, error: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ImportRefused) as caught:
        csv_import.read(folder)
    assert any(line.startswith(error) for line in caught.value.errors), caught.value.errors


def refused(folder: Path) -> list[str]:
    with pytest.raises(ImportRefused) as caught:
        csv_import.read(folder)
    return caught.value.errors


def test_only_cr_and_lf_end_a_record_of_the_catalogue() -> None:
    found = csv_import.read(SHEETS / "cat-line-separator")
    assert found.events["cat-li-e"].description == "Two evenings.\u2028Bring a coat."
    assert found.offers["cat-li-o"].description == "Seated\x0bNo lift"


def test_a_catalogue_that_a_spreadsheet_saved_with_semicolons_is_read() -> None:
    found = csv_import.read(SHEETS / "cat-excel-semicolon")
    assert found.inventory[ListKey("cat-ex-o", "cat-ex-r")].total_stock == 120
    assert found.notes == []


def test_times_without_an_offset_are_those_of_the_events_zone_in_summer_and_in_winter() -> None:
    found = csv_import.read(SHEETS / "cat-local-times").representations
    assert found["cat-lo-r"].start_datetime == datetime(2031, 6, 14, 17, 30, tzinfo=UTC)
    assert found["cat-lo-w"].start_datetime == datetime(2031, 12, 14, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "why"),
    [
        (
            "2031-03-30 02:30",
            "does not exist in Europe/Oslo, because its clocks go forward then: write 2031-03-30 03",
        ),
        (
            "2031-10-26 02:30",
            "comes twice in Europe/Oslo, because its clocks go back then: write 2031-10-26 02:30+02",
        ),
    ],
)
def test_the_missing_and_the_doubled_hour_are_refused_by_file_and_line(
    local: str, why: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(SHEETS / "cat-local-times", tmp_path / "files"))
    file = folder / "representations.csv"
    file.write_text(file.read_text().replace("2031-06-14 19:30", local))
    (error,) = refused(folder)
    assert error.startswith(f"representations.csv:2: start_datetime: {local!r} {why}")


def test_a_quote_in_the_header_is_one_line_with_file_and_line() -> None:
    assert refused(SHEETS / "cat-header-quote") == [
        "events.csv:1: text follows a closing quote. Write a quote inside a quoted cell twice"
    ]


def test_a_stock_with_two_dashes_is_one_line_with_file_and_line() -> None:
    assert refused(SHEETS / "cat-two-dashes") == [
        "inventory.csv:2: available_stock: '--5' is not a whole number: write digits only, such as 120"
    ]


def test_causes_are_named_and_the_rows_that_follow_from_them_are_not() -> None:
    assert refused(SHEETS / "cat-many-follow-ups") == [
        "events.csv:2: timezone: must be an IANA timezone, such as Europe/Paris."
        " Nearest: Europe/Berlin or Europe/Paris",
        "inventory.csv:2: available_stock must not be more than total_stock",
    ]


def test_rows_that_follow_from_a_broken_row_or_an_unread_file_are_not_named(folder: Path) -> None:
    events, offers = folder / "events.csv", folder / "offers.csv"
    whole = events.read_text()
    events.write_text(whole.replace("ev_001,", "ev_001,extra,", 1))
    assert refused(folder) == ["events.csv:2: has 9 cells in place of 8"]
    events.write_text(whole)
    offers.unlink()
    assert refused(folder) == [f"offers.csv: the file is missing in {folder}"]
    events.write_bytes(b"id,\xcf\xf0\xe8")
    assert refused(folder)[0].startswith("events.csv:1: is neither UTF-8 nor plainly Windows-1252")
    assert len(refused(folder)) == 2


def test_of_many_bad_rows_of_one_kind_ten_are_named_and_the_others_counted(folder: Path) -> None:
    text = (folder / "inventory.csv").read_text()
    (folder / "inventory.csv").write_text(text.replace(",rep_", ",no_").replace(",500,", ",1e3,"))
    errors = refused(folder)
    assert sum("representation_id: 'no_" in error for error in errors) == 10
    assert "inventory.csv: and 18 more like line 2" in errors
    assert any("'1e3' is not a whole number" in error for error in errors)


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["x", "Europe/Oslo", "2031-03-30 02:30", "0001-01-01 00:00", "9999-12-31T23:59-12:00", "5", "-0", "", "ticket"]
)


@given(st.data())
def test_any_rows_of_a_catalogue_are_read_or_refused_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    for file, names in csv_import._COLUMNS.items():
        size = len(names.split())
        records = data.draw(st.lists(st.lists(cells, min_size=size, max_size=size), max_size=4))
        with (folder / file).open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([names.split(), *records])
    errors: list[str] = []
    try:
        csv_import.read(folder)
    except ImportRefused as refusal:
        errors = refusal.errors
    assert all(".csv:" in line for line in errors)


async def test_a_dry_run_says_what_an_import_would_do_and_changes_no_data(lists: Lists, tmp_path: Path) -> None:
    folder = SHEETS / "cat-local-times"
    before = await lists.tables()
    done = await csv_import.load(lists.pool, csv_import.read(folder), dry_run=True)
    assert done.made == {"events": 1, "representations": 2, "offers": 1, "inventory": 2}
    assert await lists.tables() == before
    await csv_import.load(lists.pool, csv_import.read(folder, organization_id=ORGANIZATION))
    waiting = Lists(lists.pool, lists.engine, ListKey("cat-lo-o", "cat-lo-r"))
    await waiting.join("ada", 2)
    copied = Path(shutil.copytree(folder, tmp_path / "files"))
    file = copied / "inventory.csv"
    file.write_text(file.read_text().replace("cat-lo-r,120,0", "cat-lo-r,120,2"))
    before = await lists.tables()
    again = csv_import.read(copied, organization_id=ORGANIZATION)
    done = await csv_import.load(lists.pool, again, dry_run=True)
    assert (done.made["inventory"], done.ready) == (0, 1)
    assert await lists.tables() == before
    assert (await csv_import.load(lists.pool, again)).ready == 1


async def test_an_id_of_another_organization_stops_the_whole_import(lists: Lists) -> None:
    await lists.add_event("ev_010", "somebody_else")
    before = await lists.tables()
    with pytest.raises(ImportRefused, match=r"^events\.csv:11: The event id ev_010 is already in use"):
        await csv_import.load(lists.pool, csv_import.read(FIRST))
    assert await lists.tables() == before


async def test_every_row_that_the_database_refuses_is_named_and_its_follow_ups_are_not(
    lists: Lists, folder: Path
) -> None:
    await csv_import.load(lists.pool, csv_import.read(folder, organization_id=ORGANIZATION))
    await lists.add_event("ev_900", "somebody_else")
    await lists.add_list(ListKey("off_900", "rep_900"), event_id="ev_900", organization_id="somebody_else")
    for file, old, new in (
        ("events.csv", "ev_002,", "ev_900,"),
        ("representations.csv", "rep_010,", "rep_900,"),
        ("representations.csv", ",ev_002,", ",ev_900,"),
        ("offers.csv", ",ev_002,", ",ev_900,"),
        ("inventory.csv", ",rep_010,", ",rep_900,"),
    ):
        (folder / file).write_text((folder / file).read_text().replace(old, new))
    before = await lists.tables()
    found = csv_import.read(folder, organization_id=ORGANIZATION)
    with pytest.raises(ImportRefused) as caught:
        await csv_import.load(lists.pool, found)
    assert [error.partition(": ")[2] for error in caught.value.errors] == [
        "The event id ev_900 is already in use. Choose another id.",
        "The id rep_900 is already in use. Choose another id.",
    ]
    assert await lists.tables() == before


async def test_importing_again_sets_the_stock_and_serves_who_waits(folder: Path, pool: Pool) -> None:
    def read() -> csv_import.Catalogue:
        return shifted(csv_import.read(folder, organization_id=ORGANIZATION), datetime.now(UTC).date())

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
    await csv_import.load(pool, read())
    assert await lists.status("ada") is Status.READY
    async with connection(pool) as acquired:
        told = await acquired.fetch("SELECT type FROM outbox ORDER BY type")
    assert [one["type"] for one in told] == ["entry.ready", "joined", "ready", "reminder", "stock.changed"]
    await lists.audit()


def catalogue_of(lists: int, organization_id: str = "office") -> csv_import.Catalogue:
    """Return an event with so many dates, each with one sold-out list."""
    found = csv_import.Catalogue()
    found.events["event"] = Event(event_id="event", organization_id=organization_id, title="Event", timezone="UTC")
    found.offers["offer"] = Offer(offer_id="offer", event_id="event", name="Floor", max_quantity_per_order=4)
    start = datetime(2099, 1, 1, tzinfo=UTC)
    for number in range(lists):
        date = f"date{number}"
        found.representations[date] = Representation(
            representation_id=date, event_id="event", start_datetime=start, end_datetime=start
        )
        found.inventory[ListKey("offer", date)] = InventoryFields(total_stock=9, available_stock=number % 2)
    return found


async def test_many_new_lists_take_as_many_statements_as_a_few(pool: Pool) -> None:
    async with connection(pool) as acquired:
        sent: list[str] = []
        acquired.add_query_logger(lambda query: sent.append(query.query))
    for _ in range(2):  # at first, the driver asks about the types of arrays, too
        sent.clear()
        await csv_import.load(pool, catalogue_of(2), dry_run=True)
    few = len(sent)
    sent.clear()
    made = await csv_import.load(pool, catalogue_of(300))
    assert (few > 5, len(sent)) == (True, few)
    assert made.made == {"events": 1, "representations": 300, "offers": 1, "inventory": 300}
    reports = [report async for report in audit_lists(pool)]
    assert len(reports) == 300
    assert {(report.changes, report.finding) for report in reports} == {(1, None)}
    async with connection(pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM inventory WHERE waiting_list_open") == 150
        actors = await acquired.fetch("SELECT DISTINCT actor, verb FROM history")
    assert [tuple(actor) for actor in actors] == [("import", "create")]


async def test_an_import_of_new_and_of_known_lists_creates_the_new_ones_only(pool: Pool) -> None:
    await csv_import.load(pool, catalogue_of(3))
    found = catalogue_of(5)
    found.inventory[ListKey("offer", "date0")] = InventoryFields(total_stock=12, available_stock=7)
    made = await csv_import.load(pool, found)
    assert made.made == {"events": 0, "representations": 2, "offers": 0, "inventory": 2}
    async with connection(pool) as acquired:
        rows = await acquired.fetch(
            "SELECT representation_id, total_stock, last_sequence FROM inventory ORDER BY 1"
        )
    assert [tuple(row) for row in rows] == [
        ("date0", 12, 2), ("date1", 9, 1), ("date2", 9, 1), ("date3", 9, 1), ("date4", 9, 1),
    ]  # fmt: skip


async def test_an_import_says_what_it_makes_and_changes_and_can_leave_stock_alone(lists: Lists) -> None:
    """Two of three lists exist; since the file was written, the shop has sold a ticket of the second."""
    kinds = ("events", "representations", "offers", "inventory")

    async def load(found: csv_import.Catalogue, **options: bool) -> tuple[list[int], list[int]]:
        done = await csv_import.load(lists.pool, found, **options)
        return [done.made[kind] for kind in kinds], [done.changed[kind] for kind in kinds]

    await import_of_own(lists, 2)
    found = catalogue_of(3, ORGANIZATION)
    await lists.remove_stock(1)
    await lists.join("ada")
    found.offers["offer"] = found.offers["offer"].model_copy(update={"name": "Balcony"})
    later = {"end_datetime": datetime(2099, 1, 2, tzinfo=UTC)}
    found.representations["date0"] = found.representations["date0"].model_copy(update=later)
    for dry_run in (True, False):
        assert await load(found, keep_stock=True, dry_run=dry_run) == ([0, 1, 0, 1], [0, 1, 1, 0])
    stock = await lists.inventory()
    assert (stock.total_stock, stock.available_stock, stock.held) == (9, 0, 0)
    assert await load(found, keep_stock=True) == ([0] * 4, [0] * 4)
    assert await load(found) == ([0] * 4, [0, 0, 0, 1])
    assert (await lists.inventory()).held == 1, "the stock of the file is set, and goes to who waits"


async def test_an_import_that_keeps_the_stock_serves_who_waits_for_a_show_that_was_put_off(lists: Lists) -> None:
    found = await import_of_own(lists, 2)
    await lists.remove_stock(1)
    await lists.join("ada")
    await lists.rows("UPDATE representations SET start_datetime = '2000-01-01Z', end_datetime = '2000-01-01Z'")
    await lists.put_stock(9, 1)
    assert await lists.status("ada") is Status.WAITING
    assert (await csv_import.load(lists.pool, found, keep_stock=True)).ready == 1


async def test_a_new_order_limit_serves_every_list_of_the_offer_and_not_only_those_of_the_file(
    lists: Lists,
) -> None:
    """In the list that the file leaves out, two tickets are free and too few for the only fan, until one may buy
    no more than two; the other lists are in the file."""
    found = await import_of_own(lists, 3)
    await lists.remove_stock(1)
    await lists.join("ada", 4)
    await lists.join("bob", 2)
    await lists.add_stock(2)
    assert await lists.status("bob") is Status.WAITING
    del found.inventory[lists.key]
    found.offers["offer"] = found.offers["offer"].model_copy(update={"max_quantity_per_order": 2})
    assert (await csv_import.load(lists.pool, found)).ready == 1
    assert await lists.status("bob") is Status.READY
    rows = await lists.rows(
        "SELECT i.representation_id, h.actor, h.after FROM history h JOIN inventory i USING (list_id)"
        " WHERE verb = 'put_offer' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [(f"date{one}", "import", '{"order_limit": 2}') for one in range(3)]
    assert (await csv_import.load(lists.pool, found)).ready == 0, "the same file again changes nothing"
    await lists.audit()


async def import_of_own(lists: Lists, quantity: int) -> csv_import.Catalogue:
    """Import so many lists of the tests' organization, and turn to the second, which has one ticket."""
    found = catalogue_of(quantity, ORGANIZATION)
    await csv_import.load(lists.pool, found)
    lists.key = ListKey("offer", "date1")
    return found
