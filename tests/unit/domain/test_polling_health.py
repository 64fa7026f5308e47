"""The one judgement of how polling goes: states, tones, words, and what it never says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_clock import START as NOW
from webapp.domain.polling_health import (
    Credentials,
    PollingFacts,
    State,
    Tone,
    is_timer_driven,
    judge,
    moment_words,
)

MINUTE = timedelta(minutes=1)
WELL = PollingFacts(
    started_at=NOW - timedelta(days=9),
    last_poll_started_at=NOW - 2 * MINUTE,
    last_success_at=NOW - 2 * MINUTE,
)
LATE = {
    "last_poll_started_at": NOW - timedelta(days=1),
    "last_success_at": NOW - timedelta(days=1),
}
FAILED = {"last_error": "Huntress answered 500.", "last_error_at": NOW - MINUTE}
PAUSED = {"paused_at": NOW - MINUTE}
GONE = {"disconnected_at": NOW - MINUTE, "credentials": Credentials.MISSING}


def state(**values: object) -> State:
    return judge(replace(WELL, **values), NOW).state


@pytest.mark.parametrize(
    ("values", "expected", "tone"),
    [
        ({}, State.COMPLETED, Tone.GOOD),
        ({"last_success_at": None}, State.PENDING, Tone.NEUTRAL),
        ({"started_at": None}, State.NOT_STARTED, Tone.NEUTRAL),
        ({"missing_routing": ["Security board"]}, State.INCOMPLETE, Tone.DELIBERATE),
        ({"missing_routing": ["a"], "started_at": None}, State.INCOMPLETE, Tone.NEUTRAL),
        ({"is_running": True, **LATE}, State.SYNCING, Tone.NEUTRAL),
        (FAILED, State.ERROR, Tone.BAD),
        ({**FAILED, "is_running": True}, State.ERROR, Tone.BAD),
        ({**FAILED, "missing_routing": ["a"]}, State.ERROR, Tone.BAD),
        ({**FAILED, "last_error_at": NOW - 3 * MINUTE}, State.COMPLETED, Tone.GOOD),
        ({"credentials": Credentials.MISSING}, State.ERROR, Tone.BAD),
        ({"credentials": Credentials.UNREADABLE, **LATE}, State.ERROR, Tone.BAD),
        (LATE, State.OVERDUE, Tone.BAD),
        ({**LATE, "last_error": "x", "last_error_at": None}, State.OVERDUE, Tone.BAD),
        ({**PAUSED, **LATE, "last_error": "x"}, State.PAUSED, Tone.DELIBERATE),
        ({**PAUSED, "credentials": Credentials.MISSING}, State.PAUSED, Tone.DELIBERATE),
        ({**GONE, **PAUSED, **LATE}, State.DISCONNECTED, Tone.DELIBERATE),
        ({**GONE, "acknowledged_at": NOW}, State.DISCONNECTED, Tone.NEUTRAL),
        ({**GONE, **FAILED, "is_available": False}, State.UNAVAILABLE, Tone.NEUTRAL),
    ],
)
def test_each_state_and_how_it_is_to_be_taken(
    values: dict[str, object], expected: State, tone: Tone
) -> None:
    judgement = judge(replace(WELL, **values), NOW)
    assert (judgement.state, judgement.tone) == (expected, tone)


def test_the_order_of_states_holds_for_every_mixture() -> None:
    """The first state of the enumeration that applies alone also outweighs all that follow it."""
    alone = {
        State.UNAVAILABLE: {"is_available": False},
        State.DISCONNECTED: {"disconnected_at": NOW},
        State.PAUSED: {"paused_at": NOW},
        State.ERROR: FAILED,
        State.SYNCING: {"is_running": True},
        State.INCOMPLETE: {"missing_routing": ("a",)},
        State.NOT_STARTED: {"started_at": None},
        State.PENDING: {"last_success_at": None},
    }
    order = [one for one in State if one in alone]
    for chosen in product((False, True), repeat=len(order)):
        mixed = [one for one, is_in in zip(order, chosen, strict=True) if is_in]
        values = {key: value for one in mixed for key, value in alone[one].items()}
        assert state(**values) is (mixed[0] if mixed else State.COMPLETED), mixed


@pytest.mark.parametrize(
    ("interval", "late", "is_overdue"),
    [(1, 120, False), (1, 121, True), (5, 300, False), (5, 301, True), (60, 3601, True)],
)
def test_overdue_is_later_than_two_minutes_and_one_interval(
    interval: int, late: int, is_overdue: bool
) -> None:
    due = NOW - timedelta(seconds=late)
    begun = due - interval * MINUTE
    values = {"interval_minutes": interval, "last_poll_started_at": begun}
    found = judge(replace(WELL, **values, last_success_at=begun), NOW)
    assert (found.state is State.OVERDUE) is is_overdue
    assert found.since == (due if is_overdue else None)


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ({"resumed_at": NOW - MINUTE}, None),
        ({"last_success_at": NOW - MINUTE}, None),
        ({"last_error_at": NOW - MINUTE}, None),
        ({"last_poll_started_at": None}, NOW - timedelta(days=1)),
        ({"last_poll_started_at": None, "last_success_at": None}, NOW - timedelta(days=9)),
        ({"last_poll_started_at": NOW + timedelta(days=9)}, NOW - timedelta(days=1)),
        ({"interval_minutes": 0}, NOW - timedelta(days=1) + MINUTE),
    ],
)
def test_since_when_a_poll_is_due(values: dict[str, object], since: datetime | None) -> None:
    """Not before the last one ended, the schedule was resumed or the account was connected."""
    judgement = judge(replace(WELL, **{**LATE, **values}), NOW)
    assert judgement.since == since
    assert (judgement.state is State.OVERDUE) is (since is not None)


def test_a_poll_due_at_this_moment_is_not_overdue() -> None:
    begun = NOW - 5 * MINUTE
    assert state(last_poll_started_at=begun, last_success_at=begun) is State.COMPLETED
    assert replace(WELL, last_poll_started_at=begun).due_since(NOW) == NOW


moments = st.none() | st.integers(-20_000, 20_000).map(lambda minutes: NOW + minutes * MINUTE)
MOMENTS = ("started_at", "resumed_at", "last_poll_started_at", "last_success_at", "last_error_at")
MOMENTS += ("timer_at", "paused_at", "paused_until", "disconnected_at", "acknowledged_at")
facts = st.builds(
    PollingFacts,
    is_available=st.booleans(),
    credentials=st.sampled_from(Credentials),
    interval_minutes=st.integers(-5, 90),
    missing_routing=st.sampled_from(((), ("Security board",))),
    is_running=st.booleans(),
    last_error=st.none() | st.just("No."),
    paused_by=st.none() | st.just("Ann"),
    pause_reason=st.none() | st.text(max_size=9),
    **dict.fromkeys(MOMENTS, moments),
)


@given(facts, st.booleans())
def test_what_holds_for_every_connection(one: PollingFacts, by_timer: bool) -> None:
    found = judge(one, NOW, by_timer=by_timer)
    is_stopped = one.paused_at or one.disconnected_at or not one.is_available
    assert found.sentence()
    assert found.sentence()[-1] in ".…"
    if found.tone is Tone.GOOD:
        assert one.is_scheduled
        assert one.error is None
        assert not one.is_overdue(NOW)
        assert one.last_success_at is not None
    if found.state is State.OVERDUE:
        assert not is_stopped
        assert not one.is_running
        assert found.since is not None
        assert NOW - found.since > max(2 * MINUTE, one.interval)
    if is_stopped:
        assert found.tone in (Tone.DELIBERATE, Tone.NEUTRAL)
        assert not found.needs_workers
        assert one.next_poll_at(NOW) is None
    if not found.is_well:
        assert found.advice
    assert not (by_timer and found.needs_workers)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {
                "paused_at": datetime(2026, 6, 9, 12, 2, tzinfo=UTC) - timedelta(days=1),
                "paused_by": "Ann",
                "pause_reason": "vendor migration.",
                "paused_until": datetime(2026, 6, 10, 6, tzinfo=UTC),
            },
            "Paused since Monday 14:02 by Ann: vendor migration. Nothing has been looked at since."
            " Polling resumes by itself on Wednesday 08:00.",
        ),
        (
            {"paused_at": datetime(2026, 5, 1, 7, tzinfo=UTC), **FAILED},
            "Paused since 1 May 2026, 09:00. Nothing has been looked at since."
            " Last poll failed: Huntress answered 500.",
        ),
        (
            {"disconnected_at": NOW, "disconnected_by": "Ann"},
            "Disconnected since Tuesday 14:00 by Ann. Nothing has been looked at since.",
        ),
        (
            {"disconnected_at": NOW, "acknowledged_at": NOW, "acknowledged_by": "Bo"},
            "Disconnected since Tuesday 14:00. Nothing has been looked at since."
            " Acknowledged by Bo.",
        ),
        (
            {**LATE, **FAILED, "last_error_at": NOW - timedelta(hours=23)},
            "A poll has been due since Monday 15:00 and none has begun. Nothing has been looked at"
            " since. The last one failed: Huntress answered 500.",
        ),
        (FAILED, "Last poll failed: Huntress answered 500."),
        ({"credentials": Credentials.MISSING}, "Missing Huntress API credentials."),
        ({"credentials": Credentials.UNREADABLE}, "Credentials can't be read: enter them again."),
        ({"is_available": False}, "The Huntress security integration is an Enterprise feature."),
        (
            {"missing_routing": ("Security board", "Fallback client")},
            "Polling is paused until the routing is complete. Missing: Security board, Fallback"
            " client.",
        ),
    ],
)
def test_sentences(values: dict[str, object], sentence: str) -> None:
    judgement = judge(replace(WELL, **values), NOW)
    assert judgement.sentence(ZoneInfo("Europe/Berlin")) == sentence


def test_times_in_words() -> None:
    week = timedelta(days=6)
    assert moment_words(NOW, NOW, UTC) == "Tuesday 12:00 UTC"
    assert moment_words(NOW - week, NOW, ZoneInfo("Asia/Tokyo")) == "3 June 2026, 21:00"
    assert moment_words(NOW + week - MINUTE, NOW, ZoneInfo("Asia/Tokyo")) == "Monday 20:59"


@pytest.mark.parametrize(("minutes", "is_driven"), [(0, True), (15, True), (16, False)])
def test_a_timer_counts_for_three_intervals(minutes: int, is_driven: bool) -> None:
    polled = replace(WELL, timer_at=NOW - minutes * MINUTE)
    new = replace(WELL, last_poll_started_at=None)
    assert is_timer_driven([new, polled], NOW) is is_driven
    found = judge(polled, NOW, by_timer=is_driven)
    assert found.needs_workers is not is_driven


def test_while_nothing_is_polled_the_last_schedule_counts() -> None:
    paused = replace(WELL, **PAUSED, timer_at=NOW - timedelta(days=9))
    assert is_timer_driven([paused], NOW)
    assert not is_timer_driven([paused, WELL], NOW)
    assert not is_timer_driven([], NOW)


def test_what_to_do_when_nothing_begins() -> None:
    late = replace(WELL, **LATE)
    assert "triagedesk up" in judge(late, NOW).advice
    assert "poll --due" in judge(late, NOW, by_timer=True).advice
    assert judge(replace(WELL, **GONE, acknowledged_at=NOW), NOW).advice == ""
