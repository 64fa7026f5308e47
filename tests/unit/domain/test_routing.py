"""Routing rules: ranges, completeness, pre-fill, when a poll is due, when a failure is retried."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.incident import Severity
from webapp.domain.routing import (
    PRIORITY_COLUMNS,
    REQUIRED,
    clamp_backfill_days,
    clamp_poll_interval,
    is_poll_due,
    missing_keys,
    missing_labels,
    missing_settings,
    next_poll_at,
    prefill_priorities,
    retry_delay,
)
from webapp.domain.untrusted import parse_time
from webapp.models import Connection

CASES = json.loads((Path(__file__).parents[2] / "cases" / "settings.json").read_text())
CLAMPS = {"poll_interval_minutes": clamp_poll_interval, "backfill_days": clamp_backfill_days}
NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
times = st.integers(-3_000_000, 3_000_000).map(lambda minutes: NOW + timedelta(minutes=minutes))


def test_default_cases() -> None:
    """A new connection's column defaults are what the cases say."""
    expected = CASES["defaults"]["expect"]
    columns = Connection.__table__.columns
    for name in ("poll_interval_minutes", "backfill_days", "auto_close_tickets"):
        assert columns[name].default.arg == expected[name]
    assert CLAMPS["poll_interval_minutes"](None) == expected["poll_interval_minutes"]
    assert CLAMPS["backfill_days"](None) == expected["backfill_days"]
    assert prefill_priorities([]) == expected["severity_priority_map"]
    for name in ("cursor", "critical_priority_id", "high_priority_id", "low_priority_id"):
        assert columns[name].default is None


@pytest.mark.parametrize("case", CASES["clamp"], ids=str)
def test_clamp_cases(case: dict[str, Any]) -> None:
    assert CLAMPS[case["field"]](case["input"]) == case["expect"]


@pytest.mark.parametrize("case", CASES["complete"], ids=str)
def test_complete_cases(case: dict[str, Any]) -> None:
    columns = {one.key: one.column for one in REQUIRED} | {
        optional: f"{optional}_id" for optional in ("category", "subcategory", "closed_status")
    }
    chosen = {column: None if key in case["missing"] else 1 for key, column in columns.items()}
    connection = Connection(**chosen)
    missing = missing_keys(connection)
    assert (missing == ()) == case["expect"]
    assert set(missing) == set(case["missing"]) & {one.key for one in REQUIRED}


def test_each_required_setting_is_a_reference_that_may_be_empty() -> None:
    columns = Connection.__table__.columns
    for one in REQUIRED:
        assert columns[one.column].foreign_keys, one
        assert columns[one.column].nullable, one
    for attribute in ("key", "column", "label"):
        assert len({getattr(one, attribute) for one in REQUIRED}) == len(REQUIRED)


def test_each_severity_has_its_priority_among_the_required_settings() -> None:
    assert set(PRIORITY_COLUMNS) == set(Severity) - {Severity.UNKNOWN}
    for severity, column in PRIORITY_COLUMNS.items():
        [setting] = [one for one in REQUIRED if one.column == column]
        assert setting.key == f"priority.{severity}"
        assert setting.label.lower().startswith(severity)


def test_what_routing_lacks_comes_in_the_order_of_the_form() -> None:
    nothing = SimpleNamespace(**dict.fromkeys(one.column for one in REQUIRED))
    assert missing_settings(nothing) == REQUIRED
    assert missing_keys(nothing) == (
        *("board", "fallback_client", "fallback_board"),
        *("priority.critical", "priority.high", "priority.low"),
    )
    assert missing_labels(nothing) == (
        *("Security board", "Fallback client", "Fallback (triage) board"),
        *("Critical severity →", "High severity →", "Low severity →"),
    )


@pytest.mark.parametrize("case", CASES["prefill"], ids=str)
def test_prefill_cases(case: dict[str, Any]) -> None:
    assert prefill_priorities([(name, name) for name in case["priorities"]]) == case["expect"]


def test_prefill_of_a_new_install() -> None:
    names = ["Critical", "High", "Medium", "Low"]
    expected = {"critical": "Critical", "high": "High", "low": "Medium"}
    assert prefill_priorities([(name, name) for name in names]) == expected


def test_prefill_takes_the_first_of_two_that_read_alike() -> None:
    assert prefill_priorities([(1, "High"), (2, " HIGH")]) == {"high": 1}


@pytest.mark.parametrize("case", CASES["poll_due"], ids=str)
def test_poll_due_cases(case: dict[str, Any]) -> None:
    now = parse_time(case["now"])
    assert now is not None
    last = parse_time(case["last_poll"])
    assert is_poll_due(last, case["interval"], now=now) == case["expect"]


def test_the_next_poll_comes_an_interval_after_the_last_start() -> None:
    started = NOW - timedelta(minutes=2)
    assert next_poll_at(started, 5, now=NOW) == NOW + timedelta(minutes=3)
    assert next_poll_at(None, 5, now=NOW) == NOW


def test_a_start_in_the_future_does_not_stop_polling() -> None:
    assert is_poll_due(NOW + timedelta(days=1), 5, now=NOW)
    assert not is_poll_due(NOW + timedelta(minutes=1), 5, now=NOW)


@given(st.none() | times, st.integers(1, 60), times)
def test_a_poll_is_due_within_two_intervals_whatever_is_stored(
    last: datetime | None, interval: int, now: datetime
) -> None:
    later = now + timedelta(minutes=2 * interval)
    assert is_poll_due(last, interval, now=now) or is_poll_due(last, interval, now=later)
    assert is_poll_due(last, interval, now=now) == (next_poll_at(last, interval, now=now) <= now)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(json_values)
def test_clamping_takes_anything(value: object) -> None:
    assert 1 <= clamp_poll_interval(value) <= 60
    assert 1 <= clamp_backfill_days(value) <= 30


@given(st.integers(1, 60), st.integers(1, 30))
def test_clamping_keeps_what_is_in_range(minutes: int, days: int) -> None:
    assert (clamp_poll_interval(minutes), clamp_backfill_days(days)) == (minutes, days)


@pytest.mark.parametrize(
    ("attempts", "minutes"),
    [(0, 5), (1, 5), (2, 10), (3, 20), (7, 320), (8, 360), (100, 360), (10**9, 360)],
)
def test_retry_delay(attempts: int, minutes: int) -> None:
    assert retry_delay(attempts) == timedelta(minutes=minutes)


@given(st.integers(0, 200))
def test_retries_never_come_sooner_than_before(attempts: int) -> None:
    assert retry_delay(attempts) <= retry_delay(attempts + 1)
