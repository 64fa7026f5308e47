"""Indicators of compromise: found in reports of all sorts, and only where there are some."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attacks import attack
from tests.support.cases import load_cases
from webapp.domain.incident import Incident, Remediation, Remediations
from webapp.domain.triage.indicator_kinds import (
    FoundIndicator,
    IndicatorKind,
    defang_indicator,
    is_indicator_key,
)
from webapp.domain.triage.indicators import (
    MOST_INDICATORS,
    find_indicators,
    indicator_texts,
    read_indicator,
)

CASES = load_cases("indicator_reports")
REPORTS = CASES["reports"]
LEAST = 0.98
SECONDS = 8
"""More than ten times what the slowest of the texts takes, so that a busy machine does not fail."""


def as_incident(report):
    steps = (
        Remediation(None, None, step["action"], None, tuple(step["parameters"]))
        for step in report["remediations"]
    )
    return Incident(
        id="1",
        summary=report["summary"],
        body=report["body"],
        remediations=Remediations(tuple(steps)),
    )


def keys_found(report):
    return {one.key for one in find_indicators(indicator_texts(as_incident(report)))}


def keys_expected(report):
    return {
        FoundIndicator(IndicatorKind(kind), value).key
        for kind, values in report["expected"].items()
        for value in values
    }


def test_precision_and_recall_over_the_reports():
    assert len(REPORTS) >= 60
    found = [(keys_found(report), keys_expected(report)) for report in REPORTS]
    right = sum(len(one & other) for one, other in found)
    assert right / sum(len(one) for one, _ in found) >= LEAST, "precision"
    assert right / sum(len(other) for _, other in found) >= LEAST, "recall"


@pytest.mark.parametrize("sentence", CASES["sentences"], ids=lambda one: one["text"][:30])
def test_sentences_that_the_rules_were_not_made_for(sentence):
    found = {one.key for one in find_indicators([sentence["text"]])}
    assert found == keys_expected(sentence)


def test_the_reports_name_every_kind():
    assert {kind for one in REPORTS for kind in one["expected"]} == set(IndicatorKind)


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4, Chrome/124.0.6367.91, updated from version 4.1.2.3 to 4.2.1.9",
        "on 2024-05-01T09:30:00Z, 01.05.2024, 12:30:45, at 1714550400",
        "setup.exe, readme.md, run.sh, archive.zip, System.Net, ASP.NET, m.in. z.B. e.g.",
        "10.0.0.1, 192.168.1.1, 172.31.255.1, 127.0.0.1, 169.254.1.1, fe80::1, ::1",
        "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}, 00:1A:2B:3C:4D:5E, std::vector, a::b",
        "Request ID: 0f8fad5bd9cb469fa16570867728950e, 00000000000000000000000000000000",
        "12345678901234567890123456789012 and 300.1.2.3 and 1.2.3.4.5 and 01.02.03.04",
        "https://attack.mitre.org/techniques/T1059/, http://localhost:8080/x, https://x.huntress.io/",
        "NT AUTHORITY\\SYSTEM, BUILTIN\\Administrators, Windows\\System32, value\\nnext, C:\\",
        "and/or, 24/7, /S /C, /dev/null, srv01.corp.local, user anna.li",
        "It was finished.In the end it is so",
    ],
)
def test_what_only_looks_like_an_indicator(text):
    assert find_indicators([text]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203[.]0[.]113[.]5", ("ip", "203.0.113.5")),
        ("readme[.]md", ("domain", "readme.md")),
        ("EVIL.COM.", ("domain", "evil.com")),
        ("evil.com.Then", ("domain", "evil.com")),
        ("2001:DB8:0:0::1", ("ip", "2001:db8::1")),
        ("bob (at) bad (dot) example", ("email", "bob@bad.example")),
        ("'C:\\My Files\\a b.exe'", ("path", "C:\\My Files\\a b.exe")),
        ("C:\\Program Files\\App\\a b.exe /x", ("path", "C:\\Program Files\\App\\a b.exe")),
        ("C:\\Tools\\Nc 10.exe ran", ("path", "C:\\Tools\\Nc 10.exe")),
        ("C:\\Foo\\a.exe was quarantined.", ("path", "C:\\Foo\\a.exe")),
        ("C:\\Foo\\a.exe Quarantined", ("path", "C:\\Foo\\a.exe")),
        ("in C:\\Foo The Loader.exe", ("path", "C:\\Foo")),
        ("The HKLM\\Run Setup.exe", ("registry", "HKLM\\Run")),
        ("in C:\\Temp and then D", ("path", "C:\\Temp")),
        ("C:/Users/Public/a.exe", ("path", "C:/Users/Public/a.exe")),
        ("Registry::HKU\\S-1-5-21\\Run", ("registry", "HKU\\S-1-5-21\\Run")),
        ("as contoso\\bob", ("account", "contoso\\bob")),
    ],
)
def test_how_one_is_written(text, expected):
    assert [(one.kind, one.value) for one in find_indicators([text])] == [expected]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (("path", "C:\\A\\b.exe"), ("path", "c:/a/B.EXE"), True),
        (("path", "/tmp/A"), ("path", "/tmp/a"), False),
        (("registry", "HKLM\\A"), ("registry", "HKEY_LOCAL_MACHINE\\a"), True),
        (("url", "HTTP://A.example/B"), ("url", "http://a.example/B"), True),
        (("url", "http://a.example/B"), ("url", "http://a.example/b"), False),
        (("account", "ACME\\Bob"), ("account", "acme\\bob"), True),
        (("domain", "a.example"), ("url", "a.example"), False),
    ],
)
def test_which_are_the_same(one, other, is_same):
    keys = [FoundIndicator(IndicatorKind(kind), value).key for kind, value in (one, other)]
    assert (keys[0] == keys[1]) is is_same
    assert all(map(is_indicator_key, keys))
    assert not is_indicator_key("x")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("url", "https://evil.example/a.b?c=d.e", "hxxps://evil[.]example/a.b?c=d.e"),
        ("url", "evil.example/a.b", "evil[.]example/a.b"),
        ("ip", "203.0.113.5", "203[.]0[.]113[.]5"),
        ("ip", "2001:db8::1", "2001[:]db8[:][:]1"),
        ("email", "a.b@evil.example", "a[.]b[@]evil[.]example"),
        ("path", "C:\\a.exe", "C:\\a.exe"),
    ],
)
def test_defanged(kind, value, expected):
    assert defang_indicator(kind, value) == expected
    if expected != value:
        assert find_indicators([expected])[0].key, "it can be read back"


def test_each_is_found_once_and_no_more_than_the_limit():
    assert len(find_indicators(["a.example A.example", "a[.]example"])) == 1
    many = " ".join(f"198.51.{i // 250}.{i % 250 + 1}" for i in range(MOST_INDICATORS + 50))
    assert len(find_indicators([many])) == MOST_INDICATORS


@pytest.mark.parametrize("report", REPORTS, ids=lambda one: one["name"])
def test_what_a_link_names_is_read_back(report):
    for one in find_indicators(indicator_texts(as_incident(report))):
        read = read_indicator(f"{one.kind}:{one.value}")
        assert read is not None
        assert read.key == one.key


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" 203[.]0.113.5 ", ("ip", "203.0.113.5")),
        ("https://evil.example/x", ("url", "https://evil.example/x")),
        ("C:\\Temp\\a.exe", ("path", "C:\\Temp\\a.exe")),
        ("md5:ABC", ("md5", "ABC")),
    ],
)
def test_what_somebody_types_is_read(typed, expected):
    found = read_indicator(typed)
    assert found is not None
    assert (found.kind, found.value) == expected
    assert read_indicator("nothing of that sort") is None


pieces = st.lists(
    st.sampled_from(
        [
            *["C:\\", "\\\\a\\", "HKLM\\", "%A%\\", "a.", "a@", "203.0.113.5", ":", "::", "[.]"],
            *[
                "http://",
                "hxxp",
                "[",
                ")",
                "/tmp/",
                "~/",
                " ",
                '"',
                "„",
                "'",
                "x\\y",
                "e.com/",
                "\n",
            ],
            *["あ", "é", "version ", "to ", "\ue000", "\ue001", "\\", "f" * 32, "and"],
        ]
    ),
    max_size=30,
).map("".join)


@given(st.lists(st.one_of(pieces, attack, st.text()), max_size=3))
def test_it_never_raises_and_finds_each_once(texts):
    found = find_indicators(texts)
    assert len({one.key for one in found}) == len(found)
    assert all(one.value and "\ue000" not in one.value for one in found)
    for text in texts:
        read_indicator(text)


@pytest.mark.parametrize(
    "unit",
    [
        *[
            "C:\\",
            "C:\\a b\\",
            '"C:\\a b ',
            "'C:\\",
            "„C:\\",
            "\\\\a\\",
            "HKLM\\",
            "%a%\\",
            "/tmp/a(",
        ],
        *["a.", "a-", "é.", "a@", "a.b@", "a.com/", "x\\y", "1.", "1.2.3.4/", "a:", "::", "0", "f"],
        *["[.]", "[:]", "[", "(", "http://", "https://a.example/(", " hxxp", "version 1.2.3.4 to "],
    ],
)
def test_200_kilobytes_of_anything_are_read_in_a_moment(unit):
    began = time.process_time()  # a busy machine is no failure
    find_indicators([unit * (200_000 // len(unit))])
    assert time.process_time() - began < SECONDS
