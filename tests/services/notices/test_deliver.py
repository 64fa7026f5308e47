"""Delivery: at least once with one key, in order for each ticket, no target waits for another."""

from unittest.mock import patch

import pytest
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.models import AuditEvent, NotificationSettings, OutboxRow, Target, Ticket
from webapp.outbound.errors import DeliveryError, Failure
from webapp.services.notices import choose_rows, deliver
from webapp.services.notices.deliver import deliver_target, expire_messages
from webapp.services.notices.write_message import alarm_recipients, write_message
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading, transaction


class KilledError(BaseException):
    """Stands for SIGKILL: nothing of this process runs after it."""


def transient(seconds: float | None = None) -> DeliveryError:
    return DeliveryError(Failure.TRANSIENT, "It is down.", retry_after=seconds)


def rows() -> list[OutboxRow]:
    with reading() as session:
        return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def target(key: int) -> Target:
    with reading() as session:
        return session.get_one(Target, key)


def an_alarm() -> Message:
    return Message(
        key="alarm:1",
        event="alarm.began",
        subject="alarm:1",
        title="The worker is gone",
        happened_at=clock.utcnow(),
    )


def ticket_number(incident_id: int) -> str:
    with reading() as session:
        query = select(Ticket.number).where(Ticket.source_reference == str(incident_id))
        return session.scalars(query).one()


def incident(desk: Desk, number: int, organization: int = 7, **fields: object) -> None:
    desk.account.add_incident(organization, now=desk.clock.now(), id=number, **fields)


@both_databases
def test_what_was_sent_but_not_marked_is_sent_again_with_the_same_key(
    polled: Desk, mailbox: Mailbox
) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    incident(polled, 1)
    polled.poll()
    with (
        patch.object(deliver, "_note_success", side_effect=KilledError),
        patch.object(deliver, "_release"),
        pytest.raises(KilledError),
    ):
        deliver_all()
    assert deliver_all() == 0, "its lease still holds"
    polled.clock.advance(minutes=3)
    assert deliver_all() == 1
    first, second = mailbox.to("hook")
    assert first.key == second.key
    assert [row.state for row in rows()] == ["sent"]


@both_databases
def test_a_target_that_is_down_for_a_day_gets_everything_in_order(
    polled: Desk, mailbox: Mailbox
) -> None:
    down, up = add_target("down", Kind.WEBHOOK), add_target("up", Kind.WEBHOOK)
    add_policy("all", [(0, [down, up])], events=("created", "severity_raised"))
    mailbox.failures["down"] = transient()
    for number in range(1, 4):
        incident(polled, number, severity="low")
        polled.poll()
    polled.account.update_incident(1, now=polled.clock.now(), severity="critical")
    polled.poll()
    deliver_all()
    assert len(mailbox.to("up")) == 4, "it does not wait for the other"
    assert target(down).failing_since is not None
    for _ in range(24):
        polled.clock.advance(hours=1)
        deliver_all()
    assert {row.state for row in rows() if row.target_name == "down"} == {"pending"}
    del mailbox.failures["down"]
    for _ in range(12):
        polled.clock.advance(minutes=30)
        deliver_all()
    assert len(mailbox.to("down")) == 4
    events = [one.event for one in mailbox.to("down") if one.data["incident_id"] == "1"]
    assert events == ["ticket.created", "ticket.severity_raised"]
    assert target(down).failing_since is None


@both_databases
def test_what_is_new_of_a_ticket_does_not_overtake_what_failed_of_it(
    polled: Desk, mailbox: Mailbox
) -> None:
    hook, mail = add_target("hook", Kind.WEBHOOK), add_target("mail")
    add_policy("all", [(0, [hook, mail])], events=("created", "severity_raised"))
    mailbox.failures |= {"hook": transient(), "mail": transient()}
    incident(polled, 1, severity="low")
    polled.poll()
    deliver_all()
    assert {row.attempts for row in rows()} == {1}
    polled.account.update_incident(1, now=polled.clock.now(), severity="critical")
    incident(polled, 2, organization=8, severity="low")
    polled.poll()
    mailbox.failures.clear()
    for _ in range(3):
        deliver_all()
        polled.clock.advance(minutes=10)
    events = [one.event for one in mailbox.to("hook") if one.data["incident_id"] == "1"]
    assert events == ["ticket.created", "ticket.severity_raised"]
    assert len(mailbox.to("hook")) == 3
    titles = [title for title in mailbox.titles("mail") if ticket_number(1) in title]
    told = [title.partition(":")[0] for title in titles]
    assert told == ["Severity raised, critical"], "people are told the newest, machines everything"


