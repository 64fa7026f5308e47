"""Reports at which something else goes wrong as well."""

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.poller import Desk
from tests.support.polling import break_reports, ticketed_ids
from tests.support.rows import change
from webapp.models import InboxRow, Ticket
from webapp.services.polling import poll_connection, process_inbox
from webapp.services.schedule.lease import LeaseLostError

ID = 1_780_001


@pytest.fixture
def waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A report that failed once; discard it from the result and it can be read."""
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    broken = break_reports(monkeypatch, ID)
    desk.poll()
    return broken


def _fails_with(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise error

    monkeypatch.setattr(process_inbox, name, fail)


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("name", "minutes"), [("write_incidents", [5]), ("quarantine_incident", [5, 10])]
)
def test_a_lease_lost_over_one_report_ends_the_cycle(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, minutes: list[int]
) -> None:
    _fails_with(monkeypatch, name, LeaseLostError())
    outcomes = [desk.poll(minutes=one) for one in minutes]
    run = outcomes[-1].run
    assert run is not None
    assert run.state == "interrupted"
    assert desk.count(Ticket) == 0
    assert len(desk.inbox()) == 1


def test_a_third_try_that_was_cut_off_and_is_due_is_made_up_for_at_once(
    desk: Desk, waiting: set[str]
) -> None:
    [row] = desk.inbox()
    waiting.clear()
    change(InboxRow, row.id, attempts=3, next_try_at=desk.clock.now())
    desk.poll()
    assert ticketed_ids(desk) == [str(ID)]
    assert desk.inbox() == []


def test_attempts_that_cannot_be_taken_back_are_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    break_reports(monkeypatch, ID)
    full = OperationalError("UPDATE", {}, Exception("the disk is full"))
    monkeypatch.setattr(process_inbox, "can_write_tickets", lambda _cycle: full)
    _fails_with(monkeypatch, "_update_row", full)
    outcome = desk.poll()
    assert not outcome.is_success
    assert "No ticket can be written" in str(desk.connection().last_error)
    assert [row.attempts for row in desk.inbox()] == [0]


@pytest.mark.usefixtures("waiting")
def test_a_report_dismissed_at_its_third_failure_gets_no_ticket(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = process_inbox.__dict__["quarantine_incident"]

    def dismiss_before(cycle: object, entry: process_inbox.InboxEntry) -> None:
        change(InboxRow, entry.row_id, dismissed_at=desk.clock.now())
        quarantine(cycle, entry)

    monkeypatch.setattr(process_inbox, "quarantine_incident", dismiss_before)
    for minutes in (5, 10):
        desk.poll(minutes=minutes)
    assert desk.count(Ticket) == 0
    assert [row.quarantined_at for row in desk.inbox()] == [None]


def test_one_that_was_closed_and_is_gets_no_ticket_when_it_cannot_be_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID, status="closed")
    desk.poll()
    assert desk.alert(ID) is not None
    desk.clock.advance(minutes=1)
    desk.account.update_incident(ID, now=desk.clock.now(), summary="More.")
    _fails_with(monkeypatch, "write_incidents", ValueError("a writer that stumbles"))
    for minutes in (5, 5, 10):
        desk.poll(minutes=minutes)
    [row] = desk.inbox()
    assert row.quarantined_at is not None
    assert desk.count(Ticket) == 0


@pytest.mark.usefixtures("fake_clock")
def test_a_run_that_is_not_there_any_more_is_not_waited_for(desk: Desk) -> None:
    assert desk.connection_id
    assert poll_connection._wait_for_end(999) is None
