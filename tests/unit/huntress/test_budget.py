"""The call window: never more than the limit in any window, and waits one can see and end."""

import math
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from webapp.huntress.budget import CallBudget, Granted, MemoryLedger, Wait

START = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


class VirtualTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def reserve(ledger: MemoryLedger, seconds: float) -> Granted | Wait:
    return ledger.reserve("GET", "/v1/account", at(seconds))


def finish(ledger: MemoryLedger, reservation_id: int, seconds: float) -> None:
    ledger.finish(reservation_id, at(seconds), status=200, milliseconds=1, rows=None)


def call(ledger: MemoryLedger, start: float, end: float) -> int:
    answer = reserve(ledger, start)
    assert isinstance(answer, Granted)
    finish(ledger, answer.reservation_id, end)
    return answer.reservation_id


def test_a_burst_up_to_the_limit_is_allowed_and_the_next_call_waits() -> None:
    ledger = MemoryLedger(limit=3)
    ids = {call(ledger, 0, 0) for _ in range(3)}
    assert len(ids) == 3
    assert ledger.free_calls(at(0)) == 0
    assert reserve(ledger, 10) == Wait(50.0)
    assert isinstance(reserve(ledger, 60), Granted)


def test_a_call_counts_until_a_window_after_it_finished() -> None:
    ledger = MemoryLedger(limit=1)
    call(ledger, 0, 20)
    assert reserve(ledger, 60) == Wait(20.0)
    assert isinstance(reserve(ledger, 80), Granted)


def test_a_call_in_flight_keeps_its_place_for_at_least_a_window() -> None:
    ledger = MemoryLedger(limit=1)
    assert isinstance(reserve(ledger, 0), Granted)
    assert reserve(ledger, 100) == Wait(60.0)
    assert ledger.free_calls(at(100)) == 0


def test_a_call_that_is_never_finished_is_given_up() -> None:
    ledger = MemoryLedger(limit=1, abandoned_after=300)
    reserve(ledger, 0)
    assert reserve(ledger, 350) == Wait(10.0)
    assert isinstance(reserve(ledger, 360), Granted)


def test_the_wait_is_for_the_place_that_frees_first() -> None:
    ledger = MemoryLedger(limit=2)
    call(ledger, 0, 30)
    call(ledger, 0, 5)
    assert reserve(ledger, 35) == Wait(30.0)
    assert isinstance(reserve(ledger, 65), Granted)
    assert reserve(ledger, 65) == Wait(25.0)


def test_a_clock_that_went_back_never_makes_a_wait_longer_than_the_window() -> None:
    ledger = MemoryLedger(limit=1)
    call(ledger, 3600, 3600)
    assert reserve(ledger, 0) == Wait(60.0)


def test_an_unknown_reservation_and_a_senseless_limit_do_no_harm() -> None:
    ledger = MemoryLedger(limit=0)
    finish(ledger, 99, 0)
    assert ledger.free_calls(at(0)) == 1


@pytest.mark.parametrize("seed", range(20))
def test_no_window_ever_sees_more_arrivals_than_the_limit(seed: int) -> None:
    """Calls arrive anywhere between reservation and end; count them in every window."""
    chance = random.Random(seed)
    ledger, now, arrivals = MemoryLedger(limit=5), 0, []  # whole milliseconds
    for _ in range(200):
        answer = reserve(ledger, now / 1000)
        if isinstance(answer, Wait):
            now += math.ceil(answer.seconds * 1000)
            continue
        duration = chance.choice([0, 200, 3_000, 40_000])
        arrivals.append(now + chance.randint(0, duration))
        now += duration
        finish(ledger, answer.reservation_id, now / 1000)
        now += chance.choice([0, 0, 1_000, 15_000])
    assert len(arrivals) > 50
    for first in arrivals:
        assert sum(first <= arrival < first + 60_000 for arrival in arrivals) <= 5


def test_threads_never_get_more_places_than_there_are() -> None:
    ledger, granted, barrier = MemoryLedger(limit=40), [], threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        for _ in range(50):
            answer = reserve(ledger, 0)
            if isinstance(answer, Granted):
                granted.append(answer.reservation_id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == len(set(granted)) == 40


def test_acquire_waits_in_slices_and_tells_before_each_what_is_left(time: VirtualTime) -> None:
    ledger, told = MemoryLedger(limit=1), []
    call(ledger, 0, 0)
    time.now = at(48)
    budget = CallBudget(
        ledger,
        clock=time.clock,
        sleep=time.sleep,
        on_wait=lambda left, reason: told.append((left, reason, len(time.slept))),
    )
    assert isinstance(budget.acquire("GET", "/v1/account"), int)
    assert time.slept == [5.0, 5.0, 2.0]
    assert [(left, slept) for left, _, slept in told] == [(12.0, 0), (7.0, 1), (2.0, 2)]
    assert {reason for _, reason, _ in told} == {"waiting for the API call window"}
    assert (budget.calls, budget.waited_seconds) == (1, 12.0)


def test_acquire_asks_again_when_somebody_else_took_the_place(time: VirtualTime) -> None:
    answers: list[Granted | Wait] = [Wait(2.0), Wait(3.0), Granted(7)]

    class Crowded(MemoryLedger):
        def reserve(self, method: str, path: str, now: datetime) -> Granted | Wait:
            return answers.pop(0)

    budget = CallBudget(Crowded(1), clock=time.clock, sleep=time.sleep)
    assert budget.acquire("GET", "/v1/account") == 7
    assert time.slept == [2.0, 3.0]


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_a_ledger_that_says_wait_nothing_is_not_asked_in_a_tight_loop(
    time: VirtualTime, seconds: float
) -> None:
    answers: list[Granted | Wait] = [Wait(seconds), Granted(1)]

    class Odd(MemoryLedger):
        def reserve(self, method: str, path: str, now: datetime) -> Granted | Wait:
            return answers.pop(0)

    CallBudget(Odd(1), clock=time.clock, sleep=time.sleep).acquire("GET", "/")
    assert time.slept == [0.05]


@pytest.mark.parametrize(
    ("seconds", "slept"),
    [(0, []), (-3, []), (4.5, [4.5]), (5, [5.0]), (11, [5.0, 5.0, 1.0]), (math.inf, [5.0])],
)
def test_wait_slices(time: VirtualTime, seconds: float, slept: list[float]) -> None:
    budget = CallBudget(MemoryLedger(1), clock=time.clock, sleep=time.sleep)
    budget.wait(seconds, "a reason")
    assert time.slept == slept
    assert budget.waited_seconds == sum(slept)


def test_what_on_wait_raises_ends_the_wait(time: VirtualTime) -> None:
    class LeaseLostError(Exception):
        pass

    def lose(left: float, reason: str) -> None:
        if left < 100:
            raise LeaseLostError

    budget = CallBudget(MemoryLedger(1), clock=time.clock, sleep=time.sleep, on_wait=lose)
    with pytest.raises(LeaseLostError):
        budget.wait(104, "a reason")
    assert time.slept == [5.0]


def test_budgets_share_their_ledger(time: VirtualTime) -> None:
    ledger = MemoryLedger(limit=4)
    one, two = (CallBudget(ledger, clock=time.clock, sleep=time.sleep) for _ in range(2))
    reservation = one.acquire("GET", "/")
    two.acquire("GET", "/")
    assert (one.calls, two.calls) == (1, 1)
    assert one.free_calls() == two.free_calls() == 2
    one.finish(reservation, status=None, milliseconds=3, rows=None)
    time.now = at(60)
    assert one.free_calls() == 3
