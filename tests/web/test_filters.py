"""Times, colours and titles as templates show them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.support.fake_clock import START, FakeClock
from webapp.domain.ticket_title import title_parts
from webapp.web import filters
from webapp.web.filters import age, ago, counted, due, exact, tone, when, with_code
from webapp.web.navigation import NAVIGATION
from webapp.web.viewer import Anonymous


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({}, "just now"),
        ({"seconds": -4}, "just now"),
        ({"seconds": -59}, "59 s ago"),
        ({"seconds": -60}, "1 min ago"),
        ({"minutes": -59, "seconds": -59}, "59 min ago"),
        ({"hours": -23}, "23 h ago"),
        ({"days": -59}, "59 d ago"),
        ({"days": -61}, "2 mo ago"),
        ({"days": -800}, "2 y ago"),
        ({"minutes": 4}, "in 4 min"),
        ({"days": 3}, "in 3 d"),
    ],
)
def test_relative_times(
    app: Flask, fake_clock: FakeClock, step: dict[str, float], words: str
) -> None:
    with app.test_request_context():
        assert f">{words}</time>" in ago(START + timedelta(**step))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"minutes": 4}, ">in 4 min<"),
        ({"seconds": 2}, ">now<"),
        ({"seconds": -2}, ">now<"),
        ({"minutes": -2}, ">due 2 min ago<"),
    ],
)
def test_planned_times(
    app: Flask, fake_clock: FakeClock, step: dict[str, float], words: str
) -> None:
    with app.test_request_context():
        assert words in due(START + timedelta(**step), "not scheduled")
        assert due(None, "not scheduled") == "not scheduled"


def test_the_exact_time_is_there_for_machines_and_people(app: Flask, fake_clock: FakeClock) -> None:
    with app.test_request_context():
        assert age(datetime(2026, 6, 9, 9, 5, 7, tzinfo=UTC)) == (
            '<time datetime="2026-06-09T09:05:07Z" title="9 Jun 2026, 09:05:07 UTC">2 h</time>'
        )
        assert exact(START) == "9 Jun 2026, 12:00:00 UTC"
        assert ">9 Jun 2026, 12:00 UTC<" in when(START)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "9 Jun 2026, 14:00:00 CEST"),
        ("America/Sao_Paulo", "9 Jun 2026, 09:00:00 UTC-03"),
        ("Asia/Kathmandu", "9 Jun 2026, 17:45:00 UTC+0545"),
        ("Not/AZone", "9 Jun 2026, 12:00:00 UTC"),
    ],
)
def test_times_are_those_of_the_viewer(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, zone: str, words: str
) -> None:
    monkeypatch.setattr(filters, "current_viewer", lambda: Anonymous(time_zone=zone))
    with app.test_request_context():
        assert exact(START) == words
        assert f'title="{words}"' in ago(START - timedelta(days=3)).replace("6 Jun", "9 Jun")


def test_a_clock_that_is_ahead_makes_no_negative_age(app: Flask, fake_clock: FakeClock) -> None:
    with app.test_request_context():
        assert ">0 s</time>" in age(START + timedelta(hours=1))


def test_missing_times_have_words() -> None:
    assert (ago(None), ago(None, "not scheduled")) == ("never", "not scheduled")
    assert (age(None), when(None, "<none>")) == ("—", "&lt;none&gt;")


@pytest.mark.parametrize("colour", ["", None, "red; x", '"><b>', "RED", "nope"])
def test_only_colours_of_the_palette_become_classes(colour: str | None) -> None:
    assert tone(colour) == "tone-grey"
    assert tone("red") == "tone-red"


@pytest.mark.parametrize(
    ("title", "prefix", "subject", "is_unmapped"),
    [
        ("[Huntress] A - b", "[Huntress]", "A - b", False),
        ("[Huntress] [Unmapped Org] A", "[Huntress] [Unmapped Org]", "A", True),
        ("Printer", "", "Printer", False),
        ("[Huntress]", "", "[Huntress]", False),
        ("[Huntress] [Unmapped Org]", "[Huntress]", "[Unmapped Org]", False),
        ("A [Huntress] B", "", "A [Huntress] B", False),
    ],
)
def test_titles_are_taken_apart(title: str, prefix: str, subject: str, is_unmapped: bool) -> None:
    parts = title_parts(title)
    assert (parts.prefix, parts.subject, parts.is_unmapped) == (prefix, subject, is_unmapped)


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("[Huntress] CRITICAL - Incident on SRV01 (Acme)", "Incident on SRV01 (Acme)"),
        ("[Huntress] [Unmapped Org] LOW - Incident on a@b.c (Acme)", "Incident on a@b.c (Acme)"),
        (
            "[Huntress] Huntress EDR Critical Incident Report | Incident on SRV01 (Acme)",
            "Incident on SRV01 (Acme)",
        ),
        ("[Huntress] HIGH - ", "HIGH - "),
        ("[Huntress] Seen: LOW - Incident on SRV01", "Seen: LOW - Incident on SRV01"),
        ("CRITICAL - typed by a person", "CRITICAL - typed by a person"),
    ],
)
def test_lists_leave_out_what_huntress_begins_every_subject_with(title: str, short: str) -> None:
    assert title_parts(title).short == short


def test_numbers_have_their_word() -> None:
    assert [counted(n, "ticket") for n in (0, 1, 2, 1234)] == [
        "0 tickets",
        "1 ticket",
        "2 tickets",
        "1,234 tickets",
    ]
    assert counted(2, "entry", "entries") == "2 entries"


def test_every_icon_that_templates_name_exists(app: Flask) -> None:
    folder = Path(str(app.root_path)) / "templates"
    known = set(app.jinja_env.get_template("components/icons.html").module.ICONS)
    named = {
        name
        for file in folder.rglob("*.html")
        for name in re.findall(r"""(?:icon|empty)\("([a-z0-9-]+)\"""", file.read_text("utf-8"))
    }
    assert len(named) > 10
    assert named <= known
    assert {entry.icon for section in NAVIGATION for entry in section.entries} <= known


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain <b> & text", "plain &lt;b&gt; &amp; text"),
        ("`a.dll` by `<x>`.", "<code>a.dll</code> by <code>&lt;x&gt;</code>."),
        ("`C:\\Users\\*_x_*`", "<code>C:\\Users\\*_x_*</code>"),
        ("one ` alone", "one ` alone"),
        ("`over\nlines`", "`over\nlines`"),
        ("", ""),
    ],
)
def test_backticks_are_shown_as_code_and_nothing_else_changes(text: str, shown: str) -> None:
    assert with_code(text) == shown
