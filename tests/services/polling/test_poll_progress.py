"""While a cycle runs its row shows where it is; afterwards it shows exactly what was done."""

import json
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    INCIDENTS,
    AppThread,
    add_bulk,
    break_reports,
    counted_statements,
    on_list_calls,
    runs,
    set_faults,
    use_small_pages,
)
from webapp import clock
from webapp.huntress.simulator import Fault
from webapp.models import Ticket
from webapp.models.poll_run import COUNTS
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.connections.routing_settings import save_routing
from webapp.services.polling import process_inbox

pytestmark = pytest.mark.slow


def fill_window(desk: Desk, *, leave: int = 0) -> None:
    """Use up the call window but for `leave` calls."""
    ledger = DatabaseLedger(desk.connection_id, 60)
    while ledger.free_calls(desk.clock.now()) > leave:
        ledger.record("GET", "/v1/account", desk.clock.now(), status=200, rows=1)


@both_databases
def test_an_idle_cycle_is_one_call_and_eight_statements(desk: Desk) -> None:
    add_bulk(desk.account, 3, desk.clock.now())
    desk.poll()
    start = len(desk.simulator.requests)
    with counted_statements() as statements:
        outcome = desk.poll()
    assert outcome.is_success
    assert outcome.run.api_calls == 1
    assert [one.path for one in desk.simulator.requests[start:]] == [INCIDENTS]
    assert len(statements) <= 8, "\n\n".join(statements)


@both_databases
def test_a_wait_for_the_window_is_shown_as_such(app, desk: Desk) -> None:
    add_bulk(desk.account, 1, desk.clock.now())
    fill_window(desk)
    seen: list[tuple] = []

    def sleep(seconds: float) -> None:
        def look() -> None:
            run = runs(desk)[-1]
            seen.append((run.state, run.phase, run.waiting))

        AppThread(app, look).outcome()
        desk.clock.sleep(seconds)

    with clock.replaced(desk.clock.now, sleep):
        outcome = desk.poll(minutes=0)
    assert outcome.is_success
    assert len(seen) >= 12
    assert seen[1][:2] == ("running", "walking")
    assert seen[1][2].startswith("waiting for the API call window: ")
    assert seen[1][2].endswith(" s left")
    assert len({waiting for _, _, waiting in seen}) > 6, "it counts down"
    assert outcome.run.waited_seconds == pytest.approx(60, abs=1)
    run = runs(desk)[-1]
    assert (run.phase, run.waiting, run.state) == (None, None, "completed")


def test_phase_done_total_and_counts_are_shown_while_it_runs(app, desk: Desk, monkeypatch) -> None:
    use_small_pages(monkeypatch, 4)
    add_bulk(desk.account, 10, desk.clock.now())
    seen: list[tuple] = []

    def look(_number: int, _path: str) -> None:
        desk.clock.advance(seconds=2)
        run = runs(desk)[-1]
        seen.append((run.phase, run.done, run.total, run.collected, run.created))

    def on_request(number: int, path: str) -> None:
        AppThread(app, lambda: look(number, path)).outcome()

    set_faults(desk, on_request=on_request)
    desk.poll()
    assert seen[0] == (None, 0, None, 0, 0)
    assert ("walking", 1, None, 4, 0) in seen
    assert ("walking", 2, None, 8, 0) in seen
    assert [one for one in seen if one[0] == "sweeping" and one[4] == 10]
    assert [one for one in seen if one[0] == "processing" and one[1:3] == (10, 10)]


def test_processing_shows_how_many_of_all_that_is_due_are_done(desk: Desk, monkeypatch) -> None:
    add_bulk(desk.account, 300, desk.clock.now(), status="closed")
    seen: list[tuple[int, int | None]] = []
    write = process_inbox._write

    def slow_write(*args):
        run = runs(desk)[-1]
        seen.append((run.done, run.total))
        desk.clock.advance(seconds=2)
        write(*args)

    monkeypatch.setattr(process_inbox, "_write", slow_write)
    monkeypatch.setattr(process_inbox, "LOCK_SECONDS", 1000.0)
    desk.poll()
    assert seen[1:] == [(40, 300), (120, 300), (220, 300)]


def test_a_row_is_written_at_most_once_a_second(desk: Desk) -> None:
    add_bulk(desk.account, 100, desk.clock.now())
    with counted_statements() as statements:
        desk.poll()
    writes = [one for one in statements if one.startswith("UPDATE poll_runs")]
    assert len(writes) == 1, "time stood still: the result alone"


