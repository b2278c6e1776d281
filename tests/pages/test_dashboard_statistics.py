"""The numbers on the dashboard: charts and tables of a list, an event and an organization, and releases tried."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.pages.test_dashboard import HOME, PAGE, Office, office  # noqa: F401 - a fixture
from tests.pages.test_fans import FRENCH
from tests.support.shop import EVENT, LIST
from tests.web.test_http import unchanged
from waiting_list.access.scopes import Scope
from waiting_list.lists.counts import sweep_changes
from waiting_list.pages.charts import chart, scale

EVENT_PAGE = f"{HOME}/events/ev_1/statistics"


def columns(text: str, which: int = 0) -> list[str]:
    """What the columns of a chart of a page say, from the oldest period to the newest."""
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)[which]
    return re.findall(r"<title>(.*?)</title>", drawn)


async def test_the_statistics_are_drawn_and_written_down(office: Office) -> None:  # noqa: F811
    organizer = await office.organizer()
    empty = await organizer.get(f"{PAGE}/statistics")
    assert "Joins 0" in empty.text
    assert "Demand 0" in empty.text
    await office.line()
    await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/purchase", {})
    for period in ("hour", "day", "week"):
        answer = await organizer.http.get(f"{PAGE}/statistics?period={period}")
        page = organizer.read(answer)
        for figure in (
            "Demand 3.5 × 7 tickets wanted for 2 released",
            "Joins 3",
            "Offers 1",
            "Purchases 1",
            "Tickets bought 2",
            "Offers that led to a purchase 100%",
            "Offers that expired 0%",
            "None in this range: Expired, Left or removed.",
        ):
            assert figure in page.text, figure
        assert page.tags.count("svg") == 4
        assert page.tags.count("table") == 1
        assert columns(answer.text)[-1].endswith("tickets wanted 7, tickets released 2")


async def test_a_chart_has_a_column_for_every_period_also_where_nothing_happened(office: Office) -> None:  # noqa: F811
    await office.line()
    await office.run("UPDATE history SET at = at - interval '10 days' WHERE verb = 'join' AND number = 1")
    organizer = await office.organizer()
    text = (await organizer.http.get(f"{PAGE}/statistics?period=day")).text
    # 10 days on which 2 tickets were wanted, and today, when 5 more are.
    waited = [re.search(r"wanted (\d+),", one) for one in columns(text)]
    assert [found and found[1] for found in waited] == ["2"] * 10 + ["7"]


@pytest.mark.parametrize(("chosen", "count"), [("day", 25), ("week", 169), ("month", 31), ("all", 41)])
async def test_a_range_goes_back_from_now_and_sums_up_its_periods_alone(
    office: Office,  # noqa: F811
    chosen: str,
    count: int,
) -> None:
    await office.line()
    await office.run("UPDATE history SET at = at - interval '40 days' WHERE verb = 'join' AND number = 1")
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{PAGE}/statistics?range={chosen}")
    page = organizer.read(answer)
    # An hour more or less, where the clocks change in the range.
    assert abs(len(columns(answer.text)) - count) <= (chosen == "week")
    assert f"Joins {3 if chosen == 'all' else 2}" in page.text
    assert columns(answer.text)[0].endswith("wanted 2, tickets released 0")
    file = await organizer.http.get(f"{PAGE}/statistics.csv?range={chosen}", headers=FRENCH)
    header, *rows = csv.reader(io.StringIO(file.content.decode("utf-8-sig")), delimiter=";")
    assert (header[1], len(rows)) == ("Inscriptions", len(columns(answer.text)))
    assert sum(int(row[1]) for row in rows) == (3 if chosen == "all" else 2)


@pytest.mark.parametrize(
    ("first", "last", "bars"),
    [
        # In Paris the clocks go back on 27 October 2024, and forward on 31 March 2024.
        ("2024-10-26 12:00+02", "2024-10-29 12:00+01", {"hour": 74, "day": 4, "week": 2}),
        ("2024-03-30 12:00+01", "2024-04-02 12:00+02", {"hour": 72, "day": 4, "week": 2}),
        ("2024-03-24 23:30+01", "2024-03-31 23:30+02", {"hour": 168, "day": 8, "week": 2}),
    ],
)
async def test_a_plot_has_no_gap_and_no_bar_twice_when_the_clocks_change(
    office: Office,  # noqa: F811
    first: str,
    last: str,
    bars: dict[str, int],
) -> None:
    await office.line()
    await office.run(f"UPDATE history SET at = '{last}'")
    await office.run(f"UPDATE history SET at = '{first}' WHERE verb = 'join' AND number = 1")
    organizer = await office.organizer()
    for period, count in bars.items():
        answer = await organizer.http.get(f"{PAGE}/statistics?period={period}")
        timeline = re.findall(r"<svg.*?</svg>", answer.text, re.DOTALL)[0]
        assert timeline.count("<title>") == count, period


async def test_long_histories_are_drawn_by_weeks(office: Office) -> None:  # noqa: F811
    await office.line()
    await office.run("UPDATE history SET at = at - interval '300 days' WHERE verb = 'join' AND number = 1")
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{PAGE}/statistics")
    assert "Each column is a week." in organizer.read(answer).text
    assert 42 <= len(columns(answer.text)) <= 45


async def test_short_histories_are_drawn_by_hours(office: Office) -> None:  # noqa: F811
    await office.line()
    await office.run("UPDATE history SET at = at - interval '30 hours' WHERE verb = 'join' AND number = 1")
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{PAGE}/statistics")
    assert "Each column is an hour." in organizer.read(answer).text
    assert len(columns(answer.text)) == 31
    answer = await organizer.http.get(f"{PAGE}/statistics?period=day")
    assert "Each column is a day." in organizer.read(answer).text


async def test_a_release_is_tried_and_taken_back(office: Office) -> None:  # noqa: F811
    await office.line()
    organizer = await office.organizer()
    async with unchanged(office.app):
        page = await organizer.get(f"{PAGE}/statistics?release=3")
        assert "1 fan would get an offer, for 4 tickets in all. 0 tickets would stay free." in page.text
        assert "bob 2 4" in page.text
        page = await organizer.get(f"{PAGE}/statistics?release=4")
        assert "2 fans would get an offer, for 5 tickets in all. 0 tickets would stay free." in page.text
        assert "The capacity would grow" not in page.text
        page = await organizer.get(f"{PAGE}/statistics?release=200")
        assert (
            "2 fans would get an offer, for 5 tickets in all. 196 tickets would stay free. The capacity"
            in page.text
        )
        page = await organizer.get(f"{PAGE}/statistics?release=0")
        assert "Enter a whole number, 1 or more." in page.text
        answer = await organizer.http.get(f"{PAGE}/statistics?release=two")
        assert re.search(r'name="release"[^>]* value="two" aria-invalid="true"', answer.text)
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"automatic": False})
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    async with unchanged(office.app):
        page = await organizer.get(f"{PAGE}/statistics?release=4")
        assert "1 fan would get an offer, for 4 tickets in all. 0 tickets would stay free." in page.text
        page = await organizer.get(f"{PAGE}/statistics?release=5")
        assert "would get an offer" not in page.text


async def test_a_release_is_the_same_when_it_is_made(office: Office) -> None:  # noqa: F811
    await office.line()
    organizer = await office.organizer(await office.key(Scope.READ))
    assert "bob 2 4" in (await organizer.get(f"{PAGE}/statistics?release=3")).text
    made = await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    assert [(one["user_id"], one["tickets_held"]) for one in made["promoted"]] == [("bob", 4)]


async def test_an_event_and_an_organization_have_the_sums_of_their_lists(office: Office) -> None:  # noqa: F811
    shop = office.shop
    await shop.stock(where="off_1/rep_2")
    await shop.made("PUT", "/events/ev_2", EVENT | {"title": "Elsewhere", "timezone": "America/New_York"})
    later = datetime.now(UTC) + timedelta(days=50)
    await shop.made("PUT", "/representations/rep_9", _date("ev_2", later))
    await shop.made("PUT", "/offers/off_9", {"event_id": "ev_2", "name": "Floor", "max_quantity_per_order": 6})
    stock: dict[str, Any] = {"total_stock": 10, "available_stock": 0}
    await shop.made("PUT", "/inventory/off_9/rep_9", stock)
    await office.line()
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/purchase", {})
    for where, wanted in (("off_1/rep_2", 3), ("off_9/rep_9", 6)):
        await shop.made("POST", f"/waiting-lists/{where}/entries", {"user_id": "dan", "tickets_wanted": wanted})
    organizer = await office.organizer()
    before = await organizer.get(EVENT_PAGE)
    assert re.search(r"\d+ changes of the last seconds are not counted yet", before.text)
    await sweep_changes(office.app.state.service.pool)
    answer = await organizer.http.get(EVENT_PAGE)
    page = organizer.read(answer)
    assert "not counted yet" not in page.text
    for figure in ("Demand 5 × 10 tickets wanted for 2 released", "Joins 4", "Tickets bought 2", "Waiting now 3"):
        assert figure in page.text, figure
    assert columns(answer.text)[-1].endswith("tickets wanted 10, tickets released 2")
    assert "Elsewhere" not in page.text
    answer = await organizer.http.get(f"{HOME}/statistics")
    page = organizer.read(answer)
    for figure in ("Demand 8 × 16 tickets wanted for 2 released", "Joins 5", "Waiting now 4", "in 2 timezones"):
        assert figure in page.text, figure
    rows = re.findall(r'<th scope="row"><a href="([^"]+)/statistics"', answer.text)
    assert rows == [f"{HOME}/waiting-lists/{where}" for where in ("off_9/rep_9", LIST, "off_1/rep_2")]
    for path in (EVENT_PAGE, f"{HOME}/statistics"):
        file = await organizer.http.get(f"{path}.csv?range=month")
        assert sum(int(row["Joins"]) for row in csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))) == (
            4 if path == EVENT_PAGE else 5
        )


async def test_another_organization_has_no_part_in_it(office: Office) -> None:  # noqa: F811
    await office.line()
    await sweep_changes(office.app.state.service.pool)
    other = await office.organizer(await office.key(organization_id="org_2"))
    await other.get(EVENT_PAGE, 404)
    await other.get(f"{EVENT_PAGE}.csv", 404)
    page = await other.get(f"{HOME}/statistics")
    assert "Nothing has happened yet." in page.text
    assert "Demand 0" in page.text


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (0, (1, 0)),
        (1, (1, 0)),
        (4, (4, 3, 2, 1, 0)),
        (5, (6, 4, 2, 0)),
        (9, (10, 5, 0)),
        (17, (20, 15, 10, 5, 0)),
        (40, (40, 30, 20, 10, 0)),
        (81, (100, 50, 0)),
        (12_345, (15_000, 10_000, 5_000, 0)),
    ],
)
def test_an_axis_has_round_values_at_equal_distances(top: int, ticks: tuple[int, ...]) -> None:
    assert scale(top) == ticks


def test_a_chart_is_as_high_as_its_values() -> None:
    drawn = chart(["a", "b", "c", "d"], [0, 4, 2, 1], [4, 4, 4, 4], width=400, height=100)
    assert [(y, height) for _, y, _, height in drawn.bars] == [(0, 100), (50, 50), (75, 25)]
    assert drawn.lines == ("50.0,100.0 150.0,0.0 250.0,50.0 350.0,75.0", "50.0,0.0 150.0,0.0 250.0,0.0 350.0,0.0")
    assert [(one.x, one.width, one.label, one.values) for one in drawn.columns][1] == (100, 100, "b", (4, 4))
    assert chart(["a"], [4], [2], width=400, height=100).lines == ("0,0.0 400,0.0", "0,50.0 400,50.0")
    assert chart([str(one) for one in range(30)], [1] * 30).labels == ("0", "7", "14", "22", "29")


def _date(event_id: str, at: datetime) -> dict[str, str]:
    ends = at + timedelta(hours=3)
    return {"event_id": event_id, "start_datetime": at.isoformat(), "end_datetime": ends.isoformat()}
