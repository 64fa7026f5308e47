"""When somebody was last there before a longer absence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.live.absence import LEAVING, Stay, absence_before

NOW = datetime(2026, 6, 9, 8, 0, tzinfo=UTC)
MOMENTS = st.none() | st.timedeltas(timedelta(0), timedelta(days=9)).map(lambda ago: NOW - ago)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@pytest.mark.parametrize(
    ("stays", "left"),
    [
        ([], None),
        ([Stay(None, None)], None),
        ([Stay(ago(minutes=5), None)], None),
        ([Stay(ago(minutes=59), ago(hours=15))], ago(hours=15)),
        ([Stay(ago(hours=1), ago(hours=15))], ago(hours=1)),
        # another browser that was used meanwhile
        ([Stay(ago(hours=9), ago(days=2)), Stay(ago(minutes=2), ago(hours=14))], ago(hours=14)),
        ([Stay(ago(hours=15), ago(days=2)), Stay(ago(hours=10), ago(hours=15))], ago(hours=10)),
    ],
)
def test_absences(stays: list[Stay], left: datetime | None) -> None:
    assert absence_before(stays, NOW) == left


@given(st.lists(st.builds(Stay, MOMENTS, MOMENTS)))
def test_nobody_left_while_one_of_their_sessions_was_used(stays: list[Stay]) -> None:
    left = absence_before(stays, NOW)
    seen = [stay.seen_at for stay in stays if stay.seen_at is not None]
    if seen and NOW - max(seen) >= LEAVING:
        assert left == max(seen)
    else:
        assert left in {None, *(stay.left_at for stay in stays)}
