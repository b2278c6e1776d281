"""Read CSV files as spreadsheets and other systems write them.

Delimiters are comma, semicolon and tab, or the one of a first line such as `sep=;`. The text is UTF-8, UTF-16 with
a byte order mark, or Windows-1252 where that is plain; a caller may name another encoding. Only CR, LF and CRLF
end a record, so other separators of Unicode stay in their cells. A line number is the physical line where a record
begins.
"""

import codecs
import csv
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MOST_OF_A_KIND = 10
"""How many invalid rows of one file and one reason `Refusals` names."""
_DELIMITERS = (",", ";", "\t")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How files of spreadsheets begin: .xlsx and .ods, and .xls."""
_SEP_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_IN_NAMES = re.compile(r"[\s_-]+")
# Beside letters, what texts of Western Europe have in Windows-1252.
_WESTERN_SIGNS = frozenset("€‚„…†‘’“”•–—™\xa0¡¢£§©«®°´·»¿×")  # noqa: RUF001
_FOREIGN_WORD = re.compile(r"[^\W\d_\x00-\x7f]{3}")
_SAVE_AS = "Save the file as UTF-8, or name its encoding with --encoding"


class Fault(NamedTuple):
    """Why an import failed: the line of the file, or 0; the reason in words; `kind` is equal for equal reasons."""

    line: int
    why: str
    kind: str


class ImportRefused(Exception):
    """An import failed and changed no data. Each of the `errors` is a line that names a file and a line number.

    `faults` has all of them, by line.
    """

    def __init__(self, errors: Sequence[str], faults: Sequence[Fault] = ()) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)
        self.faults = list(faults)


class Refusals:
    """The invalid rows of an import, by file and reason."""

    def __init__(self) -> None:
        self._found: defaultdict[str, defaultdict[str, list[tuple[int, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def add(self, file: str, line: int | None, why: str, *, kind: str | None = None) -> None:
        """Note one reason for a line, or for a whole file. `kind` is equal for rows with the same reason."""
        self._found[file][kind or why].append((line or 0, why))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __contains__(self, file: str) -> bool:
        return file in self._found

    def refused(self) -> ImportRefused:
        """Return the refusal of the import."""
        return ImportRefused(self.lines(), sorted(self._faults()))

    def _faults(self) -> Iterator[Fault]:
        for kinds in self._found.values():
            for kind, found in kinds.items():
                yield from (Fault(line, why, kind) for line, why in found)

    def lines(self) -> list[str]:
        """Return a line for each reason, file by file in line order, and how many more there are of a kind."""
        result = []
        for file, kinds in self._found.items():
            named, more = [], []
            for found in kinds.values():
                named += found[:MOST_OF_A_KIND]
                if rest := len(found) - MOST_OF_A_KIND:
                    more += [f"{file}: and {rest} more like line {found[0][0]}"] if rest > 0 else []
            result += [f"{file}:{line}: {why}" if line else f"{file}: {why}" for line, why in sorted(named)]
            result += more
        return result


class Row(NamedTuple):
    """A record: the line where it begins, and its cells, as many as the header has."""

    line: int
    cells: list[str]


@dataclass
class CsvFile:
    """A file that was read.

    `encoding` is how its text was written.
    `columns` has the names of the header as they stand. `is_whole` is false if an error ended the reading.
    `broken` has the records with a wrong number of cells, each already refused. `doubt` says for the reader how
    the encoding was guessed; empty if it is certain.
    """

    name: str
    columns: list[str]
    header_line: int
    delimiter: str
    doubt: str
    encoding: str
    rows: list[Row] = field(default_factory=list)
    broken: list[Row] = field(default_factory=list)
    is_whole: bool = True

    @property
    def delimiter_name(self) -> str:
        """The delimiter in words."""
        return _NAMES.get(self.delimiter, repr(self.delimiter))

    def places(self) -> dict[str, int]:
        """Return where each column stands, by the key of its name; of equal names the first."""
        result: dict[str, int] = {}
        for place, name in enumerate(self.columns):
            result.setdefault(header_key(name), place)
        return result


def header_key(name: str) -> str:
    """Return the key of a column's name: capitals, spaces, underscores and hyphens make no other name."""
    return _NOT_IN_NAMES.sub("", name).casefold()


