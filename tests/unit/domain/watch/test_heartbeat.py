"""When the outside heartbeat beats, and what is called otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from webapp.domain.polling_health import PollingFacts
from webapp.domain.watch.heartbeat import NamedFacts, failure_url, why_not

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
WELL = PollingFacts(
    interval_minutes=5,
    started_at=NOW - timedelta(days=9),
    last_success_at=NOW - timedelta(minutes=15),
)


def reasons(facts: PollingFacts) -> list[str]:
    return why_not([NamedFacts("Acme", facts)], NOW)


def test_a_connection_polled_within_three_intervals_is_well() -> None:
    assert reasons(WELL) == []


def test_each_connection_has_to_be_well_not_just_one() -> None:
    late = replace(WELL, last_success_at=NOW - timedelta(minutes=15, seconds=1))
    assert why_not([NamedFacts("Acme", WELL), NamedFacts("Beta", late)], NOW) == [
        "Beta was not polled with success within 15 minutes."
    ]


@pytest.mark.parametrize(
    "facts",
    [
        replace(WELL, last_success_at=None),
        replace(WELL, last_success_at=None, missing_routing=["board"]),
        replace(WELL, last_success_at=NOW + timedelta(hours=1)),  # a clock that was wrong
    ],
)
def test_a_started_connection_without_success_stops_the_heartbeat(facts: PollingFacts) -> None:
    assert len(reasons(facts)) == 1


@pytest.mark.parametrize(
    "facts",
    [
        PollingFacts(),
        replace(WELL, last_success_at=None, paused_at=NOW),
        replace(WELL, last_success_at=None, disconnected_at=NOW),
        replace(WELL, last_success_at=None, is_available=False),
        replace(WELL, last_success_at=None, started_at=NOW - timedelta(minutes=15)),
        replace(WELL, last_success_at=None, resumed_at=NOW - timedelta(minutes=15)),
    ],
)
def test_nobody_waits_for_a_connection_that_is_not_polled_or_not_yet(facts: PollingFacts) -> None:
    assert reasons(facts) == []


def test_other_problems_stop_it_as_well() -> None:
    assert why_not([], NOW, problems=["Messages wait."]) == ["Messages wait."]
    assert why_not([], NOW) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hc-ping.com/2e1b-uuid", "https://hc-ping.com/2e1b-uuid/fail"),
        ("https://hc-ping.com/2e1b-uuid/", "https://hc-ping.com/2e1b-uuid/fail"),
        ("https://hc-ping.com/key/slug?create=1", "https://hc-ping.com/key/slug/fail?create=1"),
        ("https://hc.lan:8000/ping/2e1b-uuid", "https://hc.lan:8000/ping/2e1b-uuid/fail"),
        ("https://hc.lan/ping/key/slug", "https://hc.lan/ping/key/slug/fail"),
        ("https://hc-ping.com/2e1b-uuid/fail", "https://hc-ping.com/2e1b-uuid/fail"),
        (
            "http://kuma.lan:3001/api/push/Tok3n?status=up&msg=OK&ping=",
            "http://kuma.lan:3001/api/push/Tok3n?status=down&msg=Acme+is+late.&ping=",
        ),
        (
            "http://kuma.lan/base/api/push/Tok3n",
            "http://kuma.lan/base/api/push/Tok3n?status=down&msg=Acme+is+late.&ping=",
        ),
        ("https://monitor.example.com/beat?id=7", None),
        ("https://hc-ping.com/", None),
    ],
)
def test_the_address_that_says_not_well(url: str, expected: str | None) -> None:
    assert failure_url(url, "Acme is late.") == expected
