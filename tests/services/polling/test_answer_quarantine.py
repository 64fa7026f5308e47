"""Quarantined reports: listed, tried again, dismissed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import Connection, InboxRow, Ticket
from webapp.services.edition import EditionError
from webapp.services.errors import NotFoundError
from webapp.services.people.users import add_user
from webapp.services.polling.answer_quarantine import (
    QuarantineError,
    dismiss,
    list_quarantined,
    retry,
)

WITHOUT_ID = {"subject": "CRITICAL - no id", "severity": "critical", "status": "sent"}


def _row(connection: Connection, key: str, **values: object) -> InboxRow:
    now = connection.created_at
    defaults = {
        "connection_id": connection.id,
        "external_key": key,
        "payload": "{}",
        "content_hash": "0" * 64,
        "fetched_at": now,
        "first_fetched_at": now,
        "quarantined_at": now,
        "attempts": 3,
        "error": "The report could not be processed.",
        "next_try_at": now + timedelta(hours=1),
    }
    return add(InboxRow(**{**defaults, **values}))


@both_databases
def test_only_what_waits_in_quarantine_is_listed(
    connection: Connection, fake_clock: FakeClock
) -> None:
    later = fake_clock.advance(minutes=1)
    _row(connection, "2", quarantined_at=later)
    first = _row(connection, "1")
    _row(connection, "3", quarantined_at=None)
    _row(connection, "4", dismissed_at=later)
    rows = list_quarantined()
    assert [row.incident for row in rows] == ["1", "2"]
    assert list_quarantined(connection.id) == rows
    assert list_quarantined(connection.id + 1) == []
    assert rows[0].as_dict() == {
        "id": first.id,
        "connection_id": connection.id,
        "connection": "Acme",
        "incident": "1",
        "error": "The report could not be processed.",
        "attempts": 3,
        "quarantined_at": "2026-06-09T12:00:00+00:00",
        "next_try_at": "2026-06-09T13:00:00+00:00",
        "ticket": None,
    }


@both_databases
def test_retrying_makes_it_due(connection: Connection, fake_clock: FakeClock) -> None:
    row = _row(connection, "1", next_try_at=None)
    when = fake_clock.advance(minutes=5)
    retry(row.id)
    stored = fresh(InboxRow, row.id)
    assert (stored.next_try_at, stored.version, stored.attempts) == (when, 2, 3)
    assert stored.quarantined_at is not None
    assert audit_actions()[-1] == "quarantine.retried"


@both_databases
def test_dismissing_keeps_the_row(connection: Connection, fake_clock: FakeClock) -> None:
    ada = add_user(email="ada@example.com", name="Ada", password="correct horse", role="admin")
    row = _row(connection, "1")
    when = fake_clock.advance(minutes=5)
    dismiss(row.id, "  a test of theirs ", actor_id=ada.id)
    stored = fresh(InboxRow, row.id)
    assert (stored.dismissed_at, stored.dismissed_by_id) == (when, ada.id)
    assert (stored.dismissed_reason, stored.version) == ("a test of theirs", 2)
    assert list_quarantined() == []
    event = audit_events()[-1]
    assert (event.subject_id, event.actor_id) == ("1", ada.id)
    assert event.after == {"connection_id": connection.id, "reason": "a test of theirs"}


def test_a_reason_is_not_needed_and_has_an_end(connection: Connection) -> None:
    first, second = _row(connection, "1"), _row(connection, "2")
    assert dismiss(first.id, " ").dismissed_reason is None
    assert len(dismiss(second.id, "x" * 5000).dismissed_reason or "") == 1000


def test_what_is_not_quarantined_cannot_be_retried_or_dismissed(
    connection: Connection, fake_clock: FakeClock
) -> None:
    waiting = _row(connection, "1", quarantined_at=None)
    dismissed = _row(connection, "2", dismissed_at=fake_clock.now())
    for row, words in ((waiting, "may have been processed"), (dismissed, "was dismissed already")):
        for action in (retry, dismiss):
            with pytest.raises(QuarantineError, match=words):
                action(row.id)
        assert fresh(InboxRow, row.id).version == 1
    with pytest.raises(NotFoundError):
        retry(99)


def test_community_edition_refuses(app: Flask, connection: Connection) -> None:
    row = _row(connection, "1")
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    for action in (retry, dismiss):
        with pytest.raises(EditionError):
            action(row.id)


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Iterator[Desk]:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account) as desk:
        yield desk


def test_a_report_without_an_id_is_listed_with_its_ticket(desk: Desk) -> None:
    desk.account.add_raw_incident({**WITHOUT_ID, "updated_at": "2026-06-09T11:00:00Z"})
    assert desk.poll().is_success
    [row] = list_quarantined()
    [ticket] = all_rows(Ticket)
    assert row.incident.startswith("sha256:")
    assert row.ticket == ticket.number
    assert "no id" in row.payload


def test_a_dismissed_report_does_not_come_back(desk: Desk) -> None:
    desk.account.add_raw_incident({**WITHOUT_ID, "updated_at": "2026-06-09T11:00:00Z"})
    desk.poll()
    [row] = list_quarantined()
    dismiss(row.id, "known")
    change(Connection, desk.connection_id, cursor=None)
    assert desk.poll(sweep=True).is_success
    assert list_quarantined() == []
    assert len(all_rows(Ticket)) == 1
    [kept] = all_rows(InboxRow)
    assert kept.dismissed_at is not None