def read_csv(
    path: Path, refusals: Refusals, *, known: Collection[str], encoding: str | None = None
) -> CsvFile | None:
    """Read a file, and add what is wrong with it to `refusals`. Return None if it has no header.

    `known` has the keys of the columns that the caller expects: the delimiter that finds most of them is the right
    one. Raises ValueError if there is no such `encoding`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        refusals.add(path.name, None, f"the file is missing in {path.parent}")
        return None
    except OSError as error:
        refusals.add(path.name, None, f"cannot be read: {error.strerror}")
        return None
    return parse_csv(path.name, data, refusals, known=known, encoding=encoding)


def parse_csv(
    name: str, data: bytes, refusals: Refusals, *, known: Collection[str], encoding: str | None = None
) -> CsvFile | None:
    """Read the bytes of a file as `read_csv` does."""
    try:
        text, doubt, encoding = decoded(data, encoding)
    except NotText as error:
        refusals.add(name, error.line, error.why, kind="text")
        return None
    given = _SEP_LINE.match(text)
    delimiter = given[1] if given else _delimiter(text, known)
    rest, lines_before = (text[given.end() :], 1) if given else (text, 0)
    records = _records(name, rest, delimiter, lines_before, refusals)
    header = _header(records)
    if header is None:
        if name not in refusals:
            refusals.add(name, None, "is empty. It needs a line with the names of its columns", kind="empty")
        return None
    columns = [name.strip() for name in header.cells]
    while columns and not columns[-1]:
        columns.pop()
    found = CsvFile(name, columns, header.line, delimiter, doubt, encoding)
    for record in records:
        if record is None:
            found.is_whole = False
        elif _has_text(record.cells):
            _take(found, record, refusals)
    return found


def _header(records: Iterator[Row | None]) -> Row | None:
    """Return the first record that is not blank, whichever its delimiter is."""
    for record in records:
        if record is None or any(cell.strip(" ,;\t") for cell in record.cells):
            return record
    return None


def _take(found: CsvFile, record: Row, refusals: Refusals) -> None:
    size = len(found.columns)
    if len(record.cells) < size or _has_text(record.cells[size:]):
        why = f"has {len(record.cells)} cells in place of {size}"
        refusals.add(found.name, record.line, why, kind="cells")
        found.broken.append(record)
    elif any("\x00" in cell for cell in record.cells):
        refusals.add(found.name, record.line, "has a NUL character", kind="NUL")
        found.broken.append(record)
    else:
        found.rows.append(Row(record.line, record.cells[:size]))


def _records(file: str, text: str, delimiter: str, lines_before: int, refusals: Refusals) -> Iterator[Row | None]:
    """Yield the records; after an error, which goes to `refusals`, yield None as the last."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = lines_before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            refusals.add(file, line, _explained(error), kind="quotes")
            yield None
            return
        yield Row(line, cells)


def _explained(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end" in reason:
        return "a quote opens here, and is not closed in the rest of the file"
    if "field larger" in reason:
        return f"a cell has more than {csv.field_size_limit():,} characters, or its quote is not closed"
    if "expected after" in reason:
        return "text follows a closing quote. Write a quote inside a quoted cell twice"
    return f"is not CSV: {reason}"


def _has_text(cells: Collection[str]) -> bool:
    return any(cell and not cell.isspace() for cell in cells)


def _delimiter(text: str, known: Collection[str]) -> str:
    def score(delimiter: str) -> tuple[int, int]:
        records = _records("", text, delimiter, 0, Refusals())
        header = _header(records)
        cells = header.cells if header else []
        return sum(header_key(name) in known for name in cells), len(cells)

    return max(_DELIMITERS, key=score)


class NotText(Exception):
    """The bytes of a file are no text."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


def decoded(data: bytes, encoding: str | None = None) -> tuple[str, str, str]:
    """Return the text of a file, in words how its encoding was guessed, and its encoding.

    Raises NotText, ValueError.
    """
    if data.startswith(_WORKBOOKS):
        raise NotText("is a workbook or an archive, not CSV. Save the sheet as CSV in your spreadsheet")
    if encoding is not None:
        _check_encoding(encoding)
        return _strictly(data, encoding, encoding), "", encoding
    for mark, codec, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], codec, name), "", name
    try:
        return data.decode("utf-8"), "", "UTF-8"
    except UnicodeDecodeError as error:
        return *_western(data, error.start), "Windows-1252"


def _check_encoding(encoding: str) -> None:
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError) as error:
        raise ValueError(f"There is no encoding {encoding!r}. Examples: utf-8, windows-1252, utf-16.") from error


def _strictly(data: bytes, codec: str, name: str) -> str:
    try:
        text = data.decode(codec)
        text.encode("utf-8")  # some codecs make halves of characters
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = _line_at(data[:start].decode(codec, "ignore"))
        raise NotText(f"is not {name}. {_SAVE_AS}", line) from error
    return text.removeprefix("\ufeff")


def _western(data: bytes, first: int) -> tuple[str, str]:
    """Read bytes that are not UTF-8 as Windows-1252, unless something speaks against it.

    Against it speak: a well-formed character of UTF-8, so that the file is damaged UTF-8; a byte without a meaning
    or an unusual sign; three foreign letters in a row, as Windows-1252 shows Greek, Cyrillic or Japanese.
    """
    line = _line_at(data[:first].decode("utf-8"))
    part_utf8 = any(
        char > "\x7f" and not "\udc80" <= char <= "\udcff" for char in data.decode("utf-8", "surrogateescape")
    )
    try:
        text = data.decode("windows-1252")
    except UnicodeDecodeError:
        text = ""
    plain = all(char <= "\x7f" or char.isalpha() or char in _WESTERN_SIGNS for char in text)
    if part_utf8 or not text or not plain or _FOREIGN_WORD.search(text):
        raise NotText(f"is neither UTF-8 nor plainly Windows-1252. {_SAVE_AS}", line)
    sample = re.search(r"\w*[^\x00-\x7f]+\w*", text)
    seen = f" (line {line}: {sample[0]!r})" if sample else ""
    return text, f"is not UTF-8, so it was read as Windows-1252{seen}. If that is wrong, use --encoding"


def _line_at(text: str) -> int:
    return 1 + len(_LINE_END.findall(text))