@both_databases
@pytest.mark.parametrize("minutes_down", [9, 45])
def test_a_receiver_that_was_down_is_called_with_the_next_step(
    polled: Desk, mailbox: Mailbox, minutes_down: int
) -> None:
    """However long the wait for the next try has become meanwhile."""
    phone = add_target("phone")
    add_policy("all", [(0, [phone]), (10, [phone])], repeats=8)
    mailbox.failures["phone"] = transient()
    incident(polled, 1)
    polled.poll()
    for minute in range(60):
        if minute == minutes_down:
            mailbox.failures.clear()
        deliver_all()
        if mailbox.to("phone"):
            break
        polled.clock.advance(minutes=1)
    assert minutes_down <= minute <= minutes_down + 10


@both_databases
def test_what_waits_is_sent_once_its_target_is_back(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("hook", Kind.WEBHOOK)])])
    mailbox.failures["hook"] = transient()
    for number in range(1, 6):
        incident(polled, number, organization=number)
    polled.poll()
    for _ in range(60):
        deliver_all()
        polled.clock.advance(minutes=1)
    mailbox.failures.clear()
    incident(polled, 6)
    polled.poll()
    polled.clock.advance(minutes=5)
    deliver_all()
    assert len(mailbox.to("hook")) == 6


@both_databases
def test_what_a_later_try_leaves_out_is_not_noted_as_sent(polled: Desk, mailbox: Mailbox) -> None:
    ada, _ = add_person("Ada")
    add_policy("all", [(0, [add_target("mail")])])
    mailbox.failures["mail"] = transient()
    for number in (1, 2):
        incident(polled, number)
    polled.poll()
    deliver_all()
    first, second = rows()
    assert first.message_key == second.message_key, "one message tells of both"
    assert first.ticket_id is not None
    add_internal_note(first.ticket_id, "On it.", author_id=ada)
    mailbox.failures.clear()
    polled.clock.advance(minutes=10)
    deliver_all()
    first, second = rows()[:2]
    assert (first.state, second.state) == ("dropped", "sent")
    assert (first.answer or "").startswith("Not sent: the ticket was taken by Ada")


@both_databases
def test_after_two_days_a_message_fails_visibly(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("down", Kind.WEBHOOK)])])
    mailbox.failures["down"] = transient()
    incident(polled, 1)
    polled.poll()
    for _ in range(60):
        deliver_all()
        polled.clock.advance(hours=1)
    [row] = rows()
    assert (row.state, row.answer) == ("failed", "It is down.")
    assert 10 < row.attempts < 40


@both_databases
def test_a_target_that_refuses_for_good_is_paused_and_said_so(
    polled: Desk, mailbox: Mailbox
) -> None:
    key = add_target("gone", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    mailbox.failures["gone"] = DeliveryError(Failure.PERMANENT, "The address is gone (410).")
    incident(polled, 1)
    polled.poll()
    deliver_all()
    paused = target(key)
    assert paused.paused_at == polled.clock.now()
    assert paused.pause_reason == "The address is gone (410)."
    with reading() as session:
        actions = session.scalars(select(AuditEvent.action)).all()
    assert "target.paused" in actions
    polled.clock.advance(days=3)
    assert expire_messages(clock.utcnow()) == 1
    assert "two days" in (rows()[0].answer or "")


def test_a_message_that_is_refused_fails_alone(polled: Desk, mailbox: Mailbox) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    mailbox.failures["hook"] = DeliveryError(Failure.MESSAGE, "It says 422.")
    incident(polled, 1)
    polled.poll()
    deliver_all()
    assert [(row.state, row.answer) for row in rows()] == [("failed", "It says 422.")]
    assert target(key).paused_at is None


def test_an_internal_error_is_tried_again(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("hook", Kind.WEBHOOK)])])
    mailbox.failures["hook"] = RuntimeError("secret")
    incident(polled, 1)
    polled.poll()
    deliver_all()
    assert rows()[0].answer == "Internal error (RuntimeError); the log has the details."
    del mailbox.failures["hook"]
    polled.clock.advance(minutes=10)
    deliver_all()
    assert rows()[0].state == "sent"


def test_a_receiver_that_asks_to_wait_is_not_asked_before(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("hook", Kind.WEBHOOK)])])
    mailbox.failures["hook"] = transient(3600)
    incident(polled, 1)
    polled.poll()
    deliver_all()
    attempts = rows()[0].attempts
    polled.clock.advance(minutes=59)
    deliver_all()
    assert rows()[0].attempts == attempts
    del mailbox.failures["hook"]
    polled.clock.advance(minutes=2)
    deliver_all()
    assert rows()[0].state == "sent"


