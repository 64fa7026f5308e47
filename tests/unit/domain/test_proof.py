"""The proof's accounting: each incident that is listed gets one account, and only one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.cursor_walk import Page
from webapp.domain.incident import Incident
from webapp.domain.proof import (
    Account,
    Booked,
    BookedAlert,
    Polled,
    Problem,
    account_for,
    describe_counts,
)
from webapp.domain.proof_walk import OLD_ROWS_THAT_END_IT, ProofWalk

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
POLLED = NOW - timedelta(minutes=3)
SENT = NOW - timedelta(hours=5)
HORIZON = NOW - timedelta(days=7)
SEEN = Polled(POLLED, HORIZON, has_swept=True, swept_statuses=("sent", "auto_remediating"))
OPEN = Incident(id="7", status="sent", severity_word="high", sent_at=SENT, updated_at=SENT)
TICKETED = BookedAlert(
    "sent", "high", None, SENT, has_ticket=True, is_ticket_there=True, is_ticket_its_own=True
)


def recorded(reason: str | None) -> BookedAlert:
    return BookedAlert("sent", "high", reason, SENT)


@pytest.mark.parametrize(
    ("booked", "account"),
    [
        (Booked(TICKETED, has_ticket=True), Account.TICKETED),
        (Booked(recorded("org_opted_out")), Account.EXCLUDED),
        (Booked(recorded("already_closed")), Account.CLOSED),
        (Booked(recorded("before_backfill")), Account.RECORDED),
        (Booked(recorded("not_sent_yet")), Account.RECORDED),
        (Booked(is_waiting=True), Account.RECORDED),
        (Booked(is_dismissed=True), Account.RECORDED),
        (Booked(is_quarantined=True), Account.QUARANTINED),
        (Booked(TICKETED, has_ticket=True, is_quarantined=True), Account.QUARANTINED),
        (Booked(TICKETED, has_ticket=True, is_waiting=True), Account.TICKETED),
    ],
)
def test_what_the_books_explain(booked: Booked, account: Account) -> None:
    finding = account_for(OPEN, booked, SEEN, NOW)
    assert (finding.account, finding.problem) == (account, None)


@pytest.mark.parametrize(
    ("booked", "problem"),
    [
        (Booked(), Problem.MISSING),
        (Booked(has_ticket=True), Problem.ALERT_GONE),
        (Booked(replace(TICKETED, is_ticket_there=False)), Problem.TICKET_GONE),
        (Booked(replace(TICKETED, is_ticket_its_own=False)), Problem.OTHER_TICKET),
        (Booked(recorded(None)), Problem.NO_REASON),
        (Booked(replace(TICKETED, is_incomplete=True)), Problem.REPORT_GONE),
        (Booked(replace(TICKETED, status="closed")), Problem.OUTDATED),
        (Booked(replace(TICKETED, severity="low")), Problem.OUTDATED),
        (Booked(replace(TICKETED, processed_at=SENT - timedelta(seconds=1))), Problem.OUTDATED),
        (Booked(replace(TICKETED, processed_at=None)), Problem.OUTDATED),
    ],
)
def test_what_they_do_not(booked: Booked, problem: Problem) -> None:
    finding = account_for(OPEN, booked, SEEN, NOW)
    assert (finding.account, finding.problem) == (Account.UNEXPLAINED, problem)


@pytest.mark.parametrize(
    ("seconds", "account"),
    [(-1, Account.UNEXPLAINED), (0, Account.NOT_DUE), (60, Account.NOT_DUE)],
)
def test_an_incident_is_due_once_a_poll_must_have_seen_it(seconds: int, account: Account) -> None:
    came_at = POLLED + timedelta(seconds=seconds)
    late = replace(OPEN, sent_at=came_at, updated_at=came_at)
    assert account_for(late, Booked(), SEEN, NOW).account is account


def test_an_update_after_the_last_poll_is_no_hole_in_the_books() -> None:
    fresh = replace(OPEN, status="closed", updated_at=POLLED + timedelta(seconds=1))
    assert account_for(fresh, Booked(TICKETED, has_ticket=True), SEEN, NOW).account == "ticketed"
    assert account_for(fresh, Booked(), SEEN, NOW).problem is Problem.MISSING, "it was sent before"


def test_a_time_in_the_future_or_none_proves_nothing_against_an_alert() -> None:
    for moment in (None, NOW + timedelta(days=1)):
        odd = replace(OPEN, status="closed", updated_at=moment)
        assert account_for(odd, Booked(TICKETED, has_ticket=True), SEEN, NOW).problem is None


def test_an_incident_without_any_time_has_to_be_in_the_books() -> None:
    timeless = replace(OPEN, sent_at=None, updated_at=None)
    assert account_for(timeless, Booked(), SEEN, NOW).problem is Problem.MISSING


def test_before_the_backfill_only_what_a_sweep_lists_must_be_known() -> None:
    old = HORIZON - timedelta(days=1)
    before = replace(OPEN, sent_at=old, updated_at=old)
    assert account_for(before, Booked(), SEEN, NOW).problem is Problem.MISSING
    not_swept = replace(SEEN, has_swept=False)
    assert account_for(before, Booked(), not_swept, NOW).account is Account.RECORDED
    closed = replace(before, status="closed")
    assert account_for(closed, Booked(), SEEN, NOW).account is Account.RECORDED


def test_what_huntress_is_about_to_delete_need_not_be_known() -> None:
    assert account_for(replace(OPEN, status="deleting"), Booked(), SEEN, NOW).problem is None


def test_before_a_poll_has_succeeded_nothing_is_due() -> None:
    assert account_for(OPEN, Booked(), Polled(None), NOW).account is Account.NOT_DUE


def test_the_result_in_words() -> None:
    counts = dict.fromkeys((*Account, "listed"), 0)
    few = {**counts, "listed": 1, "ticketed": 1}
    assert describe_counts(few) == "1 listed: 1 ticket, 0 unexplained"
    many = {**counts, "listed": 212, "ticketed": 190, "excluded": 18, "closed": 3, "quarantined": 1}
    assert describe_counts(many) == (
        "212 listed: 190 tickets, 18 excluded, 3 closed when first seen, 1 in quarantine, "
        "0 unexplained"
    )
    odd = {**counts, "listed": 2, "recorded": 1, "unexplained": 1}
    assert describe_counts(odd) == (
        "2 listed: 0 tickets, 1 recorded without a ticket, 1 unexplained"
    )


def row(number: int, *, is_old: bool = False) -> dict[str, object]:
    at = NOW - timedelta(days=40 if is_old else 1)
    return {"id": number, "updated_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def pages_of(rows: list[dict[str, object]], size: int) -> list[Page]:
    cut = [tuple(rows[start : start + size]) for start in range(0, len(rows), size)] or [()]
    tokens = [*(str(number) for number in range(1, len(cut))), None]
    return [Page(part, token, NOW) for part, token in zip(cut, tokens, strict=True)]


def walked(rows: list[dict[str, object]], size: int = 500) -> tuple[list[object], int]:
    """What a walk returns, and how many pages it took."""
    walk, pages, found = ProofWalk(low=NOW - timedelta(days=30)), pages_of(rows, size), []
    while not walk.is_finished:
        found += walk.take(pages[walk.pages])
    return found, walk.pages


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 30))
def test_every_incident_of_the_days_is_returned(new: int, old: int, size: int) -> None:
    rows = [row(1000 - number, is_old=number >= new) for number in range(new + old)]
    found, _ = walked(rows, size)
    assert found == rows[:new]


def test_a_month_costs_a_call_for_each_500_incidents() -> None:
    rows = [row(9_000 - number, is_old=number >= 1_400) for number in range(8_000)]
    found, pages = walked(rows)
    assert (len(found), pages) == (1_400, 3)


def test_a_few_old_rows_do_not_end_the_walk() -> None:
    rows = [row(100 - number, is_old=number >= 2) for number in range(OLD_ROWS_THAT_END_IT)]
    rows.append(row(1))
    found, _ = walked(rows, size=10)
    assert [one["id"] for one in found if isinstance(one, dict)] == [100, 99, 1]


def test_a_list_out_of_order_is_walked_to_its_end() -> None:
    rows = [row(number, is_old=number < 60) for number in range(80)]
    found, _ = walked(rows, size=30)
    assert len(found) == 20
