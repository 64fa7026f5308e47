"""Incidents are told by the first policy that fits, to whom its steps name, and in time."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import break_reports
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from tests.support.rows import change
from webapp.domain.notices.policy import Conditions, StepRule
from webapp.domain.notices.target_kinds import Kind
from webapp.models import (
    ClientMute,
    Comment,
    Escalation,
    NotificationSettings,
    OutboxRow,
    PolicyStep,
    Ticket,
)
from webapp.services.notices.edit_policies import PolicyValues, check_policy
from webapp.services.notices.preview_policies import preview_policies
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading, transaction

CLOSED = 4


def rows() -> list[OutboxRow]:
    with reading() as session:
        return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def ticket(number: int = 1) -> Ticket:
    with reading() as session:
        return session.scalars(select(Ticket).where(Ticket.source_reference == str(number))).one()


@both_databases
def test_a_new_ticket_is_told_once_to_the_first_policy_that_fits(
    polled: Desk, mailbox: Mailbox
) -> None:
    first, second = add_target("first"), add_target("second")
    add_policy("critical", [(0, [first])], severities=("critical",))
    add_policy("all", [(0, [second])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.account.add_incident(8, now=polled.clock.now(), id=2, severity="low")
    polled.poll()
    assert {row.target_name for row in rows()} == {"first", "second"}
    deliver_all()
    polled.poll()
    deliver_all()
    assert len(mailbox.to("first")) == len(mailbox.to("second")) == 1
    [message] = mailbox.to("first")
    assert message.title.startswith("Critical: ")
    assert message.subject == f"ticket:{ticket(1).id}"
    assert any(link.url.endswith(f"/tickets/{ticket(1).id}") for link in message.links)


@both_databases
def test_a_webhook_gets_every_event_singly_and_at_once(polled: Desk, mailbox: Mailbox) -> None:
    hook = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [hook])])
    for number in range(1, 31):
        polled.account.add_incident(7, now=polled.clock.now(), id=number, severity="high")
    polled.poll()
    deliver_all()
    assert len(mailbox.to("hook")) == 30
    assert {message.data["incident_id"] for message in mailbox.to("hook")} == {
        str(number) for number in range(1, 31)
    }
    assert {message.event for message in mailbox.to("hook")} == {"ticket.created"}


@both_databases
def test_a_webhook_gets_an_event_once_however_often_its_step_is_repeated(
    polled: Desk, mailbox: Mailbox
) -> None:
    hook, mail = add_target("hook", Kind.WEBHOOK), add_target("mail")
    add_policy("all", [(0, [mail]), (10, [hook, mail])], repeats=3)
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    for _ in range(6):
        deliver_all()
        polled.clock.advance(minutes=10)
    assert (len(mailbox.to("mail")), len(mailbox.to("hook"))) == (5, 1)


@both_databases
def test_incidents_of_one_organization_are_one_page_that_names_each(
    polled: Desk, mailbox: Mailbox
) -> None:
    mail = add_target("mail")
    add_policy("all", [(0, [mail])])
    for number, organization in ((1, 7), (2, 7), (3, 8)):
        polled.account.add_incident(organization, now=polled.clock.now(), id=number)
    polled.poll()
    deliver_all()
    assert len(mailbox.to("mail")) == 2
    bundle = next(message for message in mailbox.to("mail") if "2 incidents" in message.title)
    for number in (1, 2):
        assert any(ticket(number).number in line for line in bundle.lines)


@both_databases
def test_the_first_polls_backfill_is_one_summary(desk: Desk, mailbox: Mailbox) -> None:
    mail, hook = add_target("mail"), add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [mail, hook])], repeats=0)
    for number in range(1, 41):
        desk.account.add_incident(number % 5, now=desk.clock.now(), id=number)
    desk.set(polling_started_at=desk.clock.advance(minutes=1))
    desk.account.add_incident(9, now=desk.clock.now(), id=41, severity="critical")
    desk.poll()
    deliver_all()
    assert len(mailbox.to("hook")) == 41
    paged, message = sorted(mailbox.to("mail"), key=lambda one: one.title)
    assert paged.title.startswith("Critical: "), "it was sent after polling began"
    assert "first poll" in message.title
    assert "40 incidents" in message.title


@both_databases
def test_untaken_goes_on_to_the_next_step_until_somebody_takes_it(
    polled: Desk, mailbox: Mailbox
) -> None:
    first, second = add_target("first"), add_target("second")
    add_policy("critical", [(0, [first]), (10, [second])], repeats=2)
    ada, _ = add_person("Ada")
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.poll()
    deliver_all()
    assert (len(mailbox.to("first")), len(mailbox.to("second"))) == (1, 0)
    polled.clock.advance(minutes=9)
    deliver_all()
    assert mailbox.to("second") == []
    polled.clock.advance(minutes=1)
    deliver_all()
    assert len(mailbox.to("second")) == 1
    polled.clock.advance(minutes=10)
    deliver_all()
    assert len(mailbox.to("second")) == 2, "the last step is repeated"
    change = TicketChange(sets_assignee=True, assignee_id=ada)
    change_ticket(ticket().id, change, actor_id=ada, seen_at=None)
    deliver_all()
    assert mailbox.titles("first")[-1].startswith("Taken by Ada: ")
    assert mailbox.titles("second")[-1].startswith("Taken by Ada: ")
    told = len(mailbox.messages)
    for _ in range(5):
        polled.clock.advance(minutes=10)
        deliver_all()
    assert len(mailbox.messages) == told, "nobody is told after it was taken"


@both_databases
def test_everybody_is_all_people_and_the_targets_of_the_policy(
    polled: Desk, mailbox: Mailbox
) -> None:
    ops, boss = add_target("ops"), add_target("boss")
    other = add_target("other policy's")
    add_person("Ada")
    add_policy("all", [(0, [ops]), (10, []), (10, [boss])])
    add_policy("other", [(0, [other])], severities=("low",))
    change(PolicyStep, 2, tells_everybody=True)
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.poll()
    deliver_all()
    assert [name for name, _ in mailbox.messages] == ["ops"]
    polled.clock.advance(minutes=11)
    deliver_all()
    assert sorted(name for name, _ in mailbox.messages[1:]) == ["ada-phone", "boss", "ops"]
    draft = check_policy(
        PolicyValues(
            name="all",
            conditions=Conditions().as_json(),
            steps=[StepRule(target_ids=(ops,)), StepRule(after_minutes=5, tells_everybody=True)],
        )
    )
    assert set(preview_policies().stored.by_target) == {"ops", "boss", "Ada: ada-phone"}
    drafted = preview_policies(draft, 1).edited
    assert drafted is not None
    assert set(drafted.by_target) == {"ops", "Ada: ada-phone"}


def test_what_was_not_sent_yet_is_dropped_when_the_ticket_is_taken(
    polled: Desk, mailbox: Mailbox
) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    ada, _ = add_person("Ada")
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    add_internal_note(ticket().id, "On it.", author_id=ada)
    deliver_all()
    assert mailbox.messages == []
    [row] = rows()
    assert (row.state, row.answer) == ("dropped", "Not sent: the ticket was taken by Ada before.")


@pytest.mark.parametrize("event", ["severity_raised", "reopened", "closed"])
def test_later_events_are_told_as_such(polled: Desk, mailbox: Mailbox, event: str) -> None:
    polled.set(auto_close_tickets=True, closed_status_id=CLOSED)
    add_policy("it", [(0, [add_target("hook", Kind.WEBHOOK)])], events=(event,))
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="low")
    polled.poll()
    if event == "severity_raised":
        polled.account.update_incident(1, now=polled.clock.now(), severity="critical")
        polled.poll()
    else:
        polled.account.update_incident(1, now=polled.clock.now(), status="closed")
        polled.poll()
        polled.account.update_incident(1, now=polled.clock.now(), status="sent")
        polled.poll()
    deliver_all()
    assert [message.event for message in mailbox.to("hook")] == [f"ticket.{event}"]


def test_work_on_a_closed_ticket_does_not_close_it_again(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("duty", Kind.PAGERDUTY)])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    deliver_all()
    ada, _ = add_person("Ada")
    change_ticket(ticket().id, TicketChange(status_id=CLOSED), actor_id=ada, seen_at=None)
    deliver_all()
    for number in range(2):
        polled.clock.advance(minutes=1)
        add_internal_note(ticket().id, f"Looked again: {number}", author_id=ada)
        deliver_all()
    events = [message.event for message in mailbox.to("duty")]
    assert events == ["ticket.created", "ticket.closed"]


@both_databases
def test_a_ticket_that_nobody_touches_is_told_once(polled: Desk, mailbox: Mailbox) -> None:
    add_policy(
        "untouched",
        [(0, [add_target("mail")])],
        events=("untouched",),
        severities=("critical",),
        untouched_minutes=30,
    )
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.account.add_incident(7, now=polled.clock.now(), id=2, severity="low")
    polled.poll()
    deliver_all()
    assert mailbox.messages == []
    for _ in range(3):
        polled.clock.advance(minutes=30)
        deliver_all()
    assert len(mailbox.to("mail")) == 1


@both_databases
def test_a_muted_client_has_its_tickets_marked_and_nobody_is_told(
    polled: Desk, mailbox: Mailbox
) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    now, client_id = polled.clock.now(), polled.connection().fallback_client_id
    mute = ClientMute(client_id=client_id, starts_at=now, until=now + timedelta(hours=1))
    with transaction() as session:
        session.add(mute)
    polled.account.add_incident(7, now=now, id=1)
    polled.poll()
    assert ticket().is_muted
    assert rows() == []
    with reading() as session:
        notes = session.scalars(select(Comment.body)).all()
    assert any("muted" in note for note in notes)
    polled.account.add_incident(7, now=polled.clock.now(), id=2)
    polled.poll(minutes=120)
    deliver_all()
    assert len(mailbox.to("mail")) == 1


@both_databases
def test_quiet_hours_hold_what_is_not_critical_until_the_morning(
    polled: Desk, mailbox: Mailbox
) -> None:
    with transaction() as session:
        settings = session.get_one(NotificationSettings, 1)
        settings.quiet_hours = {"zone": "UTC", "begins": "12:00", "ends": "18:00"}
    add_policy("all", [(0, [add_target("mail")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.account.add_incident(8, now=polled.clock.now(), id=2, severity="low")
    polled.account.add_incident(9, now=polled.clock.now(), id=3, severity="high")
    polled.poll()
    deliver_all()
    [title] = mailbox.titles("mail")
    assert title.startswith("Critical")
    polled.clock.advance(hours=7)
    deliver_all()
    assert mailbox.titles("mail")[1:] == ["While it was quiet: 2 incidents (1 high, 1 low)"]


@both_databases
def test_what_is_held_goes_to_whoever_is_on_call_in_the_morning(
    polled: Desk, mailbox: Mailbox
) -> None:
    with transaction() as session:
        settings = session.get_one(NotificationSettings, 1)
        settings.quiet_hours = {"zone": "UTC", "begins": "12:00", "ends": "18:00"}
    people = [add_person(name)[0] for name in ("Ada", "Bob")]
    set_rotation(
        RotationValues(every="daily", weekday=0, at="17:00", time_zone="UTC", people=people)
    )
    add_policy("all", [(0, [])], on_call=True)
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.account.add_incident(8, now=polled.clock.now(), id=2, severity="high")
    polled.poll()
    deliver_all()
    polled.clock.advance(hours=7)
    deliver_all()
    assert len(mailbox.to("ada-phone")) == 1
    assert [title.partition(":")[0] for title in mailbox.titles("bob-phone")] == ["High"]


@both_databases
def test_an_unreadable_report_is_told_to_a_policy_for_new_tickets(
    polled: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_policy("new", [(0, [add_target("mail")])], severities=("critical", "high"))
    break_reports(monkeypatch, 1)
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    for _ in range(4):
        polled.poll(minutes=60)
    deliver_all()
    assert len(mailbox.to("mail")) == 1
    with reading() as session:
        assert len(session.scalars(select(Escalation)).all()) == 1
