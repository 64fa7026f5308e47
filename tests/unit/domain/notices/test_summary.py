"""When a summary is due, and what it says."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.message import Message, Urgency
from webapp.domain.notices.summary import (
    Period,
    PollGap,
    ProofResult,
    SummaryFigures,
    UntouchedTicket,
    compose_summary,
    find_daily,
    find_gaps,
    find_weekly,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 3, 4)
"""A Wednesday."""


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def before(days: int) -> date:
    return DAY - timedelta(days=days)


def test_a_daily_summary_is_due_once_a_day_at_its_time() -> None:
    assert find_daily(local(DAY, 7, 29), BERLIN, "07:30", before(1)) is None
    period = find_daily(local(DAY, 7, 30), BERLIN, "07:30", before(1))
    assert period == Period(day=DAY, begins=local(before(1), 7, 30), ends=local(DAY, 7, 30))
    assert find_daily(local(DAY, 9), BERLIN, "07:30", before(1)) == period, "late is better"
    assert find_daily(local(DAY, 9), BERLIN, "07:30", DAY) is None, "it was sent"
    assert find_daily(local(DAY, 9), BERLIN, None, None) is None, "nobody wants one"


def test_the_first_one_waits_for_its_time() -> None:
    assert find_daily(local(DAY, 15), BERLIN, "07:30", None) is None
    assert find_daily(local(DAY, 7, 31), BERLIN, "07:30", None) is not None
    tomorrow = DAY + timedelta(days=1)
    assert find_daily(local(tomorrow, 7, 30), BERLIN, "07:30", None) is not None


def test_after_days_without_one_it_covers_them_up_to_a_week() -> None:
    period = find_daily(local(DAY, 8), BERLIN, "07:30", before(3))
    assert period is not None
    assert period.begins == local(before(3), 7, 30)
    period = find_daily(local(DAY, 8), BERLIN, "07:30", before(60))
    assert period is not None
    assert period.begins == local(before(1), 7, 30)


def test_a_day_on_which_clocks_change_has_one_summary_of_its_own_length() -> None:
    sunday = date(2026, 3, 29)
    period = find_daily(local(sunday, 7, 30), BERLIN, "07:30", sunday - timedelta(days=1))
    assert period is not None
    assert period.ends - period.begins == timedelta(hours=23)
    skipped = find_daily(local(sunday, 4), BERLIN, "02:30", sunday - timedelta(days=1))
    assert skipped is not None, "a time that clocks skip comes all the same"
    autumn = date(2026, 10, 25)
    twice = find_daily(local(autumn, 12), BERLIN, "02:30", autumn)
    assert twice is None, "a time that comes twice is told once"


def test_a_weekly_summary_is_due_on_its_day() -> None:
    monday = date(2026, 3, 2)
    period = find_weekly(local(monday, 7, 30), BERLIN, None, 0, None)
    assert period is not None
    assert (period.day, period.is_weekly) == (monday, True)
    assert period.ends - period.begins == timedelta(days=7)
    assert find_weekly(local(DAY, 8), BERLIN, "07:30", 0, monday) is None
    assert find_weekly(local(DAY, 8), BERLIN, "07:30", 0, monday - timedelta(days=7)) is not None
    assert find_weekly(local(DAY, 8), BERLIN, "07:30", None, None) is None


@given(st.integers(0, 400 * 24 * 4), st.sampled_from(["00:00", "02:30", "07:30", "23:59"]))
def test_looking_every_quarter_of_an_hour_sends_one_a_day(offset: int, at: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * offset)
    last: date | None = now.astimezone(BERLIN).date()
    sent = []
    for _ in range(4 * 24 * 4):
        now += timedelta(minutes=15)
        if period := find_daily(now, BERLIN, at, last):
            last = period.day
            sent.append(period)
    days = [one.day for one in sent]
    assert len(days) == len(set(days))
    assert 3 <= len(days) <= 4
    for first, second in pairwise(sent):
        assert first.ends == second.begins, "nothing is left out, nothing told twice"


FIGURES = SummaryFigures(
    by_severity={"critical": 1, "high": 3, "odd": 1},
    by_client={"Fernhill": 4, "Tallow https://evil.example": 1},
    muted=2,
    minutes_to_touch=12.5,
    touched=4,
    untouched_count=12,
    untouched=[
        UntouchedTicket("T-1", "Incident on PC", "Fernhill", "critical", local(before(2), 7, 30))
    ],
    overdue=["T-1"],
    quarantined=1,
    taken={"Ada": 3, None: 1},
    gaps=[PollGap("Acme", local(DAY, 2), local(DAY, 3), was_paused=True)],
    proofs=[ProofResult("Acme", 212, {"tickets": 190, "excluded": 22, "unexplained": 0})],
)
PERIOD = Period(day=DAY, begins=local(before(1), 7, 30), ends=local(DAY, 7, 30))


def compose(figures: SummaryFigures, period: Period = PERIOD) -> Message:
    return compose_summary(period, figures, BERLIN, own_url="https://desk.example")


def test_it_says_everything() -> None:
    message = compose(FIGURES)
    assert message.title == (
        "Daily summary: 5 incidents (1 critical, 3 high, 1 unknown), 12 untouched"
    )
    assert (message.key, message.event) == ("summary:daily:2026-03-04", "summary.daily")
    assert message.urgency is Urgency.QUIET
    for words in (
        "From 3 Mar, 07:30 to 4 Mar, 07:30.",
        "Incidents: 1 critical, 3 high, 1 unknown.",
        "Clients: Fernhill 4, Tallow hxxps[:]//evil[.]example 1.",
        "Of these, 2 of muted clients: nobody was told of them.",
        "First touched after 12 minutes (median of 4 tickets).",
        "Taken by: Ada 3, nobody 1.",
        "Untouched: 12 tickets.",
        "T-1 · critical, for 2 days: Incident on PC (Fernhill)",
        "… and 11 more.",
        "Overdue, told to the last step and taken by nobody: T-1.",
        "In quarantine: 1 report.",
        "Polling of Acme missed intervals: no poll succeeded from 4 Mar, 02:00 to 4 Mar, 03:00"
        " (it was paused meanwhile).",
        "Proof of Acme: 212 listed: 190 tickets, 22 excluded, 0 unexplained.",
    ):
        assert words in message.lines
    assert json.loads(json.dumps(dict(message.data)))["untouched_count"] == 12


def test_a_quiet_day_says_so() -> None:
    message = compose(SummaryFigures())
    assert message.title == "Daily summary: no incidents"
    assert message.lines[1:] == (
        "No incident became a ticket.",
        "Nothing is untouched.",
        "Polling missed no interval.",
    )
    weekly = compose(SummaryFigures(), replace(PERIOD, is_weekly=True))
    assert weekly.title == "Weekly summary: no incidents"
    assert (weekly.key, weekly.event) == ("summary:weekly:2026-03-04", "summary.weekly")


def test_a_proof_that_failed_says_why() -> None:
    proof = ProofResult("Acme", 0, {}, "Huntress refused the key.")
    assert (
        "Proof of Acme: Huntress refused the key." in compose(SummaryFigures(proofs=[proof])).lines
    )


@pytest.mark.parametrize(
    ("polls", "gaps"),
    [
        (range(0, 61, 5), []),
        ([*range(0, 21, 5), *range(25, 61, 5)], []),
        ([*range(0, 21, 5), *range(40, 61, 5)], [(20, 40)]),
        ([], [(0, 60)]),
        ([30], [(0, 30), (30, 60)]),
        ([-10, 0, 70], [(0, 60)]),
    ],
)
def test_missed_intervals(polls: list[int], gaps: list[tuple[int, int]]) -> None:
    start = local(DAY, 1)
    found = find_gaps(
        [start + timedelta(minutes=one) for one in polls],
        start,
        start + timedelta(minutes=60),
        timedelta(minutes=5),
    )
    assert [
        tuple(round((moment - start) / timedelta(minutes=1)) for moment in pair) for pair in found
    ] == gaps
