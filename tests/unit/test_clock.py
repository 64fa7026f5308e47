import logging
from datetime import datetime, timedelta

import pytest

from tests.support.fake_clock import START, FakeClock
from webapp.clock import SharedClock, skew_words

TEN_MINUTES = timedelta(minutes=10)


class Machine:
    """A machine whose clock may be set while its seconds go on."""

    def __init__(self, world: FakeClock, ahead: timedelta = timedelta(0)) -> None:
        self.world = world
        self.ahead = ahead
        self.clock = SharedClock(self.wall, self.elapsed)

    def wall(self) -> datetime:
        return self.world.now() + self.ahead

    def elapsed(self) -> float:
        return (self.world.now() - START).total_seconds()


def test_time_never_goes_back_while_the_process_runs() -> None:
    world = FakeClock()
    machine = Machine(world)
    machine.ahead = TEN_MINUTES
    assert machine.clock.now() == START + TEN_MINUTES
    machine.ahead = -TEN_MINUTES
    world.advance(seconds=5)
    assert machine.clock.now() == START + TEN_MINUTES + timedelta(seconds=5)


def test_machines_go_by_the_time_of_the_database_they_share() -> None:
    world = FakeClock()
    machines = [Machine(world, ahead) for ahead in (timedelta(0), TEN_MINUTES, -TEN_MINUTES)]
    for machine in machines:
        machine.clock.follow(world.now)
    world.advance(seconds=45)
    assert {machine.clock.now() for machine in machines} == {START + timedelta(seconds=45)}
    machines[0].ahead = TEN_MINUTES  # somebody sets the clock between two measurements
    assert machines[0].clock.now() == world.now()
    assert machines[1].clock.skew() == TEN_MINUTES


def test_a_database_that_is_away_leaves_its_time_going_on() -> None:
    world, machine = FakeClock(), Machine(FakeClock(), TEN_MINUTES)
    machine.world = world
    is_away = False

    def ask() -> datetime | None:
        return None if is_away else world.now()

    machine.clock.follow(ask)
    assert machine.clock.now() == START
    is_away = True
    world.advance(minutes=5)
    assert machine.clock.now() == world.now()


def test_a_clock_that_is_wrong_is_one_line_of_log(caplog: pytest.LogCaptureFixture) -> None:
    world = FakeClock()
    machine = Machine(world, TEN_MINUTES)
    machine.clock.follow(world.now)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            machine.clock.now()
            world.advance(minutes=2)
    [line] = [record.getMessage() for record in caplog.records]
    assert "10 min ahead of the database's" in line


def test_skew_in_words() -> None:
    assert skew_words(timedelta(seconds=-45)) == "45 s behind"
    assert skew_words(TEN_MINUTES) == "10 min ahead of"
