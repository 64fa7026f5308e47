"""How codes of authenticator apps are read, and which steps they may be of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.one_time_codes import (
    STEP_SECONDS,
    read_app_code,
    steps_to_try,
    time_step,
)

NOW = datetime(2026, 6, 9, 12, 0, 10, tzinfo=UTC)
TIMES = st.integers(946_684_800, 4_102_444_800).map(lambda at: datetime.fromtimestamp(at, UTC))


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("123\u00a0456", "123456"),
        ("000000", "000000"),
        ("12345", None),
        ("1234567", None),
        ("12345a", None),
        ("١٢٣٤٥٦", None),
        ("²²²²²²", None),
        ("", None),
        ("1" * 10_000, None),
    ],
)
def test_what_is_a_code(typed: str, code: str | None) -> None:
    assert read_app_code(typed) == code


def test_a_step_is_thirty_seconds_since_1970() -> None:
    assert time_step(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert time_step(datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC)) == 1
    assert time_step(datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)) == 0x273EF07  # RFC 6238, B


def test_one_step_either_side_the_present_one_first() -> None:
    present = time_step(NOW)
    tried = steps_to_try(NOW, None)
    assert tried[0] == present
    assert sorted(tried) == [present - 1, present, present + 1]


@given(TIMES, st.integers(-3, 3))
def test_no_step_is_taken_twice_or_out_of_order(now: datetime, distance: int) -> None:
    last = time_step(now) + distance
    assert all(step > last for step in steps_to_try(now, last))
    assert last not in steps_to_try(now, last)


@given(TIMES)
def test_a_code_lives_for_three_steps_at_most(now: datetime) -> None:
    step = time_step(now)
    seconds = [at for at in range(-120, 120) if step in steps_to_try(now + timedelta(0, at), None)]
    assert len(seconds) == 3 * STEP_SECONDS
