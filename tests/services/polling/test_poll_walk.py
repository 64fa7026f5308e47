"""The walk over real pages: backlogs, ties, rows that move, pages out of order, wrong clocks."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.support.poller import Desk, simulated_desk
from tests.support.polling import (
    INCIDENTS,
    add_bulk,
    alert_count,
    asked,
    on_list_calls,
    page_answer,
    report,
    set_faults,
    ticketed_ids,
    use_small_pages,
)
from webapp.clock import SKEW_HINT
from webapp.huntress.simulator import Fault, SimulatedAccount
from webapp.models import Alert, Comment, Ticket
from webapp.services.calls.call_window import DatabaseLedger

pytestmark = pytest.mark.slow

LISTS = [INCIDENTS, "/v1/organizations", f"{INCIDENTS}?sent", f"{INCIDENTS}?auto_remediating"]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_pages(monkeypatch, 4)


def test_a_backlog_of_more_than_twenty_full_pages_loses_nothing(desk: Desk) -> None:
    now = desk.clock.now()
    closed = add_bulk(desk.account, 11_700, now, first_id=1000, status="closed")
    oldest = now - timedelta(hours=5)
    opened = add_bulk(desk.account, 300, oldest, first_id=1)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert outcome.run.collected == 12_000
    assert (outcome.run.created, outcome.run.recorded) == (300, 11_700)
    assert alert_count(desk, Alert.reason == "already_closed") == len(closed)
    assert Counter(ticketed_ids(desk)) == Counter(str(one) for one in opened)
    walked = [one for one in desk.simulator.requests if "updated_at" in str(one.query)]
    assert len(walked) == 24
    assert desk.connection().cursor == now
    assert desk.inbox() == []


def test_an_empty_account_is_a_success(desk: Desk) -> None:
    outcome = desk.poll()
    assert outcome.as_dict() | {"run_id": 0} == {
        "success": True, "skipped": None, "run_id": 0, "collected": 0, "created": 0, "noted": 0,
        "closed": 0, "reopened": 0, "recorded": 0, "failed": 0, "quarantined": 0, "api_calls": 4,
        "cursor": "2026-06-02T12:05:00Z", "error": None,
    }  # fmt: skip
    assert asked(desk) == LISTS
    horizon = desk.clock.now() - timedelta(days=7)
    assert (desk.connection().cursor, desk.connection().horizon) == (horizon, horizon)
    assert desk.poll().is_success
    assert desk.connection().cursor == horizon, "nothing qualifies: the cursor stays"
    assert asked(desk)[len(LISTS) :] == [INCIDENTS]


def test_an_account_of_one_row_makes_one_ticket(desk: Desk) -> None:
    [only] = add_bulk(desk.account, 1, desk.clock.now())
    assert desk.poll().as_dict()["created"] == 1
    assert desk.poll().as_dict()["collected"] == 0
    assert ticketed_ids(desk) == [str(only)]
    assert desk.notes(only)[0].startswith(f"Incident ID: {only}\n")
    assert desk.count(Comment) == 1


@pytest.mark.parametrize("ties", ["skip", "repeat"])
def test_rows_that_share_a_second_at_a_pages_edge_all_get_their_ticket(
    app, fake_clock, small_pages, ties
) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account, ties=ties) as desk:
        now = fake_clock.now()
        # Three, then three in the same second: the edge of four lies inside the second.
        ids = add_bulk(account, 3, now, first_id=100)
        ids += add_bulk(account, 3, now - timedelta(minutes=1), step=timedelta(0), first_id=200)
        ids += add_bulk(account, 3, now - timedelta(minutes=2), first_id=300)
        outcome = desk.poll()
        assert outcome.is_success, outcome.run.error
        walked = [one for one in desk.simulator.requests if "updated_at" in str(one.query)]
        assert len(walked) > 1
        assert ticketed_ids(desk) == sorted(str(one) for one in ids)
        assert outcome.run.created == len(ids)
        assert desk.count(Comment) == len(ids)
        assert outcome.run.collected == len(ids)


def test_a_second_that_fills_a_page_ends_the_walk_and_the_sweep_finds_its_rows(
    app, fake_clock, small_pages
) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account, ties="repeat") as desk:
        ids = add_bulk(account, 9, fake_clock.now(), step=timedelta(0))
        outcome = desk.poll()
        assert outcome.run.state == "error"
        assert "repeated a page token" in outcome.run.error
        assert desk.connection().cursor is None
        assert ticketed_ids(desk) == sorted(str(one) for one in ids)


def test_rows_that_move_while_the_walk_runs_are_met_again(desk: Desk, small_pages) -> None:
    now = desk.clock.now()
    ids = add_bulk(desk.account, 11, now - timedelta(minutes=1))
    first, last = ids[0], ids[-1]

    def move(call: int) -> None:
        if call == 2:
            desk.account.update_incident(last, now=desk.clock.now(), summary="It goes on.")
            desk.account.update_incident(first, now=desk.clock.now(), summary="It goes on.")
            desk.account.add_incident(now=desk.clock.now(), id=77)

    set_faults(desk, on_request=on_list_calls(move))
    desk.poll()
    assert desk.connection().cursor == now - timedelta(minutes=1)
    set_faults(desk)
    desk.poll()
    assert ticketed_ids(desk) == sorted(str(one) for one in [*ids, 77])
    assert [len(desk.notes(one)) for one in (first, ids[1])] == [2, 1]
    assert "It goes on." in desk.alert(last).raw_report
    assert desk.connection().cursor > now


def test_a_page_out_of_order_does_not_end_the_walk(desk: Desk) -> None:
    now = desk.clock.now()
    ancient = now - timedelta(days=400)
    pages = {
        1: page_answer(
            [report(1, now), report(2, ancient), report(3, now), report(4, ancient)], "a"
        ),
        2: page_answer([report(5, now - timedelta(hours=1)), report(6, ancient)], "b"),
        3: page_answer([report(7, now)]),
    }
    set_faults(desk, on_request=on_list_calls(pages.get))
    outcome = desk.poll(minutes=0)
    assert outcome.is_success, outcome.run.error
    assert ticketed_ids(desk) == ["1", "3", "5", "7"]
    assert desk.connection().cursor == now


@pytest.mark.parametrize("style", ["documented", "nulls", "legacy", "absent", "bare"])
def test_every_shape_of_a_last_page_ends_the_walk(app, fake_clock, small_pages, style) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account, pagination_style=style) as desk:
        ids = add_bulk(account, 6, fake_clock.now())
        outcome = desk.poll()
        assert outcome.is_success, outcome.run.error
        assert ticketed_ids(desk) == [str(one) for one in ids]


def test_pages_without_rows_and_rows_without_times_do_not_end_the_walk(desk: Desk) -> None:
    now = desk.clock.now()
    old = now - timedelta(days=300)
    pages = {
        1: page_answer([report(1, now)], "a"),
        2: page_answer([], "b"),
        3: page_answer([report(2, old, updated_at=None), report(3, old, updated_at="soon")], "c"),
        4: page_answer([report(4, now - timedelta(days=1)), report(5, old)]),
    }
    set_faults(desk, on_request=on_list_calls(pages.get))
    assert desk.poll(minutes=0).is_success
    assert ticketed_ids(desk) == ["1", "2", "3", "4"]


def test_a_time_in_2099_moves_no_cursor_and_is_noted_once(desk: Desk) -> None:
    now = desk.clock.now()
    desk.account.add_incident(now=now, id=1)
    desk.account.add_incident(now=now, id=2, updated_at="2099-12-31T23:59:59Z")
    assert desk.poll().as_dict()["created"] == 2
    assert desk.connection().cursor == now
    assert desk.alert(2).processed_at is None
    assert desk.poll().as_dict()["collected"] == 0

    late = desk.clock.now()
    desk.account.update_incident(2, now=late, summary="More.", updated_at="2099-12-31T23:59:59Z")
    desk.account.add_incident(now=late, id=3)
    outcome = desk.poll()
    assert (outcome.run.collected, outcome.run.created, outcome.run.noted) == (2, 1, 1)
    assert desk.connection().cursor == late
    assert len(desk.notes(2)) == 2


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_an_hour_off_loses_and_doubles_nothing(desk: Desk, hours: int) -> None:
    simulator = desk.simulator
    huntress_now = lambda: desk.clock.now() + timedelta(hours=hours)  # noqa: E731
    simulator._clock = huntress_now
    desk.account.add_incident(now=huntress_now(), id=1)
    assert desk.poll().as_dict()["created"] == 1
    assert desk.connection().cursor == desk.alert(1).processed_at
    assert desk.connection().horizon == huntress_now() - timedelta(days=7)
    for number in (2, 3, 4):
        at = huntress_now()
        desk.account.add_incident(now=at, id=number)
        outcome = desk.poll(minutes=0.5)
        assert (outcome.run.created, outcome.run.noted) == (1, 0)
        assert desk.connection().cursor == at
    desk.account.update_incident(4, now=huntress_now(), summary="More.")
    assert desk.poll().as_dict()["noted"] == 1
    assert desk.count(Ticket) == 4


def test_a_clock_that_differs_from_huntress_is_kept_and_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.simulator._clock = lambda: desk.clock.now() - timedelta(minutes=10)
    for _ in range(3):
        desk.poll()
    assert desk.connection().huntress_skew_seconds == 600
    told = [one.getMessage() for one in caplog.records if "Huntress's" in one.getMessage()]
    assert told == [
        "The clock that Triagedesk goes by is 10 min ahead of Huntress's (connection"
        f" {desk.connection_id}). {SKEW_HINT}"
    ]
    desk.simulator._clock = desk.clock.now
    desk.poll()
    assert desk.connection().huntress_skew_seconds == 0


def test_the_first_walk_reaches_back_by_the_clock_of_huntress(desk: Desk) -> None:
    """Ours is an hour ahead: what was closed in the first hour of the backfill is walked to."""
    desk.simulator._clock = lambda: desk.clock.now() - timedelta(hours=1)
    early = desk.clock.now() - timedelta(days=7, minutes=30)
    desk.account.add_incident(now=early, id=1, status="closed")
    desk.poll(minutes=0)
    assert desk.alert(1).reason == "already_closed"


def test_waiting_for_the_call_window_is_no_difference_of_clocks(desk: Desk) -> None:
    """A report from Huntress's future stays without a usable time, however long we waited."""
    desk.account.add_incident(now=desk.clock.now(), id=1)
    desk.poll()
    ledger = DatabaseLedger(desk.connection_id, 60)
    while ledger.free_calls(desk.clock.now()):
        ledger.record("GET", "/v1/account", desk.clock.now(), status=200, rows=1)
    desk.clock.advance(seconds=10)
    desk.account.add_incident(now=desk.clock.now() + timedelta(seconds=75), id=2)
    outcome = desk.poll(minutes=0)
    assert outcome.run.waited_seconds >= 45
    assert outcome.run.created == 1
    assert desk.alert(2).processed_at is None


