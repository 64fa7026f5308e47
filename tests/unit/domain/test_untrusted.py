"""Values that somebody else wrote: something usable comes out, whatever comes in."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_values import any_json, any_text, is_storable, nested
from webapp.domain.untrusted import (
    MAX_DEPTH,
    MAX_TEXT_LENGTH,
    clean_line,
    clean_text,
    cut,
    parse_count,
    parse_id,
    parse_moment,
    parse_time,
    prune,
)


@given(any_json)
def test_cleaned_texts_are_storable(value):
    text = clean_text(value)
    assert text is None or (text.strip() and is_storable(text))


@given(any_json, st.integers(1, 40))
def test_cleaned_lines_are_one_line_within_the_limit(value, limit):
    line = clean_line(value, limit)
    assert line is None or (len(line) <= limit and is_storable(line))
    assert line is None or (line.splitlines() == [line] and line == line.strip())


@given(any_text)
def test_cleaning_twice_changes_nothing(value):
    for clean in (clean_text, clean_line):
        once = clean(value)
        assert clean(once) == once


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=200))
def test_words_survive_cleaning(text):
    assert clean_line(text) == text
    assert clean_text(f"{text}\n\n{text}") == f"{text}\n\n{text}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("a\x00b\x1b[31m\u202ec\ud800\ufeff", "ab[31mc"),
        ("  \n x \n ", "x"),
        ("col\tcol", "col\tcol"),
        (42, "42"),
        (4.5, "4.5"),
        (True, None),
        (10**64, None),
        (["x"], None),
        ({"x": 1}, None),
        (None, None),
        ("\u200e\u200f\x00 ", None),
    ],
)
def test_clean_text(value, expected):
    assert clean_text(value) == expected


def test_a_huge_text_is_cut_with_an_ellipsis_and_quickly():
    text = clean_text("x" * 5_000_000)
    assert text == "x" * (MAX_TEXT_LENGTH - 1) + "…"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("ab cd", 4, "ab…"), ("", 1, ""), ("abc", 1, "…")],
)
def test_cut(text, limit, expected):
    assert cut(text, limit) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (42, "42"),
        (0, "0"),
        (42.0, "42"),
        (" 42 ", "42"),
        ("in-Cident_1.2", "in-Cident_1.2"),
        ("9" * 64, "9" * 64),
        (10**64 - 1, "9" * 64),
        (10**64, None),
        ("9" * 65, None),
        (-1, None),
        (4.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (True, None),
        ("", None),
        ("a b", None),
        ("../x", None),
        ("a\n", "a"),
        ("a\nb", None),
        ("é", None),
        ("٤٢", None),
        ([1], None),
        (None, None),
    ],
)
def test_parse_id(value, expected):
    assert parse_id(value) == expected


@given(any_json)
def test_ids_are_short_ascii_and_stable(value):
    parsed = parse_id(value)
    assert parsed is None or (parsed.isascii() and 0 < len(parsed) <= 64)
    assert parse_id(parsed) == parsed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-09T10:00:00Z", "2026-06-09T10:00:00"),
        (" 2026-06-09 10:00:00 ", "2026-06-09T10:00:00"),
        ("2026-06-09T10:00:00.987654321Z", "2026-06-09T10:00:00"),
        ("2026-06-09T12:00:00+02:00", "2026-06-09T10:00:00"),
        ("2026-06-09T02:00:00-0800", "2026-06-09T10:00:00"),
        ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00"),
    ],
)
def test_times_are_read(value, expected):
    assert parse_time(value) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-06-09",
        "2026-02-30T00:00:00Z",
        "2026-06-09T24:00:00Z",
        "2026-06-09T10:00:60Z",
        "2026-06-09T10:00:00+99:00",
        "2026-06-09T10:00:00Z; DROP TABLE",
        "２０２６-06-09T10:00:00Z",
        "2026-06-09T10:00:00Z" + " " * 100,
        1780000000,
        ["2026-06-09T10:00:00Z"],
        None,
    ],
)
def test_what_is_no_time_is_none(value):
    assert parse_time(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "9998-12-31T23:59:59-01:00",
    ],
)
def test_the_words_for_never_are_no_time(value):
    """A database with another time zone could write them and then not read them back."""
    assert parse_time(value) is None


@given(any_json)
def test_times_are_aware_and_in_utc_and_readable_in_every_zone(value):
    parsed = parse_time(value)
    if parsed is not None:
        assert parsed.utcoffset() == timedelta(0)
        assert parsed.microsecond == 0
        assert parsed - timedelta(hours=14) < parsed < parsed + timedelta(hours=14)


@given(st.integers(0, 253_000_000_000))
def test_times_as_huntress_writes_them_round_trip(seconds):
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert parse_time(time.isoformat().replace("+00:00", "Z")) == time
    assert parse_time(time.isoformat()) == time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3.0, 3),
        (0, 0),
        (10**9 - 1, 10**9 - 1),
        (10**9, None),
        (-1, None),
        (True, None),
        ("3", None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_parse_count(value, expected):
    assert parse_count(value) == expected


@given(any_json)
def test_pruning_leaves_what_is_not_absurd(value):
    def is_sane(part: object) -> bool:
        if isinstance(part, dict):
            return all(map(is_sane, part.values()))
        if isinstance(part, list):
            return all(map(is_sane, part))
        return not isinstance(part, int) or abs(part) < 10**64

    pruned = prune(value)
    assert json.dumps(prune(pruned)) == json.dumps(pruned)
    if is_sane(value):
        assert json.dumps(pruned) == json.dumps(value)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 900])
def test_deep_nesting_is_cut_off(depth):
    text = json.dumps(prune(nested(depth)))
    assert ("bottom" in text) == (depth <= MAX_DEPTH)


def test_numbers_too_long_to_be_written_are_cut_out():
    assert prune({"id": 10**5_000, "count": 7}) == {"id": None, "count": 7}


@given(st.integers(86_400 * 10**6, 253_370_000_000 * 10**6))
def test_moments_are_read_as_they_were_written(microseconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    zone = timezone(timedelta(hours=-9, minutes=-30))
    assert parse_moment(moment.isoformat()) == moment
    assert parse_moment(moment.astimezone(zone).isoformat()) == moment


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, [], "", "x", "2026-06-09", "2026-06-09T12:00:00"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T12:00:00+00:00"),
    ],
)
def test_what_is_no_moment_is_none(value):
    assert parse_moment(value) is None
