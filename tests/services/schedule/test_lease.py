"""One poll of a connection at a time: who joins, who waits, who lost the lease and must stop."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    AppThread,
    add_bulk,
    on_list_calls,
    runs,
    set_faults,
    ticketed_ids,
    use_small_pages,
)
from tests.support.waiting import wait_until
from webapp import clock
from webapp.domain.detail_fetch import FetchPlan
from webapp.huntress.client import HuntressClient
from webapp.huntress.simulator import Fault
from webapp.models import Comment, Connection, PollRun
from webapp.services.polling import fetch_details, process_inbox
from webapp.services.polling import poll_connection as module
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule.due_connections import find_due_connections
from webapp.services.schedule.lease import LeaseLostError, claim
from webapp.services.transactions import transaction

LEASE_SECONDS = 120


@contextmanager
def real_short_waits(desk: Desk) -> Iterator[Counter[int]]:
    """Time stands still, and who waits for another's run waits a moment that passes.

    Yields how many times each thread has waited.
    """
    waits: Counter[int] = Counter()

    def wait(_seconds: float) -> None:
        time.sleep(0.01)
        waits[threading.get_ident()] += 1

    with clock.replaced(desk.clock.now, wait):
        yield waits


class HeldWalk:
    """The first list call of the next poll is held until `release`."""

    def __init__(self, desk: Desk) -> None:
        self._began = threading.Event()
        self._release = threading.Event()
        set_faults(desk, on_request=on_list_calls(self._hold))

    def _hold(self, number: int) -> None:
        if number == 1:
            self._began.set()
            assert self._release.wait(30)

    def wait_until_held(self) -> None:
        assert self._began.wait(30), "no poll began"

    def release(self) -> None:
        self._release.set()


@both_databases
def test_of_many_polls_at_once_one_runs_and_the_others_join_it(app, desk: Desk) -> None:
    ids = add_bulk(desk.account, 5, desk.clock.now())
    held = HeldWalk(desk)
    with real_short_waits(desk):
        triggers = ["command", "schedule", "manual", "command", "schedule"]
        threads = [
            AppThread(app, lambda t=trigger: poll_connection(desk.connection_id, trigger=t))
            for trigger in triggers
        ]
        held.wait_until_held()
        while sum(thread.is_alive() for thread in threads) > 1:
            time.sleep(0.01)
        held.release()
        outcomes = [thread.outcome() for thread in threads]
    [run] = runs(desk)
    assert (run.state, run.created) == ("completed", 5)
    assert [outcome.joined_run_id for outcome in outcomes].count(run.id) == 4
    assert [outcome.joined_run_id for outcome in outcomes].count(None) == 1
    assert all(outcome.run.id == run.id for outcome in outcomes)
    assert ticketed_ids(desk) == [str(one) for one in ids]
    assert desk.connection().lease_token is None


@both_databases
def test_the_command_waits_for_the_run_in_progress_and_reports_it(app, desk: Desk) -> None:
    add_bulk(desk.account, 5, desk.clock.now())
    held = HeldWalk(desk)
    with real_short_waits(desk) as waits:
        first = AppThread(app, lambda: poll_connection(desk.connection_id, trigger="schedule"))
        held.wait_until_held()
        waiting = [
            AppThread(
                app,
                lambda: poll_connection(
                    desk.connection_id, trigger="command", wait_for_running=True
                ),
            )
            for _ in range(3)
        ]
        assert wait_until(lambda: [waits[thread.ident] >= 3 for thread in waiting] == [True] * 3)
        assert all(thread.is_alive() for thread in waiting)
        held.release()
        run_id = first.outcome().run.id
        for thread in waiting:
            outcome = thread.outcome()
            assert (outcome.run.id, outcome.joined_run_id) == (run_id, run_id)
            assert (outcome.is_success, outcome.run.created) == (True, 5)
    assert len(runs(desk)) == 1, "the run is reported, not repeated"


def test_a_run_that_ends_between_two_looks_is_not_repeated(app, desk: Desk, monkeypatch) -> None:
    """The waiting command saw the run under way; by the time it acts the run is over."""
    add_bulk(desk.account, 1, desk.clock.now())
    held = HeldWalk(desk)
    saw_it_running, is_over = threading.Event(), threading.Event()
    look = module._run_by_id

    def look_and_dawdle(run_id: int | None) -> PollRun | None:
        run = look(run_id)
        if run.state == "running":
            saw_it_running.set()
            assert is_over.wait(30)
        return run

    monkeypatch.setattr(module, "_run_by_id", look_and_dawdle)
    with real_short_waits(desk):
        first = AppThread(app, lambda: poll_connection(desk.connection_id, trigger="schedule"))
        held.wait_until_held()
        command = AppThread(
            app,
            lambda: poll_connection(desk.connection_id, trigger="command", wait_for_running=True),
        )
        assert saw_it_running.wait(30)
        held.release()
        run_id = first.outcome().run.id
        is_over.set()
        assert command.outcome().run.id == run_id
    assert len(runs(desk)) == 1


def test_who_waits_for_a_run_that_died_polls_himself(desk: Desk) -> None:
    add_bulk(desk.account, 1, desk.clock.now())
    with transaction() as session:
        lease, _ = claim(session, desk.connection_id, seconds=120, only_if_due=False)
        module.start_run(session, desk.connection_id, token=lease.token, trigger="schedule")
    before = desk.clock.now()
    outcome = poll_connection(desk.connection_id, trigger="command", wait_for_running=True)
    assert outcome.run.state == "completed"
    assert desk.clock.now() - before >= timedelta(seconds=LEASE_SECONDS)
    assert [run.state for run in runs(desk)] == ["interrupted", "completed"]
    assert runs(desk)[0].finished_at is not None


@both_databases
@pytest.mark.parametrize("call", [1, 2, 3])
def test_who_wakes_up_after_losing_the_lease_stops_without_writing(
    app, desk: Desk, monkeypatch, call: int
) -> None:
    """Call 1 to 3 of the walk hangs for longer than the lease; another poll runs meanwhile."""
    use_small_pages(monkeypatch, 4)
    ids = add_bulk(desk.account, 10, desk.clock.now() - timedelta(minutes=1))
    taken_over: list[object] = []

    def hang(number: int) -> None:
        if number == call and not taken_over:
            taken_over.append(None)
            desk.clock.advance(seconds=LEASE_SECONDS + 1)
            desk.account.add_incident(now=desk.clock.now(), id=77)
            poll = AppThread(app, lambda: poll_connection(desk.connection_id, trigger="schedule"))
            taken_over[0] = poll.outcome()

    desk.set(poll_interval_minutes=1)
    set_faults(desk, on_request=on_list_calls(hang))
    outcome = poll_connection(desk.connection_id, trigger="command")

    assert taken_over[0].run.state == "completed"
    assert taken_over[0].run.created == 11
    assert (outcome.run.state, outcome.is_success) == ("interrupted", False)
    assert "interrupted" in outcome.error
    assert [run.state for run in runs(desk)] == ["interrupted", "completed"]
    assert ticketed_ids(desk) == sorted(str(one) for one in [*ids, 77])
    assert desk.count(Comment) == 11
    connection = desk.connection()
    assert connection.cursor == desk.alert(77).processed_at
    assert (connection.lease_token, connection.last_error) == (None, None)
    assert not connection.is_walk_cut_off
    assert desk.inbox() == []
    assert desk.poll().is_success
    assert desk.count(Comment) == 11


def test_losing_the_lease_while_a_batch_is_written_rolls_it_back(
    app, desk: Desk, monkeypatch
) -> None:
    add_bulk(desk.account, 3, desk.clock.now())
    mark, calls = process_inbox._mark_in_flight, []

    def mark_and_hang(cycle, entries):
        mark(cycle, entries)
        if not calls:
            calls.append(1)
            desk.clock.advance(seconds=LEASE_SECONDS + 1)
            poll = AppThread(app, lambda: poll_connection(desk.connection_id, trigger="command"))
            calls.append(poll.outcome())

    monkeypatch.setattr(process_inbox, "_mark_in_flight", mark_and_hang)
    outcome = desk.poll()
    assert outcome.run.state == "interrupted"
    assert calls[1].run.created == 3
    assert ticketed_ids(desk) == ["1", "2", "3"]
    assert outcome.run.created == 0


def test_a_run_after_an_interrupted_one_sweeps(desk: Desk) -> None:
    desk.poll()
    with transaction() as session:
        lease, _ = claim(session, desk.connection_id, seconds=120, only_if_due=False)
        module.start_run(session, desk.connection_id, token=lease.token, trigger="schedule")
    desk.set(paused_at=desk.clock.now())
    assert desk.poll().skip_reason == "paused"
    desk.set(paused_at=None)
    assert desk.poll().run.is_sweep, "a skip in between does not make up for it"
    assert not desk.poll().run.is_sweep


def test_waiting_renews_the_lease(app, desk: Desk) -> None:
    """Several minutes of 429 are longer than the lease, and still nobody else may poll."""
    free: list[list[int]] = []

    def refuse(number: int) -> Fault | None:
        find = AppThread(app, lambda: find_due_connections(desk.clock.now()))
        free.append(find.outcome())
        return Fault(status=429) if number < 6 else None

    desk.set(poll_interval_minutes=1)
    set_faults(desk, on_request=on_list_calls(refuse))
    start = desk.clock.now()
    assert desk.poll().is_success
    assert desk.clock.now() - start > timedelta(seconds=2 * LEASE_SECONDS)
    assert free == [[]] * 8, "six of the walk, two of the sweep"
    assert len(runs(desk)) == 1


def test_the_lease_is_a_conditional_claim(desk: Desk) -> None:
    with transaction() as session:
        lease, connection = claim(session, desk.connection_id, seconds=60, only_if_due=True)
        assert claim(session, desk.connection_id, seconds=60, only_if_due=False) is None
    assert connection.api_secret == "hs_test"
    assert "hs_test" not in repr(connection)
    desk.clock.advance(seconds=59)
    with transaction() as session:
        lease.fence(session)
    desk.clock.advance(seconds=59)
    with transaction() as session:
        assert claim(session, desk.connection_id, seconds=60, only_if_due=False) is None
    desk.clock.advance(seconds=1)
    with transaction() as session:
        _, second = claim(session, desk.connection_id, seconds=60, only_if_due=False)
    assert second.previous_lease_token == lease.token
    with pytest.raises(LeaseLostError), transaction() as session:
        lease.fence(session, cursor=desk.clock.now())
    desk.clock.advance(seconds=30)
    with pytest.raises(LeaseLostError):
        lease.renew()
    with pytest.raises(LeaseLostError), transaction() as session:
        lease.release(session)
    assert desk.connection().cursor is None


def test_renewing_writes_only_now_and_then(desk: Desk) -> None:
    with transaction() as session:
        lease, _ = claim(session, desk.connection_id, seconds=100, only_if_due=True)
    expires = desk.connection().lease_expires_at
    desk.clock.advance(seconds=9)
    lease.renew()
    assert desk.connection().lease_expires_at == expires
    desk.clock.advance(seconds=1)
    lease.renew()
    assert desk.connection().lease_expires_at == expires + timedelta(seconds=10)
    desk.clock.advance(seconds=9)
    lease.renew()
    assert desk.connection().lease_expires_at == expires + timedelta(seconds=10)


def test_one_connections_failure_leaves_the_others_alone(app, desk: Desk, fake_clock) -> None:
    other = Connection(
        **{
            column.name: getattr(desk.connection(), column.name)
            for column in Connection.__table__.columns
            if column.name != "id"
        }
    )
    other.account_id, other.name, other.base_url = "2", "Other", "https://gone.example"
    with transaction() as session:
        session.add(other)
    add_bulk(desk.account, 1, desk.clock.now())
    assert find_due_connections(desk.clock.now()) == [desk.connection_id, other.id]
    assert poll_connection(other.id, trigger="schedule").run.state == "error"
    assert poll_connection(desk.connection_id, trigger="schedule").run.created == 1
    assert desk.connection().last_error is None


@pytest.mark.parametrize("what", ["organizations", "agents"])
def test_each_slow_page_of_a_list_renews_the_lease(app, desk: Desk, monkeypatch, what: str) -> None:
    """Pages of one row that come after 50 s each, next to a lease of 120 s."""
    method = getattr(HuntressClient, f"list_{what}")
    monkeypatch.setattr(method, "__kwdefaults__", {**(method.__kwdefaults__ or {}), "limit": 1})
    monkeypatch.setattr(fetch_details, "PAGE_SIZE", 1)
    monkeypatch.setattr(
        fetch_details, "plan_detail_fetch", lambda *_args, **_options: FetchPlan(pages=9)
    )
    for number in range(1, 6):
        desk.account.add_organization(f"Organization {number}", id=number)
        desk.account.add_agent(1, f"HOST-{number}", id=number)
    desk.account.add_incident(1, now=desk.clock.now(), agent_id=5, id=1)
    left: list[float] = []

    def on_request(_number: int, path: str) -> None:
        if path == f"/v1/{what}":
            expires_at = AppThread(app, lambda: desk.connection().lease_expires_at).outcome()
            left.append((expires_at - desk.clock.now()).total_seconds())
            desk.clock.advance(seconds=50)

    set_faults(desk, on_request=on_request)
    assert desk.poll().is_success
    assert len(left) >= 5
    assert min(left) > 0, "another process could have taken over"


def test_a_command_polls_itself_when_the_other_run_ends_before_it_can_be_joined(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bulk(desk.account, 1, desk.clock.now())
    tries: list[int] = []

    def claim_too_late(*args: object, **options: object) -> object:
        tries.append(1)
        return None if len(tries) == 1 else claim(*args, **options)

    monkeypatch.setattr(module, "claim", claim_too_late)
    outcome = poll_connection(desk.connection_id, trigger="command", wait_for_running=True)
    assert (outcome.skip_reason, outcome.run.created) == (None, 1)


def test_a_lease_without_a_run_is_not_waited_for(desk: Desk) -> None:
    expires_at = desk.clock.now() + timedelta(seconds=LEASE_SECONDS)
    desk.set(lease_token="odd", lease_expires_at=expires_at)
    outcome = poll_connection(desk.connection_id, trigger="command", wait_for_running=True)
    assert (outcome.skip_reason, outcome.run) == ("not_due", None)
