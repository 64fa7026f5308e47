"""Reports that cannot be processed cost only themselves; a broken desk costs nobody an attempt."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    KILLED,
    add_bulk,
    break_reports,
    kill_over,
    poll_in_child,
    runs,
    ticketed_ids,
)
from webapp.models import Alert, Status, Ticket
from webapp.services.polling import process_inbox
from webapp.services.transactions import transaction

OK = 0


@both_databases
def test_one_bad_report_of_a_batch_costs_only_itself(desk: Desk, monkeypatch) -> None:
    ids = add_bulk(desk.account, 12, desk.clock.now())
    broken = break_reports(monkeypatch, 5)
    outcome = desk.poll()
    assert outcome.is_success, "a bad report is no failure of the cycle"
    assert ticketed_ids(desk) == sorted(str(one) for one in ids if one != 5)
    assert (outcome.run.created, outcome.run.failed, outcome.run.collected) == (11, 1, 12)
    [row] = desk.inbox()
    assert (row.external_key, row.attempts) == ("5", 1)
    assert row.error == "Triagedesk failed on it (ValueError: a builder that stumbles)."
    assert row.next_try_at == desk.clock.now() + timedelta(minutes=5)
    assert (row.in_flight_token, row.quarantined_at) == (None, None)
    assert desk.alert(5) is None

    broken.clear()
    outcome = desk.poll()
    assert (outcome.run.created, outcome.run.failed) == (1, 0)
    assert desk.inbox() == []
    assert len(ticketed_ids(desk)) == 12


def test_a_failed_report_waits_longer_each_time_and_for_ever(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=5)
    break_reports(monkeypatch, 5)
    waits = []
    for _ in range(9):
        desk.poll()
        [row] = desk.inbox()
        waits.append((row.next_try_at - desk.clock.now()).total_seconds() / 60)
        desk.clock.advance(minutes=waits[-1])
    assert waits == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    assert row.attempts == 9


def test_a_failed_report_is_left_alone_until_its_next_try(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=5)
    break_reports(monkeypatch, 5)
    desk.poll()
    assert desk.poll(minutes=1).as_dict()["failed"] == 0
    assert desk.inbox()[0].attempts == 1


def test_a_newer_payload_is_due_at_once_and_keeps_the_attempts(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=5)
    broken = break_reports(monkeypatch, 5)
    desk.poll()
    desk.account.update_incident(5, now=desk.clock.now(), summary="More.")
    assert desk.poll(minutes=1).as_dict()["failed"] == 1
    [row] = desk.inbox()
    assert (row.attempts, row.version) == (2, 2)
    assert "More." in row.payload
    desk.account.update_incident(5, now=desk.clock.now(), summary="Even more.")
    broken.clear()
    desk.poll(minutes=1)
    assert "Even more." in desk.ticket(5).description


def test_a_report_that_fails_does_not_hold_up_newer_ones(desk: Desk, monkeypatch) -> None:
    """Trap 1: one bad report was tried again for ever, and nothing newer ever got a ticket."""
    desk.account.add_incident(now=desk.clock.now(), id=1)
    break_reports(monkeypatch, 1)
    for number in range(2, 8):
        desk.poll()
        desk.account.add_incident(now=desk.clock.now(), id=number)
    desk.poll()
    assert [desk.ticket(number) is not None for number in range(2, 8)] == [True] * 6


@both_databases
def test_a_desk_without_a_default_status_fails_the_cycle_not_the_reports(
    desk: Desk, monkeypatch
) -> None:
    add_bulk(desk.account, 3, desk.clock.now())
    broken = break_reports(monkeypatch, 2)
    desk.poll()
    broken.clear()
    add_bulk(desk.account, 3, desk.clock.now(), first_id=10)
    with transaction() as session:
        session.execute(update(Status).where(Status.name == "Open").values(is_default=False))

    for _ in range(4):
        outcome = desk.poll()
        assert outcome.run.state == "error"
        assert outcome.run.error.startswith("No ticket can be written at the moment")
        assert desk.connection().last_error == outcome.run.error
        rows = {row.external_key: row for row in desk.inbox()}
        assert {key: row.attempts for key, row in rows.items()} == {
            "2": 1,
            "10": 0,
            "11": 0,
            "12": 0,
        }
        assert rows["2"].error == "Triagedesk failed on it (ValueError: a builder that stumbles)."
        assert {row.in_flight_token for row in rows.values()} == {None}
        assert outcome.run.failed == 0

    with transaction() as session:
        session.execute(update(Status).where(Status.name == "Open").values(is_default=True))
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert outcome.run.created == 4
    assert desk.connection().last_error is None
    assert desk.inbox() == []


def test_tickets_that_cannot_be_inserted_fail_the_cycle_not_the_reports(desk: Desk) -> None:
    with transaction() as session:
        session.execute(
            text(
                "CREATE TRIGGER no_tickets BEFORE INSERT ON tickets"
                " BEGIN SELECT RAISE(ABORT, 'the desk is closed'); END"
            )
        )
    add_bulk(desk.account, 3, desk.clock.now())
    outcome = desk.poll()
    assert "No ticket can be written at the moment (IntegrityError)" in outcome.run.error
    assert [row.attempts for row in desk.inbox()] == [0, 0, 0]
    connection = desk.connection()
    assert connection.cursor is not None, "what was collected is safe in the inbox"
    assert connection.last_success_at is None
    with transaction() as session:
        session.execute(text("DROP TRIGGER no_tickets"))
    assert desk.poll().run.created == 3


def test_a_report_that_kills_the_process_is_quarantined_and_the_others_go_on(
    app, desk: Desk, monkeypatch
) -> None:
    add_bulk(desk.account, 5, desk.clock.now())  # the newest has id 1, the oldest id 5
    kill_over(monkeypatch, 3)

    assert poll_in_child(desk, app) == KILLED  # in a batch with the others
    assert desk.count(Ticket) == 0
    assert poll_in_child(desk, app) == KILLED  # each alone, oldest first
    assert ticketed_ids(desk) == ["4", "5"]
    assert poll_in_child(desk, app) == KILLED  # what was never tried comes first
    assert ticketed_ids(desk) == ["1", "2", "4", "5"]
    [row] = desk.inbox()
    assert (row.external_key, row.attempts) == ("3", 2)
    assert row.error == "Processing this report was interrupted."

    desk.account.add_incident(now=desk.clock.now(), id=6)
    assert poll_in_child(desk, app) == KILLED  # the third attempt
    assert desk.ticket(6) is not None
    desk.account.add_incident(now=desk.clock.now(), id=7)
    assert poll_in_child(desk, app) == OK, "quarantined instead of tried once more"

    [row] = desk.inbox()
    assert (row.attempts, row.quarantined_at) == (3, desk.clock.now())
    assert ticketed_ids(desk) == ["1", "2", "3", "4", "5", "6", "7"]
    assert "Processing this report was interrupted." in desk.ticket(3).description
    assert desk.alert(3).is_incomplete
    assert [run.state for run in runs(desk)] == [
        "interrupted", "interrupted", "interrupted", "interrupted", "completed",
    ]  # fmt: skip
    assert runs(desk)[-1].quarantined == 1


@both_databases
def test_what_a_killed_process_had_in_hand_is_due_at_once(app, desk: Desk, monkeypatch) -> None:
    """Killed in a batch, then twice at a single report: the next run makes every ticket."""
    add_bulk(desk.account, 5, desk.clock.now())
    with monkeypatch.context() as patch:
        kill_over(patch, 3)
        for _ in range(3):
            assert poll_in_child(desk, app, minutes=2.5) == KILLED  # once the lease has run out
    assert [row.attempts for row in desk.inbox()] == [2]
    assert poll_in_child(desk, app, minutes=2.5) == OK
    assert ticketed_ids(desk) == ["1", "2", "3", "4", "5"]
    assert desk.inbox() == []


def test_a_batch_that_takes_too_long_is_followed_by_smaller_ones(desk: Desk, monkeypatch) -> None:
    add_bulk(desk.account, 120, desk.clock.now())
    sizes: list[int] = []
    write = process_inbox.write_incidents

    def slow_write(session, cycle, entries):
        sizes.append(len(entries))
        return write(session, cycle, entries)

    ticks = iter(range(10_000))
    monkeypatch.setattr(process_inbox, "write_incidents", slow_write)
    monkeypatch.setattr(process_inbox.time, "monotonic", lambda: next(ticks) * 0.4)
    outcome = desk.poll()
    assert outcome.run.created == desk.count(Ticket) == 120
    assert sizes[0] == 40
    assert sizes[1] < 40
    assert min(sizes[:-1]) >= 1


def test_fast_batches_grow_to_a_hundred(desk: Desk, monkeypatch) -> None:
    add_bulk(desk.account, 300, desk.clock.now(), status="closed")
    sizes: list[int] = []
    write = process_inbox.write_incidents

    def noting(session, cycle, entries):
        sizes.append(len(entries))
        return write(session, cycle, entries)

    monkeypatch.setattr(process_inbox, "write_incidents", noting)
    monkeypatch.setattr(process_inbox, "LOCK_SECONDS", 1000.0)
    desk.poll()
    assert sizes[:3] == [40, 80, 100]
    assert desk.count(Alert) == 300


def test_reports_are_processed_oldest_first(desk: Desk) -> None:
    add_bulk(desk.account, 6, desk.clock.now())
    desk.poll()
    numbers = [desk.ticket(one).number for one in (6, 5, 4, 3, 2, 1)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("error", [KeyError("key"), RecursionError(), RuntimeError("secret")])
def test_only_the_kind_of_an_unforeseen_error_is_told(desk: Desk, monkeypatch, error) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=5)
    break_reports(monkeypatch, 5, error=error)
    desk.poll()
    assert desk.inbox()[0].error == f"Triagedesk failed on it ({type(error).__name__})."


def test_the_database_s_words_are_not_told() -> None:
    error = IntegrityError("INSERT …", {}, Exception("secret"))
    assert process_inbox.describe_failure(error) == "The database refused it (IntegrityError)."
