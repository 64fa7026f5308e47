"""Handovers in words."""

from datetime import UTC, time

import pytest

from webapp.domain.on_call import Every, Handover
from webapp.domain.on_call_words import handover_words, parse_handover, parse_time_of_day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon 09:00", (0, time(9))),
        (" sunday  9:05 ", (6, time(9, 5))),
        ("THURS 23:59", (3, time(23, 59))),
        ("09:00", (None, time(9))),
        ("", None),
        ("Mon", None),
        ("Mo 09:00", None),
        ("Noday 09:00", None),
        ("Mon Tue 09:00", None),
        ("Mon 24:00", None),
        ("Mon 09:60", None),
        ("Mon 09", None),
        ("Mon ٠٩:٠٠", None),
    ],
)
def test_reading_a_handover(text: str, expected: tuple[int | None, time] | None) -> None:
    assert parse_handover(text) == expected


def test_nothing_is_no_time_of_day() -> None:
    assert parse_time_of_day(None) is None


def test_saying_a_handover() -> None:
    assert handover_words(Handover(Every.WEEKLY, UTC, time(9), 4)) == "every Friday at 09:00"
    assert handover_words(Handover(Every.DAILY, UTC, time(18, 30))) == "every day at 18:30"
