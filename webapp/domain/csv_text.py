"""Reading CSV files that people upload, and writing CSV files that are safe to open.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula. We put an apostrophe
in front of such a cell, and remove it again when we read the file.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from webapp.domain.untrusted import clean_line, clean_text

MAX_BYTES = 4_000_000
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CELL_LENGTH = 20_000
MAX_PROBLEMS = 20
BYTE_ORDER_MARK = "\ufeff"
"""The first character of a file that we write; without it Excel does not recognize UTF-8."""

FALLBACK_ENCODING = "windows-1252"
FILE_ENDINGS = (".csv", ".tsv", ".txt")
"""How the name of a file ends that may be CSV; the content is looked at as well."""

DELIMITERS = (",", ";", "\t", "|")
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_WORKBOOK_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class CsvError(ValueError):
    """The file cannot be read at all; `str(error)` says why and, where possible, what to do."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row; `number` is the line of the file where the row begins, counted from 1."""

    number: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The content of a file. With `problems` it must not be imported; `notes` are only shown.

    Every row has as many values as the header. The values are cleaned and have no formula guards.
    """

    header: list[str] = field(default_factory=list)
    rows: list[CsvRow] = field(default_factory=list)
    delimiter: str = ","
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def column(self, *names: str) -> int | None:
        """Return the index of the first column with one of these names, ignoring case."""
        wanted = [_as_key(name) for name in names]
        found = [place for place, name in enumerate(self.header) if _as_key(name) in wanted]
        return found[0] if found else None


def read_csv(data: bytes | str) -> CsvTable:
    """Read a file with a header; never raises.

    The delimiter (comma, semicolon, tab, bar) is detected. Empty rows are left out, and missing
    values at the end of a row are empty. `problems` holds up to 20 sentences; it says so if the
    file is too large, malformed or not text.
    """
    notes = []
    try:
        if isinstance(data, bytes):
            data, encoding = decode_csv(data)
            notes = [fallback_note()] if encoding == FALLBACK_ENCODING else []
        table = _read_text(data)
    except CsvError as error:
        return CsvTable(problems=[str(error)])
    return CsvTable(table.header, table.rows, table.delimiter, table.problems, notes)


def decode_csv(data: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding; raises CsvError for a file that is not text.

    UTF-8 and UTF-16 are recognized. Anything else is read as Windows-1252, which older versions of
    Excel write; the person should then check it (`fallback_note`). Raises CsvError too for a file
    larger than MAX_BYTES.
    """
    if len(data) > MAX_BYTES:
        raise CsvError(f"The file is larger than {MAX_BYTES // 1_000_000} MB; split it.")
    if data.startswith(_WORKBOOK_STARTS):
        raise CsvError('This is an Excel workbook; save it as "CSV UTF-8" and upload that.')
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode(data, "utf-16")
    try:
        return _decode(data, "utf-8-sig")
    except UnicodeDecodeError:
        # Windows-1252 leaves five bytes undefined; they become replacement characters.
        return _without_nul(data.decode(FALLBACK_ENCODING, "replace")), FALLBACK_ENCODING


def fallback_note() -> str:
    """Return what to tell the person whose file was not in UTF-8."""
    return (
        "The file is not in UTF-8; it was read as Windows-1252. If letters such as ä or é look "
        'wrong below, save it as "CSV UTF-8" and upload it again.'
    )


def guard_cell(value: object) -> str:
    """Return `value` as a cell that no spreadsheet takes for a formula; None becomes empty."""
    text = "" if value is None else str(value)
    return f"'{text}" if _looks_like_formula(text.lstrip("'")) else text


def unguard_cell(value: str) -> str:
    """Undo `guard_cell` exactly; other apostrophes stay."""
    if value.startswith("'") and _looks_like_formula(value.lstrip("'")):
        return value[1:]
    return value