@both_databases
def test_a_flood_becomes_one_notice_with_counts(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    for number in range(1, 61):
        incident(polled, number, organization=number, severity="high")
    polled.poll()
    deliver_all()
    assert len(mailbox.to("mail")) == 5
    assert "56 messages about 56 tickets (56 high)" in mailbox.titles("mail")[-1]
    assert {row.state for row in rows()} == {"sent"}
    incident(polled, 61, organization=61)
    incident(polled, 62, organization=62)
    polled.poll(minutes=0.2)
    deliver_all()
    assert len(mailbox.to("mail")) == 5, "the flood has not ended"
    for _ in range(4):
        polled.clock.advance(minutes=1)
        deliver_all()
    assert len(mailbox.to("mail")) == 5
    polled.clock.advance(minutes=2)
    deliver_all()
    assert len(mailbox.to("mail")) == 7, "two fit at once: the flood has ended"


@both_databases
def test_a_flood_that_goes_on_is_one_notice_every_few_minutes(
    polled: Desk, mailbox: Mailbox
) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    for minute in range(10):
        for number in range(10):
            key = minute * 10 + number + 1
            incident(polled, key, organization=key, severity="low")
        polled.poll(minutes=1)
        deliver_all()
    assert [title[:4] for title in mailbox.titles("mail")].count("Many") == 2
    assert len(mailbox.to("mail")) == 6


@both_databases
def test_a_flood_that_tells_of_a_ticket_twice_is_tried_again_as_one_message(
    polled: Desk, mailbox: Mailbox
) -> None:
    key = add_target("+14155550123", Kind.SMS)
    add_policy("all", [(0, [key]), (1, [key])])
    for number in (1, 2):
        incident(polled, number, organization=number)
    polled.poll()
    polled.clock.advance(minutes=2)
    mailbox.failures["+14155550123"] = transient()
    deliver_all()
    mailbox.failures.clear()
    assert [row.attempts for row in rows()] == [1, 1, 1, 1]
    polled.clock.advance(seconds=10)
    deliver_all()
    assert [row.state for row in rows()] == ["sent"] * 4
    assert mailbox.titles("+14155550123") == ["Many at once: 4 messages about 2 tickets (2 high)"]


@both_databases
def test_a_critical_and_an_alarm_do_not_wait_for_a_flood(polled: Desk, mailbox: Mailbox) -> None:
    key = add_target("mail", tells_alarms=True)
    add_policy("all", [(0, [key])])
    for number in range(1, 31):
        incident(polled, number, organization=number, severity="low")
    polled.poll()
    deliver_all()
    told = len(mailbox.to("mail"))
    incident(polled, 31, organization=31, severity="critical")
    incident(polled, 32, organization=32, severity="low")
    polled.poll(minutes=0.5)
    with transaction() as session:
        recipients = alarm_recipients(session, clock.utcnow(), is_grave=False)
        write_message(session, recipients, an_alarm(), clock.utcnow())
    deliver_all()
    first, second = mailbox.titles("mail")[told:]
    assert first == "The worker is gone"
    assert second.startswith("Critical: ")


@both_databases
def test_what_is_held_until_morning_does_not_hold_up_a_critical(
    polled: Desk, mailbox: Mailbox
) -> None:
    with transaction() as session:
        settings = session.get_one(NotificationSettings, 1)
        settings.quiet_hours = {"zone": "UTC", "begins": "12:00", "ends": "18:00"}
    add_policy("all", [(0, [add_target("mail")])])
    with patch.object(choose_rows, "MOST_BUNDLED", 10):
        for number in range(1, 21):
            incident(polled, number, organization=number, severity="low")
        polled.poll()
        incident(polled, 21, severity="critical")
        polled.poll()
        deliver_all()
    assert [title[:8] for title in mailbox.titles("mail")] == ["Critical"]


def test_a_row_that_cannot_be_read_fails_alone(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    incident(polled, 1)
    incident(polled, 2, organization=8)
    polled.poll()
    with transaction() as session:
        session.get_one(OutboxRow, 1).facts = {"number": "TD-1"}
    deliver_all()
    assert [row.state for row in rows()] == ["failed", "sent"]
    assert "cannot be composed" in (rows()[0].answer or "")


def test_two_deliveries_at_once_send_one_message(polled: Desk, mailbox: Mailbox) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    incident(polled, 1)
    polled.poll()
    send = mailbox.send

    def send_while_another_tries(*args: object) -> str:
        assert deliver_target(key) == 0
        return send(*args)

    with patch.object(deliver, "send", send_while_another_tries):
        assert deliver_target(key) == 1
    assert len(mailbox.messages) == 1


def test_a_page_to_a_person_has_a_link_that_takes_the_ticket(
    polled: Desk, mailbox: Mailbox
) -> None:
    _, method = add_person("Ada")
    add_policy("all", [(0, [method])])
    incident(polled, 1)
    polled.poll()
    deliver_all()
    [message] = mailbox.to("ada-phone")
    take = next(link for link in message.links if link.words == "Take it")
    assert "/take/" in take.url
