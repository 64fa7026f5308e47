"""Quarantine: after three attempts a report is a ticket on the triage board, whatever it says."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import break_reports, runs, set_faults, ticketed_ids
from tests.support.rows import add, all_rows, audit_actions, change
from webapp.models import Alert, Board, Category, Priority, Ticket
from webapp.services.errors import ServiceError
from webapp.services.polling import process_inbox, quarantine_incident, write_incidents
from webapp.services.polling.answer_quarantine import dismiss, list_quarantined, retry
from webapp.services.transactions import reading

pytestmark = pytest.mark.slow

ID = 1_780_001


@pytest.fixture
def broken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A report of the mapped organization 7 that has just been quarantined."""
    client = desk.add_client("Globex")
    desk.account.add_organization("Globex", id=7)
    desk.map(7, client)
    desk.account.add_incident(7, now=desk.clock.now(), id=ID, severity="critical")
    broken = break_reports(monkeypatch, ID)
    quarantine(desk)
    return broken


def quarantine(desk: Desk) -> None:
    """Poll until three attempts are over: at once, after 5 and after 10 minutes."""
    for minutes in (5, 5, 10):
        desk.poll(minutes=minutes)


def name_of(model: type, row_id: int | None) -> str:
    with reading() as session:
        return session.scalars(select(model.name).where(model.id == row_id)).one()