def write_csv_line(values: Iterable[object]) -> str:
    """Return one line of a file, guarded, quoted where needed, and with its line end (CR LF)."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([guard_cell(value) for value in values])
    return buffer.getvalue()


def csv_time(time: datetime | None) -> str:
    """Return a time as spreadsheets read it, in its own zone; empty for None."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""


def _looks_like_formula(text: str) -> bool:
    """Whether some spreadsheet may run the text as a formula, even with spaces before it."""
    return text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


def _decode(data: bytes, encoding: str) -> tuple[str, str]:
    try:
        return _without_nul(data.decode(encoding)), encoding.removesuffix("-sig")
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise CsvError(
                'The file is cut off or damaged; save it as "CSV UTF-8" and upload it again.'
            ) from None
        raise


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise CsvError('This is not a text file; save it as "CSV UTF-8" and upload that.')
    return text


def _read_text(text: str) -> CsvTable:
    text = text.removeprefix(BYTE_ORDER_MARK)
    delimiter, text, first_line = _find_delimiter(text)
    lines = _numbered(text, delimiter, first_line)
    header = next(lines, None)
    if header is None:
        raise CsvError("The file is empty; its first line should name the columns.")
    names = _read_header(header.values)
    rows: list[CsvRow] = []
    problems: list[str] = []
    for row in lines:
        if len(rows) == MAX_ROWS:
            raise CsvError(f"The file has more than {MAX_ROWS:,} rows; split it.")
        if problem := _problem_of(row, len(names)):
            problems.append(problem)
        rows.append(_cleaned(row, len(names)))
    if not rows:
        problems.append("The file has a header, but no rows.")
    return CsvTable(names, rows, delimiter, problems[:MAX_PROBLEMS])


def _find_delimiter(text: str) -> tuple[str, str, int]:
    """Return the delimiter, the text without Excel's `sep=;` line, and its first line's number."""
    first, _, rest = text.partition("\n")
    named = first.strip().strip('"')
    if named.lower().startswith("sep=") and len(named) == len("sep=") + 1:
        return named[-1], rest, 2
    return max(DELIMITERS, key=lambda delimiter: _width(text, delimiter)), text, 1


def _width(text: str, delimiter: str) -> int:
    """Return how many columns the header has with this delimiter; 0 where reading it fails."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return len(next(reader, []))
    except csv.Error:
        return 0


def _numbered(text: str, delimiter: str, first_line: int) -> Iterator[CsvRow]:
    """Yield the rows that are not empty with the line on which each begins; raises CsvError."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + first_line
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise CsvError(
                f"Line {number} cannot be read: a quotation mark there is not closed, or stands "
                "in the wrong place."
            ) from None
        if any(value.strip() for value in values):
            yield CsvRow(number, values)


def _read_header(values: Sequence[str]) -> list[str]:
    # Spreadsheets write empty columns at the end.
    width = max((place for place, value in enumerate(values, 1) if value.strip()), default=0)
    if width > MAX_COLUMNS:
        raise CsvError(f"The file has more than {MAX_COLUMNS} columns.")
    names = [clean_line(value, 100) or "" for value in values[:width]]
    keys = [_as_key(name) for name in names]
    for name, key in zip(names, keys, strict=True):
        if key and keys.count(key) > 1:
            raise CsvError(f'The column "{name}" is there twice; delete or rename one of them.')
    return names


def _problem_of(row: CsvRow, width: int) -> str | None:
    if any(value.strip() for value in row.values[width:]):
        return f"Line {row.number} has more values than the header has columns."
    if any(len(value) > MAX_CELL_LENGTH for value in row.values):
        return f"Line {row.number} has a cell of more than {MAX_CELL_LENGTH:,} characters."
    return None


def _cleaned(row: CsvRow, width: int) -> CsvRow:
    cells = row.values[:width]  # cells beyond the header are empty, or reported as a problem
    values = [unguard_cell(clean_text(value, MAX_CELL_LENGTH) or "") for value in cells]
    return CsvRow(row.number, values + [""] * (width - len(values)))


def _as_key(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
