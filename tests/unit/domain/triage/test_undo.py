"""Until when a bulk change can be undone, and by whom."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.domain.triage.undo import UNDO_MINUTES, is_undo_open, may_undo

MADE = datetime(2026, 6, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "is_open"), [(0, True), (UNDO_MINUTES * 60, True), (UNDO_MINUTES * 60 + 1, False)]
)
def test_it_is_open_for_ten_minutes(seconds: int, is_open: bool) -> None:
    assert is_undo_open(MADE, MADE + timedelta(seconds=seconds)) is is_open


def test_it_is_for_who_did_it_and_for_admins() -> None:
    assert may_undo(1, 1, is_admin=False)
    assert may_undo(1, 2, is_admin=True)
    assert not may_undo(1, 2, is_admin=False)
    assert not may_undo(None, 2, is_admin=False)
