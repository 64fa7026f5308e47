"""CSV files: whatever a spreadsheet wrote is read, and nothing we write runs as a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain import csv_text
from webapp.domain.csv_text import (
    CsvError,
    decode_csv,
    guard_cell,
    read_csv,
    unguard_cell,
    write_csv_line,
)

TEXT = "Name,Note\nAcme,ä\n"
EXPECTED = [["Acme", "ä"]]


def rows_of(data: bytes | str) -> list[list[str]]:
    table = read_csv(data)
    assert table.problems == []
    return [row.values for row in table.rows]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-be").join([b"\xfe\xff", b""]),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", "|").encode(),
        b"sep=;\r\n" + TEXT.replace(",", ";").encode(),
        b"\n\n" + TEXT.encode() + b"\n , \n",
        b'"Name","Note"\n"Acme",\xc3\xa4',
        b"Name,Note,,\nAcme,\xc3\xa4,,\n",
    ],
    ids=lambda data: repr(data[:14]),
)
def test_what_spreadsheets_write(data: bytes) -> None:
    assert rows_of(data) == EXPECTED
    assert read_csv(data).header == ["Name", "Note"]
    assert read_csv(data).notes == []


def test_old_excel_files_are_read_with_a_note() -> None:
    data = TEXT.encode("windows-1252") + b"\x81,x\n"
    table = read_csv(data)
    assert [row.values for row in table.rows] == [["Acme", "ä"], ["\ufffd", "x"]]
    assert "Windows-1252" in table.notes[0]
    assert decode_csv(data)[1] == csv_text.FALLBACK_ENCODING


def test_the_delimiter_is_that_of_the_header_not_of_the_rows() -> None:
    assert rows_of('Name;Note\nAcme, Inc.;"a,b,c,d"\n') == [["Acme, Inc.", "a,b,c,d"]]
    assert read_csv('Name;Note\n"a";b').delimiter == ";"
    assert rows_of("Name\nAcme\n") == [["Acme"]]


def test_rows_know_their_line_also_below_cells_of_several_lines() -> None:
    table = read_csv('Name,Note\nA,"two\nlines"\n\nB,x\n')
    assert [(row.number, row.values) for row in table.rows] == [
        (2, ["A", "two\nlines"]),
        (5, ["B", "x"]),
    ]
    assert read_csv("sep=,\nName,Note\nA,b").rows[0].number == 3


def test_missing_values_at_the_end_are_empty() -> None:
    assert rows_of("A,B,C\n1\n1,2,3,,\n") == [["1", "", ""], ["1", "2", "3"]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"Name\n", "no rows"),
        (b"Name,Note\nA,b,c\n", "Line 2 has more values"),
        (b'Name,Note\n"A,b\nB,c\n', "Line 2 cannot be read"),
        (b'Name,Note\nA,b\n"A" x,b\n', "Line 3 cannot be read"),
        (b"Name,name\nA,b\n", '"Name" is there twice'),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"Name\nA\0B\n", "not a text file"),
        (b"\xff\xfeN", "damaged"),
        (b"a,b\n" + b"x" * 20_001 + b",\n", "Line 2 has a cell"),
        (b"a," * 100 + b"b\n1\n", "more than 100 columns"),
        (b"x" * 200_000 + b"\ny\n", "cannot be read"),
    ],
)
def test_what_cannot_be_imported_says_why(data: bytes, words: str) -> None:
    assert words in " ".join(read_csv(data).problems)


def test_a_header_of_millions_of_empty_columns_is_read_in_one_pass() -> None:
    assert rows_of(b"Name" + b"," * 2_000_000 + b"\nAcme\n") == [["Acme"]]


def test_files_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "4 MB" in read_csv(b"x" * (csv_text.MAX_BYTES + 1)).problems[0]
    monkeypatch.setattr(csv_text, "MAX_ROWS", 2)
    assert read_csv("a\n1\n2\n").problems == []
    assert "more than 2 rows" in read_csv("a\n1\n2\n3\n").problems[0]


def test_only_the_first_problems_are_listed() -> None:
    assert len(read_csv("a\n" + "1,2\n" * 50).problems) == csv_text.MAX_PROBLEMS


def test_a_workbook_is_no_text() -> None:
    with pytest.raises(CsvError):
        decode_csv(b"PK\x03\x04")


def test_columns_are_found_in_any_case() -> None:
    table = read_csv("Organization ID,create_tickets\n1,yes\n")
    assert table.column("organization id") == 0
    assert table.column("tickets", "Create tickets") == 1
    assert table.column("client") is None


def test_cells_are_cleaned() -> None:
    assert rows_of("a,b\n \u202eA\x1b ,x\ty\n") == [["A", "x\ty"]]


@pytest.mark.parametrize(
    "value", ["=1+1", "+49 1", "-5", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "'=1", "''+1"]
)
def test_formulas_are_guarded_and_come_back(value: str) -> None:
    assert guard_cell(value) == "'" + value
    assert unguard_cell(guard_cell(value)) == value


@pytest.mark.parametrize("value", ["", "Acme", "'s-Hertogenbosch", "O'Neil", "1-2", "a=b", "''"])
def test_other_values_are_left_alone(value: str) -> None:
    assert guard_cell(value) == value
    assert unguard_cell(value) == value


def test_none_is_empty_and_numbers_are_text() -> None:
    assert write_csv_line([None, 12, -5, True]) == ",12,'-5,True\r\n"


@given(st.text())
def test_guarding_is_undone_exactly(value: str) -> None:
    assert unguard_cell(guard_cell(value)) == value


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_what_is_written_is_read_again(value: str) -> None:
    line = write_csv_line([value, "x"])
    assert rows_of("a,b\r\n" + line) == [[value, "x"]]


@given(st.text())
def test_no_cell_begins_as_a_formula(value: str) -> None:
    line = write_csv_line([value, value])
    for cell in next(csv.reader(io.StringIO(line, newline="")), []):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t"))


@given(st.binary(max_size=300))
def test_nothing_makes_it_stumble(data: bytes) -> None:
    table = read_csv(data)
    assert table.problems or table.rows
    assert {len(row.values) for row in table.rows} <= {len(table.header)}
