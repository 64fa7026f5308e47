"""No address that somebody else wrote stays one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.defang import defang, defang_line


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://evil.example/a.b?c=d.e", "hxxps[:]//evil[.]example/a.b?c=d.e"),
        ("HTTP://EVIL.EXAMPLE", "hxxp[:]//EVIL[.]EXAMPLE"),
        ("see evil.example.", "see evil[.]example."),
        ("10.0.0.1", "10[.]0[.]0[.]1"),
        ("10.0.0.1:8080", "10[.]0[.]0[.]1:8080"),
        ("ftp://files.example", "ftp[:]//files[.]example"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("mailto:ada@evil.example", "mailto[:]ada[@]evil[.]example"),
        ("ada@evil.example", "ada[@]evil[.]example"),
        ("пример.рф", "пример[.]рф"),
        ("(evil.example)", "(evil[.]example)"),
        ("bad.js.example", "bad[.]js[.]example"),
        ("evil.com/malware.exe", "evil[.]com/malware[.]exe"),
    ],
)
def test_addresses(text: str, safe: str) -> None:
    assert defang(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "evil.exe ran",
        "C:\\Users\\ada\\evil.exe",
        "powershell.exe, cmd.exe.",
        "version 1.5",
        "It was stopped. Nothing more.",
        "… and so on",
        "",
        "RECEPTION-PC",
        "@everyone",
        "Drukarnia Sp. z o.o. (P.C.)",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert defang(text) == text


def test_defanging_twice_changes_nothing() -> None:
    once = defang("https://evil.example/a ada@evil.example 10.0.0.1")
    assert defang(once) == once


@given(st.text(max_size=200))
def test_no_web_address_survives(text: str) -> None:
    assert not re.search(r"(?i)\bhttps?:", defang(text))


@given(st.text(max_size=300), st.integers(1, 60))
def test_a_line_is_one_line_and_no_longer_than_asked(text: str, limit: int) -> None:
    line = defang_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert "\u202e" not in line


@pytest.mark.parametrize("value", [None, "", "   ", 5, {"a": 1}])
def test_nothing_is_an_empty_line_or_words(value: object) -> None:
    assert isinstance(defang_line(value, 50), str)
