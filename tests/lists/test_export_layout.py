"""An export for spreadsheets opens in one: with its letters, its columns in words, and local times."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lists import LIST, Lists
from tests.support.shop import Shop, problem
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES
from waiting_list.lists.models import Entry, LeftReason, Status
from waiting_list.lists.queries.export_layout import PLAIN, ExportedEntry, Layout, spreadsheet

ENTRY = ExportedEntry(
    offer_id="floor",
    representation_id="jazz-1",
    event_id="jazz",
    user_id="zoë",
    status=Status.LEFT,
    left_reason=LeftReason.EXPIRED,
    tickets_wanted=2,
    tickets_minimum=1,
    tickets_held=0,
    number=7,
    rank=7_000_000,
    position=None,
    tickets_ahead=None,
    joined_at=datetime(2031, 6, 14, 17, 30, 5, 999_999, tzinfo=UTC),
    ready_at=datetime(2031, 12, 14, 18, 30, tzinfo=UTC),
    ready_until=None,
    left_at=None,
    address_failed=False,
    timezone="Europe/Oslo",
)


def rows(layout: Layout, *entries: ExportedEntry, delimiter: str = ",") -> list[dict[str, str]]:
    text = (layout.head() + layout.rows(entries)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_a_spreadsheet_gets_its_mark_words_and_local_times_of_summer_and_winter() -> None:
    layout = spreadsheet("en")
    assert layout.head().startswith(b"\xef\xbb\xbfOffer ID,")
    (row,) = rows(layout, ENTRY)
    assert row["Joined (local time)"] == "2031-06-14 19:30:05"
    assert row["Ready since (local time)"] == "2031-12-14 19:30:00"
    assert (row["Timezone"], row["Can buy until (local time)"]) == ("Europe/Oslo", "")
    assert (row["Status"], row["Reason for leaving"], row["User ID"]) == ("left", "did not buy in time", "zoë")


def test_a_french_spreadsheet_has_french_words_and_semicolons() -> None:
    (row,) = rows(spreadsheet("fr"), ENTRY, delimiter=";")
    assert (row["Statut"], row["Identifiant"]) == ("sorti", "zoë")
    assert row["Inscription (heure locale)"] == "2031-06-14 19:30:05"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_column_state_and_reason_has_its_word(locale: Locale) -> None:
    layout = spreadsheet(locale)
    shown = [name for name in Entry.model_fields if name != "purchase_pass"]
    assert [*layout.columns] == [*shown, "address_failed", "timezone"]
    assert len({*layout.header}) == len(layout.columns)
    words = {layout.cell(ENTRY.model_copy(update={"status": one}), "status") for one in Status}
    words |= {layout.cell(ENTRY.model_copy(update={"left_reason": one}), "left_reason") for one in LeftReason}
    assert len(words) == len(Status) + len(LeftReason)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_user_id_reads_back_and_is_no_formula(user_id: str) -> None:
    for layout, name, delimiter in ((PLAIN, "user_id", ","), (spreadsheet("fr"), "Identifiant", ";")):
        (row,) = rows(layout, ENTRY.model_copy(update={"user_id": user_id}), delimiter=delimiter)
        assert row[name].removeprefix("'") == user_id.removeprefix("'")
        assert not row[name].startswith(
            ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
        )


async def test_an_export_is_for_programs_unless_a_spreadsheet_is_asked_for(shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{'/'.join(LIST)}", {"open": True})
    await shop.join("ada")
    plain = await shop.organizer("GET", "/entries.csv")
    assert plain.text.startswith("offer_id,")
    assert "timezone" not in plain.text
    for locale, word in (("en", "User ID"), ("fr", "Identifiant")):
        asked = await shop.organizer("GET", f"/entries.csv?spreadsheet={locale}")
        assert asked.content.startswith(b"\xef\xbb\xbf")
        assert word in asked.text
        assert "Europe/Paris" in asked.text
    problem(await shop.organizer("GET", "/entries.csv?spreadsheet=nl"), 422, "invalid_request")
    problem(await shop.organizer("GET", "/entries?spreadsheet=en"), 422, "invalid_request")


async def test_the_timezone_of_an_export_is_that_of_each_event(lists: Lists) -> None:
    from waiting_list.lists.queries.entries import EntryFilter
    from waiting_list.lists.queries.exports import Exports

    await lists.join("ada")
    export = await Exports(lists.pool).open("org_1", EntryFilter(), spreadsheet("en"))
    text = b"".join([chunk async for chunk in export.chunks()]).decode("utf-8-sig")
    await export.close()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["Joined (local time)"], row["Timezone"]) == ("2030-01-01 13:00:00", "Europe/Paris")
