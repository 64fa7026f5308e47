"""Proofs as they are shown: the strip of days, the latest one, the export; and which are due."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk
from tests.support.rows import add, all_rows
from webapp import task_queue
from webapp.models import Proof
from webapp.services.errors import RefusedError
from webapp.services.proof.due_proofs import (
    enqueue_due_proofs,
    find_due_proofs,
    prove_due,
    request_proof,
)
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.proof.read_proofs import DayState, export_rows, latest_proofs, read_strip
from webapp.services.transactions import reading


def add_proof(desk: Desk, days_ago: float = 0, **values: Any) -> Proof:
    at = desk.clock.now() - timedelta(days=days_ago)
    known = {"day": at.date(), "days": 30, "started_at": at, "finished_at": at, "listed": 4}
    return add(Proof(connection_id=desk.connection_id, **{**known, "ticketed": 4, **values}))


@both_databases
def test_the_strip_has_each_day_and_what_decides_it(desk: Desk) -> None:
    add_proof(desk, 3)
    add_proof(desk, 2, unexplained=1, ticketed=3, healed=1, unexplained_ids=["7"])
    add_proof(desk, 1.9)
    add_proof(desk, 1, error="No answer.", listed=0, ticketed=0)
    desk.clock.advance(seconds=5)
    strip = read_strip(desk.connection_id, days=5)
    states = [one.state for one in strip.days]
    assert states == [
        DayState.NONE,
        DayState.CLEAN,
        DayState.UNEXPLAINED,
        DayState.FAILED,
        DayState.NONE,
    ]
    assert strip.days[-1].day == desk.clock.now().date()
    assert strip.days[2].proof.unexplained_ids == ("7",)
    assert strip.latest.words == "No answer."
    assert not strip.is_running
    add_proof(desk, finished_at=None)
    assert read_strip(desk.connection_id).is_running
    assert len(read_strip(desk.connection_id).days) == 90


@both_databases
def test_the_latest_of_each_connection(desk: Desk) -> None:
    add_proof(desk, 2)
    add_proof(desk, 1, listed=9, ticketed=9)
    add_proof(desk, 0, finished_at=None)
    with reading() as session:
        [latest] = latest_proofs(session).values()
    assert latest.words == "9 listed: 9 tickets, 0 unexplained."
    assert latest.as_dict()["ticketed"] == 9


def test_the_export_holds_all_of_them(desk: Desk) -> None:
    add_proof(desk, 400)
    add_proof(desk, 1, unexplained=2, ticketed=2, unexplained_ids=["7", "8"])
    heading, last, first = export_rows(desk.connection_id)
    assert dict(zip(heading, last, strict=True))["unexplained_ids"] == "7 8"
    assert date.fromisoformat(str(first[0])) < date.fromisoformat(str(last[0]))


@both_databases
def test_a_proof_is_due_once_a_day(desk: Desk) -> None:
    assert find_due_proofs(desk.clock.now()) == [], "no poll has succeeded yet"
    add_bulk(desk.account, 1, desk.clock.now())
    assert desk.poll().is_success
    assert find_due_proofs(desk.clock.now()) == [desk.connection_id]
    prove_connection(desk.connection_id)
    assert find_due_proofs(desk.clock.now() + timedelta(hours=2)) == []
    assert find_due_proofs(desk.clock.now() + timedelta(days=1)) == [desk.connection_id]
    desk.set(paused_at=desk.clock.now())
    assert find_due_proofs(desk.clock.now() + timedelta(days=1)) == []


def test_one_that_failed_is_tried_again_after_an_hour(desk: Desk) -> None:
    assert desk.poll().is_success
    add_proof(desk, error="No answer.")
    assert find_due_proofs(desk.clock.now() + timedelta(minutes=59)) == []
    assert find_due_proofs(desk.clock.now() + timedelta(minutes=61)) == [desk.connection_id]


def test_without_a_worker_a_timer_makes_them(desk: Desk) -> None:
    assert desk.poll().is_success
    prove_due(desk.clock.now())
    [proof] = all_rows(Proof)
    assert proof.error is None


def test_what_is_due_is_enqueued(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(task_queue, "enqueue", lambda name, **one: not jobs.append((name, one)))
    assert desk.poll().is_success
    assert enqueue_due_proofs(desk.clock.now()) == [desk.connection_id]
    [(name, values)] = jobs
    assert (name, values["job_id"]) == ("prove", f"prove-{desk.connection_id}")
    ready = task_queue.QueueStatus(True, has_worker=True)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: ready)
    assert request_proof(desk.connection_id, actor_id=3).startswith("The proof has begun")
    assert jobs[-1][1]["actor_id"] == 3


def test_without_a_worker_the_button_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(RefusedError, match=f"triagedesk prove {desk.connection_id}"):
        request_proof(desk.connection_id)