def test_a_cursor_never_moves_back(desk: Desk) -> None:
    now = desk.clock.now()
    desk.account.add_incident(now=now, id=1)
    desk.poll()
    desk.account.delete_incident(1)
    desk.account.add_incident(now=now - timedelta(seconds=30), id=2)
    desk.poll()
    assert desk.connection().cursor == now
    assert ticketed_ids(desk) == ["1", "2"], "late rows of the overlap are taken"


def test_what_was_too_old_to_begin_with_becomes_a_ticket_when_it_changes(desk: Desk) -> None:
    old = desk.clock.now() - timedelta(days=20)
    desk.account.add_incident(now=old, id=1)
    desk.poll()
    assert (desk.alert(1).reason, desk.ticket(1)) == ("before_backfill", None)
    desk.set(backfill_days=30)
    desk.poll(sweep=True)
    assert desk.ticket(1) is None, "a longer backfill does not move the horizon"
    desk.account.update_incident(1, now=desk.clock.now(), summary="It goes on.")
    assert desk.poll().as_dict()["created"] == 1
    assert desk.ticket(1) is not None


def test_an_answer_without_a_list_is_an_error_and_moves_nothing(desk: Desk) -> None:
    desk.poll()
    before = desk.connection().cursor
    set_faults(desk, on_request=on_list_calls(lambda _: Fault(status=200, body=b'{"rows": []}')))
    outcome = desk.poll()
    assert "Huntress's answer has no list" in outcome.run.error
    assert desk.connection().cursor == before
