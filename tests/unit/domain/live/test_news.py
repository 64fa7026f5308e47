"""What open pages are told: from when on, in which words, under which tag."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.live.entry_words import NOTE, SAID_LENGTH, said_of_entry
from webapp.domain.live.since import LATE_COMMITS, LONGEST_OPEN, changes_from
from webapp.domain.live.tag import tag_of

NOW = datetime(2026, 6, 9, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("loaded", "since"),
    [
        (None, NOW - LATE_COMMITS),
        (NOW + HOUR, NOW - LATE_COMMITS),
        (NOW - HOUR, NOW - HOUR - LATE_COMMITS),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW - LONGEST_OPEN),
    ],
)
def test_from_when_on_a_page_is_told(loaded: datetime | None, since: datetime) -> None:
    assert changes_from(loaded, NOW) == since


@pytest.mark.parametrize(
    ("body", "is_note", "said"),
    [
        ("Set from Open to **Waiting**.", False, "Set from Open to Waiting"),
        ("\n## Severity rose\n- high to critical", False, "Severity rose"),
        ("- Two\n- lines", False, "Two"),
        ("Title: \\[Huntress\\] C:\\Users", False, "Title: [Huntress] C:\\Users"),
        ("the password is hunter2", True, NOTE),
        ("  \n***\n", False, "Changed"),
        ("x" * 500, False, "x" * (SAID_LENGTH - 1) + "…"),
    ],
)  # fmt: skip
def test_what_is_said_of_an_entry(body: str, is_note: bool, said: str) -> None:
    assert said_of_entry(body, is_note=is_note) == said


@given(st.text())
def test_any_entry_is_one_short_line(body: str) -> None:
    said = said_of_entry(body, is_note=False)
    assert said == " ".join(said.split())
    assert len(said) <= SAID_LENGTH


def test_the_tag_follows_the_answer_alone() -> None:
    answer = {"criticals": {"count": 1, "newest": []}, "tickets": [{"id": 1}]}
    again = {"tickets": [{"id": 1}], "criticals": {"newest": [], "count": 1}}
    assert tag_of(answer) == tag_of(again)
    assert tag_of(answer) != tag_of(answer | {"tickets": []})
