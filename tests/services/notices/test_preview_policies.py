"""The preview says what the real chain sends: the same history goes through both."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from webapp.domain.notices.events import CLOSED, CREATED, REOPENED, SEVERITY_RAISED, UNTOUCHED
from webapp.domain.notices.policy import StepRule
from webapp.domain.notices.target_kinds import Kind
from webapp.models import NotificationSettings, OutboxRow, Ticket
from webapp.services.notices.edit_policies import PolicyValues, check_policy
from webapp.services.notices.preview_policies import preview_policies
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import reading, transaction

NIGHT = {"zone": "UTC", "begins": "22:00", "ends": "07:00", "skips_holidays": False}


def previewed() -> dict[str, int]:
    forecast = preview_policies().stored
    return {name: count.total for name, count in forecast.by_target.items()}


def sent(mailbox: Mailbox) -> dict[str, int]:
    return dict(Counter(name for name, _ in mailbox.messages))


def take(number: str, person_id: int) -> None:
    with reading() as session:
        ticket = session.query(Ticket).filter_by(source_reference=number).one()
    change = TicketChange(sets_assignee=True, assignee_id=person_id)
    change_ticket(ticket.id, change, actor_id=person_id, seen_at=None)


def live(desk: Desk, minutes: int, *, step: int = 1) -> None:
    """Let time pass with everything delivered each minute or `step`, as workers would."""
    for _ in range(0, minutes, step):
        desk.clock.advance(minutes=step)
        deliver_all()


@both_databases
def test_a_small_history_is_previewed_as_it_was_sent(polled: Desk, mailbox: Mailbox) -> None:
    ops, managers = add_target("ops"), add_target("managers")
    hook = add_target("hook", Kind.WEBHOOK)
    ada, _ = add_person("Ada")
    events = (CREATED, SEVERITY_RAISED, REOPENED)
    add_policy(
        "critical",
        [(0, [ops, hook]), (10, [ops]), (10, [managers])],
        repeats=2,
        severities=("critical",),
        events=events,
    )
    add_policy("rest", [(0, [managers])], events=(*events, CLOSED))
    add_policy("patience", [(0, [managers])], events=(UNTOUCHED,), untouched_minutes=45)
    account, clock = polled.account, polled.clock
    for number, organization, severity in (
        (1, 7, "critical"),
        (2, 7, "critical"),
        (3, 8, "critical"),
        (4, 9, "high"),
        (5, 9, "low"),
    ):
        account.add_incident(organization, now=clock.now(), id=number, severity=severity)
    polled.poll()
    live(polled, 12)
    take("1", ada)
    live(polled, 5)
    account.update_incident(4, now=clock.now(), severity="critical")
    polled.poll()
    live(polled, 15)
    account.update_incident(3, now=clock.now(), status="closed")
    polled.poll()
    live(polled, 60)
    assert previewed() == sent(mailbox)


def test_quiet_hours_and_the_first_poll(desk: Desk, mailbox: Mailbox) -> None:
    ops = add_target("ops")
    add_policy("all", [(0, [ops]), (30, [ops])])
    with transaction() as session:
        session.get_one(NotificationSettings, 1).quiet_hours = NIGHT
    for number in range(1, 6):
        desk.account.add_incident(number, now=desk.clock.now(), id=number)
    desk.set(polling_started_at=desk.clock.advance(minutes=1))
    desk.poll()
    live(desk, 40)
    until_night = desk.clock.now().replace(hour=23, minute=0, second=0) - desk.clock.now()
    live(desk, int(until_night % timedelta(days=1) / timedelta(minutes=1)), step=10)
    for number in range(6, 9):
        desk.account.add_incident(number, now=desk.clock.now(), id=number, severity="high")
    desk.poll()
    live(desk, 10 * 60, step=10)
    assert previewed() == sent(mailbox)
    assert preview_policies().stored.night == 0


def test_a_draft_is_tried_in_its_place_and_nothing_is_written(polled: Desk) -> None:
    ops, managers = add_target("ops"), add_target("managers")
    key = add_policy("all", [(0, [ops])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="critical")
    polled.poll()
    with reading() as session:
        rows = session.query(OutboxRow).count()
    values = PolicyValues(
        name="all",
        conditions={"events": ["created"]},
        steps=[StepRule(target_ids=(managers,)), StepRule(after_minutes=5, target_ids=(ops,))],
    )
    polled.clock.advance(minutes=10)
    preview = preview_policies(check_policy(values), key)
    assert preview.edited is not None
    assert list(preview.stored.by_target) == ["ops"]
    assert {name: one.total for name, one in preview.edited.by_target.items()} == {
        "managers": 1,
        "ops": 1,
    }
    new = preview_policies(check_policy(values))
    assert new.edited is not None
    assert list(new.edited.by_target) == ["ops"], "a new one stands below the others"
    with reading() as session:
        assert session.query(OutboxRow).count() == rows


@pytest.mark.parametrize("column", ["is_drill", "is_muted"])
def test_drills_and_muted_tickets_do_not_count(polled: Desk, column: str) -> None:
    add_policy("all", [(0, [add_target("ops")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    assert previewed() == {"ops": 1}
    with transaction() as session:
        session.query(Ticket).update({column: True})
    assert previewed() == {}
