"""The outbox is read page by page; what failed is sent again with the same key; old rows go."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.receivers.notices_data import Mailbox, add_target, deliver_all
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp import clock
from webapp.models import OutboxRow
from webapp.models.outbox import OutboxState
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.notices.read_outbox import OutboxQuery, list_outbox, read_outbox
from webapp.services.notices.resend import resend, resend_failed
from webapp.services.retention.delete_old_records import delete_old_records

FACTS = {
    "subject": "alarm:1",
    "title": "Worker gone",
    "lines": [],
    "links": [],
    "urgency": "page",
    "stage": "plain",
    "severity": None,
    "data": {},
}


def row(
    target_id: int | None, number: int = 1, at: datetime | None = None, **values: object
) -> int:
    now = at or clock.utcnow()
    made = OutboxRow(
        **{
            "key": f"row:{number}:{target_id}",
            "target_id": target_id,
            "target_name": "SOC",
            "event": "alarm.began",
            "facts": FACTS,
            "created_at": now,
            "due_at": now,
            "next_try_at": now,
            "state": OutboxState.PENDING,
            **values,
        }
    )
    return add(made).id


@both_databases
def test_pages_and_filters(app: Flask) -> None:
    soc, psa = add_target("SOC"), add_target("PSA")
    for number in range(PAGE_SIZE + 5):
        row(soc, number, state=OutboxState.SENT)
    failed = row(psa, 99, state=OutboxState.FAILED, event="alarm.ended", answer="404")
    first = read_outbox(OutboxQuery())
    assert [one.id for one in first.rows.rows][:1] == [failed]
    assert (len(first.rows.rows), first.failed) == (PAGE_SIZE, 1)
    second = read_outbox(OutboxQuery(after=first.rows.next_mark))
    assert len(second.rows.rows) == 6
    assert second.rows.next_mark is None
    assert read_outbox(OutboxQuery(before=second.rows.previous_mark)).rows.rows == first.rows.rows
    for query in (
        OutboxQuery(state="failed"),
        OutboxQuery(target_id=psa),
        OutboxQuery(event="alarm.ended"),
    ):
        assert [one.id for one in read_outbox(query).rows.rows] == [failed]
        [listed] = list_outbox(query, 10)
        assert (listed["id"], listed["ticket"], listed["title"]) == (failed, None, "Worker gone")
    assert read_outbox(OutboxQuery(number="TKT-1")).rows.rows == []
    assert len(list_outbox(OutboxQuery(), 3)) == 3


@both_databases
def test_what_failed_is_sent_again_at_once_with_the_same_key(
    app: Flask, fake_clock: FakeClock, mailbox: Mailbox
) -> None:
    soc = add_target("SOC")
    keys = {"message_key": "m-1", "attempts": 12, "state": OutboxState.FAILED}
    first, second = row(soc, 1, **keys), row(soc, 2, **keys)
    fake_clock.advance(days=3)
    assert resend([first]) == 2, "rows of one message go together"
    stored = fresh(OutboxRow, second)
    assert (stored.state, stored.attempts, stored.message_key) == ("pending", 0, "m-1")
    assert stored.due_at == stored.next_try_at == fake_clock.now()
    assert audit_actions() == ["outbox.resent"]
    assert deliver_all() == 1
    [message] = mailbox.to("SOC")
    assert message.key == "m-1"


def test_only_what_failed_is_sent_again(app: Flask) -> None:
    soc = add_target("SOC")
    sent, gone = row(soc, 1, state=OutboxState.SENT), row(None, 2, state=OutboxState.FAILED)
    with pytest.raises(RefusedError, match="has not failed"):
        resend([sent])
    with pytest.raises(RefusedError, match="was deleted"):
        resend([gone])
    with pytest.raises(NotFoundError):
        resend([10**12])
    assert resend_failed() == 0
    assert audit_actions() == []
    failed = [row(soc, number, state=OutboxState.FAILED) for number in (3, 4)]
    assert resend_failed(target_id=soc) == 2
    assert {fresh(OutboxRow, key).state for key in failed} == {"pending"}


@both_databases
def test_messages_are_kept_for_ninety_days_and_what_waits_stays(
    app: Flask, fake_clock: FakeClock
) -> None:
    soc = add_target("SOC")
    old, new = fake_clock.now() - timedelta(days=91), fake_clock.now() - timedelta(days=89)
    row(soc, 1, old, state=OutboxState.SENT)
    kept = [row(soc, 2, new, state=OutboxState.SENT), row(soc, 3, old)]
    change(OutboxRow, kept[0], state=OutboxState.FAILED)
    assert delete_old_records(fake_clock.now())["notification_outbox"] == 1
    assert [one.id for one in all_rows(OutboxRow)] == kept
