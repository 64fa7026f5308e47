"""Which backups are kept: examples, and what holds for every history."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.recovery.keep import (
    KeepRule,
    choose_removed,
    choose_removed_unchecked,
    parse_keep,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = 365 * 24 * 60


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Whole minutes, counted from the start."""
    return st.integers(first, last).map(lambda minutes: START + timedelta(minutes=minutes))


TIMES = st.lists(moments(0, YEAR), max_size=60)
RULES = st.builds(
    KeepRule, daily=st.integers(0, 9), weekly=st.integers(0, 5), monthly=st.integers(0, 5)
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("7 daily, 4 weekly, 12 monthly", KeepRule(7, 4, 12)),
        ("30 Daily", KeepRule(30, 0, 0)),
        (" 2  weekly ,1 daily", KeepRule(1, 2, 0)),
        ("7 daily, 3 daily", None),
        ("0 daily", None),
        ("1001 daily", None),
        ("7", None),
        ("", None),
        ("7 daily,", None),
        ("-1 daily", None),
        ("٧ daily", None),
    ],
)
def test_rules_as_they_are_typed(text: str, rule: KeepRule | None) -> None:
    assert parse_keep(text) == rule
    if rule is not None:
        assert parse_keep(str(rule)) == rule


def test_a_year_of_nights_with_the_usual_rule() -> None:
    nights = [datetime(2026, 1, 1, 2, tzinfo=UTC) + timedelta(days=n) for n in range(365)]
    kept = sorted(set(nights) - choose_removed(nights, KeepRule()), reverse=True)
    last_week = nights[-7:][::-1]
    assert kept[:7] == last_week
    assert len(kept) <= 7 + 4 + 12
    months = {(one.year, one.month) for one in kept}
    assert len(months) == 12


def test_backups_that_stopped_long_ago_stay() -> None:
    old = [datetime(2020, 1, n, tzinfo=UTC) for n in range(1, 8)]
    assert choose_removed(old, KeepRule(7, 0, 0)) == set()


@given(TIMES, RULES)
def test_whatever_there_is_the_newest_stays_and_nothing_is_made_up(
    times: list[datetime], rule: KeepRule
) -> None:
    removed = choose_removed(times, rule)
    kept = set(times) - removed
    assert removed <= set(times)
    if times:
        assert max(times) in kept
    assert len(kept) <= max(1, rule.daily + rule.weekly + rule.monthly)
    assert choose_removed(kept, rule) == set(), "applied again, nothing changes"
    days = sorted({one.date() for one in times}, reverse=True)[: rule.daily]
    assert set(days) <= {one.date() for one in kept}


@given(TIMES, RULES, moments(YEAR + 1, 2 * YEAR))
def test_a_further_backup_saves_none_that_was_removed(
    times: list[datetime], rule: KeepRule, newer: datetime
) -> None:
    assert choose_removed(times, rule) <= choose_removed([*times, newer], rule)


@given(TIMES, TIMES, RULES)
def test_one_that_nobody_checked_goes_only_where_a_newer_one_was_checked(
    unchecked: list[datetime], checked: list[datetime], rule: KeepRule
) -> None:
    removed = choose_removed_unchecked(unchecked, checked, rule)
    assert removed <= set(unchecked)
    assert all(any(newer > at for newer in checked) for at in removed)
    assert choose_removed_unchecked(checked, checked, rule) == choose_removed(checked, rule)
