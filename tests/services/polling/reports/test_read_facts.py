"""What lists need of reports: written by polls, and read again where an earlier version did."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.rows import all_rows, change, fresh
from webapp.models import Alert, Indicator, Priority, Ticket
from webapp.services.people.users import add_user
from webapp.services.polling.reports import read_facts as module
from webapp.services.polling.reports.read_facts import FACTS_VERSION, read_older_reports
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import transaction

ID = 1_780_001
STEPS = [
    {"id": 1, "type": "containment", "action": "Isolate Host", "status": "completed"},
    {
        "id": 2,
        "type": "assisted",
        "action": "Delete File",
        "status": "unapproved",
        "parameters": [{"name": "Path", "description": "C:\\Users\\j.smith\\x.exe"}],
    },
]


def add_incident(desk: Desk, number: int = ID, **fields: object) -> None:
    values = {
        "subject": "HIGH - Incident on SBA-TAX01 (Stonebridge)",
        "agent_id": 9,
        "indicator_types": ["footholds", "ransomware_canaries"],
        "indicator_counts": {"footholds": 1, "ransomware_canaries": 6},
        "remediations": STEPS,
        **fields,
    }
    desk.account.add_incident(7, now=desk.clock.now(), id=number, **values)


def facts(desk: Desk, number: int = ID) -> tuple[object, ...]:
    alert = desk.alert(number)
    assert alert is not None
    return alert.kinds, alert.steps_total, alert.steps_left, alert.is_isolated


def subject(desk: Desk, number: int = ID) -> tuple[object, ...]:
    ticket = desk.ticket(number)
    assert ticket is not None
    return ticket.subject_name, ticket.subject_key, ticket.subject_user


@both_databases
def test_a_poll_writes_what_lists_show(desk: Desk) -> None:
    add_incident(desk)
    desk.poll()
    assert facts(desk) == (["ransomware_canaries", "footholds"], 2, 1, True)
    assert subject(desk) == ("SBA-TAX01", "host:sba-tax01", "j.smith")
    assert desk.alert(ID).facts_version == FACTS_VERSION
    done = [{**one, "status": "completed"} for one in STEPS]
    desk.account.update_incident(
        ID, now=desk.clock.now(), remediations=done, indicator_types=["app_control"], agent_id=None
    )
    desk.poll()
    assert facts(desk) == (["app_control"], 2, 0, True)
    assert subject(desk)[2] == "j.smith", "what the new report does not name stays"


def test_hosts_are_called_by_their_name_as_soon_as_it_is_known(desk: Desk) -> None:
    agent = desk.account.add_agent(7, "SRV-9")
    add_incident(desk, agent_id=agent["id"], subject="HIGH - something")
    desk.poll()
    assert subject(desk)[:2] == ("SRV-9", "host:srv-9")


def test_an_excluded_organization_leaves_no_facts(desk: Desk) -> None:
    desk.map(7, None, tickets=False)
    add_incident(desk)
    desk.poll()
    assert facts(desk) == (None, None, None, None)
    assert desk.alert(ID).facts_version == FACTS_VERSION


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (timedelta(days=-2), timedelta(days=-2)),
        (timedelta(days=400), None),
        (None, None),
    ],
)
def test_age_counts_from_when_it_was_sent(
    desk: Desk, sent: timedelta | None, expected: timedelta | None
) -> None:
    now = desk.clock.now()
    add_incident(desk, sent_at=None if sent is None else now + sent)
    desk.poll()
    ticket = desk.ticket(ID)
    assert ticket.reported_at == (ticket.created_at if expected is None else now + expected)


# --- severity above a chosen priority


def raised(desk: Desk) -> tuple[str | None, str]:
    ticket = desk.ticket(ID)
    assert ticket is not None
    return ticket.raised_severity, fresh(Priority, ticket.priority_id).name


def set_severity(desk: Desk, severity: str) -> None:
    desk.account.update_incident(ID, now=desk.clock.now(), severity=severity)
    assert desk.poll().is_success


@both_databases
def test_a_rise_above_a_chosen_priority_is_marked_until_somebody_decides(desk: Desk) -> None:
    person = add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")
    add_incident(desk, severity="low")
    desk.poll()
    change(Ticket, desk.ticket(ID).id, priority_set_by_person_at=desk.clock.now())
    set_severity(desk, "critical")
    assert raised(desk) == ("critical", "Low")
    assert "a person chose it" in desk.notes(ID)[-1]
    desk.account.update_incident(ID, now=desk.clock.now(), summary="More is known")
    desk.poll()
    assert raised(desk) == ("critical", "Low")
    keep = TicketChange(keeps_priority=True)
    [words] = change_ticket(desk.ticket(ID).id, keep, actor_id=person.id, seen_at=None)
    assert words == "Priority Low was kept, although the severity rose to critical."
    assert raised(desk) == (None, "Low")
    assert change_ticket(desk.ticket(ID).id, keep, actor_id=person.id, seen_at=None) == ()


def test_the_mark_goes_with_the_severity_and_with_the_priority(desk: Desk) -> None:
    person = add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")
    add_incident(desk, severity="low")
    desk.poll()
    change(Ticket, desk.ticket(ID).id, priority_set_by_person_at=desk.clock.now())
    set_severity(desk, "critical")
    set_severity(desk, "low")
    assert raised(desk) == (None, "Low")
    set_severity(desk, "high")
    assert raised(desk) == ("high", "Low")
    with transaction() as session:
        high = session.query(Priority).filter_by(name="High").one().id
    wanted = TicketChange(priority_id=high)
    change_ticket(desk.ticket(ID).id, wanted, actor_id=person.id, seen_at=None)
    assert raised(desk) == (None, "High")


def test_a_priority_that_nobody_chose_follows_without_a_mark(desk: Desk) -> None:
    add_incident(desk, severity="low")
    desk.poll()
    set_severity(desk, "critical")
    assert raised(desk) == (None, "Critical")


# --- reports of earlier versions


def forget_facts(*numbers: int) -> None:
    """As a version left it that did not read facts."""
    blank = dict.fromkeys(("kinds", "steps_total", "steps_left", "is_isolated"))
    names = dict.fromkeys(("subject_name", "subject_key", "subject_user"))
    with transaction() as session:
        session.query(Indicator).delete()
        session.execute(update(Alert).values(facts_version=0, **blank))
        session.execute(update(Ticket).values(**names))


@both_databases
def test_older_reports_are_read_again_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        add_incident(desk, number)
    desk.poll()
    change(Alert, desk.alert(3).id, raw_report=None)
    forget_facts()
    changed = desk.ticket(1).updated_at
    monkeypatch.setattr(module, "BATCH", 2)
    assert read_older_reports() == 3
    for number in (1, 2):
        assert facts(desk, number) == (["ransomware_canaries", "footholds"], 2, 1, True)
        assert subject(desk, number) == ("SBA-TAX01", "host:sba-tax01", "j.smith")
    assert facts(desk, 3) == (None, None, None, None)
    assert {one.ticket_id for one in all_rows(Indicator)} == {desk.ticket(1).id, desk.ticket(2).id}
    assert desk.ticket(1).updated_at == changed, "nobody changed the ticket"
    assert read_older_reports() == 0


def test_open_tickets_come_first_and_what_is_cut_off_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        desk.clock.advance(minutes=1)
        add_incident(desk, number)
    desk.poll()
    change(Ticket, desk.ticket(3).id, closed_at=desk.clock.now())
    forget_facts()
    monkeypatch.setattr(module, "BATCH_SECONDS", -1.0)  # a batch of one report
    write, calls = module.write_facts, []

    def die_at_the_second(*given: object) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(*given)

    monkeypatch.setattr(module, "write_facts", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        read_older_reports()
    assert [facts(desk, number)[0] is not None for number in (1, 2, 3)] == [False, True, False]
    assert read_older_reports(seconds=0) == 0, "there is no time"
    assert read_older_reports() == 2
    assert [call[0].external_alert_id for call in calls] == ["2", "1", "1", "3"]


def test_a_report_that_cannot_be_read_holds_up_nothing(desk: Desk) -> None:
    for number in (1, 2):
        add_incident(desk, number)
    desk.poll()
    change(Alert, desk.alert(2).id, raw_report="{")
    forget_facts()
    assert read_older_reports() == 2
    assert facts(desk, 1)[0] is not None
    assert desk.alert(2).facts_version == FACTS_VERSION