def test_the_result_counts_exactly_what_was_done(desk: Desk, monkeypatch) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    client = desk.add_client("Globex")
    desk.map(7, client)
    desk.map(8, None, tickets=False)
    now = desk.clock.now()
    for number in range(1, 7):
        desk.account.add_incident(7, now=now, id=number)
    early = now - timedelta(minutes=1)
    desk.account.add_incident(7, now=now, id=7, status="closed", sent_at=early)
    desk.account.add_incident(8, now=now, id=8)
    desk.account.add_incident(7, now=now - timedelta(days=9), id=9)
    desk.account.add_raw_incident({"subject": "no id"})
    break_reports(monkeypatch, 6)
    first = desk.poll().run
    counts = {name: getattr(first, name) for name in COUNTS}
    assert counts == {
        "collected": 10, "created": 6, "noted": 0, "closed": 0, "reopened": 0, "recorded": 3,
        "skipped": 0, "failed": 1, "quarantined": 1, "missed_open": 0,
    }  # fmt: skip
    assert desk.count(Ticket) == 6

    later = desk.clock.now()
    desk.account.close_incident(1, now=later)
    desk.account.reopen_incident(7, now=later)
    desk.account.update_incident(2, now=later, summary="More.")
    desk.account.update_incident(8, now=later, summary="More.")
    desk.account.add_incident(7, now=later, id=10, status="closed", closed_at=later)
    second = desk.poll().run
    counts = {name: getattr(second, name) for name in COUNTS}
    assert counts == {
        "collected": 5, "created": 1, "noted": 2, "closed": 1, "reopened": 0, "recorded": 2,
        "skipped": 0, "failed": 1, "quarantined": 0, "missed_open": 1,
    }  # fmt: skip
    assert second.cursor_before == first.cursor_after == now
    assert (second.cursor_after, second.trigger) == (later, "command")
    assert second.finished_at == desk.clock.now()
    made = len(desk.simulator.requests)
    assert first.api_calls + second.api_calls == made
    outcome = json.dumps(desk.poll().as_dict())
    assert json.loads(outcome)["success"] is True


def test_settings_edited_during_a_poll_are_not_overwritten(app, desk: Desk) -> None:
    """Every column that a person can edit, saved while the walk waits for its answer."""
    add_bulk(desk.account, 3, desk.clock.now())
    edited = {
        "name": "Renamed", "poll_interval_minutes": 7, "backfill_days": 3,
        "auto_close_tickets": True, "leave_touched_open": True, "reopen_tickets": False,
        "category_id": None, "paused_at": desk.clock.now(), "api_secret": "hs_new",
        "poll_requested_at": desk.clock.now() + timedelta(minutes=5, seconds=1),
    }  # fmt: skip
    set_faults(
        desk,
        on_request=on_list_calls(
            lambda n: AppThread(app, lambda: desk.set(**edited)).outcome() if n == 1 else None
        ),
    )
    assert desk.poll().is_success
    connection = desk.connection()
    assert {name: getattr(connection, name) for name in edited} == edited
    assert connection.cursor is not None


def test_routing_saved_during_a_poll_holds_from_the_next_one_on(app, desk: Desk) -> None:
    add_bulk(desk.account, 1, desk.clock.now())

    def save() -> None:
        save_routing(desk.connection_id, {"poll_interval_minutes": 9})

    set_faults(
        desk, on_request=lambda n, _p: AppThread(app, save).outcome() and None if n == 1 else None
    )
    desk.poll()
    assert desk.connection().poll_interval_minutes == 9


def test_success_clears_the_error_and_failure_keeps_the_last_success(desk: Desk) -> None:
    desk.poll()
    succeeded = desk.clock.now()
    set_faults(desk, on_request=lambda *_: Fault(status=403))
    outcome = desk.poll()
    connection = desk.connection()
    assert connection.last_success_at == succeeded
    assert (connection.last_error, connection.last_error_at) == (outcome.error, desk.clock.now())
    set_faults(desk)
    desk.poll()
    connection = desk.connection()
    assert (connection.last_error, connection.last_error_at) == (None, None)
    assert connection.last_success_at == desk.clock.now()


def test_a_base_url_that_is_not_allowed_any_more_gets_no_request(desk: Desk) -> None:
    """Trap 8: any base URL was accepted, so that a form field could send the secrets anywhere."""
    for base_url in (
        "https://attacker.example",
        "http://api.huntress.io",
        "https://api.huntress.io.attacker.example",
        f"http://user:pass@127.0.0.1:{desk.simulator.base_url.rpartition(':')[2]}",
    ):
        desk.set(base_url=base_url)
        outcome = desk.poll()
        assert outcome.run.state == "error"
        assert outcome.run.api_calls == 0
        assert desk.connection().last_error == outcome.run.error
    assert desk.simulator.requests == []
