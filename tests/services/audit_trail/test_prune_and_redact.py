"""Retention and erasure: what they take is gone for good, and the chain still holds."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.interruptions import ProcessDied
from tests.support.rows import all_rows
from tests.support.security.trail import add_events, chained, tamper
from webapp.domain.security.chain import ChainEnd
from webapp.extensions import db
from webapp.models import AuditEvent, AuditLink, AuditPruning
from webapp.services.audit_trail import prune_events as module
from webapp.services.audit_trail.chain_end import take_chain_lock
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.prune_events import count_prunable, prune_events
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.audit_trail.seal_chain import make_seal
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.transactions import PAUSE_SECONDS, reading, transaction


@pytest.fixture(autouse=True)
def long_ago(fake_clock: FakeClock) -> None:
    """The database deletes only what is old by its own clock."""
    fake_clock.advance(days=-2_000)


def event_ids() -> list[int]:
    return [event.id for event in all_rows(AuditEvent)]


def positions() -> list[int]:
    with reading() as session:
        return list(session.scalars(select(AuditLink.position).order_by(AuditLink.position)))


@both_databases
def test_old_events_go_and_the_chain_holds(app: Flask, fake_clock: FakeClock) -> None:
    chained(5)
    fake_clock.advance(days=10)
    chained(3)
    before = fake_clock.now() - timedelta(days=1)
    assert count_prunable(before) == 5
    assert prune_events(before, fake_clock.now()) == 5
    chain_events(fake_clock.now())
    assert event_ids() == [6, 7, 8, 9]
    assert positions() == [6, 7, 8, 9]
    told = all_rows(AuditEvent)[-1]
    [pruning] = all_rows(AuditPruning)
    assert (told.action, told.after) == (
        "audit.pruned",
        {"events": 5, "before": before.isoformat(), "position": 5, "hash": pruning.hash},
    )
    report = verify_chain()
    assert (report.problems, report.pruned, report.links) == ([], 5, 4)
    assert prune_events(before, fake_clock.now()) == 0
    assert count_prunable(before) == 0


@both_databases
def test_what_is_deleted_beyond_a_pruning_is_found(app: Flask, fake_clock: FakeClock) -> None:
    chained(5)
    fake_clock.advance(days=10)
    chained(3)
    prune_events(fake_clock.now() - timedelta(days=1), fake_clock.now())
    tamper("DELETE FROM audit_events WHERE id = 6", "DELETE FROM audit_chain WHERE position = 6")
    assert "Link 6 is missing" in verify_chain().problems[0]


@both_databases
def test_a_deletion_that_no_event_tells_of_is_found(app: Flask, fake_clock: FakeClock) -> None:
    """The triggers allow it for old events, as they cannot know who asks."""
    chained(5)
    with transaction() as session:
        for statement in (
            "INSERT INTO audit_prunings (through_event_id, position, hash, pruned_at)"
            " SELECT event_id, position, hash, chained_at FROM audit_chain WHERE position = 4",
            "DELETE FROM audit_events WHERE id <= 4",
            "DELETE FROM audit_chain WHERE position <= 4",
        ):
            session.connection().exec_driver_sql(statement)
    told = "The links up to 4 and their events were deleted, and no event tells of it."
    assert verify_chain().problems == [told]
    add_events(1, action="audit.pruned", after={"events": 4, "position": 4, "hash": "0" * 64})
    add_events(1, action="audit.pruned", after=None)
    assert verify_chain().problems == [told]


@both_databases
def test_seals_at_and_before_what_was_deleted(app: Flask, fake_clock: FakeClock) -> None:
    chained(3)
    with reading() as session:
        hashes = {link.position: link.hash for link in session.scalars(select(AuditLink))}
    fake_clock.advance(days=1)
    make_seal(fake_clock.now())
    fake_clock.advance(days=10)
    chained(1)
    assert prune_events(fake_clock.now() - timedelta(days=1), fake_clock.now()) == 3
    report = verify_chain([f"3:{hashes[3]}"])
    assert (report.problems, report.remarks) == ([], [])
    report = verify_chain([f"3:{hashes[3]}", f"3:{'a' * 64}"])
    assert report.problems == [
        "Link 3 is not the one that was sealed: the seal that was given names another hash, so the"
        " chain was written anew."
    ]
    report = verify_chain([f"2:{hashes[2]}"])
    assert (report.problems, report.remarks) == (
        [],
        [
            "The seal that was given names link 2, which retention has deleted with all up to 3:"
            " nothing is left to compare it with."
        ],
    )
    tamper(f"UPDATE audit_seals SET hash = '{'b' * 64}'")
    [problem] = verify_chain().problems
    assert problem.startswith("Link 3 is not the one that was sealed: the seal of 20")


@both_databases
@pytest.mark.parametrize("days", [0, 89])
def test_no_event_goes_that_is_young_by_the_databases_clock(
    app: Flask, fake_clock: FakeClock, days: int
) -> None:
    """Whatever time the process believes it is."""
    with reading() as session:
        now = module._database_now(session)
    fake_clock.advance(seconds=(now - timedelta(days=days) - fake_clock.now()).total_seconds())
    chained(2)
    fake_clock.advance(days=3_000)
    assert count_prunable(fake_clock.now()) == 0
    assert prune_events(fake_clock.now(), fake_clock.now()) == 0
    assert all_rows(AuditPruning) == []


def test_what_tells_of_a_deletion_keeps_its_figures(app: Flask, fake_clock: FakeClock) -> None:
    chained(3)
    fake_clock.advance(days=10)
    prune_events(fake_clock.now(), fake_clock.now())
    with transaction() as session:
        assert redact_events(session, [AuditEvent.id > 0]) == 1
    assert verify_chain().is_whole


def test_a_pruning_that_was_interrupted_goes_on(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    chained(7)
    fake_clock.advance(days=10)
    chained(1)
    before = fake_clock.now() - timedelta(days=1)
    original, calls = module._delete_marked, []

    def die_at_the_second(*given: object) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise ProcessDied
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_delete_marked", die_at_the_second)
    with pytest.raises(ProcessDied):
        prune_events(before, fake_clock.now())
    assert len(event_ids()) == 5 + 1 + 1
    assert verify_chain().is_whole
    assert prune_events(before, fake_clock.now()) == 5
    assert len(all_rows(AuditPruning)) == 1
    assert verify_chain().is_whole


def test_others_may_write_between_two_batches(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    chained(7)
    fake_clock.advance(days=10)
    slept = fake_clock.slept
    assert prune_events(fake_clock.now(), fake_clock.now()) == 6
    assert fake_clock.slept - slept == pytest.approx(3 * PAUSE_SECONDS)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_deletion_waits_for_who_works_on_the_chain(app: Flask) -> None:
    chained(3)
    with Session(db.engine) as other:
        take_chain_lock(other)
        with (
            patch.object(module, "take_chain_lock", _impatient),
            pytest.raises(OperationalError, match="lock timeout"),
        ):
            module._delete_marked(ChainEnd())


def _impatient(session: Session) -> None:
    session.execute(text("SET LOCAL lock_timeout = '100ms'"))
    take_chain_lock(session)


def test_the_newest_link_and_what_has_none_stay(app: Flask, fake_clock: FakeClock) -> None:
    chained(2)
    add_events(1)
    fake_clock.advance(days=10)
    assert prune_events(fake_clock.now(), fake_clock.now()) == 1
    chain_events(fake_clock.now())
    assert event_ids() == [2, 3, 4]
    assert verify_chain().is_whole


def test_an_event_behind_a_newer_one_stays(app: Flask, fake_clock: FakeClock) -> None:
    """In the chain it stands after one that is kept."""
    chained(1, happened_at=fake_clock.now() - timedelta(days=9))
    chained(1)
    chained(1, happened_at=fake_clock.now() - timedelta(days=9))
    assert prune_events(fake_clock.now() - timedelta(days=1), fake_clock.now()) == 1
    assert event_ids()[:2] == [2, 3]


def test_nothing_to_prune(app: Flask, fake_clock: FakeClock) -> None:
    assert prune_events(fake_clock.now(), fake_clock.now()) == 0
    chained(2)
    assert prune_events(fake_clock.now() - timedelta(days=1), fake_clock.now()) == 0
    assert all_rows(AuditPruning) == []


@both_databases
def test_details_are_erased_with_their_salt(app: Flask, fake_clock: FakeClock) -> None:
    chained(4)
    add_events(1)
    with transaction() as session:
        assert redact_events(session, [AuditEvent.id.in_([2, 3, 5])]) == 3
    chain_events(fake_clock.now())
    events = all_rows(AuditEvent)
    assert [event.id for event in events if event.redacted_at] == [2, 3, 5]
    assert {(event.before, event.after) for event in events if event.redacted_at} == {(None, None)}
    assert (events[-1].action, events[-1].after) == ("audit.redacted", {"events": 3})
    with reading() as session:
        salts = {link.event_id: link.details_salt for link in session.scalars(select(AuditLink))}
    assert [event_id for event_id, salt in salts.items() if salt is None] == [2, 3]
    report = verify_chain()
    assert (report.problems, report.waiting) == ([], 0)


@both_databases
def test_an_erasure_that_nobody_tells_of_is_found(app: Flask, fake_clock: FakeClock) -> None:
    """The triggers allow it, as they cannot know who asks."""
    chained(3)
    with transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql(
            "UPDATE audit_events SET before = NULL, after = NULL,"
            " redacted_at = '2026-06-09 12:00:00+00' WHERE id = 2"
            if connection.dialect.name == "postgresql"
            else "UPDATE audit_events SET before = NULL, after = NULL,"
            " redacted_at = '2026-06-09 12:00:00.000000' WHERE id = 2"
        )
        connection.exec_driver_sql("UPDATE audit_chain SET details_salt = NULL WHERE position = 2")
    assert verify_chain().problems == [
        "The details of 1 events were erased on 2026-06-09 at 12:00:00 UTC, and no event tells of"
        " it."
    ]


def test_a_second_erasure_takes_what_is_left(app: Flask, fake_clock: FakeClock) -> None:
    chained(3)
    with transaction() as session:
        assert redact_events(session, [AuditEvent.subject_type == "thing"]) == 3
    fake_clock.advance(minutes=1)
    with transaction() as session:
        assert redact_events(session, [AuditEvent.subject_type == "thing"]) == 0
    chained(1)
    with transaction() as session:
        assert redact_events(session, [AuditEvent.subject_type == "thing"]) == 1
    chain_events(fake_clock.now())
    assert verify_chain().is_whole


def test_an_erasure_that_is_rolled_back_changes_nothing(app: Flask) -> None:
    chained(2)

    def erase_and_die() -> None:
        with transaction() as session:
            redact_events(session, [AuditEvent.subject_type == "thing"])
            raise ProcessDied

    with pytest.raises(ProcessDied):
        erase_and_die()
    assert all(event.after for event in all_rows(AuditEvent))
    assert verify_chain().is_whole
