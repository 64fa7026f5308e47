"""Verifying finds whatever somebody who may do anything with the database has done to the log."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.security.trail import add_events, chained, tamper
from webapp import clock
from webapp.config import Config
from webapp.config.audit import AuditSettings
from webapp.domain.security.chain import ChainEnd
from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.models import AuditForward, AuditLink
from webapp.services.audit_trail import verify_chain as module
from webapp.services.audit_trail.chain_events import chain_events, link_of
from webapp.services.audit_trail.forward_events import forward_events
from webapp.services.audit_trail.seal_chain import make_seal
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.errors import FieldError
from webapp.services.transactions import transaction


@both_databases
def test_a_whole_chain_is_whole(app: Flask, fake_clock: FakeClock) -> None:
    chained(5)
    report = verify_chain()
    assert report.is_whole
    assert (report.links, report.end.position, report.waiting) == (5, 5, 0)
    assert report.remarks == []


def test_no_events_are_whole_as_well(app: Flask) -> None:
    assert verify_chain().as_dict() == {
        "whole": True,
        "links": 0,
        "position": 0,
        "hash": "0" * 64,
        "deleted_by_retention": 0,
        "problems": [],
        "problem_count": 0,
        "remarks": [],
        "waiting": 0,
        "waiting_since": None,
    }


def test_events_without_a_link_are_counted(app: Flask, fake_clock: FakeClock) -> None:
    add_events(2)
    report = verify_chain()
    assert (report.is_whole, report.waiting) == (True, 2)
    assert report.waiting_since == fake_clock.now()


EVENT_3 = "event 3 (thing.changed on 2026-06-09 at 12:00:00 UTC)"


@both_databases
@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (
            ["UPDATE audit_events SET action = 'thing.seen' WHERE id = 3"],
            "Link 3 does not fit: event 3 (thing.seen on 2026-06-09 at 12:00:00 UTC) was changed,"
            " or the link before it, or one was slipped in.",
        ),
        (
            ["UPDATE audit_events SET actor_id = NULL, address = '192.0.2.9' WHERE id = 3"],
            f"Link 3 does not fit: {EVENT_3} was changed, or the link before it, or one was"
            " slipped in.",
        ),
        (
            ['UPDATE audit_events SET after = \'{"name": "nothing"}\' WHERE id = 3'],
            f"The details of {EVENT_3} were changed.",
        ),
        (
            ["DELETE FROM audit_events WHERE id = 3"],
            "Event 3 was deleted; link 3, made on 2026-06-09 at 12:00:00 UTC, belongs to it.",
        ),
        (
            [
                "DELETE FROM audit_events WHERE id = 3",
                "DELETE FROM audit_chain WHERE position = 3",
            ],
            "Link 3 is missing, before event 4, which was chained on 2026-06-09 at 12:00:00 UTC:"
            " events were deleted.",
        ),
        (
            [
                "DELETE FROM audit_events WHERE id < 3",
                "DELETE FROM audit_chain WHERE position < 3",
            ],
            "Links 1 to 2 are missing, before event 3, which was chained on 2026-06-09 at"
            " 12:00:00 UTC: events were deleted.",
        ),
        (
            ["UPDATE audit_chain SET details_salt = NULL WHERE position = 3"],
            f"The details of {EVENT_3} were changed after erasing.",
        ),
    ],
)
def test_a_change_and_a_deletion_are_found_by_event_and_time(
    app: Flask, fake_clock: FakeClock, statements: list[str], sentence: str
) -> None:
    chained(5)
    tamper(*statements)
    report = verify_chain()
    assert report.problems == [sentence]
    assert not report.is_whole


@both_databases
def test_an_event_that_is_slipped_in_is_found(app: Flask, fake_clock: FakeClock) -> None:
    """Whoever slips one in has to move the links after it, and they fit no more."""
    chained(5)
    tamper(
        "UPDATE audit_chain SET position = position + 100 WHERE position > 3",
        "INSERT INTO audit_events (id, happened_at, action, subject_type)"
        " VALUES (77, '2026-06-09 12:00:00+00', 'thing.invented', 'thing')",
        "INSERT INTO audit_chain (position, event_id, details_salt, details_digest, hash,"
        f" chained_at) VALUES (4, 77, NULL, 'x', '{'a' * 64}', '2026-06-09 12:00:00+00')",
        "UPDATE audit_chain SET position = position - 99 WHERE position > 100",
    )
    problems = verify_chain().problems
    assert any("event 77" in one for one in problems)
    assert any(one.startswith("Link 5 does not fit: event 4 ") for one in problems)


def test_an_event_that_is_added_with_an_older_time_is_remarked(
    app: Flask, fake_clock: FakeClock
) -> None:
    chained(3)
    chained(1, happened_at=fake_clock.now() - timedelta(days=3), action="thing.invented")
    report = verify_chain()
    assert report.is_whole
    assert report.remarks == [
        "Event 4 (thing.invented on 2026-06-06 at 12:00:00 UTC) stands after events that are more"
        " than an hour newer: it was added later, or a clock was wrong."
    ]


@both_databases
def test_a_tail_that_is_cut_off_is_found_by_the_seal(app: Flask, fake_clock: FakeClock) -> None:
    chained(5)
    fake_clock.advance(days=1)
    seal = make_seal(fake_clock.now())
    assert seal is not None
    tamper("DELETE FROM audit_events WHERE id > 3", "DELETE FROM audit_chain WHERE position > 3")
    assert verify_chain().problems == [
        f"The end was cut off: the seal of {seal.day} names link 5, but the chain ends at 3."
    ]
    tamper("DELETE FROM audit_seals")
    assert verify_chain().is_whole
    given = verify_chain([f"5:{seal.hash}"])
    assert given.problems == [
        "The end was cut off: the seal that was given names link 5, but the chain ends at 3."
    ]


def test_a_tail_that_is_cut_off_is_found_by_the_bookmark_of_a_receiver(app: Flask) -> None:
    chained(5)
    with transaction() as session:
        session.add(AuditForward(receiver="stdout", position=5, updated_at=clock.utcnow()))
    assert verify_chain().is_whole
    tamper("DELETE FROM audit_events WHERE id > 3", "DELETE FROM audit_chain WHERE position > 3")
    assert verify_chain().problems == [
        "The end was cut off: the bookmark of stdout names link 5, but the chain ends at 3."
    ]


@both_databases
def test_a_chain_that_is_written_anew_is_found_by_the_bookmark_of_a_receiver(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(3)
    receiver = Receiver(ReceiverKind.STDOUT)
    assert (
        forward_events(replace(config, audit=AuditSettings(forward=receiver)), fake_clock.now())
        == 3
    )
    tamper("UPDATE audit_events SET action = 'x' WHERE id = 1", "DELETE FROM audit_chain")
    chain_events(fake_clock.now())
    assert verify_chain().problems == [
        "Link 3 is not the one that was sealed: the bookmark of stdout names another hash, so the"
        " chain was written anew."
    ]


def test_a_chain_that_is_written_anew_is_found_by_the_seal(
    app: Flask, fake_clock: FakeClock
) -> None:
    """All hashes fit; only what was kept elsewhere tells."""
    chained(3)
    with transaction() as session:
        kept = f"2:{session.get_one(AuditLink, 2).hash}"
    tamper("UPDATE audit_events SET action = 'x' WHERE id = 1", "DELETE FROM audit_chain")
    chain_events(fake_clock.now())
    assert verify_chain().is_whole
    assert verify_chain([kept]).problems == [
        "Link 2 is not the one that was sealed: the seal that was given names another hash, so the"
        " chain was written anew."
    ]


@pytest.mark.parametrize(
    "seal", ["", "5", f"x:{'a' * 64}", "5:abc", f"5:{'g' * 64}", f"٣:{'a' * 64}"]
)
def test_a_seal_that_is_none_is_refused(app: Flask, seal: str) -> None:
    with pytest.raises(FieldError, match="POSITION:HASH"):
        verify_chain([seal])


def test_problems_are_counted_and_the_first_ones_told(app: Flask) -> None:
    chained(60)
    tamper("UPDATE audit_events SET action = 'x'")
    report = verify_chain()
    assert (report.problem_count, len(report.problems)) == (60, 50)


def test_memory_stays_where_it_is(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 100)

    def used() -> int:
        verify_chain()  # what is made once is made now
        tracemalloc.start()
        verify_chain()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    chained(500)
    few = used()
    chained(4_500)
    assert used() < few * 2


def test_a_link_is_what_link_of_makes(app: Flask, fake_clock: FakeClock) -> None:
    chained(1)
    with transaction() as session:
        stored = session.get_one(AuditLink, 1)
        event = session.get_one(module.AuditEvent, stored.event_id)
        again = link_of(ChainEnd(), event, stored.details_salt or "", stored.chained_at)
    assert (again.hash, again.details_digest) == (stored.hash, stored.details_digest)
