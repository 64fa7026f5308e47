"""Remediations that a report leaves out are fetched later, for the ticket and for the search."""

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import asked, set_faults
from tests.support.rows import change
from webapp.huntress.simulator import Fault
from webapp.models import Alert, Ticket
from webapp.services.polling import fill_remediations as module
from webapp.services.tickets.read_ticket import read_ticket
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading

ID = 1_780_001
PATH = f"/v1/incident_reports/{ID}/remediations"


def items(count: int, **last: object) -> list[dict[str, object]]:
    """`count` remediations; `last` are fields of the last one."""
    made: list[dict[str, object]] = [
        {"id": n, "type": "manual", "action": f"Delete quarry{n}", "status": "unapproved"}
        for n in range(1, count + 1)
    ]
    made[-1].update(last)
    return made


def open_incident(desk: Desk, count: int = 12) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID, remediations=items(count))
    assert desk.poll().run.created == 1
    assert "…and more (12 total — see portal)" in desk.ticket(ID).description


def fail_with(desk: Desk, status: int) -> None:
    set_faults(desk, on_request=lambda _n, path: Fault(status=status) if path == PATH else None)


@both_databases
def test_the_rest_comes_with_the_next_poll(desk: Desk) -> None:
    open_incident(desk)
    raw = desk.alert(ID).raw_report
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked(desk, start).count(PATH) == 1
    ticket = desk.ticket(ID)
    assert "- [unapproved] Delete quarry12" in ticket.description
    assert "and more" not in ticket.description
    assert desk.notes(ID)[1:] == ["The other remediations were fetched from Huntress: 12 in all."]
    assert desk.alert(ID).raw_report == raw
    incident = read_ticket(ticket.id).incident
    assert len(incident.report.remediations.items) == 12
    with reading() as session:
        assert list(find_matches(session, "quarry12").ids) == [ticket.id]
    assert not desk.connection().has_pending_details
    start = len(desk.simulator.requests)
    desk.poll()
    assert PATH not in asked(desk, start)


def test_what_a_person_wrote_stays_and_a_note_lists_the_rest(desk: Desk) -> None:
    open_incident(desk)
    now = desk.clock.now()
    change(Ticket, desk.ticket(ID).id, description="Mine.", text_edited_by_person_at=now)
    desk.poll()
    assert desk.ticket(ID).description == "Mine."
    assert desk.notes(ID)[-1].splitlines() == [
        "New remediation: [unapproved] Delete quarry11",
        "New remediation: [unapproved] Delete quarry12",
    ]


def test_a_change_of_the_report_fetches_them_again_and_says_what_is_new(desk: Desk) -> None:
    open_incident(desk)
    desk.poll()
    changed = items(12, status="completed")
    changed[0]["status"] = "completed"
    desk.account.update_incident(ID, now=desk.clock.now(), remediations=changed)
    desk.poll()
    desk.poll()
    assert "Remediation: [completed] Delete quarry1 (was unapproved)" in desk.notes(ID)[-2]
    assert desk.notes(ID)[-1] == "Remediation: [completed] Delete quarry12 (was unapproved)"
    assert "- [completed] Delete quarry1\n" in desk.ticket(ID).description
    desk.account.update_incident(ID, now=desk.clock.now(), summary="More.")
    desk.poll()
    desk.poll()
    assert "The SOC summary changed." in desk.notes(ID)[-1], "nothing else is new"
    desk.account.update_incident(ID, now=desk.clock.now(), remediations=items(3))
    desk.poll()
    assert desk.alert(ID).all_remediations is None


def test_a_failure_holds_up_nothing_and_waits_behind_the_others(desk: Desk) -> None:
    open_incident(desk)
    fail_with(desk, 500)
    assert desk.poll().is_success
    due = desk.alert(ID).remediations_due_at
    assert due > desk.clock.now() + module.RETRY_AFTER / 2
    assert desk.connection().has_pending_details
    set_faults(desk)
    start = len(desk.simulator.requests)
    desk.poll()
    assert PATH not in asked(desk, start)
    desk.poll(minutes=60)
    assert "quarry12" in desk.ticket(ID).description


def test_an_incident_that_is_gone_is_settled(desk: Desk) -> None:
    open_incident(desk)
    fail_with(desk, 404)
    desk.poll()
    assert desk.alert(ID).remediations_due_at is None
    assert not desk.connection().has_pending_details
    assert len(desk.notes(ID)) == 1


def test_no_call_is_left_for_a_second_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    open_incident(desk)
    monkeypatch.setattr(module, "count_spare_calls", lambda _: 0)
    first = b'{"remediations": [{"id": 1}], "pagination": {"next_page_token": "2"}}'
    set_faults(
        desk,
        on_request=lambda _n, path: Fault(status=200, body=first) if path == PATH else None,
    )
    desk.poll()
    assert desk.alert(ID).all_remediations is None
    monkeypatch.setattr(module, "MAX_PAGES", 1)
    desk.poll(minutes=61)
    assert desk.alert(ID).remediations_due_at is None


def test_reports_dropped_meanwhile_are_left_alone(desk: Desk) -> None:
    open_incident(desk)
    change(Alert, desk.alert(ID).id, raw_report=None)
    desk.poll()
    assert (desk.alert(ID).remediations_due_at, desk.alert(ID).all_remediations) == (None, None)
