"""Whoever was deactivated is told nothing any more, not even what was waiting for them."""

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
from tests.support.rows import all_rows
from webapp.models import OutboxRow
from webapp.services.notices.escalate import find_due_targets
from webapp.services.people.users import deactivate_user
from webapp.services.tickets.reassign_tickets import deactivate_and_reassign
from webapp.services.transactions import reading
from webapp.services.watch.advance_notices import advance_notices
from webapp.services.watch.stuck_targets import list_stuck_targets


@both_databases
@pytest.mark.parametrize("is_command", [False, True])
def test_what_waits_for_somebody_who_is_deactivated_is_dropped(
    polled: Desk, mailbox: Mailbox, is_command: bool
) -> None:
    soc = add_target("soc")
    (ada, phone), (bo, _) = add_person("Ada"), add_person("Bo")
    add_policy("all", [(0, [soc, phone])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    assert find_due_targets(polled.clock.now()) == [soc, phone]
    if is_command:
        deactivate_user(ada)
    else:
        deactivate_and_reassign(ada, successor_id=None, actor_id=bo)
    assert find_due_targets(polled.clock.now()) == [soc]
    advance_notices()
    assert {one.target_name: (one.state, one.answer) for one in all_rows(OutboxRow)} == {
        "soc": ("pending", None),
        "Ada: ada-phone": ("dropped", "Not sent: this person was deactivated."),
    }
    deliver_all()
    assert [name for name, _ in mailbox.messages] == ["soc"]


def test_what_waits_for_them_is_no_message_that_is_stuck(polled: Desk) -> None:
    ada, phone = add_person("Ada")
    add_policy("all", [(0, [phone])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    deactivate_user(ada)
    polled.clock.advance(hours=1)
    with reading() as session:
        assert list_stuck_targets(session, polled.clock.now()) == []
