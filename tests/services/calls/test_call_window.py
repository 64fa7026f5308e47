"""The call window in the database: never more calls than the limit, whoever asks."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import START, FakeClock
from tests.support.rows import add, all_rows, fresh
from webapp.huntress.budget import AccountCalls, Granted, MemoryLedger, Wait
from webapp.models import ApiExchange, Connection
from webapp.services.calls.call_window import ABANDONED_AFTER, DatabaseLedger, recent_exchanges

pytestmark = pytest.mark.slow


@pytest.fixture
def connection_id(app: Flask) -> int:
    return _add_connection("1")


def _add_connection(account_id: str) -> int:
    return add(
        Connection(
            name="A", base_url="https://api.huntress.io", account_id=account_id, created_at=START
        )
    ).id


def _take(ledger: DatabaseLedger | MemoryLedger, now: datetime) -> int:
    answer = ledger.reserve("GET", "/v1/account", now)
    assert isinstance(answer, Granted)
    return answer.reservation_id


def _finish(ledger: DatabaseLedger | MemoryLedger, reservation: int, now: datetime) -> None:
    ledger.finish(reservation, now, status=200, milliseconds=12, rows=3)


@both_databases
def test_the_window_fills_and_frees(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 3)
    for second in range(3):
        now = START + timedelta(seconds=second)
        _finish(ledger, _take(ledger, now), now)
    later = START + timedelta(seconds=10)
    assert ledger.free_calls(later) == 0
    assert ledger.reserve("GET", "/v1/account", later) == Wait(50.0)
    freed = START + timedelta(seconds=60)
    assert ledger.free_calls(freed) == 1
    _take(ledger, freed)
    assert ledger.reserve("GET", "/v1/account", freed) == Wait(1.0)


@both_databases
def test_details_leave_ten_calls_to_the_accounts_other_tools(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 60)  # of which the details leave ten

    def say(remaining: int, now: datetime) -> None:
        ledger.finish(
            *(_take(ledger, now), now),
            **{"status": 200, "milliseconds": 12, "rows": 3},
            account=AccountCalls(60, remaining),
        )

    say(30, START)
    assert ledger.free_calls(START) == 30
    later = START + timedelta(seconds=5)
    say(10, later)
    assert ledger.free_calls(later) == 10, "so that none is spare"
    say(0, later + timedelta(seconds=1))
    _finish(ledger, _take(ledger, later), later)  # a walk goes on all the same
    assert ledger.free_calls(later + timedelta(seconds=60)) == 10
    assert ledger.free_calls(later + timedelta(seconds=61)) == 60


@both_databases
def test_a_refused_call_leaves_nothing_behind(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    _take(ledger, START)
    ledger.reserve("GET", "/v1/agents", START)
    assert len(all_rows(ApiExchange)) == 1


@both_databases
def test_a_call_counts_from_its_end(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    reservation = _take(ledger, START)
    _finish(ledger, reservation, START + timedelta(seconds=25))
    assert ledger.free_calls(START + timedelta(seconds=84)) == 0
    assert ledger.free_calls(START + timedelta(seconds=85)) == 1


@both_databases
def test_an_abandoned_call_gives_its_place_back(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    _take(ledger, START)
    gone = START + ABANDONED_AFTER + timedelta(seconds=60)
    assert ledger.reserve("GET", "/", START + timedelta(seconds=100)) == Wait(60.0)
    assert ledger.reserve("GET", "/", gone - timedelta(seconds=10)) == Wait(10.0)
    assert isinstance(ledger.reserve("GET", "/", gone), Granted)


@both_databases
def test_each_connection_has_a_window_of_its_own(connection_id: int) -> None:
    other = _add_connection("2")
    _take(DatabaseLedger(connection_id, 1), START)
    assert isinstance(DatabaseLedger(other, 1).reserve("GET", "/", START), Granted)
    assert [row.slot for row in all_rows(ApiExchange)] == [1, 1]


def test_what_is_logged(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 5)
    answer = ledger.reserve("GET", "/v1/agents?page_token=abc&limit=500", START)
    assert isinstance(answer, Granted)
    ledger.finish(answer.reservation_id, START, status=None, milliseconds=30_000, rows=None)
    _take(ledger, START)
    newest, oldest = recent_exchanges(connection_id)
    assert (newest.slot, oldest.slot) == (2, 1)
    assert oldest.path == "/v1/agents"
    assert (oldest.status, oldest.milliseconds, oldest.rows) == (None, 30_000, None)
    assert oldest.finished_at == START
    assert recent_exchanges(connection_id, limit=1) == [newest]


def test_a_very_long_path_is_cut(connection_id: int) -> None:
    answer = DatabaseLedger(connection_id, 5).reserve("GET", "/v1/" + "x" * 500, START)
    assert isinstance(answer, Granted)
    assert len(fresh(ApiExchange, answer.reservation_id).path) == 200


def test_an_unknown_reservation_is_ignored(connection_id: int) -> None:
    _finish(DatabaseLedger(connection_id, 5), 4711, START)
    assert all_rows(ApiExchange) == []


def test_a_limit_below_one_still_lets_one_call_through(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 0)
    _take(ledger, START)
    assert ledger.free_calls(START) == 0


def test_a_clock_that_was_wrong_does_not_block_for_ever(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    future = START + timedelta(days=300)
    _finish(ledger, _take(ledger, future), future)
    assert isinstance(ledger.reserve("GET", "/", START), Granted)


def test_a_small_skew_between_machines_still_counts(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    ahead = START + timedelta(seconds=30)
    _finish(ledger, _take(ledger, ahead), ahead)
    assert ledger.reserve("GET", "/", START) == Wait(60.0)


def test_a_call_made_without_a_reservation_counts_as_well(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 1)
    ledger.record("GET", "/v1/account", START, status=200, rows=1)
    assert ledger.free_calls(START) == 0
    ledger.record("GET", "/v1/account", START, status=200, rows=1)
    assert len(all_rows(ApiExchange)) == 1


def test_old_calls_of_a_long_history_are_not_counted(connection_id: int) -> None:
    ledger = DatabaseLedger(connection_id, 2)
    now = START
    for _ in range(40):
        _finish(ledger, _take(ledger, now), now)
        now += timedelta(seconds=31)
    assert ledger.free_calls(now) == ledger.limit - 1


@both_databases
def test_it_agrees_with_the_ledger_in_memory(connection_id: int, fake_clock: FakeClock) -> None:
    """The same story told to both, where no call is abandoned: the same answers."""
    database, memory = DatabaseLedger(connection_id, 4), MemoryLedger(4)
    open_calls: list[tuple[int, int]] = []
    for step in range(60):
        now = fake_clock.advance(seconds=7 if step % 5 else 0.5)
        mine, theirs = (one.reserve("GET", "/v1/agents", now) for one in (database, memory))
        assert isinstance(mine, Wait) == isinstance(theirs, Wait)
        if isinstance(mine, Granted) and isinstance(theirs, Granted):
            open_calls.append((mine.reservation_id, theirs.reservation_id))
        elif isinstance(mine, Wait) and isinstance(theirs, Wait):
            assert mine.seconds == pytest.approx(theirs.seconds)
        if step % 2 and open_calls:
            first, second = open_calls.pop(0)
            _finish(database, first, now)
            _finish(memory, second, now)
        assert database.free_calls(now) == memory.free_calls(now)


@both_databases
def test_threads_that_race_never_exceed_the_limit(app: Flask, connection_id: int) -> None:
    limit, window, wanted = 6, 0.4, 48
    granted: list[int] = []
    failures: list[BaseException] = []
    deadline = time.monotonic() + 60

    def work() -> None:
        with app.app_context():
            ledger = DatabaseLedger(connection_id, limit, window_seconds=window)
            while len(granted) < wanted and time.monotonic() < deadline:
                answer = ledger.reserve("GET", "/v1/agents", datetime.now(UTC))
                if isinstance(answer, Granted):
                    granted.append(answer.reservation_id)
                    time.sleep(0.01)
                    _finish(ledger, answer.reservation_id, datetime.now(UTC))
                else:
                    time.sleep(min(answer.seconds, 0.05))

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    calls = all_rows(ApiExchange)
    assert len(calls) >= wanted
    assert sorted(call.slot for call in calls) == list(range(1, len(calls) + 1))
    _assert_never_more_than(limit, timedelta(seconds=window), calls)


def _assert_never_more_than(limit: int, window: timedelta, calls: list[ApiExchange]) -> None:
    """No call began while `limit` others were under way or had ended within the window."""
    ordered = sorted(calls, key=lambda call: call.slot)
    for place, call in enumerate(ordered):
        counting = [
            other
            for other in ordered[: place + 1]
            if other.finished_at is None or other.finished_at > call.reserved_at - window
        ]
        assert len(counting) <= limit, f"{len(counting)} calls counted at {call.reserved_at}"


@both_databases
def test_all_at_once(app: Flask, connection_id: int) -> None:
    """Twenty-four threads at the very same moment: exactly the limit gets through."""
    barrier = threading.Barrier(24)
    answers: list[Granted | Wait] = []

    def work() -> None:
        with app.app_context():
            ledger = DatabaseLedger(connection_id, 10)
            barrier.wait(30)
            answers.append(ledger.reserve("GET", "/v1/agents", START))

    threads = [threading.Thread(target=work) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(answer, Granted) for answer in answers) == 10
    assert len(answers) == 24