def test_two_attempts_are_not_enough(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    break_reports(monkeypatch, ID)
    desk.poll()
    desk.poll()
    assert desk.inbox()[0].attempts == 2
    assert (desk.alert(ID), desk.ticket(ID), list_quarantined()) == (None, None, [])


@pytest.mark.usefixtures("broken")
def test_the_third_attempt_ends_in_a_minimal_ticket_on_the_triage_board(desk: Desk) -> None:
    ticket = desk.ticket(ID)
    assert name_of(Board, ticket.board_id) == "Security Triage"
    assert ticket.client_id == desk.connection().fallback_client_id
    assert (ticket.is_unmapped, ticket.closed_at, ticket.source) == (True, None, "huntress")
    assert str(ID) in ticket.title
    assert f"https://acme.huntress.io/incident_reports/{ID}" in ticket.description
    assert "Triagedesk failed on it (ValueError: a builder that stumbles)." in ticket.description
    assert '"severity":"critical"' in ticket.description, "the raw report, as text"
    alert = desk.alert(ID)
    assert (alert.is_incomplete, alert.ticket_id) == (True, ticket.id)
    assert (alert.severity, alert.status) == ("critical", "sent")
    run = runs(desk)[-1]
    assert (run.quarantined, run.failed, run.created, run.state) == (1, 1, 1, "completed")
    [entry] = list_quarantined(desk.connection_id)
    assert (entry.incident, entry.ticket, entry.attempts) == (str(ID), ticket.number, 3)
    assert entry.next_try_at == desk.clock.now() + timedelta(minutes=20)
    assert desk.notes(ID) == [
        f"Incident ID: {ID}\nThe report could not be processed: Triagedesk failed on it "
        "(ValueError: a builder that stumbles)."
    ]


def test_what_went_wrong_is_no_markup_in_the_note(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    break_reports(monkeypatch, ID, error=ValueError("[click](https://evil.example)\n# here"))
    quarantine(desk)
    [note] = desk.notes(ID)
    assert "[click](" not in note
    assert len(note.splitlines()) == 2


def test_a_ticket_of_a_report_quarantined_closed_is_closed_when_it_can_be_read(
    desk: Desk, monkeypatch
) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    desk.account.add_incident(now=desk.clock.now(), id=ID, status="closed")
    with monkeypatch.context() as patch:
        patch.setattr(process_inbox, "write_incidents", _raise)
        quarantine(desk)
    assert (desk.alert(ID).was_closed, desk.ticket(ID).closed_at) == (False, None)
    assert desk.poll(minutes=20).run.closed == 1
    assert desk.ticket(ID).closed_at == desk.clock.now()
    assert desk.alert(ID).was_closed


def _raise(*_args: object) -> None:
    raise ValueError("a plan that stumbles")


@pytest.mark.usefixtures("broken")
def test_it_is_quarantined_once_however_often_it_fails_again(desk: Desk) -> None:
    for minutes in (20, 40, 80):
        desk.poll(minutes=minutes)
    assert desk.inbox()[0].attempts == 6
    assert [run.quarantined for run in runs(desk)] == [0, 0, 1, 0, 0, 0]
    assert ticketed_ids(desk) == [str(ID)]
    assert len(desk.notes(ID)) == 1


@both_databases
def test_when_it_can_be_read_that_same_ticket_is_completed(desk: Desk, broken: set[str]) -> None:
    security = desk.connection().board_id
    category = add(Category(name="Incidents", board_id=security))
    desk.set(category_id=category.id)
    before = desk.ticket(ID)
    broken.clear()
    outcome = desk.poll(minutes=20)
    assert outcome.is_success, outcome.run.error
    assert (outcome.run.created, outcome.run.noted) == (0, 1)
    ticket = desk.ticket(ID)
    assert (ticket.id, ticket.number) == (before.id, before.number)
    assert ticket.title == "[Huntress] CRITICAL - Incident on an identity (Globex)"
    assert "## Security Incident" in ticket.description
    assert "could not be processed" not in ticket.description
    assert (ticket.board_id, ticket.category_id) == (security, category.id)
    assert name_of(Priority, ticket.priority_id) == "Critical"
    assert ticket.client_id != desk.connection().fallback_client_id
    assert not ticket.is_unmapped
    assert desk.notes(ID)[1].startswith("The incident report could be read now.")
    alert = desk.alert(ID)
    assert (alert.is_incomplete, alert.ticket_id) == (False, ticket.id)
    assert alert.message == "CRITICAL - Incident on an identity (Globex)"
    assert (desk.inbox(), list_quarantined()) == ([], [])
    assert desk.poll().as_dict()["noted"] == 0


def test_what_a_person_changed_meanwhile_stays(desk: Desk, broken: set[str]) -> None:
    ticket = desk.ticket(ID)
    now = desk.clock.now()
    [service_desk] = all_rows(Board, Board.name == "Service Desk")
    [low] = all_rows(Priority, Priority.name == "Low")
    change(
        Ticket, ticket.id, board_id=service_desk.id, priority_id=low.id, title="Ours",
        description="Our words", first_touched_at=now, priority_set_by_person_at=now,
        text_edited_by_person_at=now,
    )  # fmt: skip
    broken.clear()
    desk.poll(minutes=20)
    after = desk.ticket(ID)
    assert (after.title, after.description) == ("Ours", "Our words")
    assert (after.board_id, after.priority_id) == (service_desk.id, low.id)
    assert after.client_id == desk.connection().fallback_client_id
    assert not desk.alert(ID).is_incomplete
    assert len(desk.notes(ID)) == 2


def test_it_is_closed_with_the_incident_when_it_can_be_read(desk: Desk, broken: set[str]) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    desk.account.close_incident(ID, now=desk.clock.now())
    broken.clear()
    assert desk.poll().as_dict()["closed"] == 1
    assert desk.ticket(ID).closed_at == desk.clock.now()


def test_an_incident_that_has_a_ticket_keeps_it_when_an_update_fails(
    desk: Desk, monkeypatch
) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    desk.poll()
    body = desk.ticket(ID).description

    def stumble(*_args, **_named):
        raise ValueError("a note that stumbles")

    with monkeypatch.context() as patch:
        patch.setattr(write_incidents, "build_update_note", stumble)
        desk.account.update_incident(ID, now=desk.clock.now(), summary="More.")
        quarantine(desk)
        assert [one.incident for one in list_quarantined()] == [str(ID)]
        assert desk.ticket(ID).description == body
        assert not desk.alert(ID).is_incomplete
        assert (desk.count(Ticket), runs(desk)[-1].created) == (1, 0)
    desk.poll(minutes=20)
    assert list_quarantined() == []
    assert len(desk.notes(ID)) == 2


def test_an_excluded_organization_gets_no_ticket_and_keeps_no_report(
    desk: Desk, monkeypatch
) -> None:
    desk.map(7, None, tickets=False)
    desk.account.add_incident(7, now=desk.clock.now(), id=ID, summary="Private.")

    def stumble(*_args, **_named):
        raise ValueError("a plan that stumbles")

    with monkeypatch.context() as patch:
        patch.setattr(write_incidents, "plan_incident_action", stumble)
        quarantine(desk)
        assert runs(desk)[-1].quarantined == 1
        assert desk.count(Ticket) == 0
        alert = desk.alert(ID)
        assert (alert.is_incomplete, alert.ticket_id, alert.raw_report) == (True, None, None)
        assert "Private" not in desk.inbox()[0].payload
        assert list_quarantined()[0].ticket is None
    desk.poll(minutes=20)
    assert (desk.alert(ID).reason, desk.alert(ID).is_incomplete) == ("org_opted_out", False)
    assert (desk.inbox(), desk.count(Ticket)) == ([], 0)


UNREADABLE = [
    None,
    "a string where a report should be",
    17,
    [],
    {},
    {"subject": "HIGH - no id at all", "severity": "high"},
    {"id": None, "subject": "null"},
    {"id": [1, 2]},
    {"id": -5},
    {"id": True},
]


@both_databases
def test_rows_without_a_usable_id_are_quarantined_at_once_and_once(desk: Desk) -> None:
    for row in UNREADABLE:
        desk.account.add_raw_incident(row)
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert outcome.run.quarantined == len(UNREADABLE)
    assert outcome.run.created == len(UNREADABLE) + 1
    assert desk.ticket(ID) is not None
    keys = [key for key in ticketed_ids(desk) if key != str(ID)]
    assert len(set(keys)) == len(UNREADABLE)
    assert {(key[:7], len(key)) for key in keys} == {("sha256:", 71)}
    assert [row.next_try_at for row in desk.inbox()] == [None] * len(UNREADABLE)
    assert {
        alert.is_incomplete for alert in all_rows(Alert, Alert.external_alert_id.in_(keys))
    } == {True}
    again = desk.poll(sweep=True)
    assert again.is_success, again.run.error
    assert (again.run.collected, again.run.quarantined, again.run.created) == (0, 0, 0)
    assert len(ticketed_ids(desk)) == len(UNREADABLE) + 1


def test_an_unreadable_row_can_be_tried_again_and_stays_what_it_is(desk: Desk) -> None:
    desk.account.add_raw_incident("a string where a report should be")
    desk.poll()
    [entry] = list_quarantined()
    retry(entry.id)
    assert desk.poll().as_dict()["failed"] == 1
    [row] = desk.inbox()
    assert (row.next_try_at, row.error) == (None, "The report has no usable id.")
    assert desk.poll(minutes=600).as_dict()["failed"] == 0
    assert desk.count(Ticket) == 1


def test_malformed_reports_of_every_kind_end_somewhere_visible(desk: Desk) -> None:
    set_faults(desk, malformed_rows=True)
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert outcome.run.failed == 0
    assert desk.ticket(ID) is not None
    waiting = {row.external_key for row in desk.inbox()}
    assert waiting == {one.incident for one in list_quarantined()}
    assert all(key.startswith("sha256:") for key in waiting)
    recorded = {alert.external_alert_id: alert for alert in all_rows(Alert)}
    # Two have a status that no list shows, and they are older than the walk reaches.
    expected = {str(number) for number in range(1_990_001, 1_990_014)} - {"1990005", "1990006"}
    assert set(recorded) >= expected
    assert desk.ticket(1_990_001) is not None, "a time in 2099 is no usable one"
    assert desk.ticket(1_990_002) is not None
    assert recorded["1990008"].reason == "before_backfill"


@pytest.mark.usefixtures("broken")
def test_dismissed_means_only_another_payload_comes_back(desk: Desk, broken: set[str]) -> None:
    [entry] = list_quarantined()
    dismiss(entry.id, "A test of ours.")
    assert list_quarantined() == []
    broken.clear()
    for _ in range(3):
        assert desk.poll(minutes=600, sweep=True).as_dict()["collected"] == 0
    assert desk.alert(ID).is_incomplete
    assert desk.inbox()[0].dismissed_reason == "A test of ours."
    with pytest.raises(ServiceError):
        dismiss(entry.id)

    desk.account.update_incident(ID, now=desk.clock.now(), summary="It goes on.")
    assert desk.poll().as_dict()["noted"] == 1
    assert desk.inbox() == []
    assert "It goes on." in desk.ticket(ID).description
    assert audit_actions() == ["quarantine.dismissed"]


@pytest.mark.usefixtures("broken")
def test_another_payload_that_fails_too_is_shown_again(desk: Desk) -> None:
    [entry] = list_quarantined()
    dismiss(entry.id)
    desk.account.update_incident(ID, now=desk.clock.now(), summary="It goes on.")
    assert desk.poll().as_dict()["failed"] == 1
    [again] = list_quarantined()
    assert (again.id, again.attempts) == (entry.id, 4)
    assert ticketed_ids(desk) == [str(ID)]


def test_retry_makes_it_due_at_once(desk: Desk, broken: set[str]) -> None:
    [entry] = list_quarantined()
    broken.clear()
    assert desk.poll(minutes=1).as_dict()["noted"] == 0
    retry(entry.id)
    assert desk.poll(minutes=1).as_dict()["noted"] == 1
    assert not desk.alert(ID).is_incomplete
    with pytest.raises(ServiceError):
        retry(entry.id)
    assert audit_actions() == ["quarantine.retried"]


def test_a_quarantined_report_gets_its_ticket_with_the_alert_or_neither(
    desk: Desk, monkeypatch
) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    break_reports(monkeypatch, ID)
    with monkeypatch.context() as patch:
        patch.setattr(quarantine_incident, "build_quarantine_body", lambda *a, **k: 1 / 0)
        quarantine(desk)
        assert (desk.alert(ID), desk.ticket(ID)) == (None, None)
        assert runs(desk)[-1].state == "completed"
    assert desk.poll().run.quarantined == 1
    assert desk.alert(ID).ticket_id == desk.ticket(ID).id


def test_a_quarantine_that_fails_costs_only_its_report(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.account.add_incident(now=desk.clock.now(), id=ID)["id"]
    break_reports(monkeypatch, first)

    def fail(*_args: object, **_values: object) -> str:
        raise TypeError("not even a minimal ticket")

    with monkeypatch.context() as patch:
        patch.setattr(quarantine_incident, "build_quarantine_body", fail)
        quarantine(desk)
        other = desk.account.add_incident(now=desk.clock.now(), id=ID + 1)["id"]
        outcome = desk.poll()
        assert outcome.is_success
        assert desk.ticket(other) is not None
        assert desk.ticket(first) is None
    desk.poll()
    assert desk.ticket(first) is not None
