"""What polls do to a ticket's state leaves the same traces as what people do."""

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from webapp.models import AuditEvent
from webapp.services.connections.routing_settings import save_routing
from webapp.services.desk.edit_statuses import add_status, edit_status
from webapp.services.polling import poll_connection
from webapp.services.polling.cycle import Cycle
from webapp.services.transactions import reading

pytestmark = both_databases


def traces(desk: Desk, incident_id: int) -> list[tuple[object, object, object]]:
    """The audit events of the incident's ticket: who, before, after."""
    ticket = desk.ticket(incident_id)
    assert ticket is not None
    with reading() as session:
        events = (
            session.query(AuditEvent)
            .filter_by(subject_type="ticket", subject_id=str(ticket.id))
            .order_by(AuditEvent.id)
        )
        return [(event.actor_id, event.before, event.after) for event in events]


def test_closing_and_reopening_by_a_poll_is_told_and_audited(desk: Desk) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    organization = desk.account.add_organization("Acme")["id"]
    desk.account.add_incident(organization, now=desk.clock.now(), id=1)
    desk.poll()
    assert traces(desk, 1) == []
    desk.account.update_incident(1, now=desk.clock.now(), status="closed")
    desk.poll()
    closed = (None, {"status": "Open"}, {"status": "Closed"})
    assert traces(desk, 1) == [closed]
    assert "The ticket was closed because Huntress closed the incident." in desk.notes(1)[-1]
    desk.account.update_incident(1, now=desk.clock.now(), status="sent")
    desk.poll()
    assert traces(desk, 1) == [closed, (None, {"status": "Closed"}, {"status": "Open"})]
    assert "The ticket was reopened" in desk.notes(1)[-1]


def test_a_closed_status_given_up_while_a_poll_runs_closes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = add_status("Solved", is_closed=True).id
    desk.set(auto_close_tickets=True, closed_status_id=solved)
    desk.account.add_incident(7, now=desk.clock.now(), id=1)
    desk.poll()
    desk.account.update_incident(1, now=desk.clock.now(), status="closed")
    process = poll_connection.process_inbox

    def give_up_before(cycle: Cycle) -> None:
        monkeypatch.undo()
        off = {"auto_close_tickets": False, "closed_status_id": None}
        save_routing(desk.connection_id, off)
        edit_status(solved, "Solved", is_closed=False)
        process(cycle)

    monkeypatch.setattr(poll_connection, "process_inbox", give_up_before)
    assert desk.poll().as_dict()["closed"] == 0
    assert traces(desk, 1) == []
    desk.poll()
    assert "Status changed from sent to closed" in desk.notes(1)[-1]
    assert "The ticket was closed" not in desk.notes(1)[-1]
    assert traces(desk, 1) == [], "the next poll knows that nothing is to be closed"
