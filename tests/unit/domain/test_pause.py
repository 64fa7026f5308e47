"""When a pause ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.domain.pause import PauseEnd, is_paused, parse_span, pause_until

NOW = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)


def test_the_ends_of_a_pause() -> None:
    berlin = ZoneInfo("Europe/Berlin")  # 00:30 on the 25th, the night in which summer time ends
    assert pause_until(PauseEnd.HOUR, NOW, berlin) == NOW + timedelta(hours=1)
    assert pause_until(PauseEnd.TOMORROW, NOW, berlin) == datetime(2026, 10, 26, 7, tzinfo=UTC)
    assert pause_until(PauseEnd.TOMORROW, NOW, UTC) == datetime(2026, 10, 25, 8, tzinfo=UTC)
    assert pause_until(PauseEnd.RESUMED, NOW, berlin) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90m", 90), (" 1H ", 60), ("2d", 2880), ("0m", None), ("1", None), ("400d", None)],
)
def test_spans(text: str, minutes: int | None) -> None:
    assert parse_span(text) == (None if minutes is None else timedelta(minutes=minutes))


def test_a_pause_that_ended_is_none() -> None:
    assert not is_paused(None, None, NOW)
    assert is_paused(NOW, None, NOW)
    assert is_paused(NOW, NOW + timedelta(seconds=1), NOW)
    assert not is_paused(NOW, NOW, NOW)
