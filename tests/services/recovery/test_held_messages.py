"""After a restore nobody is told anything until a person releases it: no sender gets past that."""

from collections.abc import Iterator
from datetime import timedelta

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
    receiving,
)
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.extensions import current_config
from webapp.models import Escalation, OutboxRow, SecurityNote
from webapp.outbound.settings import Destination, MailServer
from webapp.services.errors import RefusedError
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.deliver_due import deliver_due
from webapp.services.notices.personal import mail_notes
from webapp.services.operations.check_backups import check_backups
from webapp.services.polling.manage_polling import resume_polling
from webapp.services.recovery.release_restore import read_open_restore, release_restore
from webapp.services.recovery.settle_restore import settle_restore
from webapp.services.transactions import reading, transaction
from webapp.services.watch.advance_notices import advance_notices
from webapp.services.watch.drill import start_drill
from webapp.services.watch.find_in_messages import find_in_messages
from webapp.services.watch.watch_round import watch_round
from webapp.task_queue import QueueStatus

NOBODY_ELSE = QueueStatus(is_redis_up=True, has_scheduler=True)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving() as mailbox:
        yield mailbox


@pytest.fixture
def held(desk: Desk) -> Desk:
    """A desk with a message that waited, and a step to come, as a backup of last night has it."""
    desk.poll()
    target = add_target("hook", Kind.WEBHOOK, tells_alarms=True)
    add_policy("all", [(0, [target]), (10, [add_target("boss")])])
    desk.account.add_incident(7, now=desk.clock.now(), id=1, severity="critical")
    desk.poll()
    taken_at = desk.clock.now()
    desk.clock.advance(hours=9)
    with transaction() as session:
        settle_restore(session, taken_at, clock.utcnow(), "desk.age")
    return desk


def states() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(OutboxRow.state).order_by(OutboxRow.id)))


@both_databases
def test_no_sender_gets_past_it(held: Desk, mailbox: Mailbox) -> None:
    resume_polling(held.connection_id)
    held.account.add_incident(7, now=held.clock.now(), id=2, severity="critical")
    held.poll()
    held.clock.advance(days=3)
    now = clock.utcnow()
    done = watch_round(current_config(), NOBODY_ELSE, {}, now - timedelta(seconds=30))
    advance_notices()
    assert deliver_all() == 0
    assert deliver_due(now) == deliver_due(now, only_alarms=True) == 0
    [target_id] = set(_targets())
    assert deliver_target(target_id) == 0
    with pytest.raises(RefusedError, match="Messages are held"):
        start_drill()
    assert mailbox.messages == []
    assert set(states()) == {"pending"}, "nothing is given up meanwhile"
    assert not [one for one in done.problems if "not been sent" in one or "been due" in one]
    with reading() as session:
        assert Trouble.OUTBOX not in {one.kind for one in find_in_messages(session, now)}
        assert {one.step for one in session.scalars(select(Escalation))} == {1}


def _targets() -> list[int]:
    with reading() as session:
        return [key for key in session.scalars(select(OutboxRow.target_id).distinct()) if key]


@both_databases
@pytest.mark.parametrize("drops", [True, False])
def test_released_what_is_new_goes_out_and_what_waited_as_somebody_chose(
    held: Desk, mailbox: Mailbox, drops: bool
) -> None:
    found = read_open_restore()
    assert found is not None
    assert found.waiting == 1
    [check, _] = check_backups(current_config(), clock.utcnow())
    assert (check.name, check.kind) == ("restore", "deliberate")
    resume_polling(held.connection_id)
    held.account.add_incident(7, now=held.clock.now(), id=2, severity="critical")
    held.poll()
    assert release_restore(drops_waiting=drops) == (1 if drops else 0)
    deliver_all()
    held.clock.advance(minutes=3)  # messages about one organization go together
    deliver_all()
    told = [one.data["incident_id"] for one in mailbox.to("hook")]
    assert told == (["2"] if drops else ["1", "2"])
    assert len(mailbox.to("boss")) == 1, "the step that came due is told in any case"
    assert states()[0] == ("dropped" if drops else "sent")
    assert read_open_restore() is None
    with pytest.raises(RefusedError, match="nothing to release"):
        release_restore(drops_waiting=True)


def test_mails_about_accounts_wait_as_well(held: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def send(_destination: Destination, message: object) -> str:
        told.append(str(message))
        return "250 OK"

    server = MailServer(host="mail.example.com", sender="desk@example.com")
    monkeypatch.setattr(mail_notes, "read_mail_server", lambda _session: server)
    monkeypatch.setattr(mail_notes, "send", send)
    now = clock.utcnow()
    user_id, _ = add_person("Ada")
    with transaction() as session:
        session.add(
            SecurityNote(
                user_id=user_id,
                subject="A new browser",
                sentence="You signed in.",
                created_at=now,
                next_mail_at=now,
            )
        )
    assert mail_notes.mail_security_notes(now) == 0
    release_restore(drops_waiting=True)
    assert mail_notes.mail_security_notes(now) == 1
    assert len(told) == 1
