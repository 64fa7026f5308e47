"""A fault in telling costs no ticket and no other message; it is an alarm, and is told later."""

from typing import Any

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import Mailbox, add_policy, add_target, deliver_all
from tests.support.rows import all_rows
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.models import Escalation, OutboxRow, Ticket
from webapp.services.errors import RefusedError
from webapp.services.notices import poll_notices, run_steps
from webapp.services.notices.resend import resend, resend_failed
from webapp.services.transactions import reading
from webapp.services.watch.find_in_messages import find_in_messages


def stumble(*_args: Any, **_options: Any) -> None:
    raise ValueError("a message that cannot be")


def troubles(desk: Desk) -> list[tuple[Trouble, str]]:
    with reading() as session:
        return [(one.kind, one.sentence) for one in find_in_messages(session, desk.clock.now())]


@both_databases
def test_a_poll_keeps_its_tickets_and_what_was_not_told_is_told_later(
    polled: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_policy("all", [(0, [add_target("soc")])])
    for number in (1, 2):
        polled.account.add_incident(7, now=polled.clock.now(), id=number, severity="critical")
    with monkeypatch.context() as patch:
        patch.setattr(poll_notices, "tell", stumble)
        assert polled.poll().is_success
    assert len(all_rows(Ticket)) == 2
    assert polled.inbox() == []
    expected = [(Trouble.UNTOLD, "Nobody was told of 2 tickets: telling failed.")]
    assert troubles(polled) == expected
    [first, _] = all_rows(OutboxRow)
    assert (first.state, first.target_name, first.event) == ("failed", "nobody", "ticket.created")
    assert first.facts["title"] == all_rows(Ticket)[0].title
    with pytest.raises(RefusedError, match="nobody was told"):
        resend([first.id])
    assert resend_failed() == 0
    deliver_all()
    assert mailbox.messages == []
    polled.clock.advance(minutes=11)
    deliver_all()
    assert len(mailbox.to("soc")) == 1, "both, in one message"
    assert troubles(polled) == []


def test_what_was_closed_is_settled_although_nobody_can_be_told(
    polled: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled.set(auto_close_tickets=True, closed_status_id=4)
    add_policy("all", [(0, [add_target("soc")]), (10, [add_target("boss")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    deliver_all()
    polled.account.update_incident(1, now=polled.clock.now(), status="closed")
    monkeypatch.setattr(poll_notices, "tell", stumble)
    polled.poll()
    [ticket] = all_rows(Ticket)
    assert ticket.closed_at is not None
    assert [one.end_reason for one in all_rows(Escalation)] == ["closed"]
    assert Trouble.UNTOLD in dict(troubles(polled))
    polled.clock.advance(days=2)
    assert Trouble.UNTOLD not in dict(troubles(polled)), "for a day, and not for ever"


@both_databases
def test_a_step_that_fails_keeps_no_other_and_is_run_later(
    polled: Desk, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_policy("all", [(0, [add_target("soc")]), (10, [add_target("boss")])])
    for number, organization in ((1, 7), (2, 8), (3, 9)):
        polled.account.add_incident(organization, now=polled.clock.now(), id=number)
    polled.poll()
    deliver_all()
    poison = all_rows(Ticket)[1].id
    as_json = TicketFacts.as_json

    def poisoned(facts: TicketFacts) -> dict[str, Any]:
        if facts.ticket_id == poison:
            raise ValueError("a message that cannot be")
        return as_json(facts)

    with monkeypatch.context() as patch:
        patch.setattr(run_steps.TicketFacts, "as_json", poisoned)
        for _ in range(2):
            polled.clock.advance(minutes=10)
            deliver_all()
    assert len(mailbox.to("boss")) == 2
    expected = [(Trouble.UNTOLD, "Nobody was told of 1 ticket: telling failed.")]
    assert troubles(polled) == expected
    polled.clock.advance(minutes=11)
    deliver_all()
    assert len(mailbox.to("boss")) == 3
    assert troubles(polled) == []
    assert [row.state for row in all_rows(OutboxRow) if row.target_id is None] == ["dropped"]
