from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.retention.kinds import (
    DEFAULT_AGES,
    MOST_DAYS,
    RULES,
    AgeError,
    RetentionKind,
    age_words,
    cutoff,
    pruning_words,
    read_age,
)

NOW = datetime(2026, 6, 9, 12, 30, tzinfo=UTC)


def test_the_defaults_are_those_that_were_promised() -> None:
    assert DEFAULT_AGES == {
        "raw_reports": 365,
        "closed_tickets": None,
        "exchanges": 7,
        "runs": 90,
        "audit": 730,
        "outbox": 90,
        "alarms": 90,
        "proofs": 365,
        "drills": 365,
        "overrides": 90,
        "bell": 90,
    }


@pytest.mark.parametrize("kind", RetentionKind)
def test_every_kind_takes_its_default_and_its_least(kind: RetentionKind) -> None:
    rule = RULES[kind]
    assert rule.days is None or rule.least <= rule.days <= MOST_DAYS
    assert read_age(kind, str(rule.least)) == rule.least
    assert read_age(kind, f" {MOST_DAYS}  days ") == MOST_DAYS
    for days in (rule.least - 1, MOST_DAYS + 1):
        with pytest.raises(AgeError, match=rf"cannot be kept for {days:,} days: choose at least"):
            read_age(kind, str(days))


@pytest.mark.parametrize("kind", RetentionKind)
def test_only_some_may_stay_for_ever(kind: RetentionKind) -> None:
    if RULES[kind].may_stay:
        assert read_age(kind, "Never") is None
    else:
        with pytest.raises(AgeError, match="cannot be kept for ever"):
            read_age(kind, "never")
    assert RULES[RetentionKind.AUDIT].least == 90
    assert RULES[RetentionKind.EXCHANGES].least == 1


@pytest.mark.parametrize("typed", ["", "x", "-1", "1.5", "٣٠", "1e3", "9" * 5000, "30 weeks"])
def test_what_is_no_number_is_refused_in_words(typed: str) -> None:
    with pytest.raises(AgeError, match="enter a whole number of days"):
        read_age(RetentionKind.AUDIT, typed)


@given(st.text())
def test_whatever_is_typed_is_an_age_or_refused(typed: str) -> None:
    for kind in RetentionKind:
        try:
            days = read_age(kind, typed)
        except AgeError:
            continue
        assert days is None or RULES[kind].least <= days <= MOST_DAYS


@given(st.integers(1, MOST_DAYS), st.integers(0, 86_399))
def test_what_is_kept_for_days_is_never_deleted_within_them(days: int, second: int) -> None:
    now = NOW.replace(hour=0, minute=0) + timedelta(seconds=second)
    before = cutoff(days, now)
    assert timedelta(days=days) <= now - before < timedelta(days=days + 1)
    assert before == cutoff(days, now.replace(hour=0, minute=0, second=0))


def test_it_is_said_in_words() -> None:
    assert age_words(None) == "never deleted"
    assert age_words(1) == "1 day"
    assert age_words(3650) == "3,650 days"
    march = datetime(2026, 3, 3, tzinfo=UTC)
    assert (
        pruning_words(RetentionKind.CLOSED_TICKETS, 12, march)
        == "12 tickets closed before 3 March 2026"
    )
    assert pruning_words(RetentionKind.EXCHANGES, 1_204, march).startswith("1,204 exchanges made")
    assert pruning_words(RetentionKind.RUNS, 1, march).startswith("1 poll run begun")
