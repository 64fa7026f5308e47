"""Reading answers: every shape that was ever seen, and nothing that one bad row can wedge."""

from datetime import UTC, datetime
from typing import Any

import pytest

from webapp.huntress.answers import (
    MAX_NESTING,
    Rows,
    cut_nesting,
    parse_json,
    read_object,
    read_rows,
)
from webapp.huntress.errors import ErrorKind, HuntressError

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"id": 1}', {"id": 1}),
        (b'\xef\xbb\xbf{"id": 1}', {"id": 1}),
        (b"[NaN, Infinity, -Infinity, 1e999, -1e999, 1.5]", [None] * 5 + [1.5]),
        (b"[" + b"9" * 5000 + b"]", ["9" * 5000]),
        (b"[-" + b"9" * 5000 + b"]", ["-" + "9" * 5000]),
        (b"[" + b"9" * 64 + b"]", [int("9" * 64)]),
        (b"[" + b"9" * 65 + b"]", ["9" * 65]),
        (b'["a\xff\xfeb"]', ["a\ufffd\ufffdb"]),
        (b'["\\ud800"]', ["\ud800"]),
        (b'["a\nb\x01"]', ["a\nb\x01"]),
        (b'["\\u0000"]', ["\x00"]),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"null", None),
    ],
)
def test_json_is_read_leniently(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<!doctype html><p>Sign in", "text/html", "A web page came back"),
        (b"\n <html>", "application/json", "A web page came back"),
        (b"Please sign in", "text/HTML; charset=utf-8", "A web page came back"),
        (b"", "application/json", "was empty"),
        (b" \n", "", "was empty"),
        (b'{"incident_reports": [{"id": 1}', "application/json", "cut short"),
        (b"OK", "text/plain", "not valid JSON"),
        (b"[1] trailing", "", "not valid JSON"),
        (b"[" * 200_000, "", "not valid JSON"),
        (b'{"a":' * 200_000, "", "not valid JSON"),
        (b"[" * 3_000 + b"]" * 2_000, "", "not valid JSON"),
        (b"[" * 3_000 + b"]" * 3_000 + b"]", "", "not valid JSON"),
        (b'["' + b"[" * 200_000, "", "not valid JSON"),
    ],
)
def test_what_is_no_json_is_named(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(HuntressError, match=words) as caught:
        parse_json(body, content_type)
    assert caught.value.kind is ErrorKind.UNREADABLE
    assert "Sign in" not in caught.value.sentence


@pytest.mark.parametrize(
    "deep",
    [
        b"[" * 3_000 + b"]" * 3_000,
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b'[{"]":"}\\"]"},' * 2_000 + b'"["' + b"]" * 2_000,
        b"[" * 100_000 + b"1" + b"]" * 100_000,
    ],
)
def test_a_row_that_is_nested_too_deeply_costs_only_what_is_too_deep(deep: bytes) -> None:
    body = b'{"incident_reports":[{"id":1,"subject":"[\\"{"},{"x":' + deep + b',"id":2},{"id":3}]}'
    first, second, third = parse_json(body)["incident_reports"]
    assert (first, third) == ({"id": 1, "subject": '["{'}, {"id": 3})
    assert second["id"] == 2
    levels, value = 0, second["x"]
    while isinstance(value, list | dict):
        value = next(iter(value.values() if isinstance(value, dict) else value))
        levels += 1
    assert 0 < levels < MAX_NESTING


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("[[1],[[2]],{}]", "[[1],[null],{}]"),
        ('[{"a":{"b":1},"c":[2]}]', '[{"a":null,"c":null}]'),
        ('["[[[","\\"[[["]', '["[[[","\\"[[["]'),
        ("[[[1],[2],3]]", "[[null,null,3]]"),
        ("[[[1]", "[[null"),
        ("", ""),
    ],
)
def test_nesting_is_cut_outside_strings(text: str, cut: str) -> None:
    assert cut_nesting(text, 2) == cut


TOKEN_SHAPES: list[tuple[Any, str | None]] = [
    ({"next_page_token": "abc"}, "abc"),
    ({"next_page_token": "abc", "next_page_url": "https://x"}, "abc"),
    ({}, None),
    ({"next_page_token": None}, None),
    ({"next_page_token": ""}, None),
    ({"next_page_token": 5}, None),
    ({"next_page_token": True}, None),
    ({"next_page_token": ["abc"]}, None),
    ({"current_page": 1, "total_count": 900}, None),
    ({"current_page": None, "next_page_token": None}, None),
    (None, None),
    ([], None),
    ("abc", None),
]


@pytest.mark.parametrize(("pagination", "token"), TOKEN_SHAPES)
def test_there_is_a_next_page_only_for_a_token(pagination: object, token: str | None) -> None:
    payload = {"agents": [{"id": 1}, None, "odd"], "pagination": pagination}
    assert read_rows(payload, "agents") == Rows(({"id": 1}, None, "odd"), token)


@pytest.mark.parametrize("payload", [{"agents": []}, []])
def test_an_empty_list_is_a_list(payload: object) -> None:
    assert read_rows(payload, "agents") == Rows((), None)


def test_a_bare_list_is_its_rows() -> None:
    assert read_rows([{"id": 1}], "agents") == Rows(({"id": 1},), None)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        True,
        3,
        "agents",
        {},
        {"agents": None},
        {"agents": {"id": 1}},
        {"agents": "[]"},
        {"organizations": []},
        {"error": "try later"},
        {"pagination": {"next_page_token": "abc"}},
    ],
)
def test_an_answer_without_the_list_is_never_no_rows(payload: object) -> None:
    with pytest.raises(HuntressError, match='no list of "agents"') as caught:
        read_rows(payload, "agents")
    assert caught.value.kind is ErrorKind.UNREADABLE


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ({"account": {"id": 1, "name": "X"}}, {"id": 1, "name": "X"}),
        ({"account": {"name": "X"}}, {"name": "X"}),
        ({"account": {"id": 1}, "status": "ok"}, {"id": 1}),
        ({"id": 1, "name": "X"}, {"id": 1, "name": "X"}),
        ({"id": 1, "account": None}, {"id": 1, "account": None}),
    ],
)
def test_an_object_is_read_wrapped_or_bare(payload: object, value: object) -> None:
    assert read_object(payload, "account") == value


@pytest.mark.parametrize(
    "payload",
    [None, [], [{"id": 1}], "x", 1, {}, {"account": None}, {"account": []}, {"error": "no"}],
)
def test_an_answer_without_the_object_is_an_error(payload: object) -> None:
    with pytest.raises(HuntressError, match='no "account"') as caught:
        read_object(payload, "account")
    assert caught.value.kind is ErrorKind.UNREADABLE
