"""The audit log: with the change or not at all, and never a secret."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import audit_events
from webapp.models import AuditEvent
from webapp.services.audit import changes_between, record_event
from webapp.services.people.users import add_user
from webapp.services.transactions import transaction


def _record(**values: object) -> AuditEvent:
    with transaction() as session:
        return record_event(session, action="thing.changed", subject_type="thing", **values)  # type: ignore[arg-type]


@both_databases
def test_an_event_says_who_what_and_when(app: Flask, fake_clock: FakeClock) -> None:
    ada = add_user(email="ada@example.com", name="Ada", password="correct horse", role="admin")
    fake_clock.advance(minutes=3)
    _record(subject_id=7, before={"name": "old"}, after={"name": "new"}, actor_id=ada.id)
    event = audit_events()[-1]
    assert (event.action, event.subject_type, event.subject_id) == ("thing.changed", "thing", "7")
    assert (event.before, event.after) == ({"name": "old"}, {"name": "new"})
    assert event.actor_id == ada.id
    assert event.happened_at == fake_clock.now()


def test_the_system_has_no_actor(app: Flask) -> None:
    _record()
    [event] = audit_events()
    assert (event.actor_id, event.subject_id, event.before, event.after) == (None,) * 4


def test_of_secrets_only_that_they_changed(app: Flask) -> None:
    _record(
        before={"api_secret": None, "password": "old secret"},
        after={"api_secret": "hs_topsecret", "nested": {"api_key": "hk_topsecret"}},
    )
    [event] = audit_events()
    assert event.before == {"api_secret": None, "password": "changed"}
    assert event.after == {"api_secret": "changed", "nested": {"api_key": "changed"}}


def test_values_become_json(app: Flask) -> None:
    noon = datetime(2026, 6, 9, 12, tzinfo=timezone(timedelta(hours=2)))
    _record(after={"at": noon, "ids": (1, "two", None), "odd": {1: True}, "delta": timedelta(1)})
    [event] = audit_events()
    assert event.after == {
        "at": "2026-06-09T12:00:00+02:00",
        "ids": [1, "two", None],
        "odd": {"1": True},
        "delta": "1 day, 0:00:00",
    }


def test_no_event_without_the_change(app: Flask) -> None:
    def fail_after_recording() -> None:
        with transaction() as session:
            record_event(session, action="thing.changed", subject_type="thing")
            raise RuntimeError("too late")

    with pytest.raises(RuntimeError, match="too late"):
        fail_after_recording()
    assert audit_events() == []


def test_changes_between() -> None:
    before = {"name": "a", "size": 1, "when": datetime(2026, 1, 1, tzinfo=UTC)}
    assert changes_between(before, {"name": "b", "size": 1}) == ({"name": "a"}, {"name": "b"})
    assert changes_between(before, {"new": 3}) == ({"new": None}, {"new": 3})
    assert changes_between(before, before) == ({}, {})
