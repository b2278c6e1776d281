"""CSV files are read as spreadsheets write them; errors name the file and the line where a record begins."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_list.csv_files import MOST_OF_A_KIND, CsvFile, Refusals, header_key, read_csv

KNOWN = ("name", "note")
HEADER = ["name", "note"]
BYTE_ORDER_MARK = "\ufeff"


def read(tmp_path: Path, data: bytes, *, encoding: str | None = None) -> tuple[CsvFile | None, list[str]]:
    file = tmp_path / "x.csv"
    file.write_bytes(data)
    refusals = Refusals()
    return read_csv(file, refusals, known=KNOWN, encoding=encoding), refusals.lines()


def rows(tmp_path: Path, data: bytes, *, encoding: str | None = None) -> list[list[str]]:
    found, errors = read(tmp_path, data, encoding=encoding)
    assert errors == []
    assert found is not None
    assert found.columns == HEADER
    return [row.cells for row in found.rows]


def written(records: Sequence[Sequence[str]], **flavour: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, **flavour).writerows(records)  # type: ignore[arg-type]
    return text.getvalue()


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be with mark"])


@given(
    records=st.lists(st.tuples(cells.map(lambda text: f"x{text}"), cells), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=encodings,
    says_sep=st.booleans(),
)
def test_every_cell_reads_back_the_same_in_every_flavour_and_encoding(
    records: list[tuple[str, str]],
    delimiter: str,
    end: str,
    encoding: str,
    says_sep: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = written([HEADER, *records], delimiter=delimiter, lineterminator=end)
    text = f"sep={delimiter}{end}{text}" if says_sep else text
    codec, _, marked = encoding.partition(" ")
    data = (BYTE_ORDER_MARK + text if marked else text).encode(codec)
    assert rows(tmp_path_factory.getbasetemp(), data) == [list(record) for record in records]


@given(
    names=st.lists(
        st.text(st.characters(codec="cp1252", exclude_characters="\x00"), min_size=1).map(lambda text: f"x{text}")
    )
)
def test_every_cell_of_windows_1252_reads_back_the_same_where_the_encoding_is_named(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = written([HEADER, *((name, "") for name in names)]).encode("cp1252")
    found = rows(tmp_path_factory.getbasetemp(), data, encoding="windows-1252")
    assert found == [[name, ""] for name in names]


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_a_traceback(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for start in (b"", b"name,note\r\n", b"name;note\r\nx;"):
        for encoding in (None, "utf-16", "windows-1252", "raw_unicode_escape"):
            found, errors = read(tmp_path_factory.getbasetemp(), start + data, encoding=encoding)
            assert found is not None or errors


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85"])
def test_only_cr_and_lf_end_a_record(mark: str, tmp_path: Path) -> None:
    text = f"name,note\nada,a{mark}b\nbob,c{mark}\n"
    assert rows(tmp_path, text.encode()) == [["ada", f"a{mark}b"], ["bob", f"c{mark}"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_number_is_the_line_where_the_record_begins(end: str, tmp_path: Path) -> None:
    lines = ["sep=;", "", "name;note", 'ada;"two', 'lines"', ";;", "bob;x;y;z", "cleo;1", "dan"]
    found, errors = read(tmp_path, end.join(lines).encode())
    assert found is not None
    assert (found.header_line, [row.line for row in found.rows]) == (3, [4, 8])
    assert errors == ["x.csv:7: has 4 cells in place of 2", "x.csv:9: has 1 cells in place of 2"]


def test_the_delimiter_is_the_one_that_finds_the_columns(tmp_path: Path) -> None:
    for text, delimiter in (
        ("name;price, net, gross\nx;y\n", ";"),
        ('"note, and more"\tname\n', "\t"),
        ("name\nada\n", ","),
        ("sep=|\nname|note\nada|x\n", "|"),
        ('"sep=;"\nname;note\n', ";"),
        ("SEP=,\r\nname,note\r\n", ","),
    ):
        found, errors = read(tmp_path, text.encode())
        assert found is not None
        assert errors == []
        assert found.delimiter == delimiter, text


def test_blank_rows_and_empty_cells_at_the_end_are_passed_by(tmp_path: Path) -> None:
    text = ";;;;\n name ;Note;;\n;;;\nada;x;;;;\n \t;;\n\nbob;;\n"
    found, errors = read(tmp_path, text.encode())
    assert found is not None
    assert errors == []
    assert ([*found.places()], [row.cells for row in found.rows]) == (
        ["name", "note"],
        [["ada", "x"], ["bob", ""]],
    )


def test_capitals_spaces_hyphens_and_underscores_make_no_other_column() -> None:
    for name in ("Event ID", "event_id", " EVENT-ID", "eventId", "event\xa0id"):
        assert header_key(name) == "eventid"
    assert header_key("E-Mail") == header_key("Email")


BROKEN = [
    (b'name,note\nada,"x\nbob,y\n', "x.csv:2: a quote opens here, and is not closed in the rest of the file"),
    (b'"name"x,note\n', "x.csv:1: text follows a closing quote. Write a quote inside a quoted cell twice"),
    (b'name,note\n\nada,"a"b\n', "x.csv:3: text follows a closing quote"),
    (b"name,note\nada," + b"x" * 131_073, "x.csv:2: a cell has more than 131,072 characters, or its quote"),
    (b"name,note\nada,\x00\n", "x.csv:2: has a NUL character"),
    (b"PK\x03\x04\x14\x00", "x.csv: is a workbook or an archive, not CSV. Save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "x.csv: is a workbook or an archive"),
    (b"", "x.csv: is empty. It needs a line with the names of its columns"),
    (b"\n;;\n \n", "x.csv: is empty"),
    (b"name,note\nada,x\nb\xc3\xa9b,\xe9\n", "x.csv:3: is neither UTF-8 nor plainly Windows-1252. Save the file"),
    (b"name,note\r\xcf\xf0\xe8\xe2\xe5\xf2,x\r", "x.csv:2: is neither UTF-8 nor plainly Windows-1252"),
    (b"name,note\nada,x\nb\x81b,x\n", "x.csv:3: is neither UTF-8 nor plainly Windows-1252"),
    (b"name,note\nada,Pawe\xb3\n", "x.csv:2: is neither UTF-8 nor plainly Windows-1252"),
    (b"\xff\xfen\x00a\x00m\x00e\x00\n\x00\x00\xd8\n\x00", "x.csv:2: is not UTF-16"),
    (b"\xef\xbb\xbfname,note\nada,\xe9\n", "x.csv:2: is not UTF-8"),
]


@pytest.mark.parametrize(("data", "error"), BROKEN, ids=[error for _, error in BROKEN])
def test_a_file_that_cannot_be_read_is_one_line_with_its_reason(data: bytes, error: str, tmp_path: Path) -> None:
    _, errors = read(tmp_path, data)
    assert len(errors) == 1
    assert errors[0].startswith(error)


def test_windows_1252_is_read_where_it_is_plain_and_the_reader_learns_of_it(tmp_path: Path) -> None:
    found, errors = read(tmp_path, "name,note\nJo,“Pär Öst” – 5 €\n".encode("cp1252"))
    assert errors == []
    assert found is not None
    assert found.rows[0].cells == ["Jo", "“Pär Öst” – 5 €"]
    assert found.doubt.startswith("is not UTF-8, so it was read as Windows-1252 (line 2: ")


def test_an_encoding_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    for encoding in ("klingon", "hex"):
        with pytest.raises(ValueError, match=r"^There is no encoding"):
            read(tmp_path, b"name,note\n", encoding=encoding)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    refusals = Refusals()
    assert read_csv(tmp_path / "x.csv", refusals, known=KNOWN) is None
    assert refusals.lines() == ["x.csv: cannot be read: Is a directory"]


def test_of_many_rows_with_one_reason_the_first_are_named_and_the_others_counted() -> None:
    refusals = Refusals()
    for line in range(2, 40):
        refusals.add("a.csv", line, f"stock: {line} is wrong", kind="stock")
    refusals.add("a.csv", 30, "name: is wrong")
    refusals.add("b.csv", None, "is missing")
    lines = refusals.lines()
    assert lines[:MOST_OF_A_KIND] == [f"a.csv:{line}: stock: {line} is wrong" for line in range(2, 12)]
    assert lines[MOST_OF_A_KIND:] == [
        "a.csv:30: name: is wrong",
        "a.csv: and 28 more like line 2",
        "b.csv: is missing",
    ]
