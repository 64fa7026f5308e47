"""Alarms about messages: what nobody takes, what nobody tells, and targets that take nothing."""

from datetime import timedelta

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from tests.support.rows import add, all_rows, change
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.models import OutboxRow, Target, Ticket, User
from webapp.services.notices.escalate import advance_escalations
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading
from webapp.services.watch.find_in_messages import find_in_messages


def found(clock: FakeClock) -> list[tuple[str, str]]:
    with reading() as session:
        return [(one.kind.value, one.sentence) for one in find_in_messages(session, clock.now())]


def kinds(clock: FakeClock) -> list[str]:
    return [kind for kind, _ in found(clock)]


def critical(desk: Desk, number: int, severity: str = "critical") -> None:
    desk.account.add_incident(7, now=desk.clock.now(), id=number, severity=severity)


@both_databases
def test_a_critical_that_nobody_takes_is_an_alarm_once_its_steps_are_over(
    polled: Desk, mailbox: Mailbox, fake_clock: FakeClock
) -> None:
    ada, phone = add_person("Ada")
    add_policy("all", [(0, [phone]), (10, [phone])], repeats=1)
    critical(polled, 1)
    critical(polled, 2, severity="high")
    polled.poll()
    for minute in range(30):
        deliver_all()
        assert kinds(fake_clock) == [], minute
        fake_clock.advance(minutes=1)
    [first] = all_rows(Ticket, Ticket.source_reference == "1")
    assert found(fake_clock) == [
        (Trouble.UNTAKEN, f"Nobody has taken {first.number}, and all steps are over.")
    ]
    add_internal_note(first.id, "On it.", author_id=ada)
    assert kinds(fake_clock) == []


def test_a_policy_of_one_step_waits_for_nobody(
    polled: Desk, mailbox: Mailbox, fake_clock: FakeClock
) -> None:
    add_policy("all", [(0, [add_target("psa")])])
    critical(polled, 1)
    polled.poll()
    deliver_all()
    fake_clock.advance(hours=2)
    assert kinds(fake_clock) == []


def test_steps_that_nobody_runs_are_an_alarm(
    polled: Desk, mailbox: Mailbox, fake_clock: FakeClock
) -> None:
    add_policy("all", [(0, [add_target("a")]), (10, [add_target("b")])])
    critical(polled, 1)
    polled.poll()
    deliver_all()
    fake_clock.advance(minutes=24)
    assert kinds(fake_clock) == []
    fake_clock.advance(minutes=2)
    sentence = "1 step of a policy has been due without being told, for 16 minutes."
    assert (Trouble.OUTBOX, sentence) in found(fake_clock)
    advance_escalations(fake_clock.now())
    assert Trouble.OUTBOX not in kinds(fake_clock)


def test_a_target_that_failed_what_is_not_needed_any_more_is_no_alarm(
    polled: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    ada, _ = add_person("Ada")
    phone = add_target("ntfy", user_id=ada, failing_since=now, last_answer="Timed out.")
    row = add(
        OutboxRow(
            key="k", target_id=phone, target_name="ntfy", event="ticket.created", facts={},
            created_at=now, due_at=now, next_try_at=now + timedelta(hours=1), attempts=1,
        )
    )  # fmt: skip
    fake_clock.advance(minutes=20)
    assert found(fake_clock) == [(Trouble.TARGET_FAILING, "Ada: ntfy fails: Timed out.")]
    change(OutboxRow, row.id, state="dropped")
    assert found(fake_clock) == []


def test_contact_methods_of_somebody_who_is_deactivated_are_no_alarm(
    polled: Desk, fake_clock: FakeClock
) -> None:
    ada, phone = add_person("Ada")
    change(Target, phone, paused_at=fake_clock.now(), pause_reason="410 Gone")
    assert kinds(fake_clock) == [Trouble.TARGET_PAUSED]
    change(User, ada, is_active=False)
    assert kinds(fake_clock) == []
