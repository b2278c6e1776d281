"""Files of other systems: which rows are people who join, in which order, and what is refused."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_list.csv_files import ImportRefused
from waiting_list.lists.models import ListKey
from waiting_list.people_import.choices import Assigned, InvalidAddresses, Repeats
from waiting_list.people_import.columns import check_mapping
from waiting_list.people_import.read import Options, People, read_people

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "waitinglist.csv"
SHEETS = ROOT / "tests" / "data" / "sheets"
LIST = {"offer_id": "off_1", "representation_id": "rep_1"}


def read(path: Path, **options: object) -> People:
    return read_people(path, Options(**LIST | options))  # type: ignore[arg-type]


def refused(path: Path, **options: object) -> list[str]:
    with pytest.raises(ImportRefused) as caught:
        read(path, **options)
    return caught.value.errors


def emails(found: People) -> list[str | None]:
    return [person.contact.email for person in found.people]


def file(folder: Path, text: str, name: str = "list.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("name", ["pretix-2025.5-and-newer.csv", "pretix-semicolons.csv"])
def test_a_pretix_export_is_read_with_the_higher_priority_first_and_without_the_assigned(name: str) -> None:
    found = read(SHEETS / name)
    assert emails(found) == ["noor@example.org", "mona@example.org", "par+gig@example.org"]
    assert found.skipped == {"Voucher assigned": 1}
    assert [(one.tickets, one.minimum) for one in found.people] == [(1, 1)] * 3
    assert found.people[2].contact.name == "Pär Öst"
    assert found.notes == []


def test_a_pretix_export_with_the_older_header_is_read() -> None:
    found = read(SAMPLE, only=["Product name=Floor"], repeated=Repeats.ADD)
    assert emails(found) == ["farid@example.org", "chloe@example.org", "eve@example.org"]
    assert found.people[2].tickets == 2
    assert (found.people[1].contact.name, found.people[1].contact.locale) == ("Chloé Martin", "fr")


def test_an_export_over_several_events_is_refused_and_one_can_be_chosen() -> None:
    path = SHEETS / "pretix-two-events-same-product.csv"
    assert refused(path) == [
        f"{path.name}: holds several lists (Harbour Nights / harbour; Hilltop Sessions / hilltop)."
        " Choose one with --only"
    ]
    for only in ("Harbour Nights", "Event name=Harbour Nights", "harbour", "event_slug=harbour"):
        assert emails(read(path, only=[only])) == ["mona@example.org"]
    assert refused(path, only=["Elsewhere"]) == [f"{path.name}: no row has Elsewhere"]
    assert refused(path, only=["Harbour Nights", "hilltop"])


def test_rows_that_name_several_lists_do_not_join_the_one_list_of_the_options(tmp_path: Path) -> None:
    text = "email,offer,representation\na@example.org,off_1,rep_1\nb@example.org,off_2,rep_1\n"
    path = file(tmp_path, text)
    several = ["list.csv: holds several lists (off_1; off_2). Choose one with --only"]
    assert refused(path) == several
    assert refused(path, representation_id=None) == several
    assert emails(read(path, only=["offer=off_2"])) == ["b@example.org"]
    own = read_people(path, Options())
    assert [one.key for one in own.people] == [ListKey("off_1", "rep_1"), ListKey("off_2", "rep_1")]


def test_an_export_that_was_saved_as_windows_1252_is_read_and_the_summary_says_so() -> None:
    found = read(SHEETS / "pretix-windows-1252.csv")
    assert found.people[2].contact.name == "Pär Öst"
    assert "was read as Windows-1252 (line 3: 'Pär')" in found.notes[0]


def test_an_address_of_an_intranet_is_named_before_anybody_joins_and_can_be_brought_in_without_it() -> None:
    path = SHEETS / "pretix-intranet-address.csv"
    (error,) = refused(path)
    assert error.startswith(f"{path.name}:3: email: 'ward3@clinic.local': must be an e-mail address")
    assert "allow its domain with WAITING_LIST_MAIL_LOCAL_DOMAINS" in error
    skipped = read(path, addresses=InvalidAddresses.SKIP)
    assert emails(skipped) == ["one@example.org", "three@example.org"]
    assert skipped.skipped == {"without a valid address (line 3)": 1}
    kept = read(path, addresses=InvalidAddresses.DROP)
    assert emails(kept) == ["one@example.org", None, "three@example.org"]
    assert (kept.people[1].address, kept.people[1].contact.name) == ("ward3@clinic.local", "Ward 3")


def test_the_date_of_joining_is_the_order_and_rows_of_one_instant_stay_as_they_stand(tmp_path: Path) -> None:
    text = "E-Mail;Joined At\nc@example.org;2031-01-02 10:00\na@example.org;2031-01-01 9:00:01\n"
    text += "d@example.org;2031-01-02 10:00\nb@example.org;2031-01-01 09:00:02\n"
    found = read(file(tmp_path, text))
    assert [(email or "")[0] for email in emails(found)] == ["a", "b", "c", "d"]
    assert found.order == "column 'Joined At'"
    instants = "email,joined\nb@example.org,2031-01-01T10:00:00+01:00\na@example.org,2031-01-01T08:30Z\n"
    assert [(email or "")[0] for email in emails(read(file(tmp_path, instants)))] == ["a", "b"]
    plain = read(file(tmp_path, "email\nb@example.org\na@example.org\n"))
    assert ([(email or "")[0] for email in emails(plain)], plain.order) == (["b", "a"], "the order of the rows")


def test_people_can_name_the_columns_of_any_file(tmp_path: Path) -> None:
    text = "Kontakt\tKunde\tAnzahl\tMindestens\tSprache\tNr\nAda@Example.org\tAda\t3\t2\tfr-CA\tk-1\n"
    given = ["email=kontakt", "name=Kunde", "tickets=Anzahl", "minimum=Mindestens", "locale=Sprache", "user_id=Nr"]
    (ada,) = read(file(tmp_path, text), columns=check_mapping(given)).people
    assert (ada.user_id, ada.tickets, ada.minimum, ada.line) == ("k-1", 3, 2, 2)
    assert (ada.contact.email, ada.contact.name, ada.contact.locale) == ("Ada@example.org", "Ada", "fr")
    (plain,) = read(file(tmp_path, "user id\nada\n")).people
    assert (plain.user_id, plain.tickets, plain.minimum, plain.contact.email) == ("ada", 1, None, None)


def test_columns_can_name_the_list_of_each_row(tmp_path: Path) -> None:
    text = "email,offer id,representation\na@example.org,o1,r1\na@example.org,o2,r1\n"
    found = read_people(file(tmp_path, text), Options())
    assert [person.key for person in found.people] == [ListKey("o1", "r1"), ListKey("o2", "r1")]
    with pytest.raises(
        ImportRefused, match=r"^list\.csv:2: names no offer: use --offer, or --column offer=COLUMN"
    ):
        read_people(file(tmp_path, "email\na@example.org\n"), Options())


@pytest.mark.parametrize("given", ["email", "mail=E-Mail", "email=", "=x"])
def test_a_mapping_that_is_none_is_a_sentence(given: str) -> None:
    with pytest.raises(ValueError, match="--column needs FIELD=COLUMN"):
        check_mapping([given])
    with pytest.raises(ValueError, match="twice"):
        check_mapping(["email=a", "email=b"])


def test_fans_with_a_valid_voucher_can_be_put_before_all_others() -> None:
    def names(**options: object) -> list[str]:
        found = read(SAMPLE, only=["Product name=Floor"], repeated=Repeats.FIRST, **options)
        return [(email or "").partition("@")[0] for email in emails(found)]

    assert names() == ["farid", "chloe", "eve"]
    assert names(assigned=Assigned.FIRST) == ["bo", "farid", "chloe", "eve"]


BAD = [
    (("chloe@example.org", "chloe"), "list.csv:4: email: 'chloe': must be an e-mail address"),
    (("chloe@example.org", ""), "list.csv:4: email: is empty"),
    (('"fr","0","Waiting for a voucher"', '"fr","0","Wartet"'), "list.csv:4: the status 'Wartet' is not known"),
    (('"fr","0"', '"fr","high"'), "list.csv:4: priority: 'high' is not a whole number"),
    (("2029-05-02 10:01:00", "2029-05-02"), "list.csv:4: joined: '2029-05-02' has no time of day"),
    (("2029-05-02 10:01:00", "2029-05-02 10:01:00Z"), "list.csv:6: joined: has no offset, unlike rows above"),
    (
        ('"Email"', '"Courriel"'),
        "list.csv:1: has no column of e-mail addresses or user ids: name it with --column",
    ),
    (('"chloe@example.org",', ""), "list.csv:4: has 14 cells in place of 15"),
    (("Chloé Martin", "x" * 501), "list.csv:4: name: must have at most 500 characters"),
    (("Waiting for a voucher", "Waiting for a voucher"), "list.csv:7: Eve@example.org is in line 6, too"),
]


@pytest.mark.parametrize(("change", "error"), BAD, ids=[error for _, error in BAD])
def test_a_bad_row_of_pretix_is_named_by_its_line(change: tuple[str, str], error: str, tmp_path: Path) -> None:
    text = SAMPLE.read_text()
    assert change[0] in text
    path = file(tmp_path, text.replace(*change, 1))
    found = refused(path, only=["Product name=Floor"] if change[0] != '"Email"' else [])
    assert any(line.startswith(error) for line in found), found


def test_all_bad_rows_are_named_at_once(tmp_path: Path) -> None:
    text = "email,tickets\na@example.org,0\nb,1\nc@example.org,x\n,1\nd@example.org,1\n"
    assert [line.rpartition(": ")[0] for line in refused(file(tmp_path, text))] == [
        "list.csv:2: tickets",
        "list.csv:3: email: 'b'",
        "list.csv:4: tickets: 'x' is not a whole number",
        "list.csv:5: email",
    ]


def test_a_column_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    path = file(tmp_path, "email,x\na@example.org,1\n")
    assert refused(path, columns={"name": "Kunde"}) == ["list.csv:1: has no column 'Kunde'. Its columns: email, x"]
    with pytest.raises(ValueError, match="no column 'Product'"):
        read(path, only=["Product=1"])
    with pytest.raises(ValueError, match="--only needs COLUMN=VALUE"):
        read(path, only=["Floor"])
    assert emails(read(path, only=["X=1"])) == ["a@example.org"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "a@b.example",
        "ä@ü.example",
        "0001-01-01 00:00+14:00",
        "9999-12-31 23:59-12",
        "2031-01-01 10:00",
        "3",
        "-1",
        "",
    ]
)


@given(
    head=st.lists(
        texts | st.sampled_from(["email", "Joined", "tickets", "user id", "Event", "status"]), max_size=6
    ),
    records=st.lists(st.lists(texts, max_size=6), max_size=5),
    addresses=st.sampled_from(InvalidAddresses),
    repeated=st.sampled_from(Repeats),
)
def test_any_rows_are_read_or_refused_and_never_a_traceback(
    head: list[str],
    records: list[list[str]],
    addresses: InvalidAddresses,
    repeated: Repeats,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    with path.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([[*head, "email"], *records])
    errors, names = [], []
    try:
        names = [person.name for person in read(path, addresses=addresses, repeated=repeated).people]
    except ImportRefused as refusal:
        errors = refusal.errors
    assert all(line.startswith("any.csv:") for line in errors)
    assert len({*names}) == len(names)


def test_a_fan_of_pretix_who_has_had_a_turn_may_be_without_an_address(tmp_path: Path) -> None:
    path = file(tmp_path, SAMPLE.read_text().replace("ada@example.org", "█"))
    assert len(read(path, only=["Floor"], repeated=Repeats.FIRST).people) == 3
