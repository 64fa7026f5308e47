"""Every event gets one link, soon, in order, whoever writes and whoever chains meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.security.trail import add_events, chained
from webapp import clock
from webapp.domain.security.chain import NO_HASH
from webapp.extensions import db
from webapp.models import AuditLink
from webapp.services.audit import record_event
from webapp.services.audit_trail import chain_events as module
from webapp.services.audit_trail.chain_end import take_chain_lock
from webapp.services.audit_trail.chain_events import BATCH, chain_events
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.transactions import PAUSE_SECONDS, reading, transaction

postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def links() -> list[AuditLink]:
    with reading() as session:
        return list(session.scalars(select(AuditLink).order_by(AuditLink.position)))


@both_databases
def test_events_are_chained_in_their_order(app: Flask, fake_clock: FakeClock) -> None:
    ids = add_events(3)
    assert chain_events(fake_clock.now()) == 3
    found = links()
    assert [link.event_id for link in found] == ids
    assert [link.position for link in found] == [1, 2, 3]
    assert len({link.hash for link in found} | {NO_HASH}) == 4
    assert chain_events(fake_clock.now()) == 0


@both_databases
def test_events_of_before_are_chained_as_well_and_in_batches(app: Flask) -> None:
    ids = add_events(2 * BATCH + 3)
    assert chain_events(clock.utcnow()) == len(ids)
    assert [link.event_id for link in links()] == ids


def test_a_round_ends_and_the_next_goes_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "MOST_BATCHES", 2)
    add_events(7)
    assert [chain_events(clock.utcnow()) for _ in range(3)] == [4, 3, 0]
    assert verify_chain().is_whole


@contextmanager
def other_session() -> Iterator[Session]:
    """A transaction beside the test's own."""
    with Session(db.engine) as session:
        yield session


@postgresql
def test_an_event_that_is_committed_late_is_chained_late(app: Flask) -> None:
    with other_session() as late:
        slow = record_event(late, action="slow", subject_type="thing")
        late.flush()
        quick = chained(2)
        assert slow.id < quick[0]
        assert [link.event_id for link in links()] == quick
        late.commit()
        assert chain_events(clock.utcnow()) == 1
        assert [link.event_id for link in links()] == [*quick, slow.id]
    assert verify_chain().is_whole


@postgresql
def test_one_that_is_very_late_is_found_by_a_thorough_round(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_BACK", 2)
    with other_session() as late:
        record_event(late, action="slow", subject_type="thing")
        late.flush()
        chained(5)
        late.commit()
    assert chain_events(clock.utcnow()) == 0
    assert chain_events(clock.utcnow(), is_thorough=True) == 1


@postgresql
def test_while_another_process_chains_this_one_does_not_wait(app: Flask) -> None:
    add_events(1)
    with other_session() as other:
        take_chain_lock(other)
        began = monotonic()
        assert chain_events(clock.utcnow()) == 0
        assert monotonic() - began < 5
    assert chain_events(clock.utcnow()) == 1


@both_databases
def test_many_writers_and_several_who_chain_miss_nothing(app: Flask) -> None:
    """Writers commit in another order than their ids, and give up some of what they wrote."""
    stopping = threading.Event()

    def write(number: int) -> int:
        with app.app_context():
            for turn in range(25):
                try:
                    with transaction() as session:
                        record_event(session, action=f"w{number}.{turn}", subject_type="x")
                        session.flush()
                        sleep(0.001 * ((number + turn) % 4))
                        if turn % 5 == 4:
                            raise InterruptedError
                except InterruptedError:
                    pass
            db.session.remove()
        return 20

    def chain() -> int:
        done = 0
        with app.app_context():
            while not stopping.is_set():
                done += chain_events(clock.utcnow())
            db.session.remove()
        return done

    with ThreadPoolExecutor(8) as pool:
        chaining = [pool.submit(chain) for _ in range(3)]
        written = sum(pool.map(write, range(5)))
        stopping.set()
        done = sum(one.result() for one in chaining)
    done += chain_events(clock.utcnow())
    assert done == written == 100
    report = verify_chain()
    assert (report.problems, report.links, report.waiting) == ([], written, 0)


@both_databases
def test_writers_are_not_held_up(app: Flask) -> None:
    """The longest that chaining a batch keeps the only writer of SQLite waiting."""
    add_events(BATCH * 3)
    spans: list[float] = []
    original = module.link_of
    with patch.object(module, "link_of") as slow:
        slow.side_effect = lambda *given: (spans.append(monotonic()), original(*given))[1]
        chain_events(clock.utcnow())
    batches = [spans[at : at + BATCH] for at in range(0, len(spans), BATCH)]
    assert len(batches) == 3
    assert max(batch[-1] - batch[0] for batch in batches) < 1


@both_databases
def test_no_round_looks_again_at_what_it_has_chained(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first round over many events would take ever longer."""
    monkeypatch.setattr(module, "BATCH", 2)
    floors: list[int] = []
    real = module._list_waiting
    monkeypatch.setattr(module, "_list_waiting", lambda floor: floors.append(floor) or real(floor))
    ids = add_events(5)
    assert chain_events(clock.utcnow(), is_thorough=True) == 5
    assert floors == [0, ids[1], ids[3], ids[4]]


def test_others_may_write_between_two_batches(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    add_events(6)
    chain_events(clock.utcnow())
    assert fake_clock.slept == pytest.approx(2 * PAUSE_SECONDS)
